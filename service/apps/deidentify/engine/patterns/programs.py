"""From a Python pattern to programs that RE2 runs: the same matches, in time that grows with the text alone.

A pattern is taken apart at its front into branches, tried in their order at each place. A branch is what stands
before the match (`lead`), the match, an empty group where it ends, and what must follow. What RE2 cannot say at the
front (lookbehinds, negative lookaheads: `check`, `bars`) is asked at each place that RE2 found. A branch whose inside
has such things is spelled loosely, and the whole pattern decides (`verify`).
"""

import re
from dataclasses import dataclass

from service.apps.deidentify.engine.patterns.alphabet import EDGE
from service.apps.deidentify.engine.patterns.edges import ANYTHING, Edges
from service.apps.deidentify.engine.patterns.lead import Bar, bars, behind, lead
from service.apps.deidentify.engine.patterns.spelling import Speller
from service.apps.deidentify.engine.patterns.syntax import (
    END,
    Nodes,
    UnsupportedError,
    has_assertion,
    is_nullable,
    is_zero_width,
    op,
)
from service.apps.deidentify.engine.patterns.unparse import unparse
from service.apps.deidentify.engine.patterns.ways import beginnings


@dataclass(frozen=True, slots=True)
class Branch:
    """One way to match.

    `program`: RE2; group 1 is where the match begins, the next group that took part is where it ends.

    `lead`: how many bytes before the match the program may begin. `check`: a zero-width pattern that must hold where
    the match begins. `bars`: what must not follow after a run. `verify`: what decides, where `program` is loose.
    """

    program: bytes
    lead: int
    check: "re.Pattern[str] | None"
    bars: tuple[Bar, ...]
    verify: "re.Pattern[str] | None"


@dataclass(frozen=True, slots=True)
class Programs:
    """The branches of a pattern, in the order in which `re` tries them: for text of ASCII only, and for any."""

    ascii: tuple[Branch, ...]
    any: tuple[Branch, ...]


def programs(pattern: "re.Pattern[str]", tree: Nodes) -> Programs:
    """The programs of a pattern, of which `tree` is the tree.

    Raises:
        UnsupportedError: it cannot be said in RE2 at all.
    """
    if is_nullable(tree):
        raise UnsupportedError("a match of nothing")
    edges = Edges(ignore_case=bool(pattern.flags & re.IGNORECASE))
    split = _split(tree, edges)
    return Programs(
        *(tuple(_spelled(nodes, edges, pattern, is_ascii=is_ascii) for nodes in split) for is_ascii in (True, False))
    )


def _spelled(nodes: Nodes, edges: Edges, pattern: "re.Pattern[str]", *, is_ascii: bool) -> Branch:
    """Exactly, where that can be."""
    try:
        return _branch(nodes, Speller(edges, is_ascii=is_ascii, is_loose=False), None)
    except UnsupportedError:
        return _branch(nodes, Speller(edges, is_ascii=is_ascii, is_loose=True), pattern)


def _split(nodes: Nodes, edges: Edges) -> list[Nodes]:
    """Take apart what has assertions at the front; the order is that of trying."""
    place = next((place for place, node in enumerate(nodes) if not is_zero_width(node) or node[0] is op.BRANCH), None)
    if place is None:
        raise UnsupportedError("no match of its own")
    options = beginnings(nodes[place], edges) if has_assertion([nodes[place]]) else []
    if not options:
        return [nodes]
    return [split for option in options for split in _split(nodes[:place] + option + nodes[place + 1 :], edges)]


def _branch(nodes: Nodes, speller: Speller, verify: "re.Pattern[str] | None") -> Branch:
    head_size = next(place for place, node in enumerate(nodes) if not is_zero_width(node))
    head, body = nodes[:head_size], nodes[head_size:]
    spelled, width, left = lead(head, speller.edges.first(body, EDGE), speller)
    before = speller.edges.last(behind(head), ANYTHING) if behind(head) else ANYTHING
    boundaries = [node for node in left if node[0] is op.AT] if behind(head) or speller.is_ascii else []
    program = spelled + b"()" + speller.spell([*boundaries, *body, (END, b"()")], before)
    if verify:
        return Branch(program, width, None, (), verify)
    flags = re.IGNORECASE if speller.edges.ignore_case else 0
    left = [node for node in left if node not in boundaries]
    barred = tuple(bar for node in left for bar in bars(node, flags))
    check = [node for node in left if not bars(node, flags)]
    return Branch(program, width, re.compile(unparse(check), flags) if check else None, barred, None)
