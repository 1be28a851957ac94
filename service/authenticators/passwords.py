"""Passwords: which are good enough, how they are stored, and whether one is right."""

import hmac
import secrets
import unicodedata
from functools import cache
from importlib.resources import files

import argon2
import bcrypt

_MAX_LENGTH = 1024  # characters
_BCRYPT = b"$2"
_CLASSES = ("small letters", "capitals", "digits", "other characters")

_hasher = argon2.PasswordHasher()  # RFC 9106's second recommendation: 64 MiB, three passes


def hashed(password: str) -> bytes:
    """Return what is stored of a password."""
    return _hasher.hash(_normal(password)).encode()


@cache
def nobodys() -> bytes:
    """What a password is compared with where there is no such account, so that it takes the same time."""
    return _hasher.hash(secrets.token_hex()).encode()


def matches(stored: bytes, password: str) -> bool:
    """Whether it is the password that was stored, by us or, in bcrypt, by NativeAuthenticator."""
    if len(password) > _MAX_LENGTH:
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


def judged(stored: bytes, password: str) -> tuple[bool, bytes | None]:
    """Whether it is the password that was stored, and what to store instead if that is outdated."""
    if not matches(stored, password):
        return False, None
    return True, hashed(password) if is_outdated(stored) else None


def is_outdated(stored: bytes) -> bool:
    """Whether it would be stored otherwise today."""
    return stored.startswith(_BCRYPT) or _hasher.check_needs_rehash(stored.decode())


def flaw_of(password: str, *, name: str, length: int, classes: int, check_common: bool) -> str:
    """Say in a sentence what a new password lacks; nothing where it is good."""
    text = _normal(password)
    wants = []
    if not length <= len(text) <= _MAX_LENGTH:
        wants.append(f"have {length} to {_MAX_LENGTH} characters")
    if _classes_of(text) < classes and classes > 1:
        wants.append(f"have characters of {classes} kinds out of {', '.join(_CLASSES)}")
    if name and name.casefold() in text.casefold():
        wants.append("not contain the user name")
    if check_common and text.casefold() in _common():
        wants.append("not be one of the most common ones")
    return f"A password must {'; '.join(wants)}." if wants else ""


def _normal(password: str) -> str:
    """One spelling of what looks the same: keyboards differ in it (NIST SP 800-63B section 5.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


def _classes_of(text: str) -> int:
    kinds = {
        "small" if c.islower() else "capital" if c.isupper() else "digit" if c.isdigit() else "other" for c in text
    }
    return len(kinds)


@cache
def _common() -> frozenset[str]:
    """The list that comes with NativeAuthenticator."""
    listed = files("nativeauthenticator").joinpath("common-credentials.txt").read_text(encoding="utf-8")
    return frozenset(line.casefold() for line in listed.splitlines())
