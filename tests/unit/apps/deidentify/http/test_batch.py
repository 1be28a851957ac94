"""Batches: answered in order while they are sent, of any length, and at nobody else's cost."""

import asyncio
import json
import logging
import threading
import tracemalloc
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from time import monotonic
from typing import Annotated, Any, cast

import psutil
import pytest
from fastapi import APIRouter, Request, Response
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message

from service.apps.deidentify.engine.engine import About, Result
from service.apps.deidentify.engine.numbering import BatchNumbering
from service.apps.deidentify.engine.rules import Kind
from service.apps.deidentify.engine.spans import Span
from service.apps.deidentify.http.answers import SLICE, pool_of
from service.apps.deidentify.http.batch import Batch, Line, Lines
from service.apps.deidentify.http.notes import Options
from service.apps.deidentify.workers.pool import Pool
from service.auth.guard import require
from service.auth.revalidation import CLOSE_TIMEOUT
from service.hub.models import Identity
from service.testing import OUTAGES, Caller
from tests.support.engines import engines_of
from tests.support.exchange import Exchange
from tests.unit.apps.deidentify.http.test_routes import CANARY, MASKED, NOTE, USE, told
from tests.unit.conftest import PREFIX, Serve, Service, serving

PATIENCE = 1.0  # seconds; a busy machine may let a client wait for less
LINES = {"Content-Type": "application/x-ndjson"}
ADDRESS = f"{PREFIX}deidentify/batch"

router = APIRouter()


@router.post("/hurried")
async def hurried(request: Request, _user: Annotated[Identity, require(USE)]) -> Response:
    """A batch whose client has less time than in the real one."""
    return Batch(pool_of(request), Options(), "alice", limit=1000, patience=PATIENCE)


class Defective:
    """Stands for a pool with a defect: the second note is too much for it."""

    workers, note_size, about = 1, 1000, About("x", "1", "x", "x")

    def __init__(self) -> None:
        self._notes = 0

    def batch(self, _caller: str) -> AbstractContextManager[BatchNumbering]:
        """Let anybody in."""
        return nullcontext(BatchNumbering())

    def asks_model(self, **_options: object) -> bool:
        """There is none."""
        return False

    async def deidentify(self, text: str, **_options: object) -> Result:
        """Fail with what a note said, at the second."""
        self._notes += 1
        if self._notes > 1:
            raise RuntimeError(text)
        return Result("first", (), {}, len(text))


