"""Decides which encodings files may have, and explains decoding errors."""

import codecs

from service.apps.deidentify.engine.intake import other_encoding

UTF8 = "utf-8"
# All of ASCII, and the ASCII sequences that have another meaning in ISO 2022, HZ, UTF-7 and IDNA.
_ASCII = bytes(range(128)) + b"\x1b$B!!\x1b(B ~{!!~} +AMk- .xn--zo-jka"


def known(name: str) -> str | None:
    """Return Python's name of an encoding; None if there is no such encoding, or it does not include ASCII.

    Files are split at the bytes of commas, quotes and line ends, so these bytes must mean these characters.
    """
    try:
        usual = codecs.lookup(name.strip()).name
        if usual.endswith("escape"):  # Python's codecs for escapes in source code
            return None
        text = _ASCII.decode(usual)
    except (LookupError, UnicodeError, ValueError):
        return None
    return usual.removesuffix("-sig") if text == _ASCII.decode("ascii") else None


def problem_with(raw: bytes, error: UnicodeDecodeError, encoding: str, *, line: int = 1) -> str:
    """Explain at which line and byte text does not have the encoding, and what to do. `line`: where `raw` begins.

    The message quotes no more of the text than the wrong byte.
    """
    if other := other_encoding(raw):
        return other
    before = raw[: error.start]
    number, byte = line + before.count(b"\n"), error.start - before.rfind(b"\n")
    way = "If it is Windows-1252, use --encoding cp1252." if encoding == UTF8 else "Use another --encoding."
    return f"Line {number}, byte {byte} (0x{raw[error.start]:02X}) is not in {encoding}. {way}"
