"""Finds which bytes part of a pattern can contain, begin with and end with. Sets of bytes are `int` bit masks."""

from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from operator import or_

from rulebook import byte_sets
from rulebook.byte_sets import ALL, EDGE
from rulebook.syntax import (
    BYTES,
    ONE,
    Node,
    Nodes,
    UnsupportedError,
    is_nullable,
    is_zero_width,
    op,
    within,
)

CATEGORIES = {
    op.CATEGORY_DIGIT: byte_sets.DIGITS,
    op.CATEGORY_SPACE: byte_sets.SPACES,
    op.CATEGORY_WORD: byte_sets.WORDS,
    op.CATEGORY_NOT_DIGIT: ALL & ~byte_sets.DIGITS,
    op.CATEGORY_NOT_SPACE: ALL & ~byte_sets.SPACES,
    op.CATEGORY_NOT_WORD: ALL & ~byte_sets.WORDS,
}
ANYTHING = ALL | EDGE


class Edges:
    """Computes sets of bytes for pattern trees. With `ignore_case`, a letter counts in both cases."""

    def __init__(self, *, ignore_case: bool) -> None:
        self.ignore_case = ignore_case

    def bytes_of(self, node: Node) -> int:
        """Return the bytes that a one-character node matches.

        Raises:
            UnsupportedError: the node names a non-ASCII character, or does not match exactly one character.
        """
        code, value = node
        if code is BYTES:
            return int(value)
        if code is op.ANY:
            return ALL & ~byte_sets.NEWLINE
        if code is op.LITERAL:
            return self._of_items([node])
        if code is op.NOT_LITERAL:
            return ALL & ~self._of_items([(op.LITERAL, value)])
        if code is not op.IN:
            raise UnsupportedError(str(code))
        if value[0][0] is op.NEGATE:
            return ALL & ~self._of_items(value[1:])
        return self._of_items(value)

    def _of_items(self, items: Sequence[Node]) -> int:
        bits = 0
        for item, argument in items:
            if item is op.CATEGORY:
                bits |= CATEGORIES[argument]
            else:
                low, high = argument if item is op.RANGE else (argument, argument)
                if high >= 0x80:  # noqa: PLR2004 - ASCII
                    raise UnsupportedError("a character beyond ASCII")
                bits |= byte_sets.mask(range(low, high + 1))
        return byte_sets.both_cases(bits) if self.ignore_case else bits

    def first(self, nodes: Sequence[Node], following: int) -> int:
        """Return the bytes that a match can begin with.

        `following`: the bytes that can come after the match, with EDGE if the text can end there. They count where the
        match can be empty.
        """
        for place, (code, value) in enumerate(nodes):
            if code is op.ASSERT and value[0] > 0:
                return self._edge(nodes[:place], self.first(value[1], ANYTHING), self.first)
        return self._edge(nodes, following, self.first)

    def last(self, nodes: Sequence[Node], preceding: int) -> int:
        """Return the bytes that a match can end with.

        `preceding`: the bytes that can come before the match, with EDGE if the text can begin there. They count where
        the match can be empty.
        """
        return self._edge(reversed(nodes), preceding, self.last)

    def _edge(self, nodes: Iterable[Node], beyond: int, inner: Callable[[Sequence[Node], int], int]) -> int:
        """Collect bytes from one side, up to the first node that cannot be empty."""
        bits = 0
        for node in nodes:
            if is_zero_width(node):
                continue
            parts = within(node)
            bits |= union(inner(part, 0) for part in parts) if parts else self.bytes_of(node)
            if not is_nullable([node]):
                return bits
        return bits | beyond

    def inside(self, nodes: Sequence[Node]) -> int:
        """Return all bytes that a match can contain."""
        return union(
            union(map(self.inside, parts)) if (parts := within(node)) else self.bytes_of(node)
            for node in nodes
            if not is_zero_width(node)
        )

    def begins_apart(self, nodes: Nodes) -> bool:
        """Whether the first character of a match cannot occur in the rest of it.

        If so, a text can be divided into repeats of the match in only one way.
        """
        return nodes[0][0] in ONE and not self.bytes_of(nodes[0]) & self.inside(nodes[1:])


def union(sets: Iterable[int]) -> int:
    """Return the union of the sets."""
    return reduce(or_, sets, 0)


def is_of_one_kind(bits: int) -> bool:
    """Whether all of the bytes are word characters, or none is.

    If this holds on both sides of a word boundary, whether it matches is known in advance.
    """
    return not bits & ~byte_sets.WORDS or not bits & byte_sets.WORDS
