"""Finds words that a text must contain for a pattern to match, so that a fast `in` can rule patterns out."""

from collections.abc import Iterable, Sequence

from rulebook.syntax import Node, op

MOST = 64  # words for one pattern; looking for more takes longer than running the pattern
WIDEST = 4  # characters; a larger class is not spelled out


def needed(nodes: Sequence[Node]) -> frozenset[str]:
    """Return lower-case ASCII words, at least one of which is in every text that the pattern matches.

    The set is empty if no such words are known.
    """
    best: frozenset[str] = frozenset()
    run = [""]
    for node in [*nodes, None]:
        exact = _exact(node) if node is not None else None
        longer = [left + right for left in run for right in exact] if exact and len(run) * len(exact) <= MOST else None
        if longer is not None:
            run = longer
            continue
        best = better(best, run)
        run = exact or [""]
        if exact is None and node is not None:
            best = better(best, _inside(node))
    return best


def better(one: Iterable[str], other: Iterable[str]) -> frozenset[str]:
    """Return the set of words that rules out more texts.

    That is the set whose shortest word is longer (lengths above 3 count as 3), then the smaller set. A set that is
    empty, has an empty word or has more than MOST words does not count; if neither counts, the result is empty.
    """
    sets = [frozenset(one), frozenset(other)]
    sets = [words for words in sets if words and min(map(len, words)) > 0 and len(words) <= MOST]
    return max(sets, key=lambda words: (min(3, *map(len, words)), -len(words)), default=frozenset())


def _exact(node: Node) -> list[str] | None:  # noqa: PLR0911 - a case for each kind of node
    """Return all words that a node matches; None if they are too many or not known."""
    code, value = node
    if code is op.LITERAL:
        return [chr(value).lower()]
    if code is op.AT:
        return [""]
    if code is op.IN:
        return _of_class(value)
    if code is op.BRANCH:
        words: list[str] = []
        for branch in value[1]:
            exact = _exact_of(branch)
            if exact is None:
                return None
            words.extend(exact)
        return sorted(set(words)) if len(set(words)) <= MOST else None
    if code is op.MAX_REPEAT and value[:2] == (0, 1):
        exact = _exact_of(value[2])
        return ["", *exact] if exact else None
    if code is op.ASSERT_NOT:
        return [""]
    return None


def _exact_of(nodes: Sequence[Node]) -> list[str] | None:
    words = [""]
    for node in nodes:
        exact = _exact(node)
        if exact is None or len(words) * len(exact) > MOST:
            return None
        words = [left + right for left in words for right in exact]
    return words


def _of_class(items: Sequence[Node]) -> list[str] | None:
    if any(item is not op.LITERAL for item, _ in items) or len(items) > WIDEST:
        return None
    return sorted({chr(code).lower() for _, code in items})


def _inside(node: Node) -> frozenset[str]:
    """Return what `needed` says of the content of a node whose words cannot all be listed."""
    code, value = node
    if code is op.ASSERT:
        return needed(value[1])
    if code in (op.MAX_REPEAT, op.MIN_REPEAT) and value[0] > 0:
        return needed(value[2])
    if code is op.BRANCH:
        words: set[str] = set()
        for branch in value[1]:
            inner = needed(branch)
            if not inner:
                return frozenset()
            words |= inner
        return frozenset(words)
    return frozenset()
