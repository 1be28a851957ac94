"""Tests of service/apps/deidentify/engine, file by file."""
