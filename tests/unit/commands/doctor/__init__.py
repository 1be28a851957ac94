"""Tests of service/commands/doctor, file by file."""
