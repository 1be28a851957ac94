"""Python patterns in RE2."""
