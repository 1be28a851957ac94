"""Hashes and checks passwords, and applies the policy for new ones."""

import hmac
import secrets
import unicodedata
from functools import cache
from importlib.resources import files

import argon2
import bcrypt

MAX_LENGTH = 1024  # characters
_SHORT_NAME = 2  # characters: too many good passwords contain a name as short as this
_BCRYPT = b"$2"
_CLASSES = ("small letters", "capitals", "digits", "other characters")

_hasher = argon2.PasswordHasher()  # RFC 9106's second recommendation: 64 MiB, three passes


def hashed(password: str) -> bytes:
    """Return the hash to store for a password."""
    return _hasher.hash(_normal(password)).encode()


@cache
def placeholder() -> bytes:
    """Return a hash to check if there is no account, so that it takes the same time."""
    return _hasher.hash(secrets.token_hex()).encode()


def matches(stored: bytes, password: str) -> bool:
    """Whether the password matches a stored hash: ours, or a bcrypt hash of NativeAuthenticator."""
    if len(password) > MAX_LENGTH:
        return False
    if stored.startswith(_BCRYPT):
        try:
            return hmac.compare_digest(bcrypt.hashpw(password.encode()[:72], stored), stored)
        except ValueError:
            return False
    try:
        return _hasher.verify(stored, _normal(password))
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False


def check(stored: bytes, password: str) -> tuple[bool, bytes | None]:
    """Return whether the password matches, and a new hash to store if the stored one is outdated."""
    if not matches(stored, password):
        return False, None
    return True, hashed(password) if is_outdated(stored) else None


def is_outdated(stored: bytes) -> bool:
    """Whether the hash was made with an older method or older parameters."""
    return stored.startswith(_BCRYPT) or _hasher.check_needs_rehash(stored.decode())


def problem_with(
    password: str, *, name: str, length: int, most: int = MAX_LENGTH, classes: int, check_common: bool
) -> str:
    """Return a sentence that says what a new password lacks; an empty string if it is good."""
    text = _normal(password[: most + 1])  # a longer one is refused; normalizing may take the square of its length
    missing = []
    if len(text) < length or max(len(text), len(password)) > most:  # `matches` counts what was typed
        missing.append(f"have {length} to {most} characters")
    if _count_kinds(text) < classes and classes > 1:
        missing.append(f"have characters of {classes} of these kinds: {', '.join(_CLASSES)}")
    if len(name) > _SHORT_NAME and name.casefold() in text.casefold():
        missing.append("not contain the user name")
    if check_common and text.casefold() in _common():
        missing.append("not be one of the most common passwords")
    return f"A password must {'; '.join(missing)}." if missing else ""


def _normal(password: str) -> str:
    """Normalize a password: keyboards encode the same characters differently (NIST SP 800-63B section 5.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


def _count_kinds(text: str) -> int:
    kinds = {
        "small" if c.islower() else "capital" if c.isupper() else "digit" if c.isdigit() else "other" for c in text
    }
    return len(kinds)


@cache
def _common() -> frozenset[str]:
    """Return the common passwords, from the list in NativeAuthenticator."""
    listed = files("nativeauthenticator").joinpath("common-credentials.txt").read_text(encoding="utf-8")
    return frozenset(line.casefold() for line in listed.splitlines())
