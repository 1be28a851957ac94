"""Which status of a ticket may follow which."""

from itertools import product

import pytest

from service.apps.desk.domain.transitions import NEXT, Status, may_follow

ALLOWED = {
    "open": {"open", "in_progress", "waiting", "resolved", "closed"},
    "in_progress": {"open", "in_progress", "waiting", "resolved", "closed"},
    "waiting": {"in_progress", "waiting", "resolved", "closed"},
    "resolved": {"in_progress", "resolved", "closed"},
    "closed": {"open", "closed"},
}


@pytest.mark.parametrize(("now", "then"), [*product(Status, Status)])
def test_a_status_follows_those_it_may(now: Status, then: Status) -> None:
    """A ticket may go only to the statuses in the table; a closed one must be opened first."""
    assert may_follow(now, then) == (then in ALLOWED[now])


def test_what_is_offered_changes_something() -> None:
    """The statuses offered for a ticket are those that may follow, without its own."""
    assert {now: {*then} for now, then in NEXT.items()} == {Status(n): t - {n} for n, t in ALLOWED.items()}
