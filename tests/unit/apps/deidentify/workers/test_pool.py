"""Engines for an event loop: who waits for what, and what becomes of whom when something is lost."""

import ast
import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from time import monotonic
from typing import Any, cast

import psutil
import pytest

from service.apps.deidentify.errors import (
    DeadlineExceededError,
    EngineFailedError,
    EngineUnavailableError,
    NoteRefusedError,
    NoteTooLargeError,
    QueueFullError,
)
from service.apps.deidentify.workers.forkserver import Forkserver
from service.apps.deidentify.workers.pool import Pool, cores, open_pool
from service.errors import ServiceError
from tests.support import obedient
from tests.support.engines import with_engines
from tests.support.polling import eventually
from tests.support.process import signal_all

CANARY = "Zebulon Quackenbush 99887766"
MASKED = "******* *********** ********"

Open = Callable[..., Any]


@pytest.fixture
async def start() -> AsyncIterator[Open]:
    """Open pools of engines that do what notes tell them to; they are closed with the test."""
    async with AsyncExitStack() as stack:

        async def start(**options: Any) -> Pool:  # noqa: ANN401 - those of `open_pool`
            return await stack.enter_async_context(
                open_pool(**{"workers": 2, "deadline": 60.0, "load": obedient.load, **options})
            )

        yield start


def ask(pool: Pool, note: str, **options: Any) -> "asyncio.Task[str]":  # noqa: ANN401 - those of `Pool.deidentify`
    """Bring a note; its text, or the code of the error."""

    async def answer() -> str:
        try:
            return (await pool.deidentify(note, **options)).text
        except ServiceError as error:
            return error.code

    return asyncio.ensure_future(answer())


async def inside(pool: Pool) -> dict[str, Any]:
    """What one of its engines tells about its process."""
    told: dict[str, Any] = ast.literal_eval(await ask(pool, "inside"))
    return told


async def begun(*paths: Path) -> None:
    """Return when engines have these notes in work."""

    async def are_there() -> bool:
        return all(map(obedient.has_begun, paths))

    await eventually(are_there, every=0.005)


async def gone(*pids: int) -> None:
    """Return when none of these processes lives any more."""

    async def are_gone() -> bool:
        return not any(map(psutil.pid_exists, pids))

    await eventually(are_gone)


def descendants() -> list[int]:
    """All processes that load engines or are some."""
    return [process.pid for process in with_engines()]


async def test_notes_that_come_before_the_engine_wait(
    start: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Starting takes no time of the event loop's; which engine it is, is known when it is there."""
    monkeypatch.setenv(obedient.FLAG, str(tmp_path / "go"))
    pool = await start(load=obedient.load_slowly)
    asked = [ask(pool, CANARY) for _ in range(5)]
    assert (pool.about, pool.problem) == (None, "The engine of de-identification is being loaded.")

    (tmp_path / "go").touch()

    assert await asyncio.gather(*asked) == [MASKED] * 5
    assert (pool.about, pool.problem) == (obedient.ABOUT, None)


async def test_the_loop_goes_on_while_all_workers_are_busy(start: Open, tmp_path: Path) -> None:
    """However long a note takes, and whatever it does to its process."""
    pool = await start(deadline=1)
    hanging = [ask(pool, f"hang {tmp_path / name}") for name in "ab"]
    await begun(tmp_path / "a", tmp_path / "b")
    turns = 0
    while not all(task.done() for task in hanging):
        await asyncio.sleep(0)
        turns += 1

    assert [task.result() for task in hanging] == ["deadline_exceeded"] * 2
    assert turns > 100  # an idle machine makes tens of thousands; where the loop waits for a worker, it is a few


async def test_a_note_beyond_its_deadline(start: Open, tmp_path: Path) -> None:
    """It alone is given up; those before and after it are answered, and so are those that waited for longer."""
    pool = await start(workers=1, deadline=1.5)  # a masked note takes no time, but a busy machine may
    asked = [ask(pool, note) for note in (CANARY, f"hang {tmp_path}/a", CANARY, f"hang {tmp_path}/b", CANARY)]

    assert await asyncio.gather(*asked) == [MASKED, "deadline_exceeded", MASKED, "deadline_exceeded", MASKED]


@pytest.mark.parametrize("command", ["fail", "leave", "crash", "garble", "mistake", "exhaust"])
async def test_an_engine_that_fails(
    start: Open, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], command: str
) -> None:
    """It is that note's misfortune alone; of its text nothing is in log or output."""
    pool = await start(load=obedient.load_with_little_memory)
    notes = [CANARY, f"{command} {CANARY}", CANARY, CANARY]

    assert await asyncio.gather(*(ask(pool, note) for note in notes)) == [MASKED, "engine_failed", MASKED, MASKED]
    assert [word for word in CANARY.split() if word in f"{caplog.text} {capfd.readouterr()}"] == []


