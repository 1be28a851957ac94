"""Tests of deploy/, file by file."""
