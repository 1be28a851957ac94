"""Tests of service/apps/desk/pages, file by file."""
