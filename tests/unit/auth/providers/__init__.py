"""Tests of service/auth/providers, file by file."""
