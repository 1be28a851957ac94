"""Engines of this machine: as many as are asked at once, and none that a note can take with it for good."""

import ast
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from service.apps.deidentify.errors import DeadlineExceededError, EngineFailedError, EngineUnavailableError
from service.apps.deidentify.job.claim import Terms
from service.apps.deidentify.job.local import Engines, local_executor
from service.apps.deidentify.job.notes import Note
from tests.support import obedient as load
from tests.support.polling import eventually

LONG = 60.0  # seconds of deadline, where it is not what ends a note


@pytest.fixture
def engines() -> Iterator[Engines]:
    """Those that do what notes tell them to."""
    with Engines(LONG, load.load) as engines:
        yield engines


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    """Two that ask."""
    with ThreadPoolExecutor(2) as threads:
        yield threads


def pid(engines: Engines) -> int:
    """The process of the engine that is asked next."""
    return int(ast.literal_eval(engines.deidentify("inside").text)["pid"])


async def begun(path: Path) -> None:
    """Return when an engine says that it has begun."""
    sign = path.with_name(f"{path.name}.begun")

    async def is_there() -> bool:
        return sign in sign.parent.iterdir()

    await eventually(is_there, every=0.005)


def test_one_after_the_other(engines: Engines) -> None:
    """Has one process."""
    assert engines.load() == load.ABOUT
    assert [engines.deidentify(text).text for text in ("Ann", "Bob B")] == ["***", "*** *"]
    assert pid(engines) == pid(engines)


async def test_two_at_once(engines: Engines, threads: ThreadPoolExecutor, tmp_path: Path) -> None:
    """Have one each."""
    waiting = [threads.submit(engines.deidentify, f"wait {tmp_path / name}") for name in "ab"]
    for name in "ab":
        await begun(tmp_path / name)
    for name in "ab":
        (tmp_path / name).touch()

    assert [each.result().text.split(" ")[0] for each in waiting] == ["****", "****"]


async def test_an_engine_that_is_lost(engines: Engines, threads: ThreadPoolExecutor, tmp_path: Path) -> None:
    """Is asked again: that need not be the note's doing."""
    lost = pid(engines)
    waiting = threads.submit(engines.deidentify, f"wait {tmp_path / 'a'}")
    await begun(tmp_path / "a")
    os.kill(lost, signal.SIGKILL)
    (tmp_path / "a").touch()

    assert waiting.result().text.startswith("****")
    assert pid(engines) != lost


def test_a_note_that_ends_every_engine(engines: Engines) -> None:
    """Is an error, and the next note has its answer."""
    with pytest.raises(EngineFailedError):
        engines.deidentify("leave")

    assert engines.deidentify("Ann").text == "***"


def test_a_note_that_takes_too_long(tmp_path: Path) -> None:
    """Is an error at once, and the next note has its answer."""
    with Engines(0.2, load.load) as engines:
        with pytest.raises(DeadlineExceededError):
            engines.deidentify(f"hang {tmp_path / 'a'}")

        assert engines.deidentify("Ann").text == "***"


async def test_the_end(engines: Engines, threads: ThreadPoolExecutor, tmp_path: Path) -> None:
    """Ends every process, whatever it is at, and whoever waits for one is told."""
    known = pid(engines)
    waiting = threads.submit(engines.deidentify, f"wait {tmp_path / 'a'}")
    await begun(tmp_path / "a")
    engines.close()

    with pytest.raises(EngineFailedError):
        waiting.result(5)

    async def is_gone() -> bool:
        return not psutil.pid_exists(known)

    await eventually(is_gone)


def test_an_executor() -> None:
    """Does notes on so many engines at a time, with the job's options, and knows the engine."""
    with local_executor(Terms({}, spans=False, deadline=LONG), 2, load.load) as executor:
        pending = [executor.submit([Note(0, text)]) for text in (b"Ann", b"fail Zebulon", b"Bob")]
        outcomes = [outcome for each in pending for outcome in each.result()]

    assert [outcome.written for outcome in outcomes] == [b"***", None, b"***"]
    assert [outcome.code for outcome in outcomes] == ["", "engine_failed", ""]
    assert executor.about == load.ABOUT


def test_no_engine() -> None:
    """Is told before anything is begun."""
    executor = local_executor(Terms({}, spans=False, deadline=LONG), 2, load.load_never)

    with pytest.raises(EngineUnavailableError), executor:
        pass
