"""What the service's own token must be, for who registers it and for who reads it: the standard library alone.

Visitors get values sealed with keys derived from it, which a guess at the token would open.
"""

LENGTH = 32  # characters at least; the Hub's own have so many


def flaw_of(token: str) -> str:
    """Say what a token must be that it is not; nothing if it is good."""
    return "" if len(token) >= LENGTH else f"must have {LENGTH} characters or more; take `openssl rand -hex {LENGTH}`"
