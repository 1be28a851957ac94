"""Splits part of a pattern into alternatives, in the order in which `re` tries them."""

from rulebook.byte_sets import WORDS
from rulebook.edges import Edges, is_of_one_kind
from rulebook.syntax import BYTES, ONE, Node, Nodes, has_assertion, is_nullable, op

UNROLLED = 4  # repetitions; a repeat with no more is written out


def endings(node: Node, edges: Edges) -> list[Nodes]:
    """Split a node into alternatives that together match what it matches and differ in how they end.

    Returns nothing if the node cannot be split.
    """
    code, (least, most, body) = node if node[0] is op.MAX_REPEAT else (None, (0, 0, []))
    if code is None or (most is not op.MAXREPEAT and most <= UNROLLED):
        return _few(node, edges)
    if has_assertion(body) or not edges.begins_apart(body):
        return []
    return [[_fewer(node), *body], *([[]] if least == 0 else [])]


def beginnings(node: Node, edges: Edges) -> list[Nodes]:
    """Split a node as `endings` does, into alternatives that differ in how they begin."""
    code, (least, most, body) = node if node[0] is op.MAX_REPEAT else (None, (0, 0, []))
    if code is None or (most is not op.MAXREPEAT and most <= UNROLLED):
        return _few(node, edges)
    if has_assertion(body) or is_nullable(body):
        return []
    return [[*body, _fewer(node)], *([[]] if least == 0 else [])]


def _fewer(repeat: Node) -> Node:
    """Return the repeat with one repetition less."""
    code, (least, most, body) = repeat
    return (code, (max(least - 1, 0), most if most is op.MAXREPEAT else most - 1, body))


def _few(node: Node, edges: Edges) -> list[Nodes]:
    """Split a node that has few alternatives; nothing if it is none of the kinds that can be split."""
    code, value = node
    if code is op.BRANCH:
        return list(value[1])
    if code is op.MIN_REPEAT and value[:2] == (0, 1):
        return [[], value[2]]
    if code is op.MAX_REPEAT:
        return _unrolled(*value)
    return _by_kind(edges.bytes_of(node)) if code in ONE else []


def _unrolled(least: int, most: int, body: Nodes) -> list[Nodes]:
    if most == 1:
        return [body, []] if least == 0 else [body]
    more: Nodes = []
    for _ in range(most - least):
        more = [(op.MAX_REPEAT, (0, 1, [*body, *more]))]
    return [[*(body * least), *more]]


def _by_kind(bits: int) -> list[Nodes]:
    """Split a set of bytes into its word characters and the rest; nothing if it has only one kind."""
    return [] if is_of_one_kind(bits) else [[(BYTES, bits & WORDS)], [(BYTES, bits & ~WORDS)]]
