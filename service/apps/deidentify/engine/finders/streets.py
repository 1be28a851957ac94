"""What looks like a street and is none: doses, durations, and English words that end as streets abroad do."""

import re

from service.apps.deidentify.engine.lexicon import lines

NO_STREET = re.compile(
    r"^[0-9]+ (?:mg|ml|mcg|units?|days?|weeks?|months?|years?|hours?|hrs?|min|minutes|pills?|tablets?"
    r"|times|x|cm|mm|out|and|or|in|of|on|to"
    r"|yo|y/o|year|yr|beats|pack|packs|lb|lbs|kg|percent|feet|ft|more|stairs|steps|liters?|l|cc|per|by|the|doses?|puffs?|g|grams?|blocks|miles|a)\b",
    re.IGNORECASE,
)
FUNCTION = re.compile(
    r"\b(?:in|with|for|by|and|or|to|at|on|is|was|were|who|has|had|from|the|seen|per|stage|old|his|her"
    r"|referenced|treated|than|as|but|not|no|of (?!the)|mg|ml|grade|daily|pain|history|post|after"
    r"|then|last|cancer)\b",
    re.IGNORECASE,
)
OLD = re.compile(r"(?<=[0-9] )(?:(?:Old|Post) )+(?=[A-Z])")  # of a name: `34 Old Post Road`, but not `34 old man`
NEXT_SENTENCE = re.compile(r"[a-z]{5}\. ")  # no street goes on there: `5/5 throughout. Str`
NAMED_BEFORE = re.compile(r"\b[A-Z][a-z]+ $")  # `Frankfurter Ring 12`
FAR = 24  # characters that are looked at before a street
DOCTOR = re.compile(r"\b(?:dr|st|ct|pl|av|cir)\.?$", re.IGNORECASE)
# Everyday words that end as streets abroad do: `Monitoring 24 h`, `Requiring 2 L`, but not `Hansaring 24`.
LIKE_STREETS = frozenset(word for word in lines("english.txt") if word.endswith(("ring", "gade", "kade")))
ENDING_ALONE = re.compile(
    r"(?:strasse|str\.?|gasse|weg|allee|platz|plein|gracht|gata|utca|ulica|ring|damm|ufer|graben)"
)
# In English `via` stands before a tube, and `bd` behind a dose. So these streets count where an address may begin.
MAY_BE_ENGLISH = re.compile(r"via |[0-9]+,? bd ", re.IGNORECASE)
CALLED = r"\b(?:address|at|from|home|in|is|lived?|lives|living|near|of|on|resid(?:es|ing)|to)[ \t:]*$"
BEGINS_ADDRESS = re.compile(CALLED, re.IGNORECASE)
BEGINS_LINE = re.compile(rf"(?:^|[\n,;:(|])[ \t]*$|{CALLED}", re.IGNORECASE)
UNIT_BEHIND = re.compile(
    r" ?(?:%|\+|(?:c?m?m|cc|d?l|fr(?:ench)?|ga?|gauge|h|hours?|hrs?|kg|lpm|m?l|mcg|mg|min(?:ute)?s?|times|units?)\b)",
    re.IGNORECASE,
)


def street(text: str, start: int, stop: int) -> bool:
    """Whether a number and words with `street` or the like behind them are an address, and no dose or duration."""
    part = OLD.sub("", text[start:stop])
    if (
        FUNCTION.search(part)
        or NEXT_SENTENCE.search(part)
        or (DOCTOR.search(part) and re.match(r"\.? [A-Za-z]", text[stop : stop + 3]) and ", " in part)
    ):
        return False
    if re.search(r"\bdr\.?$", part, re.IGNORECASE) and re.match(r"\.? [A-Z]", text[stop : stop + 3]):
        return False
    return NO_STREET.match(part) is None and text[start - 1 : start] not in ("/", ".", "-", ",")


def street_abroad(text: str, start: int, stop: int) -> bool:
    """Whether this is a street of another language, and no English word that looks like one before a number."""
    part, from_here = text[start:stop], max(0, start - FAR)
    if not (any(map(str.isupper, part)) or "str" in part):
        return False
    name = part.partition(" ")[0].rstrip("0123456789").lower()
    if MAY_BE_ENGLISH.match(part):
        before = BEGINS_ADDRESS if part[:3].lower() == "via" else BEGINS_LINE
        is_begun = part.startswith("Via") or before.search(text, from_here, start)
    elif ENDING_ALONE.fullmatch(name):
        is_begun = NAMED_BEFORE.search(text, from_here, start) or BEGINS_ADDRESS.search(text, from_here, start)
    else:
        return name not in LIKE_STREETS
    return bool(is_begun) and UNIT_BEHIND.match(text, stop) is None
