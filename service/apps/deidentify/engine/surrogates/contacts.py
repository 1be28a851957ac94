"""Stand-ins for telephone numbers, addresses of the web and of networks, and numbers of records."""

import re

from service.apps.deidentify.engine.keys import Draws, comparable
from service.apps.deidentify.engine.rules import Kind
from service.apps.deidentify.engine.surrogates.words import DIGITS, other_than, scrambled, surname

_MAIL = re.compile(r"(?:mailto:)?[^@\s]+@[^@\s]+")
_NETWORK = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_WEB = re.compile(
    r"(?P<scheme>https?://)?(?P<www>www\.)?[^\s/@]*[A-Za-z][^\s/@]*\.[A-Za-z]{2,}(?:[/?#]\S*)?", re.IGNORECASE
)
_NORTH_AMERICAN = 10  # digits
_INVENTED = "555"  # an exchange of North America that belongs to nobody, but for a few services


def contact(part: str, secret: bytes) -> str:
    """Return another number or address of the same form. The domains are those that are reserved (RFC 2606)."""
    draws = Draws(secret, "contact", comparable(Kind.CONTACT, part))
    if _MAIL.fullmatch(part):
        return f"{surname(draws, '').lower()}.{surname(draws, '').lower()}{draws.below(100)}@example.org"
    if _NETWORK.fullmatch(part):
        return other_than(part, lambda: f"10.{draws.below(256)}.{draws.below(256)}.{draws.below(256)}")
    if web := _WEB.fullmatch(part):
        return f"{web['scheme'] or ''}{web['www'] or ''}{surname(draws, '').lower()}.example.org"
    if sum(map(str.isdigit, part)) == _NORTH_AMERICAN and part.isascii():
        return other_than(part, lambda: _telephone(part, draws))
    return scrambled(part, draws)


def _telephone(part: str, draws: Draws) -> str:
    digits = [DIGITS[draws.below(10)] for _ in range(_NORTH_AMERICAN)]
    digits[0] = DIGITS[2 + draws.below(8)]
    digits[3:6] = _INVENTED
    left = iter(digits)
    return "".join(next(left) if each.isdigit() else each for each in part)


def identifier(part: str, secret: bytes) -> str:
    """Return another number of the same form: digits for digits, letters for letters."""
    return scrambled(part, Draws(secret, "identifier", comparable(Kind.ID, part)))
