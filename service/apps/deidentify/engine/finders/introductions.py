"""Names by what introduces somebody, whatever the lists say: `Sage is a 3 y.o.`, `Name: COLON, MARIA`."""

import re

from service.apps.deidentify.engine.classes import word_class
from service.apps.deidentify.engine.finders.pattern import Pattern
from service.apps.deidentify.engine.rules import Kind

WORD = re.compile(r"[a-z]+")
# Words that open a sentence about somebody and name nobody: `Infant is a 3 day old`.
NOBODY = frozenset[str]().union(*map(word_class, ("nobody", "closed", "roles", "titles", "no-places", "credentials")))
NAME = r"[A-Z][A-Za-z'-]+"
ANY = r"[a-z][a-z'-]+(?: [a-z][a-z'-]+)?"
AGE = (
    r"(?i:(?:[0-9]{1,3}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)[ -]?"
    r"(?:(?:y\.?/?o|m\.?o|w\.?o|d\.?o)\b"
    r"|(?:years?|yrs?|yr|y|months?|mos?|weeks?|wks?|days?)[ -](?:old|female|male|girl|boy|infant|child|baby|woman|man"
    r"|lady|gentleman|toddler|newborn|[mf]\b)))"
)
# What is so old, behind a word that names something: `Fracture is a 2 week old injury`.
OLD_THING = re.compile(
    r"[^.\n]{5,24} old (?:bites?|bleed|bruise|burn|clot|complaint|fracture|infarct|injury|laceration|lesion|rash"
    r"|problem|scar|stroke|tear|wound)\b",
    re.IGNORECASE,
)
BEGINS = r"(?:^|[.:;!?*#\n-])[ \t\n]*"
# What stands behind the name of a patient at the head of a page.
HEAD_OF_PAGE = r"(?:mrn\b|mr ?#|med rec|dob\b|d\.o\.b|acct\b|account\b|csn\b|fin\b|har\b)"


def is_somebody(text: str, start: int, stop: int) -> bool:
    """Whether none of the words only tells what somebody is."""
    return NOBODY.isdisjoint(WORD.findall(text[start:stop].lower()))


def opens(text: str, start: int, stop: int) -> bool:
    """Whether words before an age are somebody's name."""
    return is_somebody(text, start, stop) and not OLD_THING.match(text, stop)


def is_named(text: str, start: int, stop: int) -> bool:
    """Whether words with a comma are a last and a first name on one line, and do not say that none is known."""
    words = WORD.findall(text[start:stop].lower())
    return "\n" not in text[start:stop] and not {"unknown", "none", "unavailable", "withheld"} & set(words)


PATTERNS = (
    Pattern(
        "name.opening",
        Kind.NAME,
        "What begins a sentence before `is a 3 y.o.` and the like.",
        rf"{BEGINS}({NAME}(?: {NAME}){{0,2}})(?: (?:is|was)(?: now)?(?: an?)?|, an?) {AGE}",
        (" is ", " was ", ", a"),
        opens,
        minds_case=True,
    ),
    Pattern(
        "name.header",
        Kind.NAME,
        "Last name, first name behind `Name:`, or before an MRN or a date of birth.",
        rf"\bname ?: *({ANY}, ?{ANY}(?: [a-z]\b\.?)?)(?:[ \t]*\n|[ \t]*$|  |[ \t,;|(-]{{1,6}}{HEAD_OF_PAGE})"
        rf"|(?:^|[.;!?*#\n]|(?:patient|pt|re) ?:)[ \t]*({ANY}, ?{ANY}(?: [a-z]\b\.?)?)[ \t,;|(-]{{1,6}}{HEAD_OF_PAGE}",
        (",",),
        is_named,
    ),
    Pattern(
        "name.newborn",
        Kind.NAME,
        "What stands behind `Baby Boy` and the like.",
        rf"\b(?i:baby|newborn|infant) (?i:boy|girl|male|female)[,:]? ({NAME})\b",
        ("baby", "newborn", "infant"),
        is_somebody,
        minds_case=True,
    ),
    Pattern(
        "name.called",
        Kind.NAME,
        "What stands behind `goes by`, `wishes to be called` and the like.",
        r"\b(?:(?i:wish(?:es)? to be called|prefers? to be called|likes? to be called|goes by|also known as|nicknamed?"
        r"|preferred name)|[Aa]ka|a\.k\.a\.?)[ :]{1,3}[\"']?([A-Z][A-Za-z]+)",
        ("called", "goes by", "known as", "nickname", "preferred name", "aka", "a.k.a"),
        is_somebody,
        minds_case=True,
    ),
)
