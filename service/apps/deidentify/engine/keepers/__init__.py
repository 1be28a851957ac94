"""Rules of our own that keep: what philter-lite takes for an identifier and is none."""
