"""Tests of service/settings, file by file."""
