"""One note at a time, in a process that may be lost: its caller gets an answer or an error, and the next an answer."""

import ast
import asyncio
import os
import re
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from time import monotonic

import psutil
import pytest

from service.apps.deidentify.engine.engine import Engine, Options
from service.apps.deidentify.engine.numbering import BatchNumbering
from service.apps.deidentify.engine.replacement import Numbering
from service.apps.deidentify.errors import (
    DeadlineExceededError,
    EngineFailedError,
    EngineUnavailableError,
    NoteRefusedError,
)
from service.apps.deidentify.workers.forkserver import Forkserver
from service.apps.deidentify.workers.preloaded import GRACE
from service.apps.deidentify.workers.worker import Worker
from tests.support import obedient
from tests.support.descriptors import none_left
from tests.support.engines import loaders_of, with_engines
from tests.support.node import REPOSITORY
from tests.support.polling import eventually
from tests.support.process import KeptProcess, clean_environment, signal_all

CANARY = "Zebulon Quackenbush 99887766"
MASKED = "******* *********** ********"
LONG = 60.0  # seconds of deadline, where it is not what ends a note
BRIEF = 1.0  # second, where it ends one note, and the next is to be answered in it on a busy machine

Hire = Callable[..., Worker]


@pytest.fixture
def forkserver() -> Iterator[Forkserver]:
    """Forks engines that do what notes tell them to."""
    with Forkserver(obedient.load) as forkserver:
        yield forkserver


@pytest.fixture
def hire(forkserver: Forkserver) -> Iterator[Hire]:
    """Make workers; they end with the test."""
    with ExitStack() as stack:
        yield lambda *, of=forkserver, deadline=LONG: stack.enter_context(Worker(of, deadline=deadline))


def pid_of(worker: Worker) -> int:
    """The process that a worker has just now."""
    return int(ast.literal_eval(worker.deidentify("inside").text)["pid"])


async def gone(*pids: int) -> None:
    """Return when none of these processes lives any more."""

    async def are_gone() -> bool:
        return not any(map(psutil.pid_exists, pids))

    await eventually(are_gone)


async def begun(path: Path) -> None:
    """Return when an engine says that it has begun."""

    async def is_there() -> bool:
        return obedient.has_begun(path)

    await eventually(is_there, every=0.005)


class Caller(threading.Thread):
    """Somebody else who waits for a note."""

    def __init__(self, worker: Worker, note: str) -> None:
        super().__init__()
        self.error: Exception | None = None
        self.text = ""
        self._worker, self._note = worker, note
        self.start()

    def run(self) -> None:
        """Wait for it."""
        try:
            self.text = self._worker.deidentify(self._note).text
        except (DeadlineExceededError, EngineFailedError, EngineUnavailableError) as error:
            self.error = error


@pytest.fixture(scope="module")
def real() -> Iterator[Forkserver]:
    """Forks the engine that the service has, with our own tagger."""
    with Forkserver(obedient.load_with_rules) as forkserver:
        forkserver.load()
        yield forkserver


NOTES = [
    "Seen by Dr. John Smith on 12/03/2019, MRN: 1234567.",
    "José Núñez, 张伟 and Zoë 😀 called 555-123-4567; \x0c \u2028 it\u2019s fine.",
    "",
    "a" * 99_000,
]


def test_the_real_engine_answers_as_in_this_process(engine: Engine, real: Forkserver, hire: Hire) -> None:
    """Text, spans, counts and length are the same, whatever is asked for."""
    asked: list[Options] = [
        {},
        {"compat": True},
        {"replacement": "tag", "date_shift_days": -400},
        {"replacement": "numbered", "allow": ["smith"], "deny": ["fine", "\ud800"]},
    ]
    worker = hire(of=real)

    assert (real.about, real.contents) == (engine.about, engine.contents)
    for options in asked:
        for note in NOTES:
            assert worker.deidentify(note, **options) == engine.deidentify(note, **options)


