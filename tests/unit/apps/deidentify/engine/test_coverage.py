"""Coverage gives the same results as philter-lite's CoordinateMap, including its quirks."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from philter_lite import CoordinateMap

from service.apps.deidentify.engine.coverage import Coverage

LENGTH = 400
SPANS = st.tuples(st.integers(0, LENGTH - 1), st.one_of(st.integers(1, 12), st.integers(1, LENGTH))).map(
    lambda pair: (pair[0], min(LENGTH, pair[0] + pair[1]))
)


@given(st.lists(st.tuples(st.sampled_from(["add", "add", "remove"]), SPANS), max_size=60), st.lists(SPANS, max_size=8))
def test_ranges_are_joined_as_philter_lite_joins_them(
    steps: list[tuple[str, tuple[int, int]]], asked: list[tuple[int, int]]
) -> None:
    """After random additions and removals, the ranges and their order are the same, and they touch the same spans."""
    ours = Coverage(LENGTH)
    theirs: Any = CoordinateMap()  # type: ignore[no-untyped-call]  # it has no types
    for step, (start, stop) in steps:
        if step == "add":
            ours.add(start, stop)
            theirs.add_extend(start, stop)
        else:
            ours.remove(start)
            theirs.remove(start, stop)

    assert list(ours.ends.items()) == list(theirs.map.items())
    assert list(ours) == list(theirs.filecoords())
    assert [ours.touches(*span) for span in asked] == [theirs.does_overlap(*span) for span in asked]
    touched = {place for start, end in ours for place in range(start, end + 1)}
    assert {place for place in range(LENGTH + 1) if ours.touches(place, place)} == touched


def test_places_that_hundreds_of_ranges_share_are_not_lost() -> None:
    """Hundreds of nested ranges exceed the count of a byte. Removing all of them leaves nothing."""
    coverage = Coverage(2_000)
    for depth in range(600):
        coverage.add(900 - depth, 1_000 + depth)
    for depth in range(600):
        coverage.remove(900 - depth)

    assert not coverage.touches(0, 1_999)
