"""How philter-lite cuts a note into the words that its lists and its tagger see."""

import re

PIECES = re.compile(r"[A-Za-z0-9]+|\s+|[^A-Za-z0-9\s]+")


def pieces(text: str) -> list[str]:
    """Words, runs of white space and runs of anything else, which read as spaces; they join to the text's length."""
    return [
        piece if (piece[0].isalnum() and piece[0].isascii()) or piece.isspace() else " " * len(piece)
        for piece in PIECES.findall(text)
    ]
