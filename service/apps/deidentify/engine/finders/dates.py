"""Dates in all their forms, in any letter case, and days that have a name."""

import re

from service.apps.deidentify.engine.classes import spellings
from service.apps.deidentify.engine.finders.pattern import Pattern
from service.apps.deidentify.engine.keepers.ratio import is_ratio
from service.apps.deidentify.engine.rules import Kind

DAY = r"(?:0?[1-9]|[12][0-9]|3[01])"
YEAR = r"(?:19|20)[0-9]{2}"
TH = r"(?:st|nd|rd|th)"
MONTH = (
    r"(?:jan(?:uary)?|feb(?:r?uary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)"
)
WEEKDAY = r"(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday)"
ORDINAL = (
    r"(?:(?:twenty|thirty)[- ])?(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth"
    r"|thirteenth|fourteenth|fifteenth|sixteenth|seventeenth|eighteenth|nineteenth|twentieth|thirtieth)"
)
HOLIDAY = spellings("holidays")
YEAR_BEHIND = rf"(?:,? (?:of )?{YEAR}|,? ?'[0-9]{{2}}|-(?:{YEAR}|[0-9]{{2}}))"
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
NEXT_UNIT = re.compile(
    r"[ -]?(?:mg|mcg|ml|cc|units?|tabs?|tablets?|pills?|caps?|weeks?|wks?|days?|hours?|hrs?|min"
    r"|minutes|months?|times|x|%"
    r"|/[0-9]|percent|more|doses?|puffs?|lbs?|kg|cm|mm|steps|feet|ft|miles|repeat)\b",
    re.IGNORECASE,
)
SURE = re.compile(rf"{TH}\b|{YEAR}|'[0-9]|\bof\b|\bthe\b|-", re.IGNORECASE)
NUMBERS = re.compile(r"[0-9]+")
MANY_SPOKEN = 2  # words


def month_and_day(text: str, start: int, stop: int) -> bool:
    """Whether a month's name and a number are a date: not `may 2 tablets`, nor `march 5 steps`."""
    if NEXT_UNIT.match(text, stop):
        return False
    part = text[start:stop]
    low = part.lower()
    if not re.search(r"\bmay\b", low):
        return True
    return SURE.search(part) is not None or "May" in part


def numeric(text: str, start: int, stop: int) -> bool:
    """Whether three numbers can be a day, a month and a year in some order, and stand alone."""
    if _is_within(text, start, stop):
        return False
    first, second, third = (int(number) for number in NUMBERS.findall(text[start:stop])[:3])
    day, month = 31, 12
    return (
        (0 < first <= month and 0 < second <= day)
        or (0 < second <= month and 0 < first <= day)
        or (0 < second <= month and 0 < third <= day and stop - start > 6)  # noqa: PLR2004 - with two digits for each
    )


def pair(text: str, start: int, stop: int) -> bool:
    """Whether these can be two times a month and a day."""
    if _is_within(text, start, stop):
        return False
    numbers = [int(number) for number in NUMBERS.findall(text[start:stop])]
    return all(
        first > 0 and second > 0 and min(first, second) <= 12 and max(first, second) <= 31  # noqa: PLR2004
        for first, second in zip(numbers[::2], numbers[1::2], strict=False)
    )


def alone(text: str, start: int, stop: int) -> bool:
    """Whether no number goes on at either side."""
    return not _is_within(text, start, stop)


def _is_within(text: str, start: int, stop: int) -> bool:
    before, behind = text[max(0, start - 1) : start], text[stop : stop + 2]
    return (before in ("/", "-", ".", ",") and text[max(0, start - 2) : start - 1].isdigit()) or (
        behind[:1] in ("/", "-", ".") and behind[1:].isdigit()
    )


SPOKEN = rf"(?:{MONTH}|{ORDINAL}|oh|{spellings('spoken-numbers')}|thousand)"

