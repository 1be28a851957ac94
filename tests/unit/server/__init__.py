"""Tests of service/server, file by file."""
