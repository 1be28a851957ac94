"""Tells two numbers with a slash that are a ratio from a month and a day."""

import re
from collections.abc import Callable

from service.apps.deidentify.engine.classes import spellings, word_class
from service.apps.deidentify.engine.patterns.expression import Expression

RATIO = re.compile(r"([0-9]{1,3})/([0-9]{1,3})")
MONTHS_IN_A_YEAR, DAYS_IN_A_MONTH, HUNDRED = 12, 31, 100
DAYS_IN_A_WEEK = 7
WEEKS = re.compile(r"\b[1-4][0-9] $")  # of a pregnancy: `38 4/7 weeks`
SECONDARY_TO = 2  # `2/2`, for `secondary to`
FEW = range(2, 7)
SIGHT = (6, 20)  # metres, feet
TEN = 10
# Which two numbers the words before or behind them announce, by the end of the names of their lists.
FITS: dict[str, Callable[[int, int], bool]] = {
    "": lambda first, second: True,  # noqa: ARG005 - any
    "-of-15": lambda first, second: first <= second == 15,  # noqa: PLR2004 - of the Glasgow coma scale
    "-of-21": lambda first, second: first <= second == 21,  # noqa: PLR2004 - of the GAD-7
    "-of-27": lambda first, second: first <= second == 27,  # noqa: PLR2004 - of the PHQ-9
    "-of-30": lambda first, second: first <= second == 30,  # noqa: PLR2004 - of the MMSE and the like
    "-of-eight": lambda first, second: first <= second == 8,  # noqa: PLR2004 - of the Allred score
    "-of-nine": lambda first, second: first <= second == 9,  # noqa: PLR2004 - of the Beighton score
    "-of-24": lambda first, second: first <= second == 24,  # noqa: PLR2004 - of the Epworth scale
    "-of-doses": lambda first, second: first in (5, 10) and second in (10, 20),  # milligrams
    "-of-few": lambda first, second: first <= second in FEW,
    "-of-ten": lambda first, second: first <= second in (TEN // 2, TEN),
    "-of-pressures": lambda first, second: first > second,
    "-of-sight": lambda first, second: first in SIGHT,  # noqa: ARG005 - how well somebody sees
}
BEFORE = [
    (fits, Expression(rf"\b{spellings(f'before-ratio{name}')}\b".encode("ascii"), minds_case=False))
    for name, fits in FITS.items()
]
BEHIND = [
    (FITS[name], re.compile(rf"[+-]? ?{spellings(f'behind-ratio{name}')}s?\b", re.IGNORECASE))
    for name in ("", "-of-few", "-of-ten")
]
# What is done on a day, behind a word that may announce a ratio too: `3/4 upper endoscopy`.
DONE = re.compile(
    r"(?: [a-z]+){0,3}[ /](?:doppler|duplex|ultrasound|us|x-?rays?|films?|mri|mra|ct|cta|egd|endoscopy|gi|vehicle"
    r"|biops(?:y|ies)|surgery|clinic|visit|screen|injections?|repair|replacement|fusion|dissection|amputation|mammograms?"
    r"|[a-z]+(?:ectomy|otomy|oscopy|oplasty|ogram|ography|ostomy))\b",
    re.IGNORECASE,
)
FAR = 80  # characters that are looked at before a ratio
FURTHER = re.compile(r"[0-9]{1,2}[+-]?/[0-9]{1,2}[+-]?")
# Any other word may be what happened on that day: `chest pain began 3/4`, `lower extremity doppler 3/6`.
BETWEEN = re.compile(r"[a-z \t,:;=(~'+>-]*", re.IGNORECASE)
WORD = re.compile(r"[a-z]+", re.IGNORECASE)
MAY_STAND_BETWEEN = word_class("before-a-ratio")
PAIN_BEHIND = re.compile(r" (?:[a-z]+ ){0,2}(?:pain|headache|discomfort)\b")
TYPES = re.compile(r"\b(?:hiv|hsv|htlv)[- ]$", re.IGNORECASE)  # viruses, of which there are two types: `HIV-1/2`
# Days, weeks, months, and weeks of a pregnancy as they are written in the United Kingdom and Ireland.
DURATION = re.compile(r" (?:ago|duration)\b|-old\b")
# `a 6/12 history`, but not `Clinic 3/12 history of asthma`.
LASTED = re.compile(r" (?:course|h/o|history|hx|supply)\b")
BEFORE_LASTED = re.compile(r"\b(?:a|an|her|his|the|this|with) $", re.IGNORECASE)
PARTS_OF_TIME = (DAYS_IN_A_WEEK, MONTHS_IN_A_YEAR, 52)
OF_A_PREGNANCY = re.compile(r" (?:gestation|pregnan(?:cy|t)|scan|weeks?|wks?)\b")
PREGNANCY = 40  # weeks
FOR_SO_LONG = re.compile(
    r"\b(?:every|q|(?:bd|daily|g|mane|mcg|mg|nocte|od|prn|qds|tds|units"
    r"|cough|diarrhoea|fever|headaches?|pain|rash|symptoms|unwell|vomiting) (?:for|x)) ?$",
    re.IGNORECASE,
)
DATE_CUE = re.compile(
    r"\b(on|since|until|till|dated?|from|by|before|after|of|d/c|admit(?:ted)?|seen|last|visit|appt"
    r"|hosp|surgery|due|as of|started|stopped|thru|through|lmp|edd)[ :(]{1,2}$",
    re.IGNORECASE,
)
TOO_BIG_FOR_DATES = re.compile(r"[0-9]+")


def is_ratio(text: str, start: int, stop: int) -> bool:  # noqa: PLR0911 - one for each case
    """Whether two numbers with a slash are no month and day: by their size, or by the words at their sides."""
    match = RATIO.fullmatch(text, start, stop)
    if _counts_types(text, start, stop):
        return True
    if (
        match is None
        or text[start - 1 : start] in ("/", "-", ".")
        or re.match(r"/[0-9]|[.][0-9]|-[0-9]{1,2}/|-[0-9]{4}", text[stop : stop + 5])
    ):
        return False
    first, second = int(match[1]), int(match[2])
    if _is_duration(text, start, stop, of=second):
        return True
    is_month_and_year = 0 < first <= MONTHS_IN_A_YEAR and DAYS_IN_A_MONTH < second < HUNDRED
    if is_month_and_year or first == second == SECONDARY_TO:
        return not DATE_CUE.search(text, max(0, start - 16), start) and (
            first == SECONDARY_TO == second or _is_announced(text, start, first, second)
        )
    if (
        (first > MONTHS_IN_A_YEAR and second > MONTHS_IN_A_YEAR)
        or max(first, second) > DAYS_IN_A_MONTH
        or not min(first, second)
        or (first < second == DAYS_IN_A_WEEK and WEEKS.search(text, max(0, start - 4), start))
    ):
        return True
    if "0" in (match[1][0], match[2][0]):
        return False
    if cue := DATE_CUE.search(text, max(0, start - 16), start):
        # Besides `the week of 3/10` there are a `pain of 3/10` and `complains of 3/10 pain`.
        is_of = cue[1].lower() == "of"
        return is_of and (_is_announced(text, start, first, second) or _is_pain(text, stop, second))
    return (
        _is_announced(text, start, first, second)
        or _is_explained(text, stop, first, second)
        or _is_pain(text, stop, second)
        or (
            (first, second) in ((24, 7), (1, 2), (1, 3), (2, 3), (3, 4))
            and re.match(
                r" ?(?:of|tabs?|cups?|ns|way|strength|doses?|full|tablets?)\b", text[stop : stop + 9], re.IGNORECASE
            )
            is not None
        )
    )


def _counts_types(text: str, start: int, stop: int) -> bool:
    """Whether both types of a virus are meant: `HIV-1/2`."""
    return (
        text[start:stop] == "1/2"
        and text[stop : stop + 1] != "/"
        and TYPES.search(text, max(0, start - 6), start) is not None
    )


def _is_duration(text: str, start: int, stop: int, *, of: int) -> bool:
    """Whether so many days, weeks or months are meant: `6/12 history`, `every 3/12`, `30 mg for 5/7`, `12/40 scan`."""
    if of == PREGNANCY:
        return OF_A_PREGNANCY.match(text, stop) is not None
    if of not in PARTS_OF_TIME:
        return False
    before = max(0, start - 20)
    return (
        FOR_SO_LONG.search(text, before, start) is not None
        or DURATION.match(text, stop) is not None
        or (LASTED.match(text, stop) is not None and BEFORE_LASTED.search(text, before, start) is not None)
    )


def _is_explained(text: str, stop: int, first: int, second: int) -> bool:
    """Whether a word such as `strength` stands behind a ratio that fits it, and nothing that is done on a day."""
    return any(
        fits(first, second) and (match := behind.match(text, stop)) and not DONE.match(text, match.end())
        for fits, behind in BEHIND
    )


def _is_pain(text: str, stop: int, second: int) -> bool:
    """Whether what hurts stands behind so many of ten."""
    return second == TEN and PAIN_BEHIND.match(text, stop) is not None


def _is_announced(text: str, start: int, first: int, second: int) -> bool:
    """Whether a word such as `strength` stands before a ratio that fits it, with little but ratios between."""
    before = text[max(0, start - FAR) : start]
    data = before.encode("ascii")
    for fits, words in BEFORE:
        if fits(first, second):
            ends = [spans[0][1] for spans in words.finditer(data)]
            if ends and all(map(_may_stand_between, FURTHER.split(before[ends[-1] :]))):
                return True
    return False


def _may_stand_between(part: str) -> bool:
    return BETWEEN.fullmatch(part) is not None and all(word.lower() in MAY_STAND_BETWEEN for word in WORD.findall(part))
