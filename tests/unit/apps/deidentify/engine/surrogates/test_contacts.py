"""Numbers and addresses keep their form, and lead nowhere."""

import re

import pytest

from service.apps.deidentify.engine.surrogates.contacts import contact, identifier

SECRET = b"s" * 32


@pytest.mark.parametrize(
    ("part", "form"),
    [
        ("(617) 555-0199", r"\([2-9]\d\d\) 555-\d{4}"),
        ("617.234.5678", r"[2-9]\d\d\.555\.\d{4}"),
        ("+44 20 7946 0958", r"\+\d\d \d\d \d{4} \d{4}"),
        ("john.smith@gmail.com", r"[a-z]+\.[a-z]+\d+@example\.org"),
        ("https://www.smith.org/john?x=1", r"https://www\.[a-z]+\.example\.org"),
        ("203.0.113.9", r"10\.\d+\.\d+\.\d+"),
        ("@jsmith", r"@[a-z]{6}"),
    ],
)
def test_a_contact(part: str, form: str) -> None:
    """Exchanges, domains and networks are such as nobody has."""
    new = contact(part, SECRET)

    assert re.fullmatch(form, new)
    assert new != part


def test_the_same_number_in_other_punctuation() -> None:
    """Stands in alike."""
    digits = [re.sub(r"\D", "", contact(part, SECRET)) for part in ("(617) 234-5678", "617.234.5678")]

    assert digits[0] == digits[1]
    assert identifier("123-45-6789", SECRET).replace("-", "") == identifier("123 45 6789", SECRET).replace(" ", "")
