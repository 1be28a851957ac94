r"""Python patterns as trees, and what can be told of them: which bytes they begin and end with, and their RE2 spelling.

Assertions about neighbours (`\b`) are decided here where the neighbours are known, since RE2's own knows only ASCII.
The trees are `re`'s own; what of them is not handled raises UnsupportedError, and the caller finds a safe way round.
"""

import re
from collections.abc import Iterable, Sequence
from re import _constants as op  # type: ignore[attr-defined]  # private, and the only reader of `re`'s syntax there is
from re import _parser  # type: ignore[attr-defined]  # likewise
from typing import Any, Literal

from service.deidentify import alphabet
from service.deidentify.alphabet import ALL, EDGE, NEVER, WORDS

Node = tuple[Any, Any]
Nodes = list[Node]

CATEGORIES = {
    op.CATEGORY_DIGIT: alphabet.DIGITS,
    op.CATEGORY_SPACE: alphabet.SPACES,
    op.CATEGORY_WORD: alphabet.WORDS,
    op.CATEGORY_NOT_DIGIT: ALL & ~alphabet.DIGITS,
    op.CATEGORY_NOT_SPACE: ALL & ~alphabet.SPACES,
    op.CATEGORY_NOT_WORD: ALL & ~alphabet.WORDS,
}
ANYTHING = ALL | EDGE
BYTES = "bytes"  # a kind of node of our own: one character, by its set of bytes
ONE = (op.LITERAL, op.NOT_LITERAL, op.IN, op.ANY, BYTES)


class UnsupportedError(Exception):
    """This part of a pattern has no exact spelling in RE2."""


def parse(pattern: "re.Pattern[str]") -> Nodes:
    """The tree of a compiled pattern, groups that only group dissolved."""
    if pattern.flags & ~(re.IGNORECASE | re.UNICODE):
        raise UnsupportedError(f"flags {pattern.flags}")
    return flat(_parser.parse(pattern.pattern))


def flat(nodes: Sequence[Node]) -> Nodes:
    """The sequence with its groups dissolved."""
    result: Nodes = []
    for code, value in nodes:
        if code is op.SUBPATTERN:
            group_flags = value[1] | value[2]
            if group_flags:
                raise UnsupportedError("flags of a group")
            result.extend(flat(value[3]))
        else:
            result.append((code, value))
    return result


def is_zero_width(node: Node) -> bool:
    """Whether it matches nothing but a place."""
    code, value = node
    if code in (op.AT, op.ASSERT, op.ASSERT_NOT):
        return True
    return code is op.BRANCH and all(all(map(is_zero_width, flat(branch))) for branch in value[1])


def has_assertion(nodes: Sequence[Node], *, boundaries: bool = False) -> bool:
    r"""Whether a lookaround, or with `boundaries` also a `\b`, stands anywhere in it."""
    for code, value in flat(nodes):
        if code in (op.ASSERT, op.ASSERT_NOT) or (boundaries and code is op.AT):
            return True
        if code is op.BRANCH and any(has_assertion(branch, boundaries=boundaries) for branch in value[1]):
            return True
        if code in (op.MAX_REPEAT, op.MIN_REPEAT) and has_assertion(value[2], boundaries=boundaries):
            return True
    return False


