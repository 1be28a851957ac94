"""The client without asyncio does the same, from any thread, and beside a loop that runs."""

import asyncio
import gc
import sqlite3
import threading
import weakref
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pandas as pd
import pytest

from service.client import AsyncClient, Client, NoteError, ProblemError
from tests.unit.client.answering import URL, Answering, lines, masking, problem, texts_of


def client_of(transport: Answering) -> Client:
    """Return a client whose service is `transport`."""
    return Client(URL, token="t0", transport=transport)


def test_calls() -> None:
    """Calls return what the asynchronous ones do, and raise the same errors."""
    service = Answering(httpx.Response(200, json={"name": "ann"}), problem(403, "insufficient_scope"))
    with client_of(service) as client:
        assert client.me() == {"name": "ann"}
        with pytest.raises(ProblemError, match="insufficient_scope"):
            client.deidentify("x")


async def test_beside_a_loop_that_runs() -> None:
    """A notebook has a loop in its own thread."""
    with client_of(Answering(httpx.Response(200, json={"name": "ann"}))) as client:
        assert client.me() == {"name": "ann"}


def test_many_notes_of_a_database() -> None:
    """Notes are read in the caller's thread, which a cursor insists on."""
    with sqlite3.connect(":memory:") as database, client_of(Answering(masking)) as client:
        database.execute(
            "CREATE TABLE notes AS"
            " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 350) SELECT i FROM n"
        )
        notes = (f"note {row[0]}" for row in database.execute("SELECT i FROM notes ORDER BY i"))

        assert [one.text for one in client.deidentify_many(notes)] == [f"NOTE {number}" for number in range(1, 351)]


def test_notes_that_are_rows() -> None:
    """Dicts are taken as they are, by mypy too, which does not take them for `NoteFields`."""
    rows: list[dict[str, str]] = [{"text": "a"}, {"text": "b", "replacement": "tag"}]
    with client_of(Answering(masking)) as client:
        assert [one.text for one in client.deidentify_many(rows)] == ["A", "B"]


def test_a_transport_for_threads() -> None:
    """Is refused at once, with the name of the right one. The client sends in a loop."""
    before = set(threading.enumerate())
    transport: Any = httpx.HTTPTransport()

    with pytest.raises(TypeError, match=r"AsyncHTTPTransport, and not HTTPTransport\."):
        Client(URL, token="t0", transport=transport)
    assert set(threading.enumerate()) == before


def test_one_note_in_place_of_many() -> None:
    """Is refused here, too."""
    with client_of(Answering(masking)) as client, pytest.raises(TypeError, match="Notes are a list"):
        list(client.deidentify_many("Dr. Roe"))


def test_a_table() -> None:
    """A new table comes back; the one given is as it was."""
    table = pd.DataFrame({"note": ["a", None, "c"], "sex": ["f", "m", "f"]}, index=[7, 8, 9])
    with client_of(Answering(masking)) as client:
        found = client.deidentify_frame(table, ["note"], progress=False)

    expected = pd.DataFrame({"note": ["A", None, "C"], "sex": ["f", "m", "f"]}, index=[7, 8, 9])
    pd.testing.assert_frame_equal(found, expected)
    assert table["note"].tolist()[0] == "a"


def test_progress(capsys: pytest.CaptureFixture[str]) -> None:
    """A bar tells how many are done."""
    with client_of(Answering(masking)) as client:
        client.deidentify_frame(pd.DataFrame({"note": ["a", "b"]}), progress=True)

    assert "2.00/2.00" in capsys.readouterr().err


def test_a_bad_note_in_a_table() -> None:
    """It is raised, or leaves its cell empty."""
    failed = lines({"line": 1, "error": {"code": "note_refused", "detail": "No."}}, {"line": 2, "text": "B"})
    table = pd.DataFrame({"note": ["a", "b"]})
    with client_of(Answering(failed)) as client:
        with pytest.raises(NoteError):
            client.deidentify_frame(table, progress=False)
        found = client.deidentify_frame(table, progress=False, raise_errors=False)

    assert found["note"].isna().tolist() == [True, False]


def test_lists() -> None:
    """Iterators run over all pages."""
    service = Answering(
        httpx.Response(200, json={"items": [{"id": 1}], "next": "c"}),
        httpx.Response(200, json={"items": [{"id": 2}], "next": None}),
    )
    with client_of(service) as client:
        assert list(client.employees()) == [{"id": 1}, {"id": 2}]


