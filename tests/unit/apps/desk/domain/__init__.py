"""Tests of service/apps/desk/domain, file by file."""
