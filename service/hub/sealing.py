"""Sealed values: text that leaves us, comes back through strangers' hands, and is still ours and still secret.

AES-256-GCM (authenticated encryption) with an expiry inside. Keys are derived from the service's API token by HKDF
(RFC 5869), one per purpose, so every worker and replica can open what another sealed and no value serves for another
purpose.
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
_MAX_LENGTH = 8192  # characters; browsers keep cookies to 4096 and we seal nothing longer than an address


def derive_key(secret: str, *, purpose: str) -> bytes:
    """Derive 32 bytes for one purpose from the service's API token."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"service-fastapi {purpose}".encode()).derive(
        secret.encode()
    )


def encode(data: bytes) -> str:
    """URL-safe base64 without padding (RFC 4648 section 5)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes | None:
    """Undo `encode`; None for anything that is not its result."""
    try:
        data = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (Base64Error, ValueError):
        return None
    # Base64 decoders pass over stray characters and stray bits; one value must have one spelling.
    return data if encode(data) == text else None


class Sealer:
    """Seals and opens values for one purpose. `now` gives seconds since the epoch."""

    def __init__(self, secret: str, *, purpose: str, now: Callable[[], float] = time.time) -> None:
        self._aead = AESGCM(derive_key(secret, purpose=purpose))
        self._now = now

    def seal(self, text: str, *, lifetime: timedelta) -> str:
        """Return `text` sealed, URL- and cookie-safe, to be opened within `lifetime`."""
        nonce = os.urandom(_NONCE_BYTES)
        expiry = int(self._now() + lifetime.total_seconds())
        return encode(nonce + self._aead.encrypt(nonce, _EXPIRY.pack(expiry) + text.encode(), None))

    def open(self, sealed: str) -> str | None:
        """Return the text, or None if it was not sealed by us, for this purpose, or is too old."""
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
    """A keyed digest of `parts`, in order and unambiguous, to be compared with `hmac.compare_digest`."""
    message = b"".join(len(part.encode()).to_bytes(4) + part.encode() for part in parts)
    return encode(hmac.digest(key, message, hashlib.sha256))
