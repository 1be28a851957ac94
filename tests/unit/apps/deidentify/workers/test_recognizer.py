"""A model in a process of its own, which may be lost: a note gets its finds or an error, never less."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from service.apps.deidentify.errors import DeadlineExceededError, EngineFailedError, EngineUnavailableError
from service.apps.deidentify.workers.recognizer import Recognizer
from tests.support import seeing
from tests.support.descriptors import none_left
from tests.support.process import children_with

CANARY = "Zebulon Quackenbush 99887766"
LONG = 60.0  # seconds, where the deadline is not what is tested

Make = Callable[..., Recognizer]


@pytest.fixture
def make() -> Iterator[Make]:
    """Make recognizers; they end with the test."""
    with ExitStack() as stack:

        def make(load: object = seeing.load, *, deadline: float = LONG, retry: float = 0) -> Recognizer:
            name = f"{seeing.__name__}:{load.__name__}"  # type: ignore[attr-defined] # a function
            recognizer = Recognizer(name, deadline=deadline, retry=retry)
            stack.callback(recognizer.close)
            return recognizer

        yield make


def processes() -> list[psutil.Process]:
    """The processes that hold models."""
    return children_with("workers.model_process")


def test_it_is_asked_again_and_again(make: Make) -> None:
    """By one process, which is started at first use; which model it is, is known from then on."""
    recognizer = make()
    assert (recognizer.name, recognizer.problem) == (None, "The model of de-identification is being loaded.")

    assert recognizer.find("Seen by zzdeng.") == [(8, 14, "NAME")]
    assert recognizer.find("Nobody.") == []

    assert (recognizer.load(), recognizer.problem) == (seeing.NAME, None)
    assert len(processes()) == 1


def test_it_reads_what_the_rules_read(make: Make) -> None:
    """Letters without accents, without marks and invisible characters: places are those of that text."""
    assert make().find("By Z\u0301z\u00addéñg, zzb.") == [(3, 9, "NAME"), (11, 14, "NAME")]


@pytest.mark.parametrize("command", ["fail", "crash", "lie"])
def test_it_fails(make: Make, caplog: pytest.LogCaptureFixture, command: str) -> None:
    """Its process is replaced, and nothing of the note is told."""
    caplog.set_level(logging.DEBUG)
    recognizer = make()
    with pytest.raises(EngineFailedError) as caught:
        recognizer.find(f"{command} {CANARY}")

    assert recognizer.find("zza") == [(0, 3, "NAME")]
    assert "The model of de-identification failed: " in caplog.text
    assert not {word for word in CANARY.split() if word in caplog.text + str(caught.value) + caught.value.reason}


def test_a_note_that_takes_too_long(make: Make, tmp_path: Path) -> None:
    """Ends the process; the next note is answered by another."""
    recognizer = make(deadline=1)
    recognizer.load()
    (first,) = processes()
    with pytest.raises(DeadlineExceededError):
        recognizer.find(f"hang {tmp_path / 'note'}")

    assert not first.is_running()
    recognizer.load()
    assert [process.pid for process in processes()] != [first.pid]


def test_it_was_killed_meanwhile(make: Make) -> None:
    """It is started again for the next note."""
    recognizer = make()
    recognizer.load()
    (process,) = processes()
    process.kill()
    process.wait()

    assert recognizer.find("zza") == [(0, 3, "NAME")]


@pytest.mark.parametrize("load", [seeing.load_when_told, seeing.load_never], ids=["it says why", "its process ends"])
def test_it_cannot_be_loaded(
    make: Make, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, load: object
) -> None:
    """Notes get an error, never an answer without it; it is not tried again at once."""
    monkeypatch.setenv(seeing.FLAG, str(tmp_path / "go"))
    recognizer = make(load, retry=3600)
    for _ in range(2):
        with pytest.raises(EngineUnavailableError):
            recognizer.find(CANARY)

    assert recognizer.problem == "The model of de-identification cannot be loaded; the log says why."
    assert caplog.text.count("De-identification has no model: ") == 1
    assert processes() == []


def test_no_descriptor_is_left(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    """Notes are refused for the moment; then it is started."""
    recognizer = make()
    with none_left(), pytest.raises(EngineUnavailableError):
        recognizer.find("zza")

    assert recognizer.find("zza") == [(0, 3, "NAME")]
    assert "its process was not started, or is lost: Too many open files" in caplog.text


def test_it_is_loaded_later(make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """When what was missing is there."""
    monkeypatch.setenv(seeing.FLAG, str(tmp_path / "go"))
    recognizer = make(seeing.load_when_told)
    with pytest.raises(EngineUnavailableError):
        recognizer.load()
    (tmp_path / "go").touch()

    assert recognizer.load() == seeing.NAME


def test_it_is_closed(make: Make) -> None:
    """For good."""
    recognizer = make()
    recognizer.load()
    recognizer.close()

    assert processes() == []
    with pytest.raises(EngineUnavailableError):
        recognizer.find("x")
