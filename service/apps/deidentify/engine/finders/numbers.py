"""Numbers that are identifiers by their own form: groups of digits, check digits, codes of devices."""

import re

from service.apps.deidentify.engine.finders.pattern import Pattern
from service.apps.deidentify.engine.rules import Kind

NOT_DIGITS = re.compile(r"[^0-9]")
CARD_LENGTHS = range(13, 20)
NHS_LENGTH = 10
MODULUS_NHS = 11
MODULUS_IBAN = 97
MANY = 2
TRIAL = re.compile(r"NCT[0-9]{8}", re.IGNORECASE)  # a registered trial, which many take part in


def digits(text: str, start: int, stop: int) -> str:
    """The digits of a part of the text."""
    return NOT_DIGITS.sub("", text[start:stop])


def luhn(text: str, start: int, stop: int) -> bool:
    """Whether the check digit is that of a card (ISO/IEC 7812-1)."""
    number = digits(text, start, stop)
    total = sum(
        sum(divmod(2 * int(digit), 10)) if place % 2 else int(digit) for place, digit in enumerate(reversed(number))
    )
    return len(number) in CARD_LENGTHS and total % 10 == 0 and len(set(number)) > 1


def iban(text: str, start: int, stop: int) -> bool:
    """Whether the check digits are those of a bank account (ISO 13616)."""
    number = text[start:stop].replace(" ", "").upper()
    turned = number[4:] + number[:4]
    return int("".join(str(int(character, 36)) for character in turned)) % MODULUS_IBAN == 1


def nhs(text: str, start: int, stop: int) -> bool:
    """Whether the check digit is that of a patient of the National Health Service."""
    number = digits(text, start, stop)
    total = sum(weight * int(digit) for weight, digit in zip(range(10, 1, -1), number, strict=False))
    return len(number) == NHS_LENGTH and (MODULUS_NHS - total % MODULUS_NHS) % MODULUS_NHS == int(number[-1])


def stands_alone(text: str, start: int, stop: int) -> bool:
    """Whether no decimal number goes on at either side."""
    return text[start - 1 : start] not in (".", "/", "%") and not re.match(r"[.,/%][0-9]", text[stop : stop + 2])


def mixed(text: str, start: int, stop: int) -> bool:
    """Whether a code has letters and digits."""
    part = text[start:stop]
    return any(map(str.isdigit, part)) and any(map(str.isalpha, part))


PATTERNS = (
    Pattern(
        "id.social-security",
        Kind.ID,
        "A number of the form 123-45-6789.",
        r"\b([0-9]{3}[- ][0-9]{2}[- ][0-9]{4}|(?:xxx|\*\*\*)-(?:xx|\*\*)-[0-9]{4})\b",
        ("-", " "),
        stands_alone,
    ),
    Pattern(
        "id.card",
        Kind.ID,
        "The number of a payment card, by its check digit.",
        r"\b([0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{1,7}|[0-9]{4}[ -]?[0-9]{6}[ -]?[0-9]{5})\b",
        (),
        luhn,
    ),
    Pattern(
        "id.bank-account",
        Kind.ID,
        "An international bank account number, by its check digits.",
        r"\b([A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?)\b",
        (),
        iban,
    ),
    Pattern(
        "id.nhs-number",
        Kind.ID,
        "A number of the National Health Service, by its check digit.",
        r"\b([0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{4})\b",
        (),
        nhs,
    ),
    Pattern(
        "id.groups",
        Kind.ID,
        "Digits in groups of three or four: `2345 6789 0123`, `123 456 7890`.",
        r"\b([0-9]{4} [0-9]{4} [0-9]{4}(?: [0-9]{3,4})?|[0-9]{3} [0-9]{3} [0-9]{4}|[12] [0-9]{2} "
        r"[0-9]{2} [0-9]{2} [0-9]{3} [0-9]{3}(?: [0-9]{2})?"
        r"|[A-Z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]|[0-9]{2} [0-9]{2} [0-9]{2} [0-9]{2} [0-9]{2})\b",
        (" ",),
        stands_alone,
    ),
    Pattern(
        "id.medicare-australia",
        Kind.ID,
        "A Medicare number of Australia, with its last digits: `Medicare 2428 77813 2 / 1`.",
        r"\b(?:medicare|mcn)(?: (?:card|id|no|number))*[.:#]?[ \t]*([2-6][0-9]{3} [0-9]{5} [0-9](?: ?[-/]? ?[1-9])?)\b",
        ("medicare", "mcn"),
        stands_alone,
    ),
    Pattern(
        "id.hyphens",
        Kind.ID,
        "Letters and digits in groups, also joined by hyphens.",
        r"\b([A-Z]{1,4}-?[0-9]{4,}(?:-[A-Z0-9]{1,6})*|[A-Z0-9]{2,6}-[0-9]{3,}-[A-Z0-9]{2,}|[0-9]{4,}-[A-Z0-9]{2,}(?:-[A-Z0-9]+)*|[0-9]{3,4}-[0-9]{3,4}-[A-Z0-9-]+)\b",
        (),
        lambda text, start, stop: mixed(text, start, stop) and not TRIAL.fullmatch(text, start, stop),
    ),
    Pattern(
        "id.hash",
        Kind.ID,
        "Two numbers with a hyphen behind a number sign: `EEG #23-0871`.",
        r"\#[ \t:]{0,2}((?:[A-Z]{1,3}-?)?[0-9]{2,4}-[0-9]{2,6})\b",
        ("#",),
        lambda text, start, stop: len(digits(text, start, stop)) > 4 and stands_alone(text, start, stop),  # noqa: PLR2004
    ),
    Pattern(
        "id.vehicle",
        Kind.ID,
        "The number of a vehicle: 17 letters and digits.",
        r"\b([A-HJ-NPR-Z0-9]{17})\b",
        (),
        lambda text, start, stop: len(digits(text, start, stop)) > MANY and mixed(text, start, stop),
    ),
    Pattern(
        "id.uuid",
        Kind.ID,
        "A UUID, or a long hexadecimal number.",
        r"\b([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{24,64})\b",
        (),
        lambda text, start, stop: len(digits(text, start, stop)) > MANY,
    ),
)
