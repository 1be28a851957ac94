"""Translates what a pattern demands of the text before its match. What RE2 cannot express is left to `re`."""

import re
from collections.abc import Sequence

from rulebook import byte_sets
from rulebook.byte_sets import ALL, WORDS
from rulebook.edges import ANYTHING, is_of_one_kind
from rulebook.spelling import Speller
from rulebook.syntax import ONE, Node, Nodes, has_assertion, is_zero_width, op
from rulebook.unparse import unparse
from service.apps.deidentify.engine.patterns.programs import Bar


def lead(head: Nodes, first: int, speller: Speller) -> tuple[bytes, int, Nodes]:
    """Return an RE2 expression for the text before the match, its width in bytes, and the assertions it leaves out.

    `head`: the assertions that the pattern begins with. `first`: the bytes that the match can begin with.
    """
    wanted = behind(head)
    if wanted:
        spelled = Speller(speller.edges, is_ascii=False, is_loose=True).spell(wanted, ANYTHING, first)
        is_said = not has_assertion(wanted)
        return spelled, _width(wanted), [node for node in head if not (is_said and _is_behind(node, wanted))]
    left = [node for node in head if node[0] is not op.AT]
    if len(left) == len(head) or not is_of_one_kind(first):
        return b"", 0, head
    if not first & ~WORDS:
        return b"(?:\\A|" + byte_sets.bracket(ALL & ~WORDS) + b")", 1, left
    return byte_sets.bracket(WORDS), 1, left


def behind(head: Sequence[Node]) -> Nodes:
    """Return the content of the first positive lookbehind in a head; empty if there is none."""
    return next((value[1] for code, value in head if code is op.ASSERT and value[0] < 0), [])


def _is_behind(node: Node, wanted: Nodes) -> bool:
    code, value = node
    return code is op.ASSERT and bool(value[0] < 0) and bool(value[1] == wanted)


def _width(nodes: Sequence[Node]) -> int:
    """Return the width of a lookbehind in characters. `re` has checked that the width is fixed."""
    total = 0
    for code, value in nodes:
        if code is op.BRANCH:
            total += _width(value[1][0])
        elif code in (op.MAX_REPEAT, op.MIN_REPEAT):
            total += value[0] * _width(value[2])
        elif not is_zero_width((code, value)):
            total += 1
    return total


def bars(node: Node, flags: int) -> tuple[Bar, ...]:
    r"""Return the bars of a negative lookahead past a run of any length, such as `(?!.*X)` or `(?!\d+X)`.

    Returns nothing for any other node.
    """
    code, value = node
    if code is not op.ASSERT_NOT:
        return ()
    nodes = value[1]
    choices = list(nodes[0][1][1]) if nodes[0][0] is op.BRANCH and len(nodes) == 1 else [nodes]
    if not all(choice and _is_run(choice[0]) for choice in choices):
        return ()
    return tuple(_bar(choice, flags) for choice in choices)


def _is_run(node: Node) -> bool:
    """Whether the node repeats one character without limit, from zero or one times on."""
    code, value = node
    if code is not op.MAX_REPEAT or value[0] > 1 or value[1] is not op.MAXREPEAT:
        return False
    return [kind in ONE for kind, _ in value[2]] == [True]


def _bar(nodes: Nodes, flags: int) -> Bar:
    (_, (least, _, one)), rest = nodes[0], nodes[1:]
    kind = unparse(one)
    return Bar(least, re.compile(f"{kind}{{{least},}}?(?={unparse(rest)})", flags), re.compile(f"{kind}*+", flags))
