"""Tests of service/apps/deidentify/workers, file by file."""
