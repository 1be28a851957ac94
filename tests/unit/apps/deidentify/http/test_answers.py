"""Whose note it is."""

import pytest
from starlette.requests import HTTPConnection

from service.apps.deidentify.http.answers import caller_of
from service.hub.models import Identity


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("user", "alice", "user alice"),
        ("service", "alice", "service alice"),
        ("anonymous", "anonymous", "address 192.0.2.7"),
    ],
)
def test_who_shares_the_queue(kind: str, name: str, expected: str) -> None:
    """A user and a service of one name are two; who has not signed in is known by the address."""
    conn = HTTPConnection({"type": "http", "headers": [], "client": ("192.0.2.7", 4711)})

    assert caller_of(conn, Identity(kind=kind, name=name)) == expected
