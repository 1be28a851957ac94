"""The ways in which a part of a pattern can match, in the order in which `re` tries them."""

from service.apps.deidentify.engine.patterns.alphabet import WORDS
from service.apps.deidentify.engine.patterns.edges import Edges, is_of_one_kind
from service.apps.deidentify.engine.patterns.syntax import BYTES, ONE, Node, Nodes, has_assertion, is_nullable, op

UNROLLED = 4  # repeats up to here are written out


def endings(node: Node, edges: Edges) -> list[Nodes]:
    """Sequences that together match what the node matches, told apart by how they end; none where that cannot be."""
    code, (least, most, body) = node if node[0] is op.MAX_REPEAT else (None, (0, 0, []))
    if code is None or (most is not op.MAXREPEAT and most <= UNROLLED):
        return _few(node, edges)
    if has_assertion(body) or not edges.begins_apart(body):
        return []
    return [[_fewer(node), *body], *([[]] if least == 0 else [])]


def beginnings(node: Node, edges: Edges) -> list[Nodes]:
    """The same, told apart by how they begin."""
    code, (least, most, body) = node if node[0] is op.MAX_REPEAT else (None, (0, 0, []))
    if code is None or (most is not op.MAXREPEAT and most <= UNROLLED):
        return _few(node, edges)
    if has_assertion(body) or is_nullable(body):
        return []
    return [[*body, _fewer(node)], *([[]] if least == 0 else [])]


def _fewer(repeat: Node) -> Node:
    """What is left of a repeat when one is taken away."""
    code, (least, most, body) = repeat
    return (code, (max(least - 1, 0), most if most is op.MAXREPEAT else most - 1, body))


def _few(node: Node, edges: Edges) -> list[Nodes]:
    """The ways of what has but a few."""
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
    """A character that may be of a word or not, as two that are one or the other."""
    return [] if is_of_one_kind(bits) else [[(BYTES, bits & WORDS)], [(BYTES, bits & ~WORDS)]]
