"""Streets, postcodes, roads and boxes, of several countries and in any letter case."""

import re

from service.apps.deidentify.engine.classes import spellings, word_class
from service.apps.deidentify.engine.finders.pattern import Pattern
from service.apps.deidentify.engine.finders.streets import FUNCTION, street, street_abroad
from service.apps.deidentify.engine.rules import Kind

SUFFIX = spellings("streets")
# Suffixes that are everyday words too, so that they count with capital letters alone.
RARE_SUFFIX = spellings("rare-streets")
# What makes no name of a street: `the street`, `main road`.
NO_STREET_NAME = word_class("no-street-name")
DIRECTION = r"(?:(?:n|s|e|w|ne|nw|se|sw|north|south|east|west)\.? )?"
NUMBER = r"[0-9]{1,6}[a-z]?(?:[-/][0-9]{1,4})?"
UNIT = r"(?:,? ?(?:apt|apartment|suite|ste|unit|floor|fl|rm|room|#)\.? ?#? ?[a-z0-9-]{1,6})?"
STATE = (
    r"(?:A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|S[CD]|T[NX]|UT|V[AT]|W[AIVY]"
    r"|PR|VI|GU|AS|MP|PW|FM|MH|AE|AP|AA)"
)
ZIP = r"[0-9]{5}(?:-[0-9]{4})?"
TOWN_BEHIND = rf"(?:,? [a-z.' -]{{2,40}},? {STATE},? {ZIP}\b)?"
CROSSING = r"(?:street|st|avenue|ave|road|rd|boulevard|blvd|lane|drive|parkway)"  # streets that may meet
NEXT_UNIT = re.compile(r"[.,]?[0-9]| ?(?:%|[a-z]+/|(?:cells|g|iu|mcg|mg|ml|units?)\b)", re.IGNORECASE)
GLASGOW = re.compile(r"E[1-4]V[1-5]M[1-6]")  # the parts of a coma score, which have the form of a Canadian postcode
NO_TOWN = re.compile(r"\b(?:address|code|eircode|post|postcode|postal|zip)\b", re.IGNORECASE)
AMOUNT = re.compile(r"[0-9]+(?:CC|CT|FR|HD|HR|KD)")  # what else could stand behind a letter and two digits


def eircode(text: str, _start: int, stop: int) -> bool:
    """Whether the last four characters are letters and digits, and no amount."""
    last = text[stop - 4 : stop]
    return any(map(str.isdigit, last)) and any(map(str.isalpha, last)) and AMOUNT.fullmatch(last) is None


