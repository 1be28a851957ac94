"""Tests of service/auth, file by file."""