def test_several_workers_number_a_batch_as_one_engine_does(engine: Engine, real: Forkserver, hire: Hire) -> None:
    """The batch gives each name one number, without being told the name."""
    notes = ["Dr. Smith and Dr. Jones, 3/4/2019", "Dr. Jones saw SMITH on 5/6/2019", "Mary Jones, 3/4/2019", "none"]
    shared, batch = Numbering(), BatchNumbering()
    workers = [hire(of=real), hire(of=real)]

    results = [workers[n % 2].deidentify(note, replacement="numbered", key=batch.key) for n, note in enumerate(notes)]

    told = f"{results!r} {[result.names for result in results]}".lower()
    assert [name for name in ("smith", "jones", "3/4") if name in told] == []
    assert [batch.renumbered(result) for result in results] == [
        engine.deidentify(note, replacement="numbered", numbering=shared) for note in notes
    ]


@pytest.mark.usefixtures("real")
def test_the_process_that_forks_has_one_thread() -> None:
    """What others hold at that moment would be held for ever in the fork."""
    [process] = loaders_of(psutil.Process())

    assert process.num_threads() == 1


async def test_a_note_beyond_its_deadline_is_killed(hire: Hire, tmp_path: Path) -> None:
    """Even where the engine lets nothing else run; the time is the note's own, and the next note is answered."""
    worker = hire(deadline=BRIEF)
    pid = pid_of(worker)
    began = monotonic()

    with pytest.raises(DeadlineExceededError, match="longer than 1 seconds"):
        worker.deidentify(f"hang {tmp_path}/x {CANARY}")

    assert monotonic() - began >= BRIEF
    assert worker.deidentify(CANARY).text == MASKED
    await gone(pid)


