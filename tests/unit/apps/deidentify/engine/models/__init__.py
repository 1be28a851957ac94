"""Tests of service/apps/deidentify/engine/finders, file by file."""