class Observed(BatchNumbering):
    """A numbering that remembers the threads in which it was at work."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: list[threading.Thread] = []

    def renumbered(self, result: Result) -> Result:
        """Do as the real one does."""
        self.threads.append(threading.current_thread())
        return super().renumbered(result)


class Plentiful(Defective):
    """Stands for a pool whose notes name somebody as often as they say, each somebody else."""

    def __init__(self) -> None:
        self.numbering = Observed()

    def batch(self, _caller: str) -> AbstractContextManager[BatchNumbering]:
        """Let anybody in."""
        return nullcontext(self.numbering)

    async def deidentify(self, text: str, **_options: object) -> Result:
        """Write the name that often."""
        often = int(text)
        spans = tuple(Span(9 * n, 9 * n + 1, Kind.NAME, 9 * n, 9 * n + 8) for n in range(often))
        return Result("[NAME_1] " * often, spans, {}, 9 * often, {Kind.NAME: [f"{often:032x}"]})


@router.post("/defective")
async def defective(_user: Annotated[Identity, require(USE)]) -> Response:
    """A batch that comes to grief."""
    return Batch(cast("Pool", Defective()), Options(), "alice", limit=1000)


SERVICE: Mapping[str, Any] = {
    "apps": ("deidentify",),
    "app": {"routers": [router]},
    "variables": {"DEIDENTIFY_DEADLINE": "60"},  # a busy machine is not what is tested
}


@pytest.fixture(scope="module")
async def caller(service: Service) -> AsyncIterator[Caller]:
    """Somebody who may."""
    async with service.user("alice", scopes=[USE]) as alice:
        yield alice


def exchange(
    caller: Caller, address: str = ADDRESS, *, takes: int | None = None, headers: Mapping[str, str] | None = None
) -> Exchange:
    """A batch of theirs."""
    sent = LINES | {"Authorization": f"Bearer {caller.token}"} | dict(headers or {})
    return Exchange(caller.service.app, address, headers=sent, takes=takes)


async def answered(caller: Caller, body: bytes, query: str = "") -> list[dict[str, Any]]:
    """Send a batch as a whole; return the lines of the answer."""
    reply = await caller.post(f"deidentify/batch{query}", content=body, headers=LINES)
    assert (reply.status_code, reply.headers["Content-Type"]) == (200, "application/x-ndjson")
    return [json.loads(line) for line in reply.text.splitlines()]


# What is answered


async def test_in_order(caller: Caller) -> None:
    """Each line is answered as the note alone would be, with its number in front, in the order they came in."""
    notes = [{"text": f"{NOTE} {'word ' * (500 if number % 3 == 0 else 1)}", "id": number} for number in range(30)]
    alone = [(await caller.post("deidentify", json=note)).json() for note in notes]

    together = await answered(caller, "\n".join(map(json.dumps, notes)).encode())

    assert together == [{"line": number + 1, **reply} for number, reply in enumerate(alone)]


async def test_headers(caller: Caller) -> None:
    """Nobody keeps an answer, and no proxy holds it back."""
    reply = await caller.post("deidentify/batch", content=b'{"text": "x"}', headers=LINES)

    assert (reply.headers["Cache-Control"], reply.headers["X-Accel-Buffering"]) == ("no-store", "no")


@pytest.mark.parametrize("body", [b"", b"\n", b" \r\n\t\n"], ids=ascii)
async def test_no_line(caller: Caller, body: bytes) -> None:
    """A batch of nothing is answered with nothing."""
    assert await answered(caller, body) == []


async def test_an_error_is_a_line(caller: Caller) -> None:
    """Whatever is wrong with a line, the others are answered; it is said where it is, and nothing of it."""
    lines = [
        json.dumps({"text": NOTE, "id": "a"}).encode(),
        b"",
        b"Zebulon",
        b'["Zebulon"]',
        b'{"text": "Zebulon',
        b'{"text": "Zebulon \xff"}',
        rb'{"text": "Zebulon \ud800"}',
        b'{"id": "Zebulon"}',
        b'{"text": "Zebulon", "Quackenbush": 1}',
        b'{"text": "Zebulon", "deny": ["Quackenbush", ""]}',
        b'{"text": "Zebulon", "text": "Quackenbush"}',
        b'{"text": "' + b"Zebulon " * 13_000 + b'", "id": "large"}',
        b'{"text": "' + b"Zebulon " * 100_000 + b'"}',
        b'{"text": ' + b"[" * 50_000,
        b"  \r",
        json.dumps({"text": NOTE, "id": "b"}).encode(),
    ]

    first, *errors, last = await answered(caller, b"\n".join(lines))

    assert (first["text"], first["line"], last["text"], last["line"]) == (MASKED, 1, MASKED, 16)
    assert [(error["line"], error.get("id"), error["error"]["code"]) for error in errors] == [
        *[(number, None, "invalid_request") for number in range(3, 12)],
        (12, "large", "note_too_large"),
        (13, None, "note_too_large"),
        (14, None, "invalid_request"),
    ]
    assert {key for error in errors for key in error} == {"line", "id", "error"}
    assert errors[5]["error"]["detail"] == "text: Field required."
    assert not [word for word in CANARY if word in json.dumps(errors)]


async def test_a_note_in_another_encoding_is_a_line(caller: Caller) -> None:
    """It is refused with its number, and the others are answered."""
    hidden = NOTE.encode("utf-16-le").decode()
    lines = [{"text": NOTE}, {"text": hidden, "id": "x"}, {"text": "\x01".join(NOTE)}, {"text": NOTE}]
    body = "\n".join(map(json.dumps, lines)).encode()
    first, *errors, last = await answered(caller, b"\xef\xbb\xbf" + body)
    (whole,) = await answered(caller, json.dumps({"text": NOTE}).encode("utf-16"))

    assert (first["text"], last["text"], last["line"]) == (MASKED, MASKED, 4)
    assert [(error["line"], error.get("id"), error["error"]["code"]) for error in errors] == [
        (2, "x", "note_refused"),
        (3, None, "note_refused"),
    ]
    assert errors[0]["error"]["detail"].startswith("This looks like UTF-16LE")
    assert whole["error"]["detail"].startswith("This looks like UTF-16LE")


async def test_options(caller: Caller) -> None:
    """Options in the address hold for all lines, and each line may have its own."""
    lines = [{"text": "Dr. Smith"}, {"text": "Dr. Smith", "replacement": "remove", "spans": False}]

    first, second = await answered(caller, "\n".join(map(json.dumps, lines)).encode(), "?replacement=tag&spans=1")

    assert (first["text"], "spans" in first) == ("Dr. [NAME]", True)
    assert (second["text"], "spans" in second) == ("Dr. ", False)


async def test_numbers(caller: Caller) -> None:
    """The same text has the same number in the whole batch, counted in its order, and another batch begins anew."""
    texts = ["Dr. Smith " + "and so on " * 300, "Dr. Jones, 12/03/2019", "Dr. Smith, Dr. Jones, Dr. Roe", "12/03/2019"]
    body = "\n".join(json.dumps({"text": text}) for text in texts).encode()

    for _ in range(2):
        lines = await answered(caller, body, "?replacement=numbered")
        assert [line["text"].replace("and so on ", "").strip() for line in lines] == [
            "Dr. [NAME_1]",
            "Dr. [NAME_2], [DATE_1]",
            "Dr. [NAME_1], Dr. [NAME_2], Dr. [NAME_3]",
            "[DATE_1]",
        ]


async def test_many_numbers_do_not_block_the_event_loop() -> None:
    """They are written in a thread; the order of the batch is kept."""
    pool = Plentiful()
    batch = Batch(cast("Pool", pool), Options(), "alice", limit=1000)
    async with Exchange(batch, "/", headers={}) as exchanged:
        exchanged.say({"text": f"{SLICE + 1}"}, {"text": "1"}, {"text": f"{SLICE + 1}"}, end=True)
        await exchanged.task
        lines = await exchanged.all_lines()

    assert [set(line["text"].split()) for line in lines] == [{"[NAME_1]"}, {"[NAME_2]"}, {"[NAME_1]"}]
    assert [thread is threading.main_thread() for thread in pool.numbering.threads] == [False, True, False]


# While it is sent


async def test_answers_come_while_it_is_sent(caller: Caller) -> None:
    """Who has sent a line gets its answer, before the next or the end."""
    async with exchange(caller) as batch:
        for number in range(1, 4):
            batch.say({"text": NOTE})
            assert [line["line"] for line in await batch.lines(number)] == list(range(1, number + 1))
        batch.say(b"", end=True)
        await batch.all_lines()

        assert (batch.status, batch.is_complete) == (200, True)


async def test_a_slow_reader_waits_for_itself(caller: Caller) -> None:
    """Who takes nothing is read no further than a few notes; as answers are taken it goes on, and none is lost."""
    async with exchange(caller, takes=2) as batch:
        for number in range(200):
            batch.say({"text": f"{NOTE} {number}", "id": number})
        batch.say(b"", end=True)
        await batch.lines(1)
        others = [caller.post("deidentify", json={"text": NOTE}) for _ in range(20)]
        assert {reply.status_code for reply in await asyncio.gather(*others)} == {200}
        assert batch.unread >= 180

        batch.take(1000)
        assert [line["id"] for line in await batch.all_lines()] == list(range(200))


async def test_any_length(caller: Caller) -> None:
    """The limit of all other routes' bodies does not hold for it."""
    body = (json.dumps({"text": "x" * 50_000}) + "\n").encode() * 40

    assert [line["length"] for line in await answered(caller, body)] == [50_000] * 40


