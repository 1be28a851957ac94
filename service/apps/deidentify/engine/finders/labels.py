"""Identifiers by the label before them, whatever their form: `MRN TKV-7305`, `Room 308C`."""

import re

from service.apps.deidentify.engine.classes import spellings
from service.apps.deidentify.engine.finders.pattern import Pattern
from service.apps.deidentify.engine.rules import Kind

# Behind these any value with a digit is an identifier.
STRONG = spellings("labels")
# Behind these it is one only where a colon, a number sign or `no.` stands between, or the value is long.
WEAK = spellings("weak-labels")
SEPARATOR = (
    r"(?:[ \t]*(?:\((?:mrn|ssn|id|s)\)|number|numbers|no\b\.?|num\b|nr\b|nbr|id\b|code|\#|ending in|ends "
    r"in|ending|last (?:4|four)(?: digits)?))*(?:[ \t]*(?:is|was|are|:|=|\#|-|\.|,|\())*[ \t]*\#?"
)
VALUE = (
    r"([0-9]{1,4}(?: [0-9]{2,6}\b){1,7}|[A-Z]{1,2} ?[0-9]{2}(?: [0-9]{2}){2} [A-D]\b"
    r"|(?:[A-Z0-9]+[-/._])*[A-Z]*[0-9][A-Z0-9]*(?:[-/._:]+[A-Z0-9]+)*)"
)
# Digits that somebody dictated as words: `medical record number four four one nine two`.
SPOKEN_DIGIT = rf"(?:zero|oh|o|{spellings('spoken-numbers')}|double|triple|dash)"
LEAST_SPOKEN = 4  # words
UNIT = re.compile(
    r" ?(?:mg|mcg|ml|g|kg|cm|mm|units?|%|years?|yrs?|y/?o|days?|weeks?|months?|hours?|hrs?|mmol|meq|minutes)\b",
    re.IGNORECASE,
)
NEEDS_DIGIT = re.compile(r"[0-9]")


def value(text: str, _start: int, stop: int) -> bool:
    """Whether a value may be an identifier: no measurement."""
    return UNIT.match(text, stop) is None


def long_value(text: str, start: int, stop: int) -> bool:
    """Whether a value without a separator before it is long enough to identify, and no measurement."""
    found = text[start:stop]
    return UNIT.match(text, stop) is None and (
        len(found) > 4 or (any(map(str.isalpha, found)) and len(NEEDS_DIGIT.findall(found)) > 1)  # noqa: PLR2004
    )


