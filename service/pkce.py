"""PKCE: the challenge that a client shows of a verifier which it keeps (RFC 7636). Needs the standard library alone."""

import base64
import hashlib


def pkce_challenge(verifier: str) -> str:
    """Return the S256 challenge of a verifier (RFC 7636 section 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
