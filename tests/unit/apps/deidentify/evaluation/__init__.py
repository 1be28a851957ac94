"""Tests of service/apps/deidentify/evaluation, file by file."""
