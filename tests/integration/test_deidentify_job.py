"""`python -P -m service deidentify`: many notes, and the same result however often it was stopped."""

import json
import shlex
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from service.apps.deidentify.http.notes import FailedLine, Reply
from tests.support.job import CANARY, Job, done, job, lines_written, write_notes, written
from tests.support.markdown import blocks
from tests.support.node import REPOSITORY
from tests.support.polling import eventually

NOTES = 100
ALL = NOTES + 7  # with those in the other files


@dataclass(frozen=True)
class Corpus:
    """Files, and what the job makes of them if nothing disturbs it."""

    folder: Path
    written: dict[str, bytes]
    status: int | None
    said: str


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Notes in files of each kind."""
    home = tmp_path_factory.mktemp("job")
    write_notes(home / "in", NOTES)
    status, said = done(home / "in", "-o", home / "out", home=home)
    return Corpus(home / "in", written(home / "out"), status, said)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A folder to write to."""
    return tmp_path / "out"


async def until_written(out: Path, count: int) -> None:
    """Return when so many lines are written."""

    async def are_written() -> bool:
        return lines_written(out) >= count

    await eventually(are_written, every=0.01)


async def until_alone(running: Job) -> None:
    """Return when nothing is left of a job."""

    async def is_alone() -> bool:
        return not running.process.descendants()

    await eventually(is_alone)


def test_a_job(corpus: Corpus) -> None:
    """Writes each file under its name; what failed is counted, and the status tells."""
    last = corpus.said.splitlines()[-1]

    assert corpus.status == 1
    assert list(corpus.written) == ["a/1.txt", "a/2.txt", "b.ndjson", "c/d.jsonl", "e.ndjson"]
    assert corpus.written["a/1.txt"] == b"Seen by Dr. ***********."
    assert corpus.written["e.ndjson"] == b""
    assert last.startswith(f"{ALL} notes in 0:00:")
    assert last.endswith(" a second. 3 failed.")


def test_lines(corpus: Corpus) -> None:
    """Are answered in their order, by lines such as the service's batch has."""
    replies = [json.loads(line) for line in corpus.written["b.ndjson"].splitlines()]
    others = [json.loads(line) for line in corpus.written["c/d.jsonl"].splitlines()]

    assert [(reply["line"], reply["id"]) for reply in replies] == [(number + 1, number) for number in range(NOTES)]
    assert [(line["line"], "error" in line) for line in others] == [(1, False), (3, True), (4, True), (5, False)]
    for line in [*replies, *others]:
        model = (FailedLine if "error" in line else Reply).model_validate(line)
        assert list(model.model_dump(exclude_none=True)) == list(line)


def test_nothing_of_a_note_is_said(corpus: Corpus) -> None:
    """Neither of one that was done, nor of one that failed; where, and why, is."""
    assert CANARY not in corpus.said
    assert f"{corpus.folder}/a/not UTF-8.txt: note_refused: Line 1, byte 12 (0xE9) is not in utf-8. " in corpus.said
    assert CANARY.encode() not in b"".join(corpus.written.values())


async def test_a_job_that_is_killed(corpus: Corpus, out: Path) -> None:
    """At several moments, goes on each time where it was, with nothing left behind; no byte is other in the end."""
    for count in (0, 10, NOTES // 2):
        with job(corpus.folder, "-o", out, "--workers", "2", home=out.parent) as running:
            await until_written(out, count)
            running.process.send(signal.SIGKILL)

            assert running.status() in {-signal.SIGKILL, 1}, "killed, or done before we could"
            await until_alone(running)
    status, said = done(corpus.folder, "-o", out, home=out.parent)

    assert (status, written(out)) == (1, corpus.written)
    assert " were there from before. 3 failed.\n" in said


@pytest.fixture
def as_in_a_terminal() -> Iterator[None]:
    """Ctrl-C is not ignored, as shells have it for what they run in the background; processes inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("as_in_a_terminal")
async def test_ctrl_c(corpus: Corpus, out: Path) -> None:
    """Is answered in a sentence."""
    with job(corpus.folder, "-o", out, home=out.parent) as running:
        await until_written(out, 1)
        running.process.send(signal.SIGINT)

        assert running.status() == 130, running.said
        assert running.said.endswith("Stopped. What is done is kept: the same command goes on from there.\n")


async def test_two_at_once(corpus: Corpus, out: Path) -> None:
    """The second is told, and the first goes on."""
    with job(corpus.folder, "-o", out, home=out.parent) as running:
        await until_written(out, 1)
        running.process.send(signal.SIGSTOP)
        status, said = done(corpus.folder, "-o", out, home=corpus.folder.parent)
        running.process.send(signal.SIGCONT)

        assert (status, said) == (2, f"Another run is writing to {out}.\n")
        assert running.status() == 1
    assert written(out) == corpus.written


def test_no_room(corpus: Corpus, out: Path) -> None:
    """Stops the job in a sentence; with room, it goes on."""
    status, said = done(corpus.folder, "-o", out, home=out.parent, before="ulimit -f 100")

    assert status == 1
    assert said.splitlines()[-1] == (
        f"Stopped: {out}: File too large. What is done is kept: the same command goes on from there."
    )
    assert done(corpus.folder, "-o", out, home=out.parent)[0] == 1
    assert written(out) == corpus.written


@pytest.fixture
def half_done(corpus: Corpus, out: Path) -> Path:
    """A folder that a job has not finished."""
    done(corpus.folder, "-o", out, home=out.parent, before="ulimit -f 100")
    return out


def test_other_options(corpus: Corpus, half_done: Path) -> None:
    """Are refused, in a folder that was begun with these."""
    status, said = done(corpus.folder, "-o", half_done, "--spans", home=half_done.parent)

    assert (status, said) == (2, f"{half_done} was made with other options. Delete it, or choose another folder.\n")


def test_as_documented(out: Path) -> None:
    """The command of our own pages does what they say."""
    write_notes(out.parent / "notes", 2)
    page = REPOSITORY / "docs" / "deidentify.md"
    command, _ = (block.code for block in blocks(page, "sh") if "deidentify notes " in block.code)
    arguments = shlex.split(command)[5:]
    status, said = done(*arguments, home=out.parent)

    assert (status, " 3 failed.\n" in said) == (1, True)
    assert len(written(out.parent / "masked")) == 5


def test_options(corpus: Corpus, out: Path) -> None:
    """Are the service's, with words from files."""
    (out.parent / "deny").write_text("seen\n")
    (out.parent / "allow").write_text("dr\nquackenbush\n")
    note = corpus.folder / "a" / "1.txt"
    options = ["--replacement", "tag", "--deny", out.parent / "deny", "--allow", out.parent / "allow"]
    status, said = done(note, "-o", out, *options, home=out.parent)

    assert (status, written(out)) == (0, {"1.txt": f"[OTHER] by Dr. {CANARY}.".encode()})
    assert said.endswith(" None failed.\n")


def test_a_note_that_takes_too_long(out: Path) -> None:
    """Is a line that says so; the others are done."""
    path = out.parent / "notes.ndjson"
    texts = ["Dr. Smith", "Dr. Smith is fine. " * 150_000, "Dr. Jones"]
    path.write_text("\n".join(json.dumps({"text": text}) for text in texts))
    status, _ = done(path, "-o", out, "--deadline", "1", home=out.parent)
    first, second, third = (json.loads(line) for line in written(out)["notes.ndjson"].splitlines())

    assert status == 1
    assert second["error"]["code"] == "deadline_exceeded"
    assert (first["text"], third["text"]) == ("Dr. *****", "Dr. *****")