async def test_all_workers_are_killed_at_once(start: Open, tmp_path: Path) -> None:
    """Notes in work fail, notes that wait are answered."""
    pool = await start()
    pids = {(await inside(pool))["pid"] for _ in range(4)}
    working = [ask(pool, f"hang {tmp_path / name}") for name in "ab"]
    await begun(tmp_path / "a", tmp_path / "b")
    waiting = [ask(pool, CANARY) for _ in range(6)]
    signal_all(pids)

    assert len(pids) == 2
    assert await asyncio.gather(*working) == ["engine_failed"] * 2
    assert await asyncio.gather(*waiting) == [MASKED] * 6
    await gone(*pids)


async def test_everything_is_killed_at_once(start: Open) -> None:
    """The process that forks included; the engine is loaded anew, and the next notes are answered."""
    pool = await start()
    for _ in range(2):
        told = [await inside(pool) for _ in range(4)]
        signal_all({tell[key] for tell in told for key in ("parent", "pid")})
        await gone(*(tell["pid"] for tell in told))

        assert await asyncio.gather(*(ask(pool, CANARY) for _ in range(6))) == [MASKED] * 6
    assert pool.problem is None


async def test_an_engine_whose_process_is_lost_is_loaded_again_without_being_asked(start: Open) -> None:
    """Where nobody sends notes as long as it is not ready, too."""
    pool = await start(retry=0.05)
    parent = (await inside(pool))["parent"]
    os.kill(parent, signal.SIGKILL)
    await gone(parent)

    async def is_there_again() -> bool:
        return pool.problem is None and bool(descendants())

    await eventually(is_there_again)
    assert await ask(pool, CANARY) == MASKED


class Failing:
    """Stands for a fork server whose first attempt to load fails as nobody thought of."""

    retry, attempts = 0.0, 0

    def load(self) -> None:
        """Fail at first."""
        self.attempts += 1
        if self.attempts == 1:
            raise MemoryError


async def test_whatever_happens_while_an_engine_is_loaded(caplog: pytest.LogCaptureFixture) -> None:
    """It is tried again, and the log says what it was."""
    forkserver = Failing()
    stand_in = cast("Forkserver", forkserver)
    pool = Pool(stand_in, workers=1, deadline=1, note_size=1, notes=1, size=1, batches=1)
    keeper = asyncio.create_task(pool.keep_loaded())

    async def is_tried_again() -> bool:
        return forkserver.attempts > 1 or keeper.done()

    await eventually(is_tried_again, every=0)
    assert keeper.cancel()
    await asyncio.gather(keeper, return_exceptions=True)
    assert [re.sub(r" at .*", "", message) for message in caplog.messages] == ["Loading an engine failed: MemoryError"]


