"""Translates a Python pattern into RE2 programs with the same matches, which run in time linear in the text.

A pattern is split at its front into branches, which are tried in order at each position. A branch consists of what
comes before the match (`lead`), the match, an empty group where the match ends, and what must follow. Lookbehinds and
negative lookaheads at the front that RE2 cannot express (`check`, `bars`) are tested at each position that RE2 finds.
A branch with such assertions inside is translated loosely, and the original pattern decides on each match (`verify`).
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
    """One branch of a pattern.

    `program`: an RE2 expression. Group 1 marks the beginning of the match, and the next group that takes part marks
    its end.

    `lead`: how many bytes before the match the program may begin. `check`: a zero-width pattern that must match where
    the match begins. `bars`: what must not follow after a run. `verify`: the original pattern, if `program` is loose.
    """

    program: bytes
    lead: int
    check: "re.Pattern[str] | None"
    bars: tuple[Bar, ...]
    verify: "re.Pattern[str] | None"


@dataclass(frozen=True, slots=True)
class Programs:
    """The branches of a pattern, in the order in which `re` tries them: for pure ASCII text, and for any text."""

    ascii: tuple[Branch, ...]
    any: tuple[Branch, ...]


def programs(pattern: "re.Pattern[str]", tree: Nodes) -> Programs:
    """Translate a pattern. `tree`: what `syntax.parse` returns for it.

    Raises:
        UnsupportedError: the pattern cannot be expressed in RE2, or can match the empty string.
    """
    if is_nullable(tree):
        raise UnsupportedError("a match of nothing")
    edges = Edges(ignore_case=bool(pattern.flags & re.IGNORECASE))
    split = _split(tree, edges)
    return Programs(
        *(tuple(_spelled(nodes, edges, pattern, is_ascii=is_ascii) for nodes in split) for is_ascii in (True, False))
    )


def _spelled(nodes: Nodes, edges: Edges, pattern: "re.Pattern[str]", *, is_ascii: bool) -> Branch:
    """Translate a branch exactly if possible, else loosely."""
    try:
        return _branch(nodes, Speller(edges, is_ascii=is_ascii, is_loose=False), None)
    except UnsupportedError:
        return _branch(nodes, Speller(edges, is_ascii=is_ascii, is_loose=True), pattern)


def _split(nodes: Nodes, edges: Edges) -> list[Nodes]:
    """Split nodes with assertions at their front into branches, in the order in which `re` tries them."""
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