async def test_notes_wait_for_room(serve: Serve) -> None:
    """A batch of more notes than there is room for is answered note by note, and none of them is turned away."""
    service = await serve(apps=("deidentify",), variables={"DEIDENTIFY_QUEUE": "1", "DEIDENTIFY_WORKERS": "2"})
    body = "\n".join([json.dumps({"text": NOTE})] * 20).encode()

    lines = await answered(service.user("alice", scopes=[USE]), body)

    assert [line.get("text") for line in lines] == [MASKED] * 20


async def test_two_batches_and_a_single_note(caller: Caller) -> None:
    """Batches share the engines among themselves, and leave room for single notes."""
    async with exchange(caller) as one, exchange(caller) as other:
        for batch in (one, other):
            batch.say(*({"text": NOTE * 20, "id": number} for number in range(100)), end=True)
        await one.lines(1)
        replies = [await caller.post("deidentify", json={"text": NOTE}) for _ in range(10)]
        are_running = not one.task.done() or not other.task.done()

        assert {reply.status_code for reply in replies} == {200}
        assert are_running
        for batch in (one, other):
            assert [line["id"] for line in await batch.all_lines()] == list(range(100))


# How it ends


@pytest.fixture(scope="module")
async def single() -> AsyncIterator[Caller]:
    """Somebody who may, at a service that takes two batches at a time, one of each caller, and has one engine."""
    told = {"DEIDENTIFY_BATCHES": "2", "DEIDENTIFY_WORKERS": "1", "DEIDENTIFY_DEADLINE": "60"}
    async with serving() as start:
        service = await start(apps=("deidentify",), variables=told)
        async with service.user("alice", scopes=[USE]) as alice:
            yield alice


