"""Telephone numbers of any country, e-mail, web and network addresses, names that people go by on the web."""

import re

import phonenumbers

from service.apps.deidentify.engine.classes import word_class
from service.apps.deidentify.engine.finders.pattern import Pattern
from service.apps.deidentify.engine.rules import Kind

# Countries whose numbers are tried where none is said; each writes numbers with a leading zero.
COUNTRIES = ("GB", "DE", "FR", "BE", "NL", "IT", "AU", "CH", "AT", "IE", "NZ", "ZA", "IN", "JP", "KR", "SE", "IL", "TR")
EXTENSION = r"(?:,? ?(?:x|ext|extn|extension)\.?:? ?#? ?[0-9]{1,6}\b)?"
DIGITS = re.compile(r"[0-9]")
DATE = re.compile(
    r"0[1-9]([-./])(?:0[1-9]|[12][0-9]|3[01])\1[0-9]{2}(?:[0-9]{2})?(?: [0-2][0-9][0-5][0-9])?"
)  # and a time: rules for dates mask it
LONGEST_OCTET = 255
TOP = (
    r"(?:com|org|net|edu|gov|mil|int|info|biz|io|ai|app|dev|health|care|clinic|uk|us|ca|au|nz|ie|de|fr|nl|be|ch|at|it"
    r"|es|pt|se|no|dk|fi|pl|in|jp|cn|br|mx|za|eu|tv|co)"
)


def any_country(text: str, start: int, stop: int) -> bool:
    """Whether this is a telephone number of some country, by that country's plan of numbers."""
    number = text[start:stop]
    if DATE.fullmatch(number):
        return False
    for country in COUNTRIES:
        try:
            if phonenumbers.is_valid_number(phonenumbers.parse(number, country)):
                return True
        except phonenumbers.NumberParseException:
            return False
    return False


def octets(text: str, start: int, stop: int) -> bool:
    """Whether four numbers can be an address: none above 255, and no section or version before them."""
    if text[stop : stop + 1] == "." and text[stop + 1 : stop + 2].isdigit():
        return False
    return all(int(part) <= LONGEST_OCTET for part in text[start:stop].split("/", maxsplit=1)[0].split("."))


def has_digit_or_letter_f(text: str, start: int, stop: int) -> bool:
    """Whether an address of version 6 is more than a time: it has three parts and a digit."""
    part = text[start:stop]
    return (
        part.count(":") > 1
        and (DIGITS.search(part) is not None)
        and not re.fullmatch(r"[0-2]?[0-9]:[0-5][0-9]:[0-5][0-9]", part)
    )


CODE = word_class("numbered-abbreviations") | {"covid", "hiv", "nafld", "sars"}


def login(text: str, start: int, stop: int) -> bool:
    """Whether letters and digits are no abbreviation with its number: `by COVID19`."""
    return text[start:stop].rstrip("0123456789").lower() not in CODE


