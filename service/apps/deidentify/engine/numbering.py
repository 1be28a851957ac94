"""Makes numbers consistent over a batch. Its notes are numbered by several engines, each note from 1.

An engine sends digests of the names that it numbered. A batch never holds the names, and its key for the digests is
lost when the batch ends.
"""

import secrets
from dataclasses import replace

from service.apps.deidentify.engine.engine import Result
from service.apps.deidentify.engine.rules import Kind
from service.apps.deidentify.engine.spans import Span
from service.apps.deidentify.errors import TooManyNamesError

LIMIT = 200_000  # names; some 30 MB


class BatchNumbering:
    """The numbers of one batch, for `limit` names at most. `key`: for the digests (`Numbering.names`)."""

    def __init__(self, *, limit: int = LIMIT) -> None:
        self.key = secrets.token_bytes(32)
        self._limit = limit
        self._numbers: dict[Kind, dict[bytes, int]] = {}

    def renumbered(self, result: Result) -> Result:
        """Replace the note's own numbers in a result by the batch's. Call this in the order of the batch.

        Raises:
            TooManyNamesError: the batch has more names than the limit.
        """
        numbers = {kind: [self._number(kind, name) for name in names] for kind, names in result.names.items()}
        if not numbers:
            return result
        parts: list[str] = []
        placed: list[Span] = []
        last = length = 0
        for span in result.spans:
            new = _renumbered(result.text[span.out_start : span.out_end], span.type, numbers.get(span.type, []))
            parts += [result.text[last : span.out_start], new]
            start = length + span.out_start - last
            length, last = start + len(new), span.out_end
            placed.append(replace(span, out_start=start, out_end=length))
        return replace(result, text="".join([*parts, result.text[last:]]), spans=tuple(placed), names={})

    def _number(self, kind: Kind, name: str) -> int:
        known = self._numbers.setdefault(kind, {})
        digest = bytes.fromhex(name)
        if digest not in known and sum(map(len, self._numbers.values())) >= self._limit:
            raise TooManyNamesError(self._limit)
        return known.setdefault(digest, len(known) + 1)


def _renumbered(written: str, kind: Kind, numbers: list[int]) -> str:
    """Replace the 2 of `[NAME_2]` by the second of the numbers. Anything else stays, such as a shifted date."""
    number = written.removeprefix(f"[{kind}_").removesuffix("]")
    is_ours = written == f"[{kind}_{number}]" and number.isdecimal()
    return f"[{kind}_{numbers[int(number) - 1]}]" if is_ours else written
