"""From a Python pattern to programs that RE2 runs: the same matches, in time that grows with the text alone.

A pattern is taken apart at its front into branches, tried in their order at each place. A branch is what stands
before the match (`lead`), the match, an empty group where it ends, and what must follow. What RE2 cannot say at the
front (`check`: lookbehinds, negative lookaheads) `re` says at each place that RE2 found. A pattern whose inside has
such things becomes one loose branch, and the whole pattern decides (`verify`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from re import _constants as op  # type: ignore[attr-defined]  # private; see service.deidentify.syntax
from typing import Literal

from service.deidentify import alphabet, syntax
from service.deidentify.alphabet import ALL, EDGE, NEVER, WORDS
from service.deidentify.syntax import ANYTHING, Node, Nodes, Speller, UnsupportedError, flat, is_zero_width
from service.deidentify.unparse import unparse

UNROLLED = 4  # repeats up to here are written out where it matters how they end


@dataclass(frozen=True, slots=True)
class Branch:
    """One way to match.

    `program`: RE2; group 1 is where the match begins, the next group that took part is where it ends.

    `lead`: how many bytes before the match the program may begin. `check`: a zero-width pattern that must hold where
    the match begins. `barred`: what must not follow on its line. `verify`: what decides, where `program` is loose.
    """

    program: bytes
    lead: int
    check: "re.Pattern[str] | None"
    barred: tuple["re.Pattern[str]", ...]
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
    if syntax.is_nullable(tree):
        raise UnsupportedError("a match of nothing")
    try:
        exact = _branches(pattern, tree, "exact")
        return Programs(exact, exact)
    except UnsupportedError:
        loose = _branches(pattern, tree, "loose")
    try:
        return Programs(_branches(pattern, tree, "ascii"), loose)
    except UnsupportedError:
        return Programs(loose, loose)


def _branches(
    pattern: "re.Pattern[str]", tree: Nodes, manner: Literal["exact", "ascii", "loose"]
) -> tuple[Branch, ...]:
    speller = Speller(ignore_case=bool(pattern.flags & re.IGNORECASE), manner=manner)
    verify = pattern if manner == "loose" else None
    return tuple(_branch(nodes, speller, verify) for nodes in _split(tree))


def _split(nodes: Nodes) -> list[Nodes]:
    """Take alternatives and options with assertions at the front apart; their order is that of trying."""
    nodes = flat(nodes)
    place = next((place for place, node in enumerate(nodes) if not is_zero_width(node) or node[0] is op.BRANCH), None)
    if place is None:
        raise UnsupportedError("no match of its own")
    head, (code, value), rest = nodes[:place], nodes[place], nodes[place + 1 :]
    if code is op.BRANCH and any(syntax.has_assertion(branch, boundaries=True) for branch in value[1]):
        return [split for branch in value[1] for split in _split(head + flat(branch) + rest)]
    if code is op.MAX_REPEAT and value[:2] == (0, 1) and syntax.has_assertion(value[2], boundaries=True):
        return _split(head + flat(value[2]) + rest) + _split(head + rest)
    return [nodes]


def _branch(nodes: Nodes, speller: Speller, verify: "re.Pattern[str] | None") -> Branch:
    head_size = next(place for place, node in enumerate(nodes) if not is_zero_width(node))
    head, body = nodes[:head_size], nodes[head_size:]
    first = speller.first(body, EDGE)
    lead, width, left = _lead(head, first, speller)
    barred = [] if verify else [ahead for node in left for ahead in _later(node)]
    left = [] if verify else [node for node in left if not _later(node)]
    flags = re.IGNORECASE if speller.ignore_case else 0
    check = re.compile(unparse(left), flags) if left else None
    behind = _behind(head)
    before = speller.last(behind, ANYTHING) if behind else ANYTHING
    program = lead + b"()" + _tail(body, [], speller, before)
    return Branch(program, width, check, tuple(re.compile(f"(?={unparse(nodes)})", flags) for nodes in barred), verify)


def _later(node: Node) -> list[Nodes]:
    """What a negative lookahead bars from the rest of the line (`(?!.*X)`); nothing where it says something else.

    To look for it anew from each place would take time that grows with the square of the line.
    """
    code, value = node
    if code is not op.ASSERT_NOT or value[0] < 0:
        return []
    nodes = flat(value[1])
    choices = [flat(choice) for choice in nodes[0][1][1]] if nodes[0][0] is op.BRANCH and len(nodes) == 1 else [nodes]
    if not all(choice and _is_any(choice[0]) for choice in choices):
        return []
    return [choice[1:] for choice in choices]


def _is_any(node: Node) -> bool:
    """Whether it is `.*`."""
    code, value = node
    return code is op.MAX_REPEAT and value[:2] == (0, op.MAXREPEAT) and flat(value[2]) == [(op.ANY, None)]


def _behind(head: Sequence[Node]) -> Nodes:
    """What the first positive lookbehind of a head wants before the match."""
    return next((flat(value[1]) for code, value in head if code is op.ASSERT and value[0] < 0), [])


def _lead(head: Nodes, first: int, speller: Speller) -> tuple[bytes, int, Nodes]:
    """What a program says of the text before the match, its width in bytes, and what of the head it leaves to `re`."""
    behind = _behind(head)
    if behind:
        width = _width(behind)
        spelled = Speller(ignore_case=speller.ignore_case, manner="loose").spell(behind, ANYTHING, first)
        previous = speller.last(behind, ANYTHING)
        left = [node for node in head if not _is_settled(node, behind, previous, first)]
        return spelled, width, left
    left = [node for node in head if node[0] is not op.AT]
    if len(left) == len(head):
        return b"", 0, left
    if not first & ~WORDS:
        return b"(?:\\A|" + alphabet.bracket(ALL & ~WORDS) + b")", 1, left
    if not first & WORDS:
        return alphabet.bracket(WORDS), 1, left
    return b"", 0, head


def _is_settled(node: Node, behind: Nodes, previous: int, first: int) -> bool:
    """Whether a lead that spells `behind` has said all that this node of the head says."""
    code, value = node
    if code is op.AT:
        pure = all(not side & ~WORDS or not side & WORDS for side in (previous, first))
        return pure and bool(previous & WORDS) != bool(first & WORDS)
    is_behind = code is op.ASSERT and value[0] < 0 and flat(value[1]) == behind
    return is_behind and not syntax.has_assertion(behind, boundaries=True)


def _width(nodes: Sequence[Node]) -> int:
    """How many characters a lookbehind takes; `re` made sure that it is always as many."""
    total = 0
    for code, value in flat(nodes):
        if code is op.BRANCH:
            total += _width(value[1][0])
        elif code in (op.MAX_REPEAT, op.MIN_REPEAT):
            total += value[0] * _width(value[2])
        elif not is_zero_width((code, value)):
            total += 1
    return total


def _tail(nodes: Sequence[Node], after: Nodes, speller: Speller, before: int) -> bytes:
    """Spell the rest of a match, the empty group that marks its end, and what must follow it."""
    nodes = flat(nodes)
    while nodes and is_zero_width(nodes[-1]):
        after = [nodes[-1], *after]
        nodes = nodes[:-1]
    if not nodes:
        return b"()" + _following(after, before, speller)
    front, last = nodes[:-1], nodes[-1]
    ending = speller.last(nodes, before)
    is_mixed = bool(ending & WORDS) and bool(ending & ~WORDS)
    is_open = is_mixed and any(syntax.has_assertion([node], boundaries=True) for node in after)
    if front and is_zero_width(front[-1]):
        is_open |= syntax.is_nullable([last])
    options = _options(last, speller) if is_open or syntax.has_assertion([last], boundaries=True) else None
    if options is None:
        return speller.spell(nodes, before, _next_of(after, speller)) + b"()" + _following(after, ending, speller)
    while front and is_zero_width(front[-1]):
        options = [[front[-1], *flat(option)] for option in options]
        front = front[:-1]
    previous = speller.last(front, before)
    following = 0
    for option in options:
        following |= speller.first(option, _next_of(after, speller))
    tails = b"|".join(_tail(option, after, speller, previous) for option in options)
    return speller.spell(front, before, following) + b"(?:" + tails + b")"


def _options(node: Node, speller: Speller) -> list[Nodes] | None:  # noqa: PLR0911 - a case for each kind of node
    """The ways in which the last part of a match can end, in the order of trying; None where it is but one."""
    code, value = node
    if code is op.BRANCH:
        return [flat(branch) for branch in value[1]]
    if code is op.MIN_REPEAT and value[:2] == (0, 1):
        return [[], flat(value[2])]
    if code is not op.MAX_REPEAT:
        return _by_kind(node, speller)
    least, most, body = value
    body = flat(body)
    if most == 1:
        return [body, []] if least == 0 else [body]
    if most is op.MAXREPEAT or most > UNROLLED:
        if not (len(body) == 1 and body[0][0] in syntax.ONE) and not speller.begins_apart(body):
            return None
        again = (code, (max(least - 1, 0), most if most is op.MAXREPEAT else most - 1, body))
        return [[again, *body], *([[]] if least == 0 else [])]
    more: Nodes = []
    for _ in range(most - least):
        more = [(code, (0, 1, [*body, *more]))]
    return [[*(body * least), *more]]


def _by_kind(node: Node, speller: Speller) -> list[Nodes] | None:
    """A character that may be of a word or not, as two that are one or the other."""
    bits = speller.bytes_of(node)
    if not bits & WORDS or not bits & ~WORDS:
        return None
    return [[(syntax.BYTES, bits & WORDS)], [(syntax.BYTES, bits & ~WORDS)]]


def _next_of(after: Nodes, speller: Speller) -> int:
    """What can follow a match with these conditions."""
    for code, value in after:
        if code is op.ASSERT and value[0] > 0:
            return speller.first(value[1], ANYTHING)
    return ANYTHING


def _following(after: Nodes, ending: int, speller: Speller) -> bytes:
    """What must stand behind a match, as a pattern that takes it; at most one condition of more than a character."""
    allowed, ahead, barred, spelled = ANYTHING, list[Nodes](), list[list[int]](), b""
    for place, (code, value) in enumerate(after):
        if code is op.BRANCH:
            choices = [[*after[:place], *flat(branch), *after[place + 1 :]] for branch in value[1]]
            return b"(?:" + b"|".join(_following(choice, ending, speller) for choice in choices) + b")"
        if code is op.AT:
            if ending & WORDS and ending & ~WORDS:
                spelled += speller.boundary()
            else:
                allowed &= WORDS if not ending & WORDS else ~WORDS
        elif code is op.ASSERT_NOT and value[0] > 0 and all(kind in syntax.ONE for kind, _ in flat(value[1])):
            barred.append([speller.bytes_of(node) for node in flat(value[1])])
        elif code is op.ASSERT and value[0] > 0 and not ahead:
            ahead.append(flat(value[1]))
        elif speller.manner != "loose":
            raise UnsupportedError("too much behind a match")
    allowed &= ANYTHING
    if not ahead:
        return spelled + _avoiding(barred, allowed)
    if barred and speller.manner != "loose":
        raise UnsupportedError("too much behind a match")
    return spelled + _ahead(ahead[0], allowed, ending, speller)


def _avoiding(barred: Sequence[Sequence[int]], allowed: int = ANYTHING) -> bytes:
    """What may follow: not what is barred.

    Nothing that begins with one of these sequences of sets, and first of all a byte (or the end) that is allowed.
    """
    if not all(barred):
        return NEVER
    if not barred and allowed == ANYTHING:
        return b""
    by_rest: dict[tuple[int, ...], int] = {}
    for code in range(ALL.bit_length()):
        if allowed >> code & 1:
            fitting = tuple(number for number, sets in enumerate(barred) if sets[0] >> code & 1)
            by_rest[fitting] = by_rest.get(fitting, 0) | 1 << code
    ways = [
        alphabet.bracket(bits) + _avoiding([barred[number][1:] for number in fitting])
        for fitting, bits in by_rest.items()
    ]
    return b"(?:" + b"|".join(ways + ([rb"\z"] if allowed & EDGE else [])) + b")"


def _ahead(nodes: Nodes, allowed: int, ending: int, speller: Speller) -> bytes:
    """A positive lookahead whose first byte must be allowed."""
    if nodes and nodes[0][0] is op.BRANCH:
        return (
            b"(?:"
            + b"|".join(_ahead([*flat(one), *nodes[1:]], allowed, ending, speller) for one in nodes[0][1][1])
            + b")"
        )
    if syntax.is_nullable(nodes):
        raise UnsupportedError("nothing ahead")
    first = speller.first(nodes, 0)
    if not first & allowed:
        return NEVER
    if first & ~allowed and speller.manner != "loose":
        raise UnsupportedError("a first byte that may not be")
    core, trailing = [*nodes], list[Node]()
    while is_zero_width(core[-1]):
        trailing = [core.pop(), *trailing]
    return speller.spell(core, ending, ANYTHING) + _following(trailing, speller.last(core, ending), speller)