PATTERNS = (
    Pattern(
        "id.spoken",
        Kind.ID,
        "Four and more digits as words behind `medical record number`, `phone number` and the like.",
        rf"\b(?:mrn|ssn|number|phone|cell|fax|pager|extension|account|acct)(?: (?:is|of|number))*[:,]?[ \t]+"
        rf"({SPOKEN_DIGIT}(?:(?:-|,? ){SPOKEN_DIGIT})+)\b",
        ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
        lambda text, start, stop: len(re.split("[ ,-]+", text[start:stop])) >= LEAST_SPOKEN,
    ),
    Pattern(
        "id.label",
        Kind.ID,
        "What stands behind `MRN`, `SSN`, `account`, `policy number` and the like.",
        rf"\b{STRONG}\b{SEPARATOR}{VALUE}",
        (),
        value,
    ),
    Pattern(
        "id.label-hash",
        Kind.ID,
        "What stands behind a label that ends in a number sign.",
        rf"(?:\b(?:mr|ss|acct|case|chart|pt|patient|rec|med rec|medrec|insurance|insurer|id|ref|claim"
        rf"|policy|member|visit|rx|order|lot|file|record|plan)[ \t]?|\()\#[ \t:]*{VALUE}",
        ("#",),
        value,
    ),
    Pattern(
        "id.weak-label",
        Kind.ID,
        "What stands behind `lot`, `case`, `model` and the like, and a colon or number sign.",
        rf"\b{WEAK}(?:[ \t]*(?:number|no\.|num\b|id\b|:|\#))+[ \t]*\#?{VALUE}",
        (),
        value,
    ),
    Pattern(
        "id.weak-label-long",
        Kind.ID,
        "Letters and digits behind `lot`, `case`, `model` and the like.",
        rf"\b{WEAK}[ \t]{VALUE}",
        (),
        long_value,
    ),
    Pattern(
        "id.label-hash-long",
        Kind.ID,
        "What stands behind `incident #`, `badge #` and the like, and is more than one digit.",
        r"\b(?:incident|event|complaint|report|subject|participant|client|encounter|account|accession|admission|badge|device|serial"
        r"|ticket|invoice|docket|warrant|permit|licen[cs]e|plate|employee|student|hospital|subscriber|certificate|passport)"
        rf"[ \t]?\#[ \t:]*{VALUE}",
        ("#",),
        lambda text, start, stop: stop - start > 1 and value(text, start, stop),
    ),
    Pattern(
        "id.plate",
        Kind.ID,
        "The plate of a car, of letters and digits.",
        r"\b(?:[Pp]lates?|PLATES?|[Tt]ag|TAG)(?: ?(?:no\.?|number|NO\.?|NUMBER|#))?[ \t:#]+"
        r"([A-Z]{2,3}[ -][0-9]{3,4}|[0-9]{3,4}[ -][A-Z]{2,3})\b",
        ("plate", "tag"),
        minds_case=True,
    ),
    Pattern(
        "location.ward",
        Kind.LOCATION,
        "A ward by its floor and wing: `transferred to 7N`.",
        r"\b(?:to|from|on|[Uu]nit|[Ff]loor|[Ww]ard|TO|FROM|ON|UNIT|FLOOR|WARD)[ \t:]+"
        r"([0-9]{1,2}(?:[NSEW]|[NS][EW]| (?:North|South|East|West|NORTH|SOUTH|EAST|WEST)))\b",
        ("to", "from", "on", "unit", "floor", "ward"),
        minds_case=True,
    ),
    Pattern(
        "location.room",
        Kind.LOCATION,
        "A room, a bed.",
        r"\b(?:rooms?|rm|bed|cubicle|bay|trailer|space|cell "
        r"block|ward)\b\.?(?: ?(?:no\.?|number|\#))?[ \t:]*\#?((?:[A-Z]{1,3}-?)?[0-9]{1,5}"
        r"(?:-?[A-Z])?(?:[-/][0-9A-Z]{1,4})?)\b",
        (
            "room",
            "rm",
            "bed",
            "cubicle",
            "bay",
            "trailer",
            "space",
            "block",
            "ward",
        ),
        lambda text, start, stop: (
            value(text, start, stop) and not re.match(r" ?(?:times|x|in\b|out)", text[stop : stop + 6], re.IGNORECASE)
        ),
    ),
    Pattern(
        "location.apartment-number",
        Kind.LOCATION,
        "An apartment, a suite, a flat, with the word before its number.",
        r"\b((?:apt|apartments?|suite|ste|flat)\b\.?(?: ?(?:no\.?|number|\#))?[ \t:]*\#?(?:[A-Z]{1,3}-?)?[0-9]{1,5}"
        r"(?:-?[A-Z])?(?:[-/][0-9A-Z]{1,4})?)\b",
        ("apt", "apartment", "suite", "ste", "flat"),
        lambda text, start, stop: (
            value(text, start, stop) and not re.match(r" ?(?:times|x|in\b|out)", text[stop : stop + 6], re.IGNORECASE)
        ),
    ),
    Pattern(
        "location.apartment",
        Kind.LOCATION,
        "An apartment by its letter.",
        r"\b(?:apt\.?|apartment|unit|flat|suite) ?\#? ?([A-Z](?:-?[0-9]{1,4})?)\b",
        ("apt", "apartment", "unit", "flat", "suite"),
        lambda text, start, stop: text[start:stop].isupper(),
    ),
)
