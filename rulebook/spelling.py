r"""Writes pattern trees as RE2 expressions.

RE2's word boundary `\b` knows only ASCII, so boundaries are resolved here, from the characters that can be on both
sides. If a side can be a word character or not, ASCII text is matched with RE2's `\b`. For other text, each way in
which the pattern can reach the boundary is written out, together with all that follows.
"""

from rulebook import byte_sets
from rulebook.byte_sets import NEVER, WORDS
from rulebook.edges import ANYTHING, Edges, is_of_one_kind
from rulebook.expressions import avoiding, choice, sequence
from rulebook.syntax import (
    END,
    ONE,
    Node,
    Nodes,
    UnsupportedError,
    has_assertion,
    is_nullable,
    is_zero_width,
    op,
)
from rulebook.ways import beginnings, endings

TIMES = {"0,1": "?", "0,": "*", "1,": "+"}


class Speller:
    """Writes expressions for pure ASCII text (`is_ascii`), or for any text.

    `is_loose`: leave out what RE2 cannot express. The expression then matches at least what the pattern matches.
    """

    def __init__(self, edges: Edges, *, is_ascii: bool, is_loose: bool) -> None:
        self.edges = edges
        self.is_ascii = is_ascii
        self.is_loose = is_loose

    def spell(self, nodes: Nodes, before: int = ANYTHING, after: int = ANYTHING) -> bytes:
        """Write the nodes as an RE2 expression. `before`, `after`: the bytes that can come before and after them.

        Assertions next to an END become a condition on the text that must follow.

        Raises:
            UnsupportedError: RE2 cannot express an assertion in the nodes.
        """
        if not has_assertion(nodes):
            return b"".join(self._spell(node, ANYTHING, ANYTHING) for node in nodes)
        spelled: list[bytes] = []
        for place, node in enumerate(nodes):
            end = _end_of(nodes[place:])
            if end is not None:
                conditions = [one for one in nodes[place:] if one[0] is not END]
                return sequence([*spelled, end, self._following(conditions, before)])
            rest = nodes[place + 1 :]
            whole = self._whole(node, before, rest, after)
            if whole is None:
                ways = _ways_on(node, rest, self.edges)
                return sequence([*spelled, choice(self.spell(way, before, after) for way in ways)])
            spelled.append(whole)
            before = self.edges.last([node], before)
        return sequence(spelled)

    def _whole(self, node: Node, before: int, rest: Nodes, after: int) -> bytes | None:
        """Write the node as one expression; None if it must be split into alternatives, each with all that follows."""
        is_open = not self.is_ascii and _sees_boundary(rest) and not is_of_one_kind(self.edges.last([node], before))
        if is_open and _ways_on(node, rest, self.edges):
            return None
        try:
            return self._spell(node, before, self.edges.first(rest, after))
        except UnsupportedError:
            if _ways_on(node, rest, self.edges):
                return None
            raise

    def _spell(self, node: Node, before: int, after: int) -> bytes:
        code, value = node
        if code in ONE:
            return byte_sets.bracket(self.edges.bytes_of(node))
        if code is op.AT:
            return self._boundary(before, after)
        if code is op.BRANCH:
            return choice(self.spell(branch, before, after) for branch in value[1])
        if code in (op.MAX_REPEAT, op.MIN_REPEAT):
            return self._repeat(node, before, after)
        if code in (op.ASSERT, op.ASSERT_NOT) and self.is_loose:
            return b""
        raise UnsupportedError(f"{code} within")

    def _repeat(self, node: Node, before: int, after: int) -> bytes:
        code, (least, most, body) = node
        if most != 1:
            if is_nullable(body) and not self.is_loose:
                raise UnsupportedError("a repeat of nothing")
            before, after = before | self.edges.last(body, 0), after | self.edges.first(body, 0)
        count = f"{least},{'' if most is op.MAXREPEAT else most}"
        times = TIMES.get(count, f"{{{count}}}") + ("?" if code is op.MIN_REPEAT else "")
        return b"(?:" + self.spell(body, before, after) + b")" + times.encode()

    def _boundary(self, before: int, after: int) -> bytes:
        if is_of_one_kind(before) and is_of_one_kind(after):
            return b"" if bool(before & WORDS) != bool(after & WORDS) else NEVER
        return self._undecided()

    def _undecided(self) -> bytes:
        if self.is_ascii:
            return rb"\b"
        if self.is_loose:
            return b""
        raise UnsupportedError("a boundary between who knows what")

    def _following(self, conditions: Nodes, ending: int) -> bytes:
        """Write what must follow a match that ends with one of the bytes `ending`. The expression consumes it."""
        allowed, ahead, barred, spelled = ANYTHING, list[Nodes](), list[list[int]](), b""
        for place, (code, value) in enumerate(conditions):
            if code is op.BRANCH:
                others = conditions[:place], conditions[place + 1 :]
                return choice(self._following([*others[0], *branch, *others[1]], ending) for branch in value[1])
            if code is op.AT and not is_of_one_kind(ending):
                spelled += self._undecided()
            elif code is op.AT:
                allowed &= WORDS if not ending & WORDS else ANYTHING & ~WORDS
            elif code is op.ASSERT_NOT and value[0] > 0 and all(kind in ONE for kind, _ in value[1]):
                barred.append([self.edges.bytes_of(node) for node in value[1]])
            elif code is op.ASSERT and value[0] > 0 and not ahead:
                ahead.append(value[1])
            elif not self.is_loose:
                raise UnsupportedError("too much behind a match")
        if not ahead:
            return sequence([spelled, avoiding(barred, allowed)])
        if barred and not self.is_loose:
            raise UnsupportedError("too much behind a match")
        return sequence([spelled, self._ahead(ahead[0], allowed, ending)])

    def _ahead(self, nodes: Nodes, allowed: int, ending: int) -> bytes:
        """Write a positive lookahead whose first byte must be in `allowed`."""
        if nodes and nodes[0][0] is op.BRANCH:
            return choice(self._ahead([*one, *nodes[1:]], allowed, ending) for one in nodes[0][1][1])
        if is_nullable(nodes) and not self.is_loose:
            raise UnsupportedError("nothing ahead")
        if is_nullable(nodes):
            return b""
        first = self.edges.first(nodes, 0)
        if not first & allowed:
            return NEVER
        if first & ~allowed and not self.is_loose:
            raise UnsupportedError("a first byte that may not be")
        return self.spell([*nodes, (END, b"")], ending)


def _end_of(nodes: Nodes) -> bytes | None:
    """Return what to write for the END in the nodes; None if there is no END or a node takes characters."""
    if not all(map(is_zero_width, nodes)):
        return None
    return next((value for code, value in nodes if code is END), None)


def _ways_on(node: Node, rest: Nodes, edges: Edges) -> list[Nodes]:
    """Return the alternatives from the node on: its own, or if it is zero-width, those of the next node that is not."""
    place = 0
    nodes = [node, *rest]
    while place < len(nodes) - 1 and is_zero_width(nodes[place]):
        place += 1
    options = (beginnings if place else endings)(nodes[place], edges)
    return [[*nodes[:place], *option, *nodes[place + 1 :]] for option in options]


def _sees_boundary(rest: Nodes) -> bool:
    """Whether a word boundary, or an assertion that contains one, can be tested where `rest` begins."""
    for node in rest:
        code, value = node
        if code is op.AT or (code in (op.ASSERT, op.ASSERT_NOT) and has_assertion(value[1])):
            return True
        if not is_zero_width(node) or code is op.BRANCH:
            if has_assertion([node]):
                return True
            if not is_nullable([node]):
                return False
    return False
