"""Decides what is taken as a note. What no note has is refused, and the refusal says what it looks like.

The rules look for words. In text of another encoding, or with control characters between its letters, they find none,
and the note would come back as it is.
"""

import codecs
import re
import unicodedata

from service.apps.deidentify.errors import NoteRefusedError

# In this order, for UTF-32LE begins as UTF-16LE does.
_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32LE"),
    (codecs.BOM_UTF32_BE, "UTF-32BE"),
    (codecs.BOM_UTF16_LE, "UTF-16LE"),
    (codecs.BOM_UTF16_BE, "UTF-16BE"),
)
# Of four bytes in a row, those that are zero where most letters are of ASCII.
_ZEROS = {
    (False, True, True, True): "UTF-32LE",
    (True, True, True, False): "UTF-32BE",
    (False, True, False, True): "UTF-16LE",
    (True, False, True, False): "UTF-16BE",
}
_SAMPLE = 4096  # bytes or characters that are looked at to tell an encoding

_CONTROLS = (
    "\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f"  # all but tab and what ends lines and pages (U+0009 to U+000D, U+0085)
)
_SURROGATES = "\ud800-\udfff"
_NONCHARACTERS = "\ufdd0-\ufdef" + "".join(chr(last - 1) + chr(last) for last in range(0xFFFF, 0x110000, 0x10000))
_TAGGED = frozenset(map(chr, (0xE0001, *range(0xE0020, 0xE0080))))  # ASCII that nobody sees
_OVERRIDE = "\u202e"  # people read what follows from right to left, and the rules from left to right
_STRANGE = re.compile(f"[{_CONTROLS}{_SURROGATES}{_NONCHARACTERS}{''.join(sorted(_TAGGED))}{_OVERRIDE}]")
# The only use of tags: the flags of England, Scotland and Wales (Unicode Technical Standard 51, annex C).
_FLAG = re.compile(
    "\U0001f3f4(?:{})\U000e007f".format(
        "|".join("".join(chr(0xE0000 + ord(letter)) for letter in region) for region in ("gbeng", "gbsct", "gbwls"))
    )
)
# For the OpenAPI document (ECMA-262): text of the planes that notes are written in, without what is refused there.
PATTERN = r"^[\u0009-\u000D\u0020-\u007E\u0085\u00A0-\u202D\u202F-\uD7FF\uE000-\uFDCF\uFDF0-\uFFFD]*$"
_AWAY = "Take it out, and send the note again."


def text_of(data: bytes) -> str:
    """The note in these bytes of UTF-8, without a byte order mark before it.

    Raises:
        NoteRefusedError: it is not UTF-8, or no note has such text.
    """
    try:
        text = data.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError:  # it holds the note
        raise NoteRefusedError(
            other_encoding(data) or f"This is not UTF-8. If it is Windows-1252, {_convert('WINDOWS-1252')}"
        ) from None
    check(text)
    return text


def size_of(text: str) -> int:
    """How many bytes of UTF-8 a note has.

    Raises:
        NoteRefusedError: no note has such text.
    """
    check(text)
    return len(text.encode())


def check(text: str) -> None:
    """Accept text that a note may have.

    Raises:
        NoteRefusedError: no note has such text.
    """
    found = _strange(text)
    if found in _TAGGED:
        found = _strange(_FLAG.sub("", text))
    if found:
        raise NoteRefusedError(_refusal(text, found))


def _strange(text: str) -> str:
    """The first, by its number, of the characters that no note has; empty where there is none."""
    return min(_STRANGE.findall("".join(set(text))), default="")  # of a set: 100 kB take 1 ms and not 25


def other_encoding(data: bytes) -> str | None:
    """A sentence that says which encoding bytes are in, where they look like UTF-16 or UTF-32; else None."""
    name = next((name for mark, name in _MARKS if data.startswith(mark)), None) or _by_zeros(data)
    return f"This looks like {name}, and not like UTF-8: {_convert(name)}" if name else None


def _by_zeros(data: bytes) -> str | None:
    sample = data[:_SAMPLE]
    first, second, third, fourth = (2 * part.count(0) > len(part) for part in (sample[place::4] for place in range(4)))
    return _ZEROS.get((first, second, third, fourth))


def _convert(name: str) -> str:
    return f"convert it first, for example with `iconv -f {name} -t UTF-8`."


def _refusal(text: str, character: str) -> str:
    code = f"U+{ord(character):04X}"
    if character == "\0" and (sentence := other_encoding(_as_bytes(text))):
        return sentence
    if unicodedata.category(character) == "Cs":
        return NoteRefusedError.default
    if "\x80" <= character <= "\x9f":
        what, way = (
            f"a control character ({code})",
            "It looks like Windows-1252 that was read as Latin-1: read it anew.",
        )
    elif unicodedata.category(character) == "Cc":
        what, way = f"a control character ({code})", _AWAY
    elif character == _OVERRIDE:
        what, way = f"a character ({code}) that shows the text behind it in reverse", _AWAY
    elif character in _TAGGED:
        what, way = f"an invisible character ({code})", _AWAY
    else:
        what, way = f"a noncharacter ({code})", "It may have been read in a wrong encoding: read it anew."
    return f"This has {what}, which no note has. {way}"


def _as_bytes(text: str) -> bytes:
    """The bytes that somebody has taken for UTF-8, or for Latin-1."""
    return text[:_SAMPLE].removeprefix("\ufeff").encode("latin-1", "replace")
