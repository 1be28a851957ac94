"""Tests of service/apps/desk/http, file by file."""