class Speller:
    r"""Spells trees in RE2 and tells their edges, minding case or not.

    `manner`: `exact` for any text, `ascii` for text of ASCII only (RE2's own `\b` will do), or `loose`: what cannot
    be spelled is left out, so that it takes at least what the pattern takes.
    """

    def __init__(self, *, ignore_case: bool, manner: Literal["exact", "ascii", "loose"]) -> None:
        self.ignore_case = ignore_case
        self.manner = manner

    def bytes_of(self, node: Node) -> int:
        """The bytes that a one-character node takes."""
        code, value = node
        if code is BYTES:
            return int(value)
        if code is op.ANY:
            return ALL & ~alphabet.NEWLINE
        if code is op.LITERAL:
            return self._cased(alphabet.mask([ascii_only(value)]))
        if code is op.NOT_LITERAL:
            return ALL & ~self._cased(alphabet.mask([ascii_only(value)]))
        if code is not op.IN:
            raise UnsupportedError(str(code))
        bits, negated = 0, False
        for item, argument in value:
            if item is op.NEGATE:
                negated = True
            elif item is op.LITERAL:
                bits |= alphabet.mask([ascii_only(argument)])
            elif item is op.RANGE:
                bits |= alphabet.mask(range(ascii_only(argument[0]), ascii_only(argument[1]) + 1))
            else:
                bits |= CATEGORIES[argument]
        bits = self._cased(bits)
        return ALL & ~bits if negated else bits

    def _cased(self, bits: int) -> int:
        return alphabet.both_cases(bits) if self.ignore_case else bits

    def first(self, nodes: Sequence[Node], following: int) -> int:
        """The bytes it can begin with; `following`: those after it, EDGE for the end of the text."""
        bits = 0
        for node in flat(nodes):
            code, value = node
            if is_zero_width(node):
                continue
            if code is op.BRANCH:
                bits |= self._union(self.first(branch, 0) for branch in value[1])
                if any(map(is_nullable, value[1])):
                    continue
                return bits
            if code in (op.MAX_REPEAT, op.MIN_REPEAT):
                bits |= self.first(value[2], 0)
                if value[0] == 0 or is_nullable(value[2]):
                    continue
                return bits
            return bits | self.bytes_of(node)
        return bits | following

    def last(self, nodes: Sequence[Node], preceding: int) -> int:
        """The bytes it can end with; `preceding`: those before it."""
        bits = 0
        for node in reversed(flat(nodes)):
            code, value = node
            if is_zero_width(node):
                continue
            if code is op.BRANCH:
                bits |= self._union(self.last(branch, 0) for branch in value[1])
                if any(map(is_nullable, value[1])):
                    continue
                return bits
            if code in (op.MAX_REPEAT, op.MIN_REPEAT):
                bits |= self.last(value[2], 0)
                if value[0] == 0 or is_nullable(value[2]):
                    continue
                return bits
            return bits | self.bytes_of(node)
        return bits | preceding

    def inside(self, nodes: Sequence[Node]) -> int:
        """All bytes that it can take."""
        bits = 0
        for node in flat(nodes):
            code, value = node
            if is_zero_width(node):
                continue
            if code is op.BRANCH:
                bits |= self._union(self.inside(branch) for branch in value[1])
            elif code in (op.MAX_REPEAT, op.MIN_REPEAT):
                bits |= self.inside(value[2])
            else:
                bits |= self.bytes_of(node)
        return bits

    def begins_apart(self, nodes: Sequence[Node]) -> bool:
        """Whether its first character can stand nowhere else in it: then repeats of it can be cut in one way only."""
        nodes = flat(nodes)
        return nodes[0][0] in ONE and not self.bytes_of(nodes[0]) & self.inside(nodes[1:])

    @staticmethod
    def _union(sets: Iterable[int]) -> int:
        bits = 0
        for one in sets:
            bits |= one
        return bits

    def spell(self, nodes: Sequence[Node], before: int = ANYTHING, after: int = ANYTHING) -> bytes:
        """The sequence in RE2; `before` and `after`: what its neighbours can be.

        Raises:
            UnsupportedError: an assertion within depends on what RE2 cannot know.
        """
        nodes = flat(nodes)
        spelled = b""
        for place, node in enumerate(nodes):
            at_boundary = place + 1 < len(nodes) and nodes[place + 1][0] is op.AT
            if node[0] in ONE and not at_boundary:
                spelled += alphabet.bracket(self.bytes_of(node))
                continue
            previous = self.last(nodes[:place], before)
            following = self.first(nodes[place + 1 :], after)
            if at_boundary and node[0] in ONE and not following & ~WORDS:
                nodes[place] = (BYTES, self.bytes_of(node) & ~WORDS)
            spelled += self._spell(nodes[place], previous, following)
        return spelled

    def _spell(self, node: Node, before: int, after: int) -> bytes:
        code, value = node
        if code is op.AT:
            return self._boundary(value, before, after)
        if code in (op.ASSERT, op.ASSERT_NOT):
            if self.manner == "loose":
                return b""
            raise UnsupportedError("a lookaround within")
        if code is op.BRANCH:
            return b"(?:" + b"|".join(self.spell(branch, before, after) for branch in value[1]) + b")"
        if code in (op.MAX_REPEAT, op.MIN_REPEAT):
            least, most, body = value
            if most != 1 and is_nullable(body):
                raise UnsupportedError("a repeat of nothing")
            inner = (
                self.spell(body, before | self.last(body, 0), after | self.first(body, 0))
                if most != 1
                else self.spell(body, before, after)
            )
            count = "" if most is op.MAXREPEAT else str(most)
            times = {(0, 1): "?", (0, ""): "*", (1, ""): "+"}.get(
                (least, 1 if count == "1" else count), f"{{{least},{count}}}"
            )
            return b"(?:" + inner + b")" + times.encode() + (b"?" if code is op.MIN_REPEAT else b"")
        return alphabet.bracket(self.bytes_of(node))

    def _boundary(self, kind: object, before: int, after: int) -> bytes:
        if kind is not op.AT_BOUNDARY:
            raise UnsupportedError(str(kind))
        pure = [not side & ~WORDS or not side & WORDS for side in (before, after)]
        if all(pure):
            return b"" if bool(before & WORDS) != bool(after & WORDS) else NEVER
        return self.boundary()

    def boundary(self) -> bytes:
        """A boundary whose neighbours are not known. Raises UnsupportedError where that has no exact spelling."""
        if self.manner == "exact":
            raise UnsupportedError("a boundary between who knows what")
        return b"" if self.manner == "loose" else rb"\b"


def ascii_only(code: int) -> int:
    """The code of an ASCII character. Raises UnsupportedError for others."""
    if code >= 0x80:  # noqa: PLR2004 - ASCII
        raise UnsupportedError("a character beyond ASCII")
    return code


def is_nullable(nodes: Sequence[Node]) -> bool:
    """Whether it can match without taking a character."""
    for node in flat(nodes):
        code, value = node
        if is_zero_width(node):
            continue
        if code is op.BRANCH and any(map(is_nullable, value[1])):
            continue
        if code in (op.MAX_REPEAT, op.MIN_REPEAT) and (value[0] == 0 or is_nullable(value[2])):
            continue
        return False
    return True
