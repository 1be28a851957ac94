"""Sockets, TLS, uvicorn and worker processes."""