PATTERNS = (
    Pattern(
        "date.spoken",
        Kind.DATE,
        "A date of birth or of service as words: `date of birth six twelve fifty one`.",
        r"\b(?:date of (?:birth|service|admission|discharge|surgery)|d\.?o\.?b\b\.?|birthday|born(?: on)?)(?: is)?"
        r"[:,]?[ \t]+"
        rf"((?:the )?{SPOKEN}(?:(?:-|,? (?:of |the )?)(?:{SPOKEN}|(?:19|20)?[0-9]{{2}}))+)\b",
        ("birth", "dob", "d.o.b", "date of", "born"),
        lambda text, start, stop: len(re.split("[ ,-]+", text[start:stop])) > MANY_SPOKEN,
    ),
    Pattern(
        "date.month-day",
        Kind.DATE,
        "A month's name and a day, with or without a year.",
        rf"\b({MONTH}\.?,?[ -]{{0,2}}(?:the )?{DAY}{TH}?(?: ?(?:-|to|through|thru|and|&) "
        rf"?{DAY}{TH}?)?{YEAR_BEHIND}?)\b",
        MONTHS,
        month_and_day,
    ),
    Pattern(
        "date.day-month",
        Kind.DATE,
        "A day and a month's name, with or without a year.",
        rf"\b({DAY} ?{TH}?(?: ?(?:-|to|and|&) ?{DAY} ?{TH}?)?(?: (?:day )?of)?[ -]{{0,2}}{MONTH}\b\.?{YEAR_BEHIND}?)"
        rf"|\b({DAY}\. {MONTH}\.? {YEAR}|{DAY}/{MONTH}/(?:{YEAR}|[0-9]{{2}}))\b",
        MONTHS,
        month_and_day,
    ),
    Pattern(
        "date.run-together",
        Kind.DATE,
        "Day, month and year without anything between them: `12Mar19`, `20190312`.",
        rf"\b({DAY}{MONTH}(?:{YEAR}|[0-9]{{2}})|{YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01]))\b",
        (),
        alone,
    ),
    Pattern(
        "date.month-year",
        Kind.DATE,
        "A month's name and a year.",
        rf"\b({MONTH}\.?,?(?: of)?[ -]?(?:{YEAR}\b|'[0-9]{{2}}\b))",
        MONTHS,
    ),
    Pattern(
        "date.month",
        Kind.DATE,
        "A month's name behind a word that stands before a time.",
        r"\b(?:in|since|until|till|by|of|last|next|this|early|late|mid|from|through|during|before|after|and)[ -]"
        r"(january|february|march|april|june|july|august|september|october|november|december)\b",
        MONTHS,
    ),
    Pattern(
        "date.short-month",
        Kind.DATE,
        "A month, shortened, behind a word that stands before a time.",
        r"\b(?:in|since|until|till|last|next|early|late|mid|through|during)[ -](Jan|Feb|Apr|Aug|Sept?|Oct|Nov|Dec)\b",
        MONTHS,
        minds_case=True,
    ),
    Pattern(
        "date.may",
        Kind.DATE,
        "The month of May, behind a word that stands before a time.",
        r"\b(?:in|since|until|till|last|next|early|late|mid|during)[ -](may)\b",
        ("may",),
    ),
    Pattern(
        "date.in-words",
        Kind.DATE,
        "A day written as a word, with its month.",
        rf"\b({ORDINAL}(?: day)? of {MONTH}\b(?:,? {YEAR})?|{MONTH} the {ORDINAL}\b(?:,? {YEAR})?"
        rf"|(?:january|february|april|june|july|august|september|october|november|december) {ORDINAL}\b(?:,? {YEAR})?)",
        MONTHS,
    ),
    Pattern(
        "date.weekday",
        Kind.DATE,
        "A day of the week, with its date where there is one.",
        rf"\b({WEEKDAY}s?(?:,? (?:the )?{DAY}{TH})?)\b",
        ("day",),
    ),
    Pattern(
        "date.short-weekday",
        Kind.DATE,
        "A day of the week, shortened.",
        r"\b(Mon|Tues?|Weds?|Thu(?:rs?)?|Fri)\b"
        r"|\b(?:on|next|last|this|every|until|by|since|till|from|and|q|RTC|rtc|[Ff]/[Uu]|fu|FU|[Aa]ppt|see|seen|due|here"
        r"|back|came|called|come|return|returns|home|[Ss]tarted|[Ss]urgery|[Dd]ischarge|[Dd]/[Cc]|worse|better|began)"
        r" (Sat|Sun)\b"
        r"|\b(Sat|Sun) (?:am|pm|AM|PM|morning|afternoon|evening|night)\b"
        r"|\b(Sat|Sun)(?:,| [0-9]{1,2}[/-][0-9])|\b((?i:mon|tues?|wed|thu(?:rs?)?|fri)) [0-9]{1,2}/[0-9]",
        ("mon", "tue", "wed", "thu", "fri", "sat", "sun"),
        minds_case=True,
    ),
    Pattern(
        "date.day",
        Kind.DATE,
        "A day of the month: `by the 15th`.",
        r"\b(?:by|until|till|before|since|on) the ((?:[12]?[0-9]|3[01])(?:st|nd|rd|th))(?:[.;)\n]"
        r"| (?:at|for|he|she|they|pt|patient|of (?:this|the|last|next) month)\b|$)",
        ("st", "nd", "rd", "th"),
    ),
    Pattern("date.holiday", Kind.DATE, "A holiday.", rf"\b({HOLIDAY}(?: {YEAR})?)\b"),
    Pattern(
        "date.season",
        Kind.DATE,
        "A season with its year.",
        rf"\b((?:spring|summer|fall|autumn|winter)(?: of)?,? (?:{YEAR}|'[0-9]{{2}}))\b",
        ("spring", "summer", "fall", "autumn", "winter"),
    ),
    Pattern(
        "date.numeric",
        Kind.DATE,
        "Day, month and year in numbers, in any order, with slashes, hyphens or full stops.",
        r"\b([0-9]{1,2} ?/ ?[0-9]{1,2} ?/ ?(?:[0-9]{4}|'?[0-9]{2})|[0-9]{1,2} ?- ?[0-9]{1,2} ?- ?(?:[0-9]{4}|[0-9]{2})"
        r"|[0-9]{1,2}\.[0-9]{1,2}\.(?:[0-9]{4}|[0-9]{2})|[12][0-9]{3}[-/.][0-9]{1,2}[-/.][0-9]{1,2})\b",
        ("/", "-", "."),
        numeric,
    ),
    Pattern(
        "date.iso-time",
        Kind.DATE,
        "A date with its time, as computers write it.",
        r"\b([12][0-9]{3}-[01][0-9]-[0-3][0-9])[Tt][0-9]{2}:?[0-9]{2}",
        ("t",),
    ),
    Pattern(
        "date.range",
        Kind.DATE,
        "From one day to another, as month and day.",
        r"\b([0-9]{1,2}/[0-9]{1,2}(?:/[0-9]{2,4})? ?(?:-|to|through|thru) ?[0-9]{1,2}/[0-9]{1,2})\b",
        ("/",),
        pair,
    ),
    Pattern(
        "date.day-and-month",
        Kind.DATE,
        "Month and day in numbers, where nothing speaks for a ratio.",
        r"\b((?:0?[1-9]|1[0-2])/(?:0?[1-9]|[12][0-9]|3[01])|(?:1[3-9]|2[0-9]|3[01])/(?:0?[1-9]|1[0-2]))\b",
        ("/",),
        lambda text, start, stop: (
            alone(text, start, stop)
            and not is_ratio(text, start, stop)
            and text[start - 1 : start] not in ("+", "=", "<", ">", "x")
            and text[stop : stop + 1] not in ("%", "+")
        ),
    ),
    Pattern(
        "date.month-and-year",
        Kind.DATE,
        "Month and year in numbers.",
        rf"\b((?:0?[1-9]|1[0-2]) ?/ ?{YEAR}|{YEAR}-(?:0[1-9]|1[0-2]))\b",
        ("/", "-"),
        alone,
    ),
    Pattern(
        "date.label",
        Kind.DATE,
        "What stands behind `DOB`, `date of admission` and the like.",
        r"\b(?:d\.?o\.?[bads]\.?|(?:date of|admission|discharge|birth|service|visit|death|surgery|procedure) ?"
        r"(?:birth|date|admission|discharge|service|death|surgery|procedure)|birthday)[ \t]*[:#=-]?[ \t]*"
        r"([0-9][0-9/. -]{2,12}[0-9])\b",
        ("do", "d.o", "date", "birth"),
    ),
)