async def test_too_many_batches(single: Caller) -> None:
    """One batch more than its caller may have open is turned away with a plain problem, until one of them has ended.

    Others find a place meanwhile.
    """
    async with exchange(single) as batch:
        batch.say({"text": NOTE})
        await batch.lines(1)
        refused = await single.post("deidentify/batch", content=b"x" * 2_000_000, headers=LINES)
        async with single.service.user("bob", scopes=[USE]) as bob:
            assert len(await answered(bob, b'{"text": "x"}')) == 1
    after = await single.post("deidentify/batch", content=b"", headers=LINES)

    assert (refused.status_code, refused.json()["code"], after.status_code) == (429, "queue_full", 200)
    assert int(refused.headers["Retry-After"]) > 0


@pytest.mark.parametrize("when", ["between lines", "within a line", "while notes are in work", "after the upload"])
async def test_the_client_goes(single: Caller, caplog: pytest.LogCaptureFixture, when: str) -> None:
    """Who hangs up ends the batch and the work at it, frees its place, and is no failure."""
    async with exchange(single) as batch:
        batch.say({"text": NOTE})
        await batch.lines(1)
        if when == "within a line":
            batch.say(b'{"text": "Zebulon')
        elif when != "between lines":
            for engine in engines_of(psutil.Process()):
                engine.suspend()
            batch.say({"text": NOTE}, end=when == "after the upload")
        await batch.until(lambda: batch.unread == 0)
    for engine in engines_of(psutil.Process()):
        engine.resume()
    again = await single.post("deidentify/batch", content=b"", headers=LINES)

    assert (batch.is_complete, again.status_code) == (False, 200)
    assert [record.message for record in caplog.records if record.levelno > logging.INFO] == []


@pytest.mark.parametrize("held", [b"", b'{"text": "Zebulon', b"x" * 5000], ids=["nothing", "half a line", "too long"])
async def test_a_client_that_sends_nothing(caller: Caller, held: bytes) -> None:
    """What was sent is answered; then a last line says why there are no more, and the connection is cut."""
    async with exchange(caller, f"{PREFIX}hurried") as batch:
        batch.say({"text": NOTE}, held)
        *lines, last = await batch.all_lines()

    assert [line["text"] for line in lines] == [MASKED]
    assert (list(last), last["error"]["code"]) == (["error"], "batch_stalled")
    assert not batch.is_complete


async def test_a_client_that_takes_nothing(caller: Caller) -> None:
    """It is given up."""
    async with exchange(caller, f"{PREFIX}hurried", takes=1) as batch:
        batch.say({"text": NOTE}, {"text": NOTE}, end=True)
        await batch.until(batch.task.done)

    assert not batch.is_complete


async def test_the_server_stops(caller: Caller) -> None:
    """Servers cancel what has not ended in time: the client is told, so that it does not wait behind a proxy."""
    async with exchange(caller, headers={"X-Forwarded-For": "10.0.0.1"}) as batch:
        batch.say({"text": NOTE})
        await batch.lines(1)
        batch.task.cancel()
        _, last = await batch.all_lines()

        assert (list(last), last["error"]["code"], batch.is_complete) == (["error"], "batch_broken", True)
        assert batch.task.cancelled()


async def test_a_defect_of_ours(caller: Caller, caplog: pytest.LogCaptureFixture) -> None:
    """A failure in the middle is no end: there is a last line, and a cut. The log says where, and no more."""
    async with exchange(caller, f"{PREFIX}defective") as batch:
        batch.say({"text": NOTE}, {"text": NOTE}, end=True)
        with pytest.raises(ConnectionAbortedError):
            await batch.task
        first, last = await batch.all_lines()
        batch.is_failure_known = True

    (said,) = [record.message for record in caplog.records if record.levelno == logging.ERROR]
    assert (first["text"], list(last), last["error"]["code"]) == ("first", ["error"], "batch_broken")
    assert not batch.is_complete
    assert "RuntimeError" in said
    assert "deidentify" in said
    assert told(caplog.text) == []


