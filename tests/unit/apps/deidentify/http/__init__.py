"""Tests of service/apps/deidentify/http, file by file."""
