"""Python patterns in RE2: the same matches, in time that grows with the text alone. Knows nothing of notes."""
