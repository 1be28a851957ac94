"""Parses Python patterns into trees, and answers questions about trees that do not depend on their characters.

The trees are those of `re`. Syntax that is not known here raises UnsupportedError; philter-lite's patterns use none.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from platform import python_version
from typing import Any

# Private modules, but there is no public parser of `re`'s syntax.
_parser: Any = import_module("re._parser")
op: Any = import_module("re._constants")  # the kinds of nodes

Node = tuple[Any, Any]
Nodes = list[Node]

# Kinds of nodes that `re` does not have.
BYTES = "bytes"  # one character; the value is its set of bytes
END = "end"  # where the match ends; the value is the RE2 expression to write there
ONE = (op.LITERAL, op.NOT_LITERAL, op.IN, op.ANY, BYTES)

# Every construct that is relied on here, as a pattern and its tree.
KNOWN: Mapping[str, Nodes] = {
    "a": [(op.LITERAL, 97)],
    "[^a]": [(op.NOT_LITERAL, 97)],
    ".": [(op.ANY, None)],
    "[^ab-c]": [(op.IN, [(op.NEGATE, None), (op.LITERAL, 97), (op.RANGE, (98, 99))])],
    r"[\d\D]": [(op.IN, [(op.CATEGORY, op.CATEGORY_DIGIT), (op.CATEGORY, op.CATEGORY_NOT_DIGIT)])],
    r"[\s\S]": [(op.IN, [(op.CATEGORY, op.CATEGORY_SPACE), (op.CATEGORY, op.CATEGORY_NOT_SPACE)])],
    r"[\w\W]": [(op.IN, [(op.CATEGORY, op.CATEGORY_WORD), (op.CATEGORY, op.CATEGORY_NOT_WORD)])],
    r"\b": [(op.AT, op.AT_BOUNDARY)],
    "(a)": [(op.SUBPATTERN, (1, 0, 0, [(op.LITERAL, 97)]))],
    "a.|b": [(op.BRANCH, (None, [[(op.LITERAL, 97), (op.ANY, None)], [(op.LITERAL, 98)]]))],
    ".?": [(op.MAX_REPEAT, (0, 1, [(op.ANY, None)]))],
    ".{2,}?": [(op.MIN_REPEAT, (2, op.MAXREPEAT, [(op.ANY, None)]))],
    "(?=a)(?<=a)": [(op.ASSERT, (1, [(op.LITERAL, 97)])), (op.ASSERT, (-1, [(op.LITERAL, 97)]))],
    "(?!a)(?<!a)": [(op.ASSERT_NOT, (1, [(op.LITERAL, 97)])), (op.ASSERT_NOT, (-1, [(op.LITERAL, 97)]))],
}


class UnsupportedError(Exception):
    """Part of a pattern cannot be expressed exactly in RE2."""


def parse(pattern: "re.Pattern[str]") -> Nodes:
    """Return the tree of a compiled pattern, with the content of each group in place of the group.

    Raises:
        UnsupportedError: the pattern has syntax that is not known here, or this Python parses patterns differently.
    """
    require_known()
    if pattern.flags & ~(re.IGNORECASE | re.UNICODE):
        raise UnsupportedError(f"flags {pattern.flags}")
    return _tree(_parser.parse(pattern.pattern))


@cache
def require_known() -> None:
    """Check that this Python's `re` builds the trees that are expected here.

    `re`'s trees are not documented and may change in any Python version. No engine is better than a wrong one.

    Raises:
        UnsupportedError: a tree differs.
    """
    for pattern, tree in KNOWN.items():
        if _plain(_parser.parse(pattern)) != tree:
            raise UnsupportedError(f"Python {python_version()} reads the pattern {pattern} in a way that is not known")


def _plain(part: Any) -> Any:  # noqa: ANN401 - trees are untyped
    """Convert a tree from the types of `re` to plain lists and tuples."""
    if isinstance(part, _parser.SubPattern | list):
        return [_plain(one) for one in part]
    return tuple(map(_plain, part)) if isinstance(part, tuple) else part


def _tree(nodes: Sequence[Node]) -> Nodes:
    result: Nodes = []
    for code, value in nodes:
        if code is op.SUBPATTERN:
            _, added, removed, inner = value
            if added | removed:
                raise UnsupportedError("flags of a group")
            result += _tree(inner)
        elif code is op.BRANCH:
            result.append((code, (None, [_tree(branch) for branch in value[1]])))
        elif code in (op.MAX_REPEAT, op.MIN_REPEAT, op.ASSERT, op.ASSERT_NOT):
            result.append((code, (*value[:-1], _tree(value[-1]))))
        elif code in ONE or (code, value) == (op.AT, op.AT_BOUNDARY):
            result.append((code, value))
        else:
            raise UnsupportedError(f"{code} {value}")
    return result


def within(node: Node) -> Sequence[Nodes]:
    """Return the alternatives of a branch or the body of a repeat; nothing for any other node."""
    code, value = node
    if code is op.BRANCH:
        branches: list[Nodes] = value[1]
        return branches
    return [value[2]] if code in (op.MAX_REPEAT, op.MIN_REPEAT) else []


def is_zero_width(node: Node) -> bool:
    """Whether the node matches a position and no characters."""
    code, value = node
    if code in (op.AT, op.ASSERT, op.ASSERT_NOT, END):
        return True
    return code is op.BRANCH and all(all(map(is_zero_width, branch)) for branch in value[1])


def is_nullable(nodes: Sequence[Node]) -> bool:
    """Whether the nodes can match without consuming a character."""
    return all(is_zero_width(node) or _is_optional(node) or any(map(is_nullable, within(node))) for node in nodes)


def _is_optional(node: Node) -> bool:
    code, value = node
    return code in (op.MAX_REPEAT, op.MIN_REPEAT) and value[0] == 0


def has_assertion(nodes: Sequence[Node]) -> bool:
    """Whether the nodes contain a word boundary, a lookaround or an END at any depth."""
    return any(
        node[0] in (op.AT, op.ASSERT, op.ASSERT_NOT, END) or any(map(has_assertion, within(node))) for node in nodes
    )
