"""An RE2 expression that searches bytes.

RE2's Python package makes a generator and a match object for each search. For the short searches of a note they take
more time than RE2 itself, so that RE2 is called below them (google-re2 1.1, `re2/__init__.py`, `_Regexp._match`).
"""

from collections.abc import Iterator, Sequence

import re2

Span = tuple[int, int]

ANYWHERE = re2._Anchor.UNANCHORED  # noqa: SLF001 - see above


class Expression:
    """Compiled for bytes in Latin-1; a byte is a character. `groups`: how many there are."""

    def __init__(self, pattern: bytes, *, minds_case: bool = True) -> None:
        options = re2.Options()
        options.encoding = re2.Options.Encoding.LATIN1
        options.log_errors = False
        options.case_sensitive = minds_case
        compiled = re2.compile(pattern, options)
        self.groups: int = compiled.groups
        self._match = compiled._regexp.Match  # noqa: SLF001 - see above

    def search(self, data: bytes, start: int) -> Sequence[Span] | None:
        """Where the match and its groups stand that begins first, at `start` or later; a group without a part at -1."""
        stop = len(data)
        spans: Sequence[Span] = self._match(ANYWHERE, data, min(max(start, 0), stop), stop)
        return spans if spans[0][0] >= 0 else None

    def finditer(self, data: bytes) -> Iterator[Sequence[Span]]:
        """All matches, likewise, in the order of the text."""
        place, stop = 0, len(data)
        while True:
            spans: Sequence[Span] = self._match(ANYWHERE, data, place, stop)
            begin, end = spans[0]
            if begin < 0:
                return
            yield spans
            if place == stop:
                return
            place = end if end > place else place + 1
