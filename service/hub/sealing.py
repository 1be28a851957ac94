"""Sealed values: text that browsers keep for us in cookies and URLs, and can neither read nor change.

Values are encrypted by AES-256-GCM, with their expiry inside. Keys are derived from the service's API token by HKDF
(RFC 5869), one for each purpose. So every worker and replica can open what another has sealed, and a value sealed for
one purpose is useless for another.
"""

import base64
import hashlib
import hmac
import os
import struct
import time
from binascii import Error as Base64Error
from collections.abc import Callable
from datetime import timedelta

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES = 12  # what GCM is specified for (NIST SP 800-38D)
_EXPIRY = struct.Struct(">Q")  # whole seconds since the epoch
_MAX_LENGTH = 8192  # characters; browsers limit cookies to 4096, and nothing that we seal is longer than a URL


def derive_key(secret: str, *, purpose: str) -> bytes:
    """Derive 32 bytes for one purpose from the service's API token."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"service-fastapi {purpose}".encode()).derive(
        secret.encode()
    )


def encode(data: bytes) -> str:
    """URL-safe base64 without padding (RFC 4648 section 5)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes | None:
    """Undo `encode`. Returns None for anything that `encode` does not produce."""
    try:
        data = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (Base64Error, ValueError):
        return None
    # Base64 decoders ignore stray characters and bits, but a value must have only one encoding.
    return data if encode(data) == text else None


class Sealer:
    """Seals and opens values for one purpose. `now` returns seconds since the epoch."""

    def __init__(self, secret: str, *, purpose: str, now: Callable[[], float] = time.time) -> None:
        self._aead = AESGCM(derive_key(secret, purpose=purpose))
        self._now = now

    def seal(self, text: str, *, lifetime: timedelta) -> str:
        """Seal `text` for `lifetime`. The result can be used in URLs and cookies as it is."""
        nonce = os.urandom(_NONCE_BYTES)
        expiry = int(self._now() + lifetime.total_seconds())
        return encode(nonce + self._aead.encrypt(nonce, _EXPIRY.pack(expiry) + text.encode(), None))

    def open(self, sealed: str) -> str | None:
        """Return the text, or None if it was sealed by somebody else or for another purpose, or has expired."""
        data = decode(sealed) if len(sealed) <= _MAX_LENGTH else None
        if data is None or len(data) < _NONCE_BYTES:
            return None
        try:
            plain = self._aead.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], None)
        except InvalidTag:
            return None
        (expiry,) = _EXPIRY.unpack_from(plain)
        return plain[_EXPIRY.size :].decode() if self._now() < expiry else None


def fingerprint(key: bytes, *parts: str) -> str:
    """Return a keyed digest of `parts` in their order. Compare it with `hmac.compare_digest`."""
    message = b"".join(len(part.encode()).to_bytes(4) + part.encode() for part in parts)
    return encode(hmac.digest(key, message, hashlib.sha256))
