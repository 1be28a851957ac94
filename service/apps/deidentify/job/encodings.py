"""In which encodings files may be, and what is said where one is not in the encoding that it should be in."""

import codecs

from service.apps.deidentify.engine.intake import other_encoding

UTF8 = "utf-8"
# All of ASCII, and what other encodings write with it: ISO 2022, HZ, UTF-7, IDNA.
_ASCII = bytes(range(128)) + b"\x1b$B!!\x1b(B ~{!!~} +AMk- .xn--zo-jka"


def known(name: str) -> str | None:
    """The usual name of an encoding; None where there is none, or where ASCII is not ASCII in it.

    Files are taken apart at commas, quotes and ends of lines as bytes, which must mean these characters.
    """
    try:
        usual = codecs.lookup(name.strip()).name
        if usual.endswith("escape"):  # Python's own, for programs
            return None
        text = _ASCII.decode(usual)
    except (LookupError, UnicodeError, ValueError):
        return None
    return usual.removesuffix("-sig") if text == _ASCII.decode("ascii") else None


def problem_with(raw: bytes, error: UnicodeDecodeError, encoding: str, *, line: int = 1) -> str:
    """Say at which line and byte the text is not in this encoding, and what to do. `line`: that `raw` begins in.

    Nothing of the text is quoted, but the byte that is wrong.
    """
    if other := other_encoding(raw):
        return other
    before = raw[: error.start]
    number, byte = line + before.count(b"\n"), error.start - before.rfind(b"\n")
    way = "If it is Windows-1252, use --encoding cp1252." if encoding == UTF8 else "Use another --encoding."
    return f"Line {number}, byte {byte} (0x{raw[error.start]:02X}) is not in {encoding}. {way}"
