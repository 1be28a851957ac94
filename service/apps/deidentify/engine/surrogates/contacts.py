"""Stand-ins for telephone numbers, addresses of the web and of networks, and numbers of records."""

import re

from service.apps.deidentify.engine.keys import NETWORK, Draws, comparable
from service.apps.deidentify.engine.rules import Kind
from service.apps.deidentify.engine.surrogates.words import DIGITS, other_than, scrambled, surname

_MAIL = re.compile(r"(?:mailto:)?[^@\s]+@[^@\s]+")
# IPv6, or the address of a device.
_HEXADECIMAL = re.compile(r"[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}|[0-9a-f]{2}(?:-[0-9a-f]{2}){5}", re.IGNORECASE)
_WEB = re.compile(
    r"(?P<start>(?:https?|s?ftp)://(?:www\.)?)\S+"
    r"|(?P<www>www\.)?[^\s/@]*[A-Za-z][^\s/@]*\.[A-Za-z]{2,}(?::\d+)?(?:[/?#]\S*)?",
    re.IGNORECASE,
)
_EXTENSION = re.compile(
    r"(?P<number>[^A-Za-z]*\d)(?P<label>[,; ]*(?:x|ext|extn|extension)\.?:? ?#? ?)(?P<digits>\d+)", re.IGNORECASE
)
_IN_WORDS = re.compile(r"[\s()\[\]]|://")  # beside letters: other letters would make no words
_NORTH_AMERICAN = 10  # digits, perhaps behind a 1
_INVENTED = "555"  # an exchange of North America that belongs to nobody, but for a few services


def contact(part: str, secret: bytes) -> str | None:
    """Return another number or address of the same form; None for one in words, such as `jane at example dot org`.

    The domains are those that are reserved (RFC 2606).
    """
    draws = Draws(secret, "contact", comparable(Kind.CONTACT, part))
    if address := _address(part, draws):
        return address
    if extended := _EXTENSION.fullmatch(part):
        return f"{contact(extended['number'], secret)}{extended['label']}{scrambled(extended['digits'], draws)}"
    if any(map(str.isalpha, part)):
        return None if _IN_WORDS.search(part) else scrambled(part, draws)
    return _telephone(part, secret, draws)


def _address(part: str, draws: Draws) -> str | None:
    if _MAIL.fullmatch(part):
        return f"{surname(draws, '').lower()}.{surname(draws, '').lower()}{draws.below(100)}@example.org"
    if network := NETWORK.fullmatch(part):
        size = network["size"] or ""
        return other_than(part, lambda: f"10.{draws.below(256)}.{draws.below(256)}.{draws.below(256)}{size}")
    if _HEXADECIMAL.fullmatch(part):
        return scrambled(part, draws, letters="abcdef")
    if web := _WEB.fullmatch(part):
        return f"{web['start'] or web['www'] or ''}{surname(draws, '').lower()}.example.org"
    return None


def _telephone(part: str, secret: bytes, draws: Draws) -> str:
    digits = "".join(filter(str.isdigit, part))
    country = part.index("1") + 1 if len(digits) > _NORTH_AMERICAN and digits[0] == "1" else 0
    if len(digits) - bool(country) != _NORTH_AMERICAN or not part.isascii():
        return scrambled(part, draws)
    own = part[country:]  # stands in alike with the 1 and without
    draws = Draws(secret, "contact", comparable(Kind.CONTACT, own))
    return part[:country] + other_than(own, lambda: _north_american(own, draws))


def _north_american(part: str, draws: Draws) -> str:
    digits = [DIGITS[draws.below(10)] for _ in range(_NORTH_AMERICAN)]
    digits[0] = DIGITS[2 + draws.below(8)]
    digits[3:6] = _INVENTED
    left = iter(digits)
    return "".join(next(left) if each.isdigit() else each for each in part)


def identifier(part: str, secret: bytes) -> str:
    """Return another number of the same form: digits for digits, letters for letters."""
    return scrambled(part, Draws(secret, "identifier", comparable(Kind.ID, part)))
