"""Tests of service/commands, file by file."""
