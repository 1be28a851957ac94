"""Writes part of a pattern's tree as a Python pattern again, so that it can be matched on its own."""

from collections.abc import Sequence
from typing import Any

from rulebook.syntax import op

CATEGORIES = {
    op.CATEGORY_DIGIT: r"\d",
    op.CATEGORY_NOT_DIGIT: r"\D",
    op.CATEGORY_SPACE: r"\s",
    op.CATEGORY_NOT_SPACE: r"\S",
    op.CATEGORY_WORD: r"\w",
    op.CATEGORY_NOT_WORD: r"\W",
}
AROUND = {(op.ASSERT, 1): "(?=", (op.ASSERT, -1): "(?<=", (op.ASSERT_NOT, 1): "(?!", (op.ASSERT_NOT, -1): "(?<!"}


def unparse(nodes: Sequence[tuple[Any, Any]]) -> str:
    """Return a pattern with the same matches. Its groups do not capture."""
    return "".join(_one(code, value) for code, value in nodes)


def _one(code: Any, value: Any) -> str:  # noqa: ANN401, PLR0911 - trees are untyped; a case for each kind of node
    if code is op.LITERAL:
        return _character(value)
    if code is op.NOT_LITERAL:
        return f"[^{_character(value)}]"
    if code is op.ANY:
        return "."
    if code is op.IN:
        return "[" + "".join(_item(item, argument) for item, argument in value) + "]"
    if code is op.AT:
        return r"\b"
    if code is op.BRANCH:
        return "(?:" + "|".join(map(unparse, value[1])) + ")"
    if code in (op.ASSERT, op.ASSERT_NOT):
        return AROUND[code, value[0]] + unparse(value[1]) + ")"
    least, most, body = value
    lazy = {op.MAX_REPEAT: "", op.MIN_REPEAT: "?"}[code]
    return f"(?:{unparse(body)}){{{least},{'' if most is op.MAXREPEAT else most}}}{lazy}"


def _item(item: Any, argument: Any) -> str:  # noqa: ANN401 - likewise
    if item is op.NEGATE:
        return "^"
    if item is op.LITERAL:
        return _character(argument)
    if item is op.RANGE:
        return f"{_character(argument[0])}-{_character(argument[1])}"
    return CATEGORIES[argument]


def _character(code: int) -> str:
    return f"\\U{code:08x}"
