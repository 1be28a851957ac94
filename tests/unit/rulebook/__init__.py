"""Tests of running Python patterns with RE2."""