def test_starting_a_process_does_not_count_as_work(hire: Hire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A note that waits for the first engine to load has its whole time then."""
    monkeypatch.setenv(obedient.FLAG, str(tmp_path / "go"))
    with Forkserver(obedient.load_slowly) as forkserver:
        caller = Caller(hire(of=forkserver, deadline=BRIEF), CANARY)
        caller.join(1.2 * BRIEF)
        assert caller.is_alive()
        (tmp_path / "go").touch()
        caller.join()

    assert (caller.text, caller.error) == (MASKED, None)


FAILURES = {
    "fail": r"RuntimeError at .*obedient\.py:\d+ fail",
    "leave": r"its process ended with status 3",
    "crash": r"its process was ended by signal 11",
    "garble": r"it did not answer as it should",
    "mistake": r"it did not answer as it should",
    "exhaust": r"MemoryError at .*obedient\.py:\d+ exhaust",
}


@pytest.mark.parametrize(("command", "reason"), FAILURES.items(), ids=list(FAILURES))
async def test_an_engine_that_fails(
    hire: Hire, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], command: str, reason: str
) -> None:
    """That note gets an error, the log a reason, the next note its answer; of the note's text nothing is anywhere."""
    with Forkserver(obedient.load_with_little_memory) as forkserver:
        worker = hire(of=forkserver)
        pid = pid_of(worker)
        with pytest.raises(EngineFailedError) as caught:
            worker.deidentify(f"{command} {CANARY}")
        assert worker.deidentify(CANARY).text == MASKED
        await gone(pid)

    [line] = caplog.messages
    assert re.fullmatch(rf"An engine failed: {reason}.*\.", line)
    shown = f"{caplog.text} {capfd.readouterr()} {caught.value!r} {caught.value.detail} {caught.value.reason}"
    assert [word for word in CANARY.split() if word in shown] == []


async def test_killed_in_mid_note(hire: Hire, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """That note gets an error, those of other workers their answers."""
    worker, other = hire(), hire()
    pid = pid_of(worker)
    caller = Caller(worker, f"hang {tmp_path}/x {CANARY}")
    waiting = Caller(other, f"wait {tmp_path}/y")
    await begun(tmp_path / "x")
    await begun(tmp_path / "y")

    os.kill(pid, signal.SIGKILL)
    caller.join()
    (tmp_path / "y").touch()
    waiting.join()

    assert isinstance(caller.error, EngineFailedError)
    assert waiting.error is None
    assert caplog.messages == ["An engine failed: its process was ended by signal 9."]
    assert worker.deidentify(CANARY).text == MASKED


async def test_killed_while_idle(hire: Hire, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody notices."""
    workers = [hire() for _ in range(3)]
    pids = [pid_of(worker) for worker in workers]
    signal_all(pids)

    async def have_ended() -> bool:
        return all(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE for pid in pids)

    await eventually(have_ended)
    assert [worker.deidentify(CANARY).text for worker in workers] == [MASKED] * 3
    assert caplog.messages == []
    await gone(*pids)


async def test_a_worker_that_is_stopped_is_past_its_deadline(hire: Hire) -> None:
    """As by a debugger, or a machine that swaps."""
    worker = hire(deadline=BRIEF)
    pid = pid_of(worker)
    os.kill(pid, signal.SIGSTOP)

    with pytest.raises(DeadlineExceededError):
        worker.deidentify(CANARY)

    assert worker.deidentify(CANARY).text == MASKED
    await gone(pid)


async def test_a_worker_that_waits_has_no_deadline(hire: Hire) -> None:
    """The time that ends it in mid-note, should the service be gone, is over with the note."""
    deadline = 0.1
    worker = hire(deadline=deadline)

    async def outlives_it() -> bool:
        try:
            before = pid_of(worker)
            await asyncio.sleep(deadline + GRACE + 0.4)
            after = pid_of(worker)
        except DeadlineExceededError:  # a busy machine answered too late, which says nothing
            return False
        assert after == before
        return True

    assert await eventually(outlives_it)


async def test_a_forkserver_that_is_stopped_is_replaced(hire: Hire, forkserver: Forkserver) -> None:
    """As one that hangs would be."""
    forkserver.load()
    process = psutil.Process(ast.literal_eval(hire().deidentify("inside").text)["parent"])
    process.suspend()

    assert hire().deidentify(CANARY).text == MASKED
    await gone(process.pid)


def test_a_late_answer_of_the_forkserver_is_not_taken_for_another() -> None:
    """Else workers would hold each other's process ids from then on, and kill each other."""
    with Forkserver(obedient.load, fork_limit=BRIEF) as forkserver, ExitStack() as stack:
        fork = forkserver.fork()
        stack.enter_context(fork.connection)
        fork.parent.send_signal(signal.SIGSTOP)
        fork.kill()
        assert forkserver.exit_code(fork) is None
        fork.parent.send_signal(signal.SIGCONT)

        fork = forkserver.fork()
        fork.connection.close()

        assert forkserver.exit_code(fork) == 0


def test_a_process_id_that_may_be_a_strangers_by_now(forkserver: Forkserver) -> None:
    """Is not killed: a worker's process id is kept for it only while its parent lives."""
    fork = forkserver.fork()
    fork.parent.kill()
    fork.parent.wait()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger, fork.connection:
        replace(fork, pid=stranger.pid).kill()
        stranger.communicate(b"\n")

    assert stranger.returncode == 0


async def orphaned(worker: Worker, folder: Path) -> tuple[Caller, dict[str, int]]:
    """Kill the process that forked a worker, which waits with a note for a file. Return who waits, and the ids."""
    inside: dict[str, int] = ast.literal_eval(worker.deidentify("inside").text)
    caller = Caller(worker, f"wait {folder}/x")
    await begun(folder / "x")
    os.kill(inside["parent"], signal.SIGKILL)
    psutil.Process(inside["parent"]).wait()
    return caller, inside


async def test_closing_a_worker_whose_parent_is_gone(hire: Hire, tmp_path: Path) -> None:
    """Its note fails at once, though the worker may not be killed; it ends when it is through."""
    worker = hire()
    caller, inside = await orphaned(worker, tmp_path)

    worker.close()
    caller.join()
    (tmp_path / "x").touch()

    assert isinstance(caller.error, EngineFailedError)
    await gone(inside["pid"])


async def test_the_forkserver_is_killed(hire: Hire, tmp_path: Path) -> None:
    """Its workers go on; where another is needed, it is started anew."""
    worker = hire()
    caller, inside = await orphaned(worker, tmp_path)
    (tmp_path / "x").touch()
    caller.join()

    assert caller.error is None
    assert pid_of(worker) == inside["pid"]
    with pytest.raises(EngineFailedError):
        worker.deidentify("leave")
    assert worker.deidentify(CANARY).text == MASKED
    await gone(inside["pid"], inside["parent"])


async def test_closing_from_another_thread(forkserver: Forkserver, tmp_path: Path) -> None:
    """A note that is under way fails at once, later ones too, and no process is left."""
    others = with_engines()
    worker = Worker(forkserver, deadline=LONG)
    caller = Caller(worker, f"hang {tmp_path}/x")
    await begun(tmp_path / "x")
    ours = [process.pid for process in with_engines() if process not in others]

    worker.close()
    forkserver.close()
    caller.join()

    assert isinstance(caller.error, EngineFailedError)
    with pytest.raises(EngineUnavailableError):
        worker.deidentify(CANARY)
    assert len(ours) == 2
    await gone(*ours)


def test_closing_while_an_engine_is_being_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for it any longer."""
    monkeypatch.setenv(obedient.FLAG, str(tmp_path / "never"))
    before = psutil.Process().children()
    forkserver = Forkserver(obedient.load_slowly)
    caller = Caller(Worker(forkserver), CANARY)
    caller.join(0.3)
    assert caller.is_alive()

    forkserver.close()
    caller.join()

    assert isinstance(caller.error, EngineUnavailableError)
    assert psutil.Process().children() == before


PROGRAM = """
from service.apps.deidentify.workers.forkserver import Forkserver
from service.apps.deidentify.workers.worker import Worker
from tests.support import obedient

with Forkserver(obedient.load) as forkserver, Worker(forkserver) as idle, Worker(forkserver, deadline=1) as busy:
    idle.deidentify("x")
    busy.deidentify("hang {path}")
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
async def test_the_service_is_gone(tmp_path: Path, number: signal.Signals) -> None:
    """However it ends, no worker outlives it: not one that waits, nor one that would never have come back."""
    command = [sys.executable, "-c", PROGRAM.format(path=tmp_path / "x")]
    environment = clean_environment(PYTHONPATH=str(REPOSITORY))
    process = KeptProcess(command, env=environment, cwd=tmp_path, log=tmp_path / "log")
    try:
        await begun(tmp_path / "x")
        assert len(process.descendants()) == 4  # itself, the forkserver, two workers

        process.send(number)

        async def all_are_gone() -> bool:
            return not process.descendants()

        await eventually(all_are_gone)
    finally:
        process.close()


def test_a_ctrl_c_at_the_terminal_ends_no_engine(hire: Hire) -> None:
    """It reaches all that the service started; the service ends them when it is done."""
    worker = hire()
    inside = ast.literal_eval(worker.deidentify("inside").text)
    for pid in (inside["pid"], inside["parent"]):
        os.kill(pid, signal.SIGINT)

    assert pid_of(worker) == inside["pid"]


def test_its_processes_stand_back(hire: Hire) -> None:
    """They yield to the service, reach nothing but it, dump no core, and have not loaded what started them."""
    inside = ast.literal_eval(hire().deidentify("inside").text)

    assert inside["nice"] == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 10)
    assert inside["core"] == ((1, 1) if resource.getrlimit(resource.RLIMIT_CORE)[1] else (0, 0))
    assert inside["files"] == ["/dev/null"] * 3 + ["socket"]
    assert inside["main"] is None


def test_an_engine_gets_little_of_the_environment(hire: Hire, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it needs to load, and nothing that is a secret, or could be."""
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("NLTK_DATA", "/data")
    for name in ("JUPYTERHUB_API_TOKEN", "DATABASE_URL", "ENTRA_HUB_CLIENT_SECRET", "AWS_SECRET_ACCESS_KEY", "PATH_X"):
        monkeypatch.setenv(name, CANARY)
    told = ast.literal_eval(hire().deidentify("inside").text)["environment"]

    assert told["PATH"] == os.environ["PATH"]
    assert (told["LC_ALL"], told["NLTK_DATA"], told["OPENBLAS_NUM_THREADS"]) == ("C.UTF-8", "/data", "1")
    assert CANARY not in told.values()


def test_an_engine_that_does_not_load(
    hire: Hire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says why, readiness that; it is not tried again for each note."""
    monkeypatch.setenv(obedient.FLAG, str(tmp_path / "attempts"))
    with Forkserver(obedient.load_and_count, retry=LONG) as forkserver:
        assert forkserver.problem == "The engine of de-identification is being loaded."
        worker = hire(of=forkserver)
        for _ in range(5):
            with pytest.raises(EngineUnavailableError):
                worker.deidentify(CANARY)

        assert (tmp_path / "attempts").read_text() == "once more\n"
        assert forkserver.problem == "The engine of de-identification cannot be loaded; the log says why."
    assert caplog.messages == [
        "De-identification has no engine: LookupError: no data. Trying again in 60 seconds.",
    ]


def test_no_descriptor_is_left(hire: Hire, caplog: pytest.LogCaptureFixture) -> None:
    """A note that needs a process is refused for the moment, whether or not an engine is loaded; then all is well."""
    with Forkserver(obedient.load, retry=0) as forkserver:
        worker = hire(of=forkserver)
        with none_left(), pytest.raises(EngineUnavailableError):
            forkserver.load()
        forkserver.load()
        with none_left(), pytest.raises(EngineUnavailableError):
            worker.deidentify(CANARY)

        assert worker.deidentify(CANARY).text == MASKED
    assert [message.partition(": ")[2] for message in caplog.messages] == [
        "its process was not started, or is lost: Too many open files. Trying again in 0 seconds.",
        "Too many open files.",
    ]


def test_an_engine_whose_process_ends_while_it_loads(hire: Hire, caplog: pytest.LogCaptureFixture) -> None:
    """As where memory runs out."""
    with Forkserver(obedient.load_never) as forkserver, pytest.raises(EngineUnavailableError):
        hire(of=forkserver).deidentify(CANARY)

    assert "its process ended" in caplog.text


def test_an_engine_that_takes_too_long_to_load(
    hire: Hire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Is ended, and the log says so."""
    monkeypatch.setenv(obedient.FLAG, str(tmp_path / "never"))
    with Forkserver(obedient.load_slowly, limit=0.1) as forkserver, pytest.raises(EngineUnavailableError):
        hire(of=forkserver).deidentify(CANARY)

    assert "it was not loaded after 0.1 seconds" in caplog.text


def test_an_engine_that_loads_later(hire: Hire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once it does, notes are answered."""
    monkeypatch.setenv(obedient.FLAG, str(tmp_path / "data"))
    with Forkserver(obedient.load_when_told, retry=0) as forkserver:
        worker = hire(of=forkserver)
        with pytest.raises(EngineUnavailableError):
            worker.deidentify(CANARY)
        (tmp_path / "data").touch()

        assert worker.deidentify(CANARY).text == MASKED
        assert (forkserver.problem, forkserver.about) == (None, obedient.ABOUT)


@pytest.mark.parametrize("text", ["\ud800", "J\0o\0h\0n\0"], ids=["half a surrogate pair", "UTF-16"])
def test_what_no_note_has_does_not_reach_an_engine(hire: Hire, text: str) -> None:
    """Whoever calls, the service or the command line: no engine is started for it."""
    before = with_engines()
    with pytest.raises(NoteRefusedError):
        hire().deidentify(text)

    assert with_engines() == before
