"""Whose turn it is."""

import pytest

from service.apps.deidentify.workers.turns import Turns


def test_callers_take_turns_and_keep_their_order() -> None:
    """However much one of them has."""
    turns = Turns[int]()
    for caller, item in [("a", 1), ("a", 2), ("a", 3), ("b", 10), ("c", 20), ("b", 11)]:
        turns.add(caller, item)

    found = [turns.pop() for _ in range(4)]
    turns.add("c", 21)  # who had nothing left begins behind the others

    assert [*found, turns.next(), turns.pop(), turns.pop(), turns.pop()] == [1, 10, 20, 2, 11, 11, 3, 21]
    assert not turns


def test_what_is_removed_has_no_turn() -> None:
    """Nor has a caller of whom nothing is left."""
    turns = Turns[int]()
    turns.add("a", 1)
    turns.add("b", 2)

    assert [turns.remove("a", 1), turns.remove("a", 1), turns.remove("c", 2)] == [True, False, False]
    assert dict(turns.queues()) == {"b": [2]}
    assert turns.pop() == 2
    with pytest.raises(StopIteration):
        turns.next()
