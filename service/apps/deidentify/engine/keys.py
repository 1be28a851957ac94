"""What the secret of a key makes of a text: numbers, the shift of a patient's dates, and draws of stand-ins.

Nothing is stored. The same secret and the same text give the same result in every process, for ever: whatever is
changed here changes the results of all keys that are in use.
"""

import hmac
import re
import secrets
import unicodedata
from hashlib import sha256

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from service.apps.deidentify.engine.rules import Kind
from service.stream_safe import stream_safe

SIZE = 32  # bytes of a secret
NUMBER = 8  # bytes of a number: the chance that two of a million names share one is 1 in 37 million
LONGEST_SHIFT = 365  # days
# Numbers of these kinds are written with and without hyphens and spaces.
_DIGITS = frozenset((Kind.ID, Kind.CONTACT))
# In an address of a network the dots count: 10.1.11.2 is not 10.11.1.2.
NETWORK = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}(?P<size>/\d{1,2})?")
_POSSESSIVE = ("'s", "\u2019s")
_ACCENTS = range(0x300, 0x370)


def derived(secret: bytes, owner: str, name: str) -> bytes:
    """Return the secret of one key by HKDF (RFC 5869).

    `secret`: the operator's. `owner`: of the key, such as `user:alice`. It has no line end, nor has `name`.
    """
    info = f"deidentify key 1\n{owner}\n{name}".encode()
    return HKDF(hashes.SHA256(), SIZE, salt=None, info=info).derive(secret)


def fresh() -> bytes:
    """Return the secret of a key that is forgotten after one note."""
    return secrets.token_bytes(SIZE)


def normal(text: str) -> str:
    """Return the text as it is compared: without accents and invisible characters, in small letters, single-spaced."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", stream_safe(text)).casefold())
    if not plain.isascii():
        plain = "".join(
            each
            for each in plain
            if (ord(each) not in _ACCENTS and unicodedata.category(each) not in ("Cf", "Cc")) or each.isspace()
        )
    return " ".join(plain.split())


def comparable(kind: Kind, text: str) -> str:
    """Return what two texts of this kind have in common if they count as the same."""
    plain = normal(text)
    if kind is Kind.NAME and plain.endswith(_POSSESSIVE):
        return plain[:-2]
    if kind is Kind.CONTACT and NETWORK.fullmatch(plain):
        return plain
    if kind in _DIGITS and not any(each.isalpha() for each in plain):
        return "".join(each for each in plain if each.isalnum())
    return plain


def number(secret: bytes, kind: Kind, text: str) -> int:
    """Return the number of a text among those of its kind, of 64 bits."""
    return int.from_bytes(_digest(secret, "number", kind, comparable(kind, text))[:NUMBER])


def shift(secret: bytes, patient: str) -> int:
    """Return by how many days the dates of a patient move: from -365 to 365, and not 0."""
    return Draws(secret, "shift", normal(patient)).shift()


class Draws:
    """Numbers that look like chance, and are the same each time for the same secret and words."""

    def __init__(self, secret: bytes, *words: str) -> None:
        self._secret = secret
        self._words = words
        self._count = 0

    def below(self, end: int) -> int:
        """Return a number from 0 to `end` - 1."""
        self._count += 1
        return int.from_bytes(_digest(self._secret, "draw", *self._words, str(self._count))[:16]) % end

    def shift(self) -> int:
        """Return a number of days from -365 to 365, and not 0."""
        days = self.below(2 * LONGEST_SHIFT) - LONGEST_SHIFT
        return days if days < 0 else days + 1


def _digest(secret: bytes, *words: str) -> bytes:
    # The length before each word keeps ("a", "bc") apart from ("ab", "c").
    parts = (word.encode() for word in words)
    return hmac.digest(secret, b"".join(b"%d:%b" % (len(part), part) for part in parts), sha256)
