"""Tests of which text is accepted as a note, and of what a refusal says."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.apps.deidentify.engine.intake import check, other_encoding, size_of, text_of
from service.apps.deidentify.errors import NoteRefusedError

NOTE = "John Smith 555-123-4567"
ENCODINGS = ["UTF-16LE", "UTF-16BE", "UTF-32LE", "UTF-32BE"]


def refusal(given: str | bytes) -> str:
    """Check that the input is refused, and return the message. It must not quote the note."""
    with pytest.raises(NoteRefusedError) as raised:
        check(given) if isinstance(given, str) else text_of(given)
    assert "John" not in raised.value.detail
    return raised.value.detail


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["no mark", "byte order mark"])
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("note", [NOTE, "Müller saw José.\r\n", "J" * 10_000], ids=["ASCII", "accents", "long"])
def test_bytes_of_another_encoding(encoding: str, mark: str, note: str) -> None:
    """The refusal names the encoding, and says how to convert it."""
    data = (mark + note).encode(encoding)

    assert refusal(data) == (
        f"This looks like {encoding}, and not like UTF-8: convert it first, for example with "
        f"`iconv -f {encoding} -t UTF-8`."
    )
    assert other_encoding(data) == refusal(data)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("wrong", ["utf-8", "latin-1"])
def test_text_that_was_read_in_a_wrong_encoding(encoding: str, wrong: str) -> None:
    """A client that misread UTF-16 sends U+0000 between letters. The refusal names the original encoding."""
    assert refusal(NOTE.encode(encoding).decode(wrong)).startswith(f"This looks like {encoding}, ")


def test_windows_1252() -> None:
    """A note in Windows-1252 is refused with advice, both as bytes and as text that was read as Latin-1."""
    data = "Seen by O\u2019Brien".encode("cp1252")

    assert refusal(data).endswith("for example with `iconv -f WINDOWS-1252 -t UTF-8`.")
    assert "Windows-1252 that was read as Latin-1" in refusal(data.decode("latin-1"))


@pytest.mark.parametrize(
    ("strange", "says"),
    [
        ("\x01", "a control character (U+0001)"),
        ("\x08", "a control character (U+0008)"),
        ("\x0e", "a control character (U+000E)"),
        ("\x1b", "a control character (U+001B)"),
        ("\x1c", "a control character (U+001C)"),
        ("\x7f", "a control character (U+007F)"),
        ("\x80", "a control character (U+0080)"),
        ("\x9f", "a control character (U+009F)"),
        ("\ud800", "a lone surrogate"),
        ("\udfff", "U+D800 to U+DFFF"),
        ("\ufdd0", "a noncharacter (U+FDD0)"),
        ("\ufffe", "a noncharacter (U+FFFE)"),
        ("\uffff", "a noncharacter (U+FFFF)"),
        ("\U0010ffff", "a noncharacter (U+10FFFF)"),
        ("\u202e", "shows the text behind it in reverse"),
        ("\U000e0041", "an invisible character (U+E0041)"),
        ("\U000e0001", "an invisible character (U+E0001)"),
    ],
)
def test_what_no_note_has(strange: str, says: str) -> None:
    """Such a character is refused anywhere in a note, and the refusal says what it is."""
    for text in (strange, strange.join(NOTE), NOTE + strange, strange + NOTE):
        assert says in refusal(text)


def test_zeros_that_are_no_encodings() -> None:
    """U+0000 is refused as a control character if the text does not look like another encoding."""
    for text in ("\0", "John\0", "\0\0" + NOTE, NOTE + "\0" * 4):
        assert "a control character (U+0000)" in refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("a\tb\r\nc\x0bd\x0ce\x85f\u2028g", id="tabs, ends of lines and pages"),
        pytest.param("5\u00a0mg, O\u2019Brien \u2013 \u201cso\u201d", id="typography"),
        pytest.param(
            "\ufeffJo\u00adhn \u200bSm\u2060ith \u200e\u202a\u2066x\u2069\u202c", id="invisible, of web pages"
        ),
        pytest.param("\U0001f469\u200d\u2695\ufe0f \U0001f1e9\U0001f1ea", id="emoji with joiners"),
        pytest.param(
            "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", id="the flag of England"
        ),
        pytest.param("Nu\u0301n\u0303ez", id="accents of their own"),
        pytest.param("\uf0b7 item, \ufffd", id="a bullet of Word's, and what could not be read"),
        pytest.param("张伟 Иван שלום مرحبا", id="scripts"),
    ],
)
def test_what_notes_have(text: str) -> None:
    """Such text is accepted, and its size is in bytes of UTF-8."""
    assert size_of(text) == len(text.encode())
    assert text_of(text.removeprefix("\ufeff").encode()) == text.removeprefix("\ufeff")


def test_a_flag_does_not_let_other_tags_in() -> None:
    """Tag characters can hide text, so they are accepted only in the three flags that need them."""
    england = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
    john = "\U0001f3f4\U000e006a\U000e006f\U000e0068\U000e006e\U000e007f"

    assert "an invisible character" in refusal(england + john)
    assert "an invisible character" in refusal(england + "\U000e006a")
    assert "a control character (U+0001)" in refusal(england + "\x01")


def test_a_byte_order_mark() -> None:
    """A leading byte order mark of UTF-8 is not part of the note. Any others are."""
    assert text_of(b"\xef\xbb\xbfJohn") == "John"
    assert text_of(b"\xef\xbb\xbf") == ""
    assert text_of("\ufeff\ufeffJohn\ufeff".encode()) == "\ufeffJohn\ufeff"


@given(st.text())
@example("\0")
def test_text_of_bytes_and_text_are_judged_alike(text: str) -> None:
    """Text is accepted or refused alike, whether it comes as text or as bytes."""

    def judged(given: str | bytes) -> str:
        try:
            size_of(given) if isinstance(given, str) else text_of(given)
        except NoteRefusedError as error:
            return error.detail
        return ""

    assert judged(text) == judged(text.encode())


@given(st.binary())
def test_any_bytes_are_taken_or_refused(data: bytes) -> None:
    """Random bytes are decoded unchanged or refused. No other error is raised."""
    try:
        text = text_of(data)
    except NoteRefusedError:
        return
    assert text.encode() == data.removeprefix(b"\xef\xbb\xbf")
