"""Tests of service/apps/deidentify/engine/surrogates, file by file."""
