"""Encodings that files may be in."""

import pytest

from service.apps.deidentify.job.encodings import known, problem_with


@pytest.mark.parametrize(
    ("name", "usual"),
    [
        ("utf-8", "utf-8"),
        ("UTF8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("cp1252", "cp1252"),
        ("windows-1252", "cp1252"),
        ("latin-1", "iso8859-1"),
        ("shift_jis", "shift_jis"),
        ("utf-16", None),
        ("utf-7", None),
        ("iso2022_jp", None),
        ("hz", None),
        ("cp037", None),
        ("base64", None),
        ("idna", None),
        ("punycode", None),
        ("unicode_escape", None),
        ("raw_unicode_escape", None),
        ("no such", None),
        ("", None),
    ],
)
def test_encodings(name: str, usual: str | None) -> None:
    """Are those in which a comma is a comma, wherever it stands."""
    assert known(name) == usual


def test_what_is_in_another() -> None:
    """Is told by line and byte, counted from 1, with nothing of the text but this byte."""
    raw = "Zebulon\nZoë".encode("cp1252")
    with pytest.raises(UnicodeDecodeError) as error:
        raw.decode()

    said = problem_with(raw, error.value, "utf-8", line=7)
    assert said == "Line 8, byte 3 (0xEB) is not in utf-8. If it is Windows-1252, use --encoding cp1252."
