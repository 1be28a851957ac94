"""ASGI middleware of our own application."""
