"""Tests of service/web/middleware, file by file."""
