"""Tests of service/apps/deidentify/engine/keepers, file by file."""
