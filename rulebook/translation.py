"""Translates a Python pattern into RE2 programs with the same matches, which run in time linear in the text.

A pattern is split at its front into branches, which are tried in order at each position. A branch consists of what
comes before the match (`lead`), the match, an empty group where the match ends, and what must follow. Lookbehinds and
negative lookaheads at the front that RE2 cannot express (`check`, `bars`) are tested at each position that RE2 finds.
A branch with such assertions inside is translated loosely, and the original pattern decides on each match (`verify`).
"""

import re

from rulebook.byte_sets import EDGE
from rulebook.edges import ANYTHING, Edges
from rulebook.lead import bars, behind, lead
from rulebook.literals import needed
from rulebook.spelling import Speller
from rulebook.syntax import (
    END,
    Nodes,
    UnsupportedError,
    has_assertion,
    is_nullable,
    is_zero_width,
    op,
    parse,
)
from rulebook.unparse import unparse
from rulebook.ways import beginnings
from service.apps.deidentify.engine.patterns.programs import Branch, Programs


def programs(pattern: "re.Pattern[str]") -> Programs:
    """Translate a pattern.

    Raises:
        UnsupportedError: the pattern cannot be expressed in RE2, or can match the empty string.
    """
    tree = parse(pattern)
    if is_nullable(tree):
        raise UnsupportedError("a match of nothing")
    edges = Edges(ignore_case=bool(pattern.flags & re.IGNORECASE))
    split = _split(tree, edges)
    return Programs(
        tuple(_spelled(nodes, edges, pattern, is_ascii=True) for nodes in split),
        tuple(_spelled(nodes, edges, pattern, is_ascii=False) for nodes in split),
        needed(tree),
        bool(pattern.flags & re.IGNORECASE),
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
