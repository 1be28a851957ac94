"""Tests of service/apps/deidentify/job, file by file."""
