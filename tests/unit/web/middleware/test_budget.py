"""How many bytes of bodies a process holds, in all and for each sender."""

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import ServiceError
from service.web.errors import BodiesFullError, TooManyBodiesError
from service.web.middleware.budget import Budget


def test_one_body_may_have_all() -> None:
    """A single body may use all room."""
    budget = Budget(100, share=25)

    budget.open("alice").take(100)

    assert budget.held == 100


def test_many_bodies_of_one_caller() -> None:
    """All bodies of one sender together have a share. Other senders are not affected."""
    budget = Budget(100, share=25)
    budget.open("alice").take(20)

    with pytest.raises(TooManyBodiesError):
        budget.open("alice").take(6)
    budget.open("alice").take(5)
    budget.open("bob").take(25)

    assert budget.held == 50


def test_no_room_is_left() -> None:
    """All senders together cannot exceed the size."""
    budget = Budget(100, share=25)
    budget.open("alice").take(90)

    with pytest.raises(BodiesFullError):
        budget.open("bob").take(11)

    assert budget.held == 90


Bodies = st.lists(st.tuples(st.sampled_from("abc"), st.lists(st.integers(0, 40), max_size=4)), max_size=12)


@given(bodies=Bodies)
def test_what_is_released_is_free(bodies: list[tuple[str, list[int]]]) -> None:
    """The limits hold in any order of bodies, and everything is released at the end."""
    budget = Budget(100, share=25)
    holdings = [(budget.open(holder), pieces) for holder, pieces in bodies]

    for holding, pieces in holdings:
        for size in pieces:
            _try(lambda holding=holding, size=size: holding.take(size))  # type: ignore[misc]  # a lambda's defaults
            assert budget.held <= 100
    assert budget.held == sum(holding.size for holding, _ in holdings)
    for holding, _ in holdings:
        holding.release()
        holding.release()

    assert budget.held == 0
    budget.open("a").take(100)


def _try(take: Callable[[], None]) -> None:
    with contextlib.suppress(ServiceError):
        take()