@pytest.mark.parametrize("then", ["open", "closed", "forgotten"])
def test_a_list_that_is_left(then: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """It is closed in the client's thread, whatever becomes of the client."""
    is_over = threading.Event()

    async def items(*_: object) -> AsyncIterator[dict[str, int]]:
        try:
            yield {"id": 1}
        finally:
            is_over.set()
            await asyncio.sleep(0)

    monkeypatch.setattr(AsyncClient, "items", items)
    client = client_of(Answering(masking))
    assert next(client.tickets()) == {"id": 1}
    if then == "closed":
        client.close()
    if then == "forgotten":
        del client

    assert is_over.wait(30)
    gc.collect()
    assert not caplog.records


def test_a_list_that_is_collected_in_the_client_s_own_thread() -> None:
    """The thread does not wait for itself: the call that it is busy with ends, and so do later ones."""
    held: list[object] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/me"):
            held.clear()
            gc.collect()
        return httpx.Response(200, json={"items": [{"id": 1}, {"id": 2}], "next": None})

    client = client_of(Answering(answer))
    half_read = client.tickets()
    assert next(half_read) == {"id": 1}
    held += [half_read, held]
    del half_read
    calls = threading.Thread(target=lambda: [client.me(), client.me()], daemon=True)
    calls.start()
    calls.join(30)

    assert not calls.is_alive()
    client.close()


def test_closed() -> None:
    """A client that is closed says so, and its thread has ended."""
    before = set(threading.enumerate())
    client = client_of(Answering(masking))
    (thread,) = set(threading.enumerate()) - before
    client.close()
    client.close()

    assert not thread.is_alive()
    with pytest.raises(RuntimeError, match="closed"):
        client.me()


def test_closed_while_others_wait() -> None:
    """Their calls end with an error, instead of never."""
    begun = threading.Event()

    class Silent(Answering):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            begun.set()
            await asyncio.Event().wait()
            return await super().handle_async_request(request)

    client = client_of(Silent(masking))
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(client.me)
        begun.wait()
        client.close()
        with pytest.raises(RuntimeError, match="closed"):
            waiting.result()


@pytest.mark.filterwarnings("error")
def test_closed_before_all_notes_came() -> None:
    """What is left of them raises an error, and ending the iterator none."""
    with client_of(Answering(masking)) as client:
        answers = client.deidentify_many(["a"] * 350)
        left = client.deidentify_many(["a"] * 350)
        assert (str(next(answers)), str(next(left))) == ("A", "A")

    with pytest.raises(RuntimeError, match="closed"):
        list(answers)
    del left
    gc.collect()


def test_forgotten() -> None:
    """A client that nobody closes goes with its thread, and with its connections."""
    before = set(threading.enumerate())
    is_left = threading.Event()

    class Connected(Answering):
        async def aclose(self) -> None:
            is_left.set()

    client = client_of(Connected(masking))
    (thread,) = set(threading.enumerate()) - before
    gone = weakref.ref(client)
    del client
    gc.collect()

    assert gone() is None
    thread.join(30)
    assert not thread.is_alive()
    assert is_left.is_set()


def test_forgotten_in_its_own_thread() -> None:
    """A client may be collected while an answer comes in. It goes all the same, with its thread."""
    before = set(threading.enumerate())
    held: list[object] = []
    is_held = threading.Event()

    class Last(Answering):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if texts_of(request) == ["b"]:
                await asyncio.to_thread(is_held.wait)
                held.clear()
                gc.collect()
            return await super().handle_async_request(request)

    client = client_of(Last(masking))
    (thread,) = set(threading.enumerate()) - before
    answers = client.deidentify_many(["a"] * 100 + ["b"])
    assert str(next(answers)) == "A"
    held += [client, answers]
    del client, answers
    is_held.set()

    thread.join(30)
    assert not thread.is_alive()
    assert not held


def test_forgotten_where_others_wait() -> None:
    """Collecting a client waits for nothing: its thread may need a lock that the thread which collects it holds."""
    before = set(threading.enumerate())
    lock = threading.Lock()

    class Locked(Answering):
        async def aclose(self) -> None:
            with lock:
                pass

    client = client_of(Locked(masking))
    (thread,) = set(threading.enumerate()) - before
    with lock:
        del client
        gc.collect()
        assert thread.is_alive()

    thread.join(30)
    assert not thread.is_alive()


def test_no_token_in_a_repr() -> None:
    """A client that a notebook shows tells the address, and no more."""
    with client_of(Answering(masking)) as client:
        assert repr(client) == f"Client({URL!r})"
