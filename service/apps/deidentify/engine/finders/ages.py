"""Ages that single somebody out: 90 and above (45 CFR 164.514(b)(2)(i)(C))."""

import re

from service.apps.deidentify.engine.finders.pattern import Pattern
from service.apps.deidentify.engine.rules import Kind

AGE = r"(?:9[0-9]|1[0-2][0-9])"
IN_WORDS = (
    r"(?:ninety(?:[- ](?:one|two|three|four|five|six|seven|eight|nine))?|(?:one|a) hundred(?:(?: and)?"
    r" (?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve))?)"
)
EITHER = rf"(?:{AGE}|{IN_WORDS})"
SEX = r"(?:male|female|man|woman|gentleman|lady|boy|girl)"
NEEDS = ("9", "1", "ninety", "hundred")
# What a number before M or F is not: a temperature in Fahrenheit.
WARM = re.compile(
    r"(?:\b(?:t(?:emp(?:erature)?|max)?|fever|of|to|at|was|is)[ =:]{1,2}|[=:-][ ]?|[0-9.])$", re.IGNORECASE
)
PERSON = re.compile(
    r"(?:,|\.? *$| ?\(| ?(?:with|w/|who|here|presenting|presents|h/o|hx|admitted|s/p|c/o|from|pmh|pt|patient|found"
    r"|transferred|in |for |had|has|was|is|status|p/w|brought|bib|coming|seen|known|on ))",
    re.IGNORECASE,
)


def person(text: str, start: int, stop: int) -> bool:
    """Whether a number before M or F is an age, and no temperature."""
    if WARM.search(text, max(0, start - 16), start):
        return False
    behind = text[stop : stop + 60] if text[stop - 1].isalpha() else text[stop : stop + 60].lstrip(" ")[1:]
    line = behind.split("\n", 1)[0]
    return PERSON.match(line) is not None


def no_measure(text: str, start: int, stop: int) -> bool:
    """Whether the number is none of a range or a fraction."""
    return text[start - 1 : start] not in ("/", "-", ".", ",") and text[stop : stop + 1] not in ("/", "%", ".")


PATTERNS = (
    Pattern(
        "age.years",
        Kind.AGE,
        "An age from 90 on, in years.",
        rf"\b({EITHER})[ -]{{0,3}}(?:(?:years?|yrs?|y)\.?[ -]{{0,3}}(?:old|of[ -]age|o)\b|y\.?[ /]?o\b|yo[MFmf]?\b"
        rf"|(?:years?|yrs?|y)?[ -]?{SEX}\b|yrs?\b)",
        NEEDS,
        no_measure,
    ),
    Pattern(
        "age.label",
        Kind.AGE,
        "An age from 90 on behind `age`, `turned`, `died at` and the like.",
        rf"\b(?:aged?(?: of| is| was)?|turn(?:ed|ing|s)|(?:died|dead|death|passed(?: away)?|deceased)(?: at| age)+"
        rf"|lived to(?: be)?|live to(?: be)?|reached|nearly|almost|celebrated (?:his|her"
        rf"|their))[ :=]{{1,3}}(?:age |the age of )?"
        rf"({EITHER})(?:st|nd|rd|th)?\b",
        NEEDS,
        lambda text, _, stop: (
            text[stop : stop + 1] not in ("/", "%")
            and not re.match(
                r"\.[0-9]| ?(?:mg|kg|lb|%|percent|degrees|ml|bpm|mmhg)", text[stop : stop + 9], re.IGNORECASE
            )
        ),
    ),
    Pattern(
        "age.nineties",
        Kind.AGE,
        "Somebody's nineties.",
        r"\b(?:his|her|their|mid|early|late)[ -](?:(?:mid|early|late)[ -])?(90'?s|nineties|100'?s)\b",
        ("90", "nineties", "100"),
    ),
    Pattern(
        "age.birthday",
        Kind.AGE,
        "A birthday from the 90th on.",
        rf"\b({AGE})(?:st|nd|rd|th)[ -]birthday\b",
        ("birthday",),
    ),
    Pattern(
        "age.sex",
        Kind.AGE,
        "An age from 90 on before M or F: `97F with falls`.",
        rf"\b({AGE}[MF])\b|\b({AGE}) [MF]\b",
        ("f", "m"),
        person,
    ),
)