async def test_an_engine_that_does_not_load(start: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Notes are refused, it is tried again at intervals, and once it loads, notes are answered."""
    monkeypatch.setenv(obedient.FLAG, str(tmp_path / "data"))
    pool = await start(load=obedient.load_when_told, retry=0.05)

    assert await ask(pool, CANARY) == "engine_unavailable"
    assert await ask(pool, CANARY, patient=True) == "engine_unavailable"
    assert (pool.about, pool.problem) == (None, "The engine of de-identification cannot be loaded; the log says why.")

    (tmp_path / "data").touch()

    async def is_loaded() -> bool:
        return pool.problem is None

    await eventually(is_loaded)
    assert await ask(pool, CANARY) == MASKED


async def test_one_that_does_not_load_is_not_tried_all_the_time(
    start: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many notes come."""
    monkeypatch.setenv(obedient.FLAG, str(tmp_path / "attempts"))
    pool = await start(load=obedient.load_and_count)
    for _ in range(20):
        assert await ask(pool, CANARY) == "engine_unavailable"

    assert (tmp_path / "attempts").read_text() == "once more\n"


@pytest.mark.parametrize(
    ("note", "expected"),
    [("é" * 50, None), ("é" * 50 + "x", NoteTooLargeError), ("\ud800", NoteRefusedError), ("J\0", NoteRefusedError)],
    ids=["as large as may be", "larger", "half a surrogate pair", "a control character"],
)
async def test_notes_that_are_not_taken(start: Open, note: str, expected: type[ServiceError] | None) -> None:
    """Size is counted in bytes of UTF-8."""
    pool = await start(note_size=100)

    if expected:
        with pytest.raises(expected):
            await pool.deidentify(note)
    else:
        assert (await pool.deidentify(note)).length == 50


@pytest.mark.parametrize(("options", "size"), [({"notes": 3}, 1), ({"size": 1000}, 400)], ids=["in notes", "in bytes"])
async def test_a_full_queue(start: Open, tmp_path: Path, options: dict[str, int], size: int) -> None:
    """Who comes then is told when to come again; those of batches wait, and all is well when there is room."""
    pool = await start(workers=1, **options)
    working = ask(pool, f"wait {tmp_path}/x")
    await begun(tmp_path / "x")
    waiting = [ask(pool, "x" * size) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(QueueFullError) as caught:
        await pool.deidentify("x" * size)
    patient = [ask(pool, "x" * size, patient=True) for _ in range(5)]
    (tmp_path / "x").touch()
    await working

    assert 1 <= (caught.value.retry_after or 0) <= 60
    assert await asyncio.gather(*waiting, *patient) == ["*" * size] * 7
    assert await ask(pool, CANARY) == MASKED


async def test_patience_keeps_the_order(start: Open, tmp_path: Path) -> None:
    """One worker gets the notes in the order in which they came, far more of them than there is room for."""
    pool = await start(workers=1, notes=4)

    await asyncio.gather(
        *(pool.deidentify(f"record {tmp_path / 'order'} {number}", patient=True) for number in range(50))
    )

    assert (tmp_path / "order").read_text().split() == [str(number) for number in range(50)]


async def test_who_goes_away_takes_no_room(start: Open, tmp_path: Path) -> None:
    """At once if the note had not begun, else when the worker is through with it."""
    pool = await start(workers=1, notes=2)
    working = ask(pool, f"wait {tmp_path}/x")
    await begun(tmp_path / "x")
    waiting = ask(pool, CANARY)
    await asyncio.sleep(0)
    working.cancel()
    waiting.cancel()
    await asyncio.gather(working, waiting, return_exceptions=True)

    waiting = ask(pool, CANARY)
    await asyncio.sleep(0)
    assert await ask(pool, CANARY) == "queue_full"
    (tmp_path / "x").touch()
    assert await waiting == MASKED
    assert await asyncio.gather(*(ask(pool, CANARY) for _ in range(2))) == [MASKED] * 2


async def test_closing_while_notes_are_in_work(tmp_path: Path) -> None:
    """They fail, those that wait too; it takes no time, and no process, thread or task is left."""
    before, tasks = descendants(), asyncio.all_tasks()
    async with open_pool(workers=2, deadline=60, load=obedient.load) as pool:
        asked = [ask(pool, f"hang {tmp_path / name}") for name in "ab"]
        await begun(tmp_path / "a", tmp_path / "b")
        asked += [ask(pool, CANARY), ask(pool, CANARY, patient=True)]
        await asyncio.sleep(0)
        began = monotonic()

    assert monotonic() - began < 30
    assert await asyncio.gather(*asked) == ["engine_failed"] * 2 + ["engine_unavailable"] * 2
    assert await ask(pool, CANARY) == "engine_unavailable"
    assert (descendants(), asyncio.all_tasks()) == (before, tasks)


async def test_closing_while_the_engine_is_being_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for it any longer."""
    monkeypatch.setenv(obedient.FLAG, str(tmp_path / "never"))
    began = monotonic()
    async with open_pool(workers=2, load=obedient.load_slowly) as pool:
        asked = ask(pool, CANARY)

        async def is_starting() -> bool:
            return bool(descendants())

        await eventually(is_starting)

    assert await asked == "engine_unavailable"
    assert monotonic() - began < 60
    assert descendants() == []


async def test_places_for_batches(start: Open) -> None:
    """Each has numbers of its own; who finds no place is told when to come again."""
    pool = await start(batches=2)
    with pool.batch("alice") as one, pool.batch("bob") as other:
        assert one.key != other.key
        with pytest.raises(QueueFullError), pool.batch("carol"):
            pass
    with pool.batch("alice"), pool.batch("bob"):
        pass


async def test_nobody_opens_all_batches(start: Open) -> None:
    """Whoever has some open leaves as many free; who has none finds a place, and others' ends make room."""
    pool = await start(batches=4)
    with pool.batch("alice"), pool.batch("alice"):
        with pytest.raises(QueueFullError), pool.batch("alice"):
            pass
        with pool.batch("bob"):
            with pytest.raises(QueueFullError), pool.batch("bob"):
                pass
            with pool.batch("carol"):
                assert pool.load()["batches"] == 4
        with pool.batch("bob"):
            pass
    assert pool.load()["batches"] == 0


async def test_a_caller_who_fills_the_queue(start: Open, tmp_path: Path) -> None:
    """Turns nobody else away: the youngest of the waiting notes makes way, and the others take turns with it."""
    pool = await start(workers=1, notes=4)
    first = ask(pool, f"wait {tmp_path / 'go'}", caller="alice")
    await begun(tmp_path / "go")
    order = tmp_path / "order"
    many = [ask(pool, f"record {order} alice{number}", caller="alice") for number in range(8)]
    another = ask(pool, f"record {order} bob", caller="bob")
    refused = await asyncio.gather(*many[2:])
    (tmp_path / "go").touch()
    done = await asyncio.gather(first, *many[:2], another)

    assert refused == ["queue_full"] * 6
    assert "queue_full" not in done
    assert order.read_text(encoding="utf-8").split() == ["alice0", "bob", "alice1"]


async def test_errors_say_what_they_are_about(start: Open, tmp_path: Path) -> None:
    """In words for the caller, with the limit that was meant."""
    pool = await start(deadline=1.5, note_size=1000)
    with pytest.raises(NoteTooLargeError, match="1000 bytes"):
        await pool.deidentify("x" * 1001)
    with pytest.raises(DeadlineExceededError, match=r"1\.5 seconds"):
        await pool.deidentify(f"hang {tmp_path}/x")
    with pytest.raises(EngineFailedError, match="nothing of it is returned"):
        await pool.deidentify("leave")
    await pool.aclose()
    with pytest.raises(EngineUnavailableError, match="Try again"):
        await pool.deidentify(CANARY)


def test_as_many_cores_as_the_process_may_use() -> None:
    """Not as many as the machine has."""
    assert cores() == len(os.sched_getaffinity(0)) >= 1