async def test_time_does_not_run_while_notes_are_in_work(caller: Caller) -> None:
    """A client that waits for us has all the time it takes."""
    began = monotonic()
    async with exchange(caller, f"{PREFIX}hurried") as batch:
        while monotonic() - began < 2 * PATIENCE:
            batch.say(*[{"text": NOTE * 10}] * 100)
            await batch.until(lambda: batch.unread == 0)
        batch.say(b"", end=True)
        lines = await batch.all_lines()

    assert ({line["length"] for line in lines}, batch.is_complete) == ({10 * len(NOTE)}, True)


@pytest.fixture(scope="module")
async def watchful() -> AsyncIterator[Service]:
    """A service that looks ten times a second who may stay."""
    async with serving() as start:
        yield await start(apps=("deidentify",), recheck_interval=0.1, cache_ttl=1e-9, stale_grace=0)


@pytest.mark.parametrize("proxy", [{}, {"X-Forwarded-For": "10.0.0.1"}], ids=["direct", "behind a proxy"])
@pytest.mark.parametrize(("change", "code"), [("token", "invalid_token"), ("scope", "insufficient_scope")])
async def test_the_sign_in_ends(watchful: Service, change: str, code: str, proxy: dict[str, str]) -> None:
    """The batch ends with a last line that says why. It is cut, but behind the Hub's proxy, which passes no cut on."""
    caller = watchful.other_service("reporter", scopes=[USE])
    async with exchange(caller, headers=proxy) as batch:
        batch.say({"text": NOTE})
        await batch.lines(1)
        if change == "token":
            caller.revoke()
        else:
            watchful.hub.add_service("reporter", scopes=caller.scopes - {USE}, token=caller.token)
        first, last = await batch.all_lines()

    assert first["text"] == MASKED
    assert (list(last), last["error"]["code"]) == (["error"], code)
    assert batch.is_complete == bool(proxy)


async def test_the_hub_is_gone_for_long(serve: Serve) -> None:
    """When nobody can say any more whether it may go on, the batch ends likewise."""
    service = await serve(apps=("deidentify",), recheck_interval=0.1, cache_ttl=1e-9, stale_grace=0)
    async with exchange(service.user("alice", scopes=[USE])) as batch:
        batch.say({"text": NOTE})
        await batch.lines(1)
        service.hub.outage = OUTAGES["down"]
        _, last = await batch.all_lines()

    assert (list(last), last["error"]["code"]) == (["error"], "hub_unavailable")


async def test_a_slow_reader_is_signed_out(watchful: Service) -> None:
    """Who takes nothing is not waited for when it may not stay."""
    caller = watchful.other_service("reporter", scopes=[USE])
    async with exchange(caller, takes=1) as batch:
        batch.say(*[{"text": NOTE}] * 100)
        await batch.until(lambda: batch.messages)
        caller.revoke()
        await batch.until(batch.task.done, within=2 * CLOSE_TIMEOUT)

    assert not batch.is_complete


# Lines


def split(body: bytes, limit: int) -> list[tuple[int, bytes | None]]:
    """What `Lines` is to find."""
    lines = [line.lstrip() for line in body.split(b"\n")]
    return [(number, line if len(line) <= limit else None) for number, line in enumerate(lines, 1) if line]


@given(st.lists(st.text("ab \r\n\n", max_size=30).map(str.encode)), st.integers(1, 20))
async def test_however_lines_are_cut(pieces: list[bytes], limit: int) -> None:
    """Lines are found wherever a body is cut into messages."""
    messages: list[Message] = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    messages = [*messages, {"type": "http.request", "body": b""}]

    async def receive() -> Message:
        return messages.pop(0)

    lines = Lines(receive, limit=limit)
    found = []
    while line := await lines.next():
        found.append((line.number, line.body))

    assert found == split(b"".join(pieces), limit)


async def test_a_line_without_end() -> None:
    """Of a line that is too long no more is held than of one that fits, and what comes with it."""
    piece, pieces = b"x" * 100_000, 300

    async def receive() -> Message:
        nonlocal pieces
        pieces -= 1
        return {"type": "http.request", "body": piece, "more_body": pieces > 0}

    tracemalloc.start()
    line = await Lines(receive, limit=1000).next()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert (line, pieces) == (Line(1, None), 0)
    assert peak < 10 * len(piece)
