"""Tells two numbers with a slash that are a ratio from a month and a day."""

import re

from service.apps.deidentify.engine.classes import spellings
from service.apps.deidentify.engine.patterns.expression import Expression

RATIO = re.compile(r"([0-9]{1,3})/([0-9]{1,3})")
MONTHS_IN_A_YEAR, DAYS_IN_A_MONTH, HUNDRED = 12, 31, 100
SECONDARY_TO = 2  # `2/2`, for `secondary to`
# What a word before a ratio says that makes it none of days and months.
BEFORE_RATIO = Expression(rf"\b{spellings('before-ratio')}\b".encode("ascii"), minds_case=False)
FAR = 80  # characters that are looked at before a ratio
NEAR = 24  # characters, but for further ratios, between such a word and a ratio
FURTHER = re.compile(r"[0-9]{1,2}[+-]?/[0-9]{1,2}[+-]?")
BEHIND_RATIO = re.compile(rf"[+-]? ?{spellings('behind-ratio')}", re.IGNORECASE)
TEN = 10
PAIN_BEHIND = re.compile(r" (?:[a-z]+ ){1,2}(?:pain|headache|discomfort)\b")
DATE_CUE = re.compile(
    r"\b(?:on|since|until|till|dated?|from|by|before|after|of|d/c|admit(?:ted)?|seen|last|visit|appt"
    r"|hosp|surgery|due|as of|started|stopped|thru|through|lmp|edd)[ :(]{1,2}$",
    re.IGNORECASE,
)
TOO_BIG_FOR_DATES = re.compile(r"[0-9]+")


def is_ratio(text: str, start: int, stop: int) -> bool:
    """Whether two numbers with a slash are no month and day: by their size, or by the words at their sides."""
    match = RATIO.fullmatch(text, start, stop)
    if (
        match is None
        or text[start - 1 : start] in ("/", "-", ".")
        or re.match(r"/[0-9]|[.][0-9]|-[0-9]{1,2}/", text[stop : stop + 4])
    ):
        return False
    first, second = int(match[1]), int(match[2])
    is_month_and_year = 0 < first <= MONTHS_IN_A_YEAR and DAYS_IN_A_MONTH < second < HUNDRED
    if is_month_and_year or first == second == SECONDARY_TO:
        return not DATE_CUE.search(text, max(0, start - 16), start) and (
            first == SECONDARY_TO == second or _is_announced(text, start)
        )
    if (
        (first > MONTHS_IN_A_YEAR and second > MONTHS_IN_A_YEAR)
        or max(first, second) > DAYS_IN_A_MONTH
        or not min(first, second)
    ):
        return True
    if DATE_CUE.search(text, max(0, start - 16), start):
        return False
    return (
        _is_announced(text, start)
        or BEHIND_RATIO.match(text, stop) is not None
        or (second == TEN and PAIN_BEHIND.match(text, stop) is not None)
        or (
            (first, second) in ((24, 7), (1, 2), (1, 3), (2, 3), (3, 4))
            and re.match(r" ?(?:of|tab|cup|ns|way|strength|dose|full)", text[stop : stop + 9], re.IGNORECASE)
            is not None
        )
    )


def _is_announced(text: str, start: int) -> bool:
    """Whether a word such as `strength` stands before a ratio, with further ratios between at most."""
    before = text[max(0, start - FAR) : start]
    ends = [spans[0][1] for spans in BEFORE_RATIO.finditer(before.encode("ascii"))]
    if not ends:
        return False
    between = FURTHER.split(before[ends[-1] :])
    return not any(len(part) > NEAR or "\n" in part or any(map(str.isdigit, part)) for part in between)
