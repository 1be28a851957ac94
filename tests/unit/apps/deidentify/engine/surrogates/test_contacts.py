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
        ("+1-617-234-5678", r"\+1-[2-9]\d\d-555-\d{4}"),
        ("1 (617) 234-5678", r"1 \([2-9]\d\d\) 555-\d{4}"),
        ("16172345678", r"1[2-9]\d\d555\d{4}"),
        ("617-234-5678 ext. 12", r"[2-9]\d\d-555-\d{4} ext\. \d\d"),
        ("617) 234-5678 x9", r"[2-9]\d\d\) 555-\d{4} x\d"),
        ("https://host.org:8080/a?b=c", r"https://[a-z]+\.example\.org"),
        ("http://10.0.0.1/x", r"http://[a-z]+\.example\.org"),
        ("http://[2001:db8::1]:80/", r"http://[a-z]+\.example\.org"),
        ("FTP://files.host.org/x", r"FTP://[a-z]+\.example\.org"),
        ("host.org:8080", r"[a-z]+\.example\.org"),
        ("www.host.org:8080/x", r"www\.[a-z]+\.example\.org"),
        ("10.1.0.0/16", r"10\.\d+\.\d+\.\d+/16"),
        ("fe80::dead:beef", r"[0-9a-f]{4}::[0-9a-f]{4}:[0-9a-f]{4}"),
        ("00:1A:2B:3C:4D:5E", r"([0-9A-F]{2}:){5}[0-9A-F]{2}"),
        ("roe1234567890", r"(?!roe)[a-z]{3}\d{10}"),
    ],
)
def test_a_contact(part: str, form: str) -> None:
    """Exchanges, domains and networks are such as nobody has."""
    new = contact(part, SECRET)

    assert re.fullmatch(form, new or "")
    assert new != part


@pytest.mark.parametrize("part", ["jane at example dot org", "jane[at]example[dot]org", "gopher://localhost"])
def test_what_is_told_in_words(part: str) -> None:
    """Has no stand-in: other letters would make no words."""
    assert contact(part, SECRET) is None


def test_the_same_number_in_other_punctuation() -> None:
    """Stands in alike."""
    parts = ("(617) 234-5678", "617.234.5678", "+1 617 234 5678", "617-234-5678 x9")
    digits = [re.sub(r"\D", "", contact(part, SECRET) or "") for part in parts]

    assert {digits[1], digits[2].removeprefix("1"), digits[3][:-1]} == {digits[0]}
    assert identifier("123-45-6789", SECRET).replace("-", "") == identifier("123 45 6789", SECRET).replace(" ", "")
