"""Tests of service/deploy, file by file."""