PATTERNS = (
    Pattern(
        "contact.login",
        Kind.CONTACT,
        "The login name of who printed or entered something.",
        r"\b(?:[Pp]rinted|[Ee]ntered|[Ee]dited|[Ff]iled|[Cc]reated|[Mm]odified|[Ss]igned|[Vv]erified|[Uu]ser|[Ll]ogin)"
        r"(?: by)?:? +([A-Z]{3,8}[0-9]{1,4})\b",
        ("by", "user", "login"),
        login,
        minds_case=True,
    ),
    Pattern(
        "contact.e-mail",
        Kind.CONTACT,
        "An e-mail address.",
        r"([A-Za-z0-9][A-Za-z0-9._%+'-]*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*)",
        ("@",),
    ),
    Pattern(
        "contact.e-mail-in-words",
        Kind.CONTACT,
        "An e-mail address written in words: `jane at example dot org`.",
        rf"\b([A-Za-z0-9._-]+(?: dot [A-Za-z0-9_-]+)*(?: at | ?[(\[]at[)\]] ?)[A-Za-z0-9-]+(?:(?: dot "
        rf"| ?[(\[]dot[)\]] ?|\.)[A-Za-z0-9-]+)*"
        rf"(?: dot | ?[(\[]dot[)\]] ?){TOP})\b"
        rf"|\b([A-Za-z0-9._-]+ ?[(\[]at[)\]] ?[A-Za-z0-9.-]+\.{TOP})\b",
        (" dot ", "(dot)", "[dot]", "(at)", "[at]"),
    ),
    Pattern(
        "contact.web",
        Kind.CONTACT,
        "A web address.",
        rf"\b((?:https?|ftp|sftp)://[^\s<>\"]+|www\.[^\s<>\"]+|(?:[a-z0-9-]+\.)+{TOP}(?:/[^\s<>\"]*)?)",
        (
            "http",
            "www",
            "ftp",
            ".com",
            ".org",
            ".net",
            ".edu",
            ".gov",
            ".io",
            ".uk",
            ".ca",
            ".de",
            ".fr",
            ".info",
            ".health",
            ".au",
            ".co",
        ),
        lambda text, start, stop: (
            text[start - 1 : start] != "@"
            and not text[start:stop].lower().startswith(("e.g", "i.e"))
            and ("://" in text[start:stop] or len(text[start:stop].split(".")[0]) > 1)
            and not re.fullmatch(
                r"[A-Za-z]+\.(?:in|at|it|no|be|us|is|care|clinic|health|co|de|es|se)", text[start:stop], re.IGNORECASE
            )
        ),
    ),
    Pattern(
        "contact.handle",
        Kind.CONTACT,
        "A name on the web: `@janedoe84`.",
        r"(?:^|[\s(\[:,;])@([A-Za-z_][A-Za-z0-9_.]{2,30})\b",
        ("@",),
        lambda text, start, stop: (
            "_" in text[start:stop]
            or DIGITS.search(text, start, stop) is not None
            or text[start - 3 : start - 1].strip(" ") in (":", "")
        ),
    ),
    Pattern(
        "contact.account-name",
        Kind.CONTACT,
        "What stands behind `Skype`, `username`, `Instagram` and the like.",
        r"\b(?:skype|whatsapp|telegram|signal|snapchat|instagram|insta|twitter|facebook|linkedin|tiktok|zoom|username"
        r"|user ?name|user ?id|login|screen ?name|handle|password|passcode)(?: (?:id|name|is|at|handle|account))*"
        r"(?::[ \t]*@?([A-Za-z0-9][A-Za-z0-9_.@-]*)|[ \t]+@?([A-Za-z_.]+[0-9_][A-Za-z0-9_.]*))",
        (
            "skype",
            "app",
            "gram",
            "chat",
            "twitter",
            "book",
            "link",
            "tok",
            "zoom",
            "user",
            "login",
            "name",
            "handle",
            "pass",
            "signal",
            "insta",
        ),
        lambda text, start, stop: text[start:stop].lower() not in ("used", "visit", "call", "yes", "no", "none"),
    ),
    Pattern(
        "contact.handle-label",
        Kind.CONTACT,
        "A name on the web behind `Twitter` and the like: `Twitter @janedoe`.",
        r"\b(?:facebook|fb|ig|insta|instagram|snapchat|telegram|tiktok|twitter|venmo)(?: (?:handle|name|account|is))*"
        r"[: ]{1,2}@([a-z_][a-z0-9_.]{2,30})\b",
        ("@",),
    ),
    Pattern(
        "contact.phone",
        Kind.CONTACT,
        "A telephone number of North America.",
        r"(?:\+?\b1[-. ]?)?(\([2-9][0-9]{2}\)[-. ]{0,2}[0-9]{3}[-. ]{1,2}[0-9]{4}\b"
        + EXTENSION
        + r")"
        + r"|(?:\b|\+)((?:1[-. ])?[2-9][0-9]{2} ?[-.] ?[0-9]{3} ?[-.] ?[0-9]{4}"
        + EXTENSION
        + r")\b"
        + r"|\b((?:1 )?[2-9][0-9]{2} [2-9][0-9]{2} [0-9]{4}"
        + EXTENSION
        + r")\b",
        ("-", ".", " "),
    ),
    Pattern(
        "contact.phone-extension",
        Kind.CONTACT,
        "The extension of a telephone number.",
        r"(?:[0-9]{4}|\)),? ?(?:x|ext|extn|extension)\.?:? ?#? ?([0-9]{1,6})\b"
        r"|\b(?:ext|extn|extension|pager|pgr|beeper|bleep|voicemail|vm|x)\b\.?(?: (?:number|no\.?|id"
        r"|is|at))*[ \t]*[:#]{0,2}[ \t]*([0-9]{1,2}-[0-9]{3,5}|[0-9]{3,7})\b"
        r"|\b[xX]([0-9]{4,5})\b",
        ("x", "pager", "pgr", "beeper", "bleep", "voice", "vm"),
        lambda text, _, stop: (
            not re.match(r" ?(?:mg|ml|cm|mm|degrees|lbs?|kg|reps|%|/)", text[stop : stop + 8], re.IGNORECASE)
        ),
    ),
    Pattern(
        "contact.phone-international",
        Kind.CONTACT,
        "A telephone number with the code of its country.",
        r"(?:^|[^0-9A-Za-z])((?:\+|00)[1-9][0-9]{0,2}[-. /]?(?:\(0?[0-9]{1,4}\)[-. /]?)?[0-9]{1,5}"
        r"(?:[-. /]?[0-9]{2,5}){1,5})\b",
        ("+", "00"),
        lambda text, start, stop: len(DIGITS.findall(text[start:stop])) > 8,  # noqa: PLR2004
    ),
    Pattern(
        "contact.phone-national",
        Kind.CONTACT,
        "A telephone number of another country, by its plan of numbers.",
        r"(?:^|[^0-9A-Za-z.,/+-])(\(0[0-9]{1,5}\)[-. /]?[0-9]{2,8}(?:[-. /][0-9]{2,8}){0,3}"
        r"|0[0-9]{1,5}(?:[-. /][0-9]{2,8}){1,4}|0[1-9][0-9]{8,9})\b",
        ("0",),
        any_country,
    ),
    Pattern(
        "contact.phone-label",
        Kind.CONTACT,
        "A number behind `phone`, `fax`, `cell`, `call` and the like.",
        r"\b(?:tel|telephone|phone|ph|fax|cell|mobile|mob|pager|beeper|landline|hotline|call|callback"
        r"|contact|dial|reached at"
        r"|text)\b\.?(?: (?:him|her|them|me|us|back|number|no\.?|num|#|is|at|on|the|office|clinic|home|work|cell|if))*"
        r"[ \t]*[:#(]{0,2}[ \t]*(\+?[0-9(][0-9() .-]{5,18}[0-9]" + EXTENSION + r")\b",
        ("tel", "ph", "fax", "cell", "mob", "pager", "beeper", "line", "call", "contact", "dial", "reached", "text"),
        lambda text, start, stop: len(DIGITS.findall(text[start:stop])) > 5,  # noqa: PLR2004
    ),
    Pattern(
        "contact.network",
        Kind.CONTACT,
        "An address on a network (IPv4).",
        r"(?:^|[^0-9A-Za-z.])([0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}(?:/[0-9]{1,2})?)\b",
        (".",),
        octets,
    ),
    Pattern(
        "contact.network-6",
        Kind.CONTACT,
        "An address on a network (IPv6), or of a device (MAC).",
        r"(?:^|[^0-9A-Za-z:])((?:[0-9a-f]{1,4}:){1,7}(?::[0-9a-f]{1,4}){1,6}|(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}|(?:[0-9a-f]{1,4}:){2,7}:"
        r"|(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2})(?:/[0-9]{1,3})?\b",
        (":", "-"),
        has_digit_or_letter_f,
    ),
    Pattern(
        "contact.coordinates",
        Kind.LOCATION,
        "Degrees of latitude and longitude.",
        r"(-?[0-9]{1,2}\.[0-9]{3,}) ?[NS]?[,;/ ]{1,3}(-?[0-9]{1,3}\.[0-9]{3,})\b",
        (".",),
    ),
)
