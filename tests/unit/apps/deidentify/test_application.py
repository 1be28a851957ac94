"""De-identification opens its engines as its settings say."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pydantic import SecretStr

from service.application import configure, open_applications
from service.apps.deidentify.errors import NoteTooLargeError, QueueFullError
from service.apps.deidentify.workers.pool import Pool
from service.resources import open_resources
from service.settings import Settings
from tests.support.engines import with_engines


@asynccontextmanager
async def open_pool(told: dict[str, str], *, workers: int = 1) -> AsyncIterator[Pool]:
    """Open de-identification in one of so many processes."""
    settings = Settings(api_token=SecretStr("t"), apps=("deidentify",), workers=workers, variables=told)
    async with open_resources(settings) as resources, open_applications(configure(settings), resources) as opened:
        yield opened["deidentify"]


@pytest.mark.parametrize(
    ("told", "workers", "expected"),
    [
        ("4", 1, 4),
        ("4", 2, 2),
        ("5", 2, 2),
        ("1", 2, 1),
        ("", 1, len(os.sched_getaffinity(0))),
        ("", 1000, 1),
    ],
    ids=["one process", "two processes", "not evenly", "fewer than processes", "one for each core", "at least one"],
)
async def test_engines_are_shared_out_among_processes(told: str, workers: int, expected: int) -> None:
    """DEIDENTIFY_WORKERS counts all of them, whatever SERVICE_WORKERS is."""
    async with open_pool({"DEIDENTIFY_WORKERS": told}, workers=workers) as pool:
        assert pool.workers == expected


async def test_a_queue_has_room_for_two_notes_of_the_largest_size() -> None:
    """Whatever DEIDENTIFY_QUEUE_SIZE is: else one note of a batch would keep all others out."""
    async with open_pool({"DEIDENTIFY_NOTE_SIZE": "30", "DEIDENTIFY_QUEUE_SIZE": "1"}) as pool:
        waiting = asyncio.ensure_future(pool.deidentify("x" * 30, patient=True))
        await asyncio.sleep(0)
        results = await asyncio.gather(waiting, pool.deidentify("x" * 30))

    assert [result.length for result in results] == [30, 30]


async def test_engines_are_opened_as_the_settings_say_and_closed_at_the_end() -> None:
    """Bounds and deadline reach them; no process is left."""
    told = {
        "DEIDENTIFY_DEADLINE": "2.5",
        "DEIDENTIFY_NOTE_SIZE": "30",
        "DEIDENTIFY_QUEUE": "1",
        "DEIDENTIFY_QUEUE_SIZE": "40",
        "DEIDENTIFY_BATCHES": "1",
    }
    others = set(with_engines())  # of other tests
    async with open_pool(told) as pool:
        assert (pool.deadline, pool.note_size) == (2.5, 30)
        with pytest.raises(NoteTooLargeError):
            await pool.deidentify("x" * 31)
        waiting = asyncio.ensure_future(pool.deidentify("Dr. Smith"))
        await asyncio.sleep(0)
        with pytest.raises(QueueFullError):
            await pool.deidentify("Dr. Smith")
        with pool.batch(), pytest.raises(QueueFullError), pool.batch():
            pass
        assert (await waiting).text == "Dr. *****"
        processes = set(with_engines()) - others
        assert len(processes) == 2

    assert [process for process in processes if process.is_running()] == []
