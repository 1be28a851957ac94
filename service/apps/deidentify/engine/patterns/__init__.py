"""Runs Python patterns with RE2: same matches, in time linear in the text. Does not depend on the rest of the app."""
