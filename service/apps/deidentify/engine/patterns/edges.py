"""Which bytes a part of a pattern takes, and which it can begin and end with. Sets of bytes are `int` bit masks."""

from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from operator import or_

from service.apps.deidentify.engine.patterns import alphabet
from service.apps.deidentify.engine.patterns.alphabet import ALL, EDGE
from service.apps.deidentify.engine.patterns.syntax import (
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
    op.CATEGORY_DIGIT: alphabet.DIGITS,
    op.CATEGORY_SPACE: alphabet.SPACES,
    op.CATEGORY_WORD: alphabet.WORDS,
    op.CATEGORY_NOT_DIGIT: ALL & ~alphabet.DIGITS,
    op.CATEGORY_NOT_SPACE: ALL & ~alphabet.SPACES,
    op.CATEGORY_NOT_WORD: ALL & ~alphabet.WORDS,
}
ANYTHING = ALL | EDGE


class Edges:
    """Looks at trees, minding case or not."""

    def __init__(self, *, ignore_case: bool) -> None:
        self.ignore_case = ignore_case

    def bytes_of(self, node: Node) -> int:
        """The bytes that a one-character node takes.

        Raises:
            UnsupportedError: it names a character beyond ASCII, or is no such node.
        """
        code, value = node
        if code is BYTES:
            return int(value)
        if code is op.ANY:
            return ALL & ~alphabet.NEWLINE
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
                bits |= alphabet.mask(range(low, high + 1))
        return alphabet.both_cases(bits) if self.ignore_case else bits

    def first(self, nodes: Sequence[Node], following: int) -> int:
        """The bytes it can begin with; `following`: those after it, EDGE for the end of the text."""
        for place, (code, value) in enumerate(nodes):
            if code is op.ASSERT and value[0] > 0:
                return self._edge(nodes[:place], self.first(value[1], ANYTHING), self.first)
        return self._edge(nodes, following, self.first)

    def last(self, nodes: Sequence[Node], preceding: int) -> int:
        """The bytes it can end with; `preceding`: those before it, EDGE for the beginning of the text."""
        return self._edge(reversed(nodes), preceding, self.last)

    def _edge(self, nodes: Iterable[Node], beyond: int, inner: Callable[[Sequence[Node], int], int]) -> int:
        """Walk from one side as far as what was passed can be nothing."""
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
        """All bytes that it can take."""
        return union(
            union(map(self.inside, parts)) if (parts := within(node)) else self.bytes_of(node)
            for node in nodes
            if not is_zero_width(node)
        )

    def begins_apart(self, nodes: Nodes) -> bool:
        """Whether its first character can stand nowhere else in it: then repeats of it can be cut in one way only."""
        return nodes[0][0] in ONE and not self.bytes_of(nodes[0]) & self.inside(nodes[1:])


def union(sets: Iterable[int]) -> int:
    """All bytes of these sets."""
    return reduce(or_, sets, 0)


def is_of_one_kind(bits: int) -> bool:
    """Whether all of these are of words, or none is: then a boundary at its side is decided."""
    return not bits & ~alphabet.WORDS or not bits & alphabet.WORDS
