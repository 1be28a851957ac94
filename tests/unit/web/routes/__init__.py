"""Tests of service/web/routes, file by file."""
