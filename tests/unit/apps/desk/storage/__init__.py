"""Tests of service/apps/desk/storage, file by file."""
