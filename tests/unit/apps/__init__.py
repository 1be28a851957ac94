"""Tests of service/apps, file by file."""
