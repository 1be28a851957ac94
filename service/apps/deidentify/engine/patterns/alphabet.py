"""Encodes text as one byte per character, so that RE2 works on bytes and its offsets are those of the text.

An ASCII character is its own byte. philter-lite's patterns name no other characters, so every other character is
encoded as its class, as Python's `re` sees it: space (`str.isspace`), digit (`str.isdecimal`), letter or number
(`str.isalnum`), or none of these.
"""

OTHER, SPACE, DIGIT, WORD = 0x80, 0x81, 0x82, 0x83

# Characters that `re.IGNORECASE` matches with an ASCII letter: long s, Kelvin sign, dotted I, dotless i.
LIKE_ASCII = {0x17F: "s", 0x212A: "k", 0x130: "i", 0x131: "i"}


class Kinds(dict[int, str]):
    """A table for `str.translate` that maps characters to their bytes.

    It is filled as characters are looked up. Use one per text, so that it stays small.
    """

    def __missing__(self, code: int) -> str:
        character = chr(code)
        if code < 0x80:  # noqa: PLR2004 - ASCII
            kind = character
        elif character.isspace():
            kind = chr(SPACE)
        elif character.isdecimal():
            kind = chr(DIGIT)
        elif character.isalnum():
            kind = chr(WORD)
        else:
            kind = chr(OTHER)
        self[code] = kind
        return kind


def encode(text: str) -> tuple[bytes, bytes]:
    """Encode the text for case-sensitive and for case-insensitive patterns.

    The two results differ only if the text has one of the characters in LIKE_ASCII.
    """
    if text.isascii():
        same = text.encode("ascii")
        return same, same
    minding = text.translate(Kinds()).encode("latin-1")
    if not any(chr(code) in text for code in LIKE_ASCII):
        return minding, minding
    return minding, text.translate(Kinds(LIKE_ASCII)).encode("latin-1")
