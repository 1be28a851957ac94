"""Whose note it is, and what is said of the engine that did it."""

import ast
import os
import signal
from pathlib import Path

import pytest
from starlette.requests import HTTPConnection

from service.apps.deidentify.http.answers import caller_of, deidentified
from service.apps.deidentify.http.notes import Note
from service.apps.deidentify.workers.pool import open_pool
from service.hub.models import Identity
from tests.support import obedient
from tests.support.polling import eventually


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


async def test_what_a_worker_has_done_is_returned_while_the_engine_is_loaded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers outlive the process that forked them, and their results are its engine's."""
    flag = tmp_path / "go"
    flag.touch()
    monkeypatch.setenv(obedient.FLAG, str(flag))
    async with open_pool(workers=1, deadline=60, load=obedient.load_slowly, retry=0.01) as pool:
        parent = ast.literal_eval((await pool.deidentify("inside")).text)["parent"]
        flag.unlink()
        os.kill(parent, signal.SIGKILL)

        async def is_loading() -> bool:
            return pool.problem is not None

        await eventually(is_loading)
        about, result = await deidentified(Note(text="Ann Roe"), pool, "alice", None)

    assert (about, result.text) == (obedient.ABOUT, "*** ***")
