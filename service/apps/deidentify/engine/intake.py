"""Decides what is accepted as a note. Text that is no note is refused, with an error that says what it looks like.

The rules look for words. In text that was read in a wrong encoding, or that has control characters between its letters,
they find none, and the note would come back unmasked.
"""

import codecs
import re
import unicodedata

from service.apps.deidentify.errors import NoteRefusedError

# The order matters: the mark of UTF-32LE begins with that of UTF-16LE.
_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32LE"),
    (codecs.BOM_UTF32_BE, "UTF-32BE"),
    (codecs.BOM_UTF16_LE, "UTF-16LE"),
    (codecs.BOM_UTF16_BE, "UTF-16BE"),
)
# Which of four consecutive bytes are zero if most letters are ASCII.
_ZEROS = {
    (False, True, True, True): "UTF-32LE",
    (True, True, True, False): "UTF-32BE",
    (False, True, False, True): "UTF-16LE",
    (True, False, True, False): "UTF-16BE",
}
_SAMPLE = 4096  # bytes or characters that are examined to recognize an encoding

_CONTROLS = (
    "\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f"  # all but tab and the ends of lines and pages (U+0009 to U+000D, U+0085)
)
_SURROGATES = "\ud800-\udfff"
_NONCHARACTERS = "\ufdd0-\ufdef" + "".join(chr(last - 1) + chr(last) for last in range(0xFFFF, 0x110000, 0x10000))
_TAGGED = frozenset(map(chr, (0xE0001, *range(0xE0020, 0xE0080))))  # tag characters: invisible copies of ASCII
_OVERRIDE = "\u202e"  # people read the text after it from right to left, but the rules read from left to right
_STRANGE = re.compile(f"[{_CONTROLS}{_SURROGATES}{_NONCHARACTERS}{''.join(sorted(_TAGGED))}{_OVERRIDE}]")
# The only use of tag characters: the flags of England, Scotland and Wales (Unicode Technical Standard 51, annex C).
_FLAG = re.compile(
    "\U0001f3f4(?:{})\U000e007f".format(
        "|".join("".join(chr(0xE0000 + ord(letter)) for letter in region) for region in ("gbeng", "gbsct", "gbwls"))
    )
)
# For the OpenAPI document (ECMA-262): text of the basic plane, without the characters that are refused.
PATTERN = r"^[\u0009-\u000D\u0020-\u007E\u0085\u00A0-\u202D\u202F-\uD7FF\uE000-\uFDCF\uFDF0-\uFFFD]*$"
_AWAY = "Take it out, and send the note again."


def text_of(data: bytes) -> str:
    """Decode a note from UTF-8, without a leading byte order mark.

    Raises:
        NoteRefusedError: the bytes are not UTF-8, or the text has characters that no note has.
    """
    try:
        text = data.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError:  # not chained: it contains the note
        raise NoteRefusedError(
            other_encoding(data) or f"This is not UTF-8. If it is Windows-1252, {_convert('WINDOWS-1252')}"
        ) from None
    check(text)
    return text


def size_of(text: str) -> int:
    """Return the size of a note in bytes of UTF-8.

    Raises:
        NoteRefusedError: the text has characters that no note has.
    """
    check(text)
    return len(text.encode())


def check(text: str) -> None:
    """Check that text can be a note.

    Raises:
        NoteRefusedError: the text has characters that no note has.
    """
    found = _strange(text)
    if found in _TAGGED:
        found = _strange(_FLAG.sub("", text))
    if found:
        raise NoteRefusedError(_refusal(text, found))


def _strange(text: str) -> str:
    """Return the character with the lowest code point that no note has; empty if there is none."""
    return min(_STRANGE.findall("".join(set(text))), default="")  # a set: 100 kB take 1 ms instead of 25 ms


def other_encoding(data: bytes) -> str | None:
    """Return a sentence that names the encoding if the bytes look like UTF-16 or UTF-32; else None."""
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
    """Return the bytes of text that was decoded as UTF-8 or Latin-1 by mistake."""
    return text[:_SAMPLE].removeprefix("\ufeff").encode("latin-1", "replace")