PATTERNS = (
    Pattern(
        "location.eircode",
        Kind.LOCATION,
        "A postcode of Ireland: `D02 X285`.",
        r"\b((?:[AC-FHKNPRTV-Y][0-9]{2}|D6W) ?[0-9AC-FHKNPRTV-Y]{4})\b",
        (),
        eircode,
        minds_case=True,
    ),
    Pattern(
        "location.eircode-label",
        Kind.LOCATION,
        "A postcode of Ireland behind `Eircode`.",
        r"\beircode[ \t]*(?:is|:)?[ \t]*([a-z][0-9][0-9w] ?[0-9a-z]{4})\b",
        ("eircode",),
    ),
    Pattern(
        "location.house-the",
        Kind.LOCATION,
        "A house by its number and `The`: `12 The Green`.",
        r"(?:^|[\n,;:|]|\b(?:at|address|of))[ \t]*([0-9]{1,4}[A-Za-z]?,? The [A-Z][a-z]+(?: [A-Z][a-z]+)?)"
        r"(?:[,.;\n|]|$)",
        (" the ",),
        minds_case=True,
    ),
    Pattern(
        "location.town-postcode",
        Kind.LOCATION,
        "A town before its postcode of the United Kingdom: `Gateshead, NE8 3QX`.",
        r"(?:[,\n] ?|\b(?:at|from|in|near|of) )([A-Z][a-z]+(?:[ -](?:[a-z]{2,5}-)?[A-Z][a-z]+){0,2}),? "
        r"[A-Z]{1,2}[0-9][A-Z0-9]? [0-9][ABD-HJLNP-UW-Z]{2}\b",
        (),
        lambda text, start, stop: NO_TOWN.search(text, start, stop) is None,
        minds_case=True,
    ),
    Pattern(
        "location.street",
        Kind.LOCATION,
        "A number and a street.",
        rf"\b({NUMBER},? {DIRECTION}(?:(?:st|mt|ft|o|martin|dr)\.? ?'?)?(?:[a-z0-9][a-z0-9'.-]*,? "
        rf"){{1,4}}{SUFFIX}\b\.?(?: (?:n|s|e|w|ne|nw|se|sw|north|south|east"
        rf"|west)\b)?{UNIT}{TOWN_BEHIND})",
        ("st", "av", "r", "dr", "l", "b", "c", "p", "t", "w", "h"),
        street,
    ),
    Pattern(
        "location.street-rare",
        Kind.LOCATION,
        "A number and a street with a rare ending: `3127 Quarry Knolls`.",
        rf"\b([0-9]{{2,6}} (?:[A-Z][a-z'A-Z]+ ){{1,3}}{RARE_SUFFIX}\bs?(?:,? (?:Apt|Suite|Unit)\.? "
        rf"?#?[A-Za-z0-9-]+)?(?:, [A-Za-z.' -]{{2,40}},? {STATE},? {ZIP}\b)?)",
        (),
        street,
        minds_case=True,
    ),
    Pattern(
        "location.street-name",
        Kind.LOCATION,
        "A street without a number, behind `on`, `at`, `from` and the like.",
        r"\b(?:on|at|from|near|off|along|down|of|to) ((?:[A-Z][A-Za-z'.]+ ){1,3}(?:Street|St|Avenue"
        r"|Ave|Road|Rd|Boulevard|Blvd|Lane|Parkway))\b"
        r"|\b(?:on|at|from|near|off|along) ([a-z]{3,} (?:street|avenue|boulevard|road|lane))\b",
        ("street", " st", "ave", "road", " rd", "boulevard", "blvd", "lane", "parkway"),
        lambda text, start, stop: (
            text[start:stop].split()[0].lower() not in NO_STREET_NAME and FUNCTION.search(text[start:stop]) is None
        ),
        minds_case=True,
    ),
    Pattern(
        "location.street-and",
        Kind.LOCATION,
        "The second of two streets that meet: `Oak Street and Maple Avenue`.",
        rf"\b{CROSSING}\b\.? ?(?:and|&|/) ?((?:[a-z][a-z']+ ){{1,2}}{CROSSING})\b",
        (" and ", "&", "/"),
        lambda text, start, stop: (
            text[start:stop].split()[0].lower() not in NO_STREET_NAME and FUNCTION.search(text[start:stop]) is None
        ),
    ),
    Pattern(
        "location.lives-at",
        Kind.LOCATION,
        "A number and words behind `lives at`, `address` and the like.",
        r"\b(?:(?:lives?|living|lived|resid(?:es|ing)|stay(?:s|ing)|located|home|house|address|addr)"
        r"(?: address)?(?: is)?(?: at| on|:)+)[ \t]{1,3}"
        r"([0-9]{1,6}[a-z]? (?:[A-Z][A-Za-z'.-]*|[a-z]{3,}(?:,| [a-z]{4,}(?:,|\.| in\b)))(?: [A-Z][A-Za-z'.-]*){0,4})",
        ("liv", "resid", "stay", "locat", "home", "house", "addr"),
        street,
    ),
    Pattern(
        "location.street-abroad",
        Kind.LOCATION,
        "A street as it is written in Germany, France, Italy, Spain, the Netherlands and other countries.",
        r"\b([A-Za-z.-]*(?:strasse|strase|str\.|straat|gasse|weg|allee|platz|laan|plein|gracht|kade"
        r"|gatan|vagen|vej|gade|gata|utca|ulica|ring|damm|ufer|chaussee|stieg|graben|str) ?[0-9]{1,4}"
        r"(?:[/-][0-9]{1,4})? ?[a-z]?\b)"
        r"|\b([0-9]{1,4}(?: ?(?:bis|ter))?,? (?:rue|avenue|boulevard|bd|chemin|allee|impasse|quai"
        r"|cours|route)(?: (?:de|du|des|la|le|les|l'|d'))*(?: ?[A-Z][A-Za-z'-]+){1,4})"
        r"|\b((?:via|viale|piazza|corso|calle|avenida|paseo|plaza|carrer|rua|travessa|ulica|ul\.)(?: "
        r"(?:de|del|della|dei|do|da|dos|la|los|las))*(?: [A-Z][A-Za-z'-]+){1,4},? (?:n\.? "
        r"?)?[0-9]{1,4}\b)",
        (
            "str",
            "gas",
            "weg",
            "all",
            "plat",
            "laan",
            "plein",
            "gracht",
            "kade",
            "gat",
            "v",
            "ut",
            "ul",
            "rue",
            "av",
            "bo",
            "bd",
            "ch",
            "im",
            "q",
            "c",
            "r",
            "p",
            "t",
        ),
        street_abroad,
    ),
    Pattern(
        "location.post-office-box",
        Kind.LOCATION,
        "A post office box.",
        r"\b((?:p\.? ?o\.?|post office) ?box ?#? ?[0-9]{1,6})\b",
        ("box",),
    ),
    Pattern(
        "location.zip",
        Kind.LOCATION,
        "A ZIP code.",
        r"\b(?:zip|zipcode|postcode|postal code|post code|postal)(?: code)?[ \t]*(?:is|was|:)?[ \t]*"
        r"([0-9]{4,5}(?:-[0-9]{4})?|[A-Z0-9]{2,4}[ -]?[A-Z0-9]{3})\b"
        r"|\b([0-9]{5}-[0-9]{4})\b",
        ("zip", "post", "-"),
        lambda text, start, stop: any(map(str.isdigit, text[start:stop])),
    ),
    Pattern(
        "location.state-zip",
        Kind.LOCATION,
        "A state and its ZIP code.",
        rf"\b((?:[A-Z][A-Za-z.'-]+ ){{0,2}}[A-Z][A-Za-z.'-]+, {STATE},? {ZIP})\b|\b{STATE}\.?,? ({ZIP})\b",
        (),
        minds_case=True,
    ),
    Pattern(
        "location.state-postcode",
        Kind.LOCATION,
        "A state of Australia and its postcode: `NSW 2500`.",
        r"\b((?:(?:NSW|ACT)\.?,? 2|(?:VIC|Vic)\.?,? [38]|(?:QLD|Qld)\.?,? [49]|SA\.?,? 5|WA\.?,? 6"
        r"|(?:TAS|Tas)\.?,? 7|(?:NT|ACT)\.?,? 0)[0-9]{3})\b",
        (),
        lambda text, _, stop: NEXT_UNIT.match(text, stop) is None,
        minds_case=True,
    ),
    Pattern(
        "location.town-zip",
        Kind.LOCATION,
        "A town, a state and a ZIP code.",
        rf"\b([a-z.'-]+, {STATE},? {ZIP})\b",
        (),
    ),
    Pattern(
        "location.military",
        Kind.LOCATION,
        "An address of the armed forces.",
        rf"\b((?:psc|unit|cmr|uss|usns|usnv|usnn|usss) ?[a-z0-9]+(?:,? box [0-9]+)?,? (?:apo|fpo"
        rf"|dpo),? (?:ae|ap|aa),? {ZIP})\b",
        ("po ",),
    ),
    Pattern(
        "location.flat",
        Kind.LOCATION,
        "A flat and its street.",
        r"\b((?:Flat|Studio|Unit|Apartment) [0-9]{1,4}[A-Za-z]?,? (?:[0-9]{1,4}[A-Za-z]?,? )?"
        r"(?:[A-Z][a-z'-]+ ?){1,4}(?:, (?:[A-Z][a-z'-]+ ?){1,3})?)",
        (),
        minds_case=True,
    ),
    Pattern(
        "location.postcode",
        Kind.LOCATION,
        "A postcode of the United Kingdom, Canada or the Netherlands.",
        r"\b([A-Z]{1,2}[0-9][A-Z0-9]? [0-9][ABD-HJLNP-UW-Z]{2}|[ABCEGHJKLMNPRSTVXY][0-9][ABCEGHJ-NPRSTV-Z][ -]?[0-9]"
        r"[ABCEGHJ-NPRSTV-Z][0-9])\b|\b([1-9][0-9]{3} [A-Z]{2} [A-Z][a-z]+)\b",
        (),
        lambda text, start, stop: GLASGOW.fullmatch(text, start, stop) is None,
        minds_case=True,
    ),
    Pattern(
        "location.postcode-small",
        Kind.LOCATION,
        "A postcode of the United Kingdom in small letters.",
        r"\b([a-z]{1,2}[0-9][a-z0-9]? [0-9][abd-hjlnp-uw-z]{2})\b",
        (),
        lambda text, start, stop: (
            text[stop - 2 : stop]
            not in ("pm", "am", "st", "nd", "rd", "th", "hr", "ft", "wk", "gm", "gy", "mg", "cm", "mm", "ml")
            and text[start:stop].islower()
        ),
        minds_case=True,
    ),
    Pattern(
        "location.postcode-town",
        Kind.LOCATION,
        "A postcode before its town: `10115 Berlin`.",
        r"(?:, |\n|\b(?:in|at|to|from|near|address:?) )([0-9]{5} [A-Z][a-z]{2,}(?:[- ][A-Z][a-z]+)?)\b"
        r"|\b[A-Za-z]+ [0-9]{1,4}[a-z]?, ([0-9]{4,5}"
        r"(?: [A-Z][a-z]+)?)\b"
        r"|[A-Za-z], ([0-9]{5})\b",
        (),
        minds_case=True,
    ),
    Pattern(
        "location.road",
        Kind.LOCATION,
        "A road by its number.",
        r"\b(?:on|off|along|near|from|via|take|took|down|up|exit|of) (I-[0-9]{1,3})\b"
        r"|\b((?:Interstate|(?:(?:US|State|County)[ -])?(?:Route|Rte|Hwy|Highway))\.? [0-9]{1,4}|US-[0-9]{1,3})\b",
        ("i-", "interstate", "route", "rte", "hwy", "highway", "us-"),
    ),
    Pattern(
        "location.numbered-street",
        Kind.LOCATION,
        "A street by its number, with the number of a house.",
        rf"\b([0-9]{{1,6}} {DIRECTION}[0-9]{{1,4}}(?:st|nd|rd|th) {SUFFIX})\b|\b((?:[0-9]{{1,3}}(?:st"
        rf"|nd|rd|th)|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth) (?:street"
        rf"|avenue|ave))\b",
        ("st", "nd", "rd", "th", "av"),
    ),
)
