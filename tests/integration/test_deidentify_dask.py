"""`python -m service deidentify --dask`: the same job on a cluster, to the byte, whatever becomes of its workers."""

import json
import shlex
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.dask_cluster import DaskCluster
from tests.support.job import CANARY, done, job, lines_written, write_notes, written
from tests.support.markdown import blocks
from tests.support.node import REPOSITORY
from tests.support.notes import note
from tests.support.polling import BUSY, eventually
from tests.support.process import signal_all, wait_until_log_says

NOTES = 240


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[DaskCluster]:
    """A scheduler without workers."""
    home = tmp_path / "cluster"
    home.mkdir()
    with DaskCluster(home) as cluster:
        yield cluster


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """A few files."""
    write_notes(tmp_path / "in", 20)
    return tmp_path / "in"


async def test_a_worker_that_is_killed(cluster: DaskCluster, tmp_path: Path) -> None:
    """With its nanny, as when a machine is lost: its notes are done by another, and no byte is other than without Dask.

    Neither the scheduler nor a worker logs anything of a note, of those that fail neither.
    """
    folder, out = tmp_path / "in", tmp_path / "out"
    write_notes(folder, NOTES)
    here = done(folder, "-o", tmp_path / "here", home=tmp_path)
    doomed, survivor = cluster.add_worker(), cluster.add_worker()

    async def half_is_written() -> bool:
        return lines_written(out) > NOTES // 2

    async def is_gone() -> bool:
        return not doomed.descendants()

    with job(folder, "-o", out, "--dask", cluster.address, home=tmp_path) as running:
        await eventually(half_is_written, every=0.01)
        signal_all(dask_processes(doomed.pid))
        await eventually(is_gone)
        status = running.status()

    assert (status, here[0]) == (1, 1)
    assert written(out) == written(tmp_path / "here")
    assert survivor.is_running
    assert CANARY not in cluster.said() + running.said


async def test_a_table(cluster: DaskCluster, tmp_path: Path) -> None:
    """Is done by two workers, killed and gone on with, and no byte is other than without Dask."""
    path, out = tmp_path / "t.csv", tmp_path / "out"
    rows = [f'{number},"Seen by Dr. {CANARY}.\n{note(number, 2000)}",kept' for number in range(NOTES // 2)]
    path.write_text("\r\n".join(["id,note,more", *rows]), newline="")
    cluster.add_worker()
    cluster.add_worker()
    here = done(path, "-o", tmp_path / "here", "--column", "note", home=tmp_path)
    command = [path, "-o", out, "--column", "note", "--dask", cluster.address]

    async def some_are_written() -> bool:
        return lines_written(out) > NOTES // 8

    with job(*command, home=tmp_path) as running:
        await eventually(some_are_written, every=0.01)
        running.process.send(signal.SIGKILL)
        running.status()
    status, said = done(*command, home=tmp_path)

    assert (status, here[0], " were there from before." in said) == (0, 0, True)
    assert written(out) == written(tmp_path / "here")
    assert CANARY not in cluster.said() + said


def dask_processes(nanny: int) -> list[int]:
    """The nanny, and the worker that it has started; not what that has."""
    return [nanny, *(child.pid for child in psutil.Process(nanny).children())]


async def test_a_job_that_is_killed(cluster: DaskCluster, tmp_path: Path) -> None:
    """Goes on where it was, here as well as there."""
    folder, out = tmp_path / "in", tmp_path / "out"
    write_notes(folder, NOTES // 2)
    done(folder, "-o", tmp_path / "here", home=tmp_path)
    cluster.add_worker()

    async def some_are_written() -> bool:
        return lines_written(out) > NOTES // 8

    with job(folder, "-o", out, "--dask", cluster.address, home=tmp_path) as running:
        await eventually(some_are_written, every=0.01)
        running.process.send(signal.SIGKILL)
        running.status()
    status, said = done(folder, "-o", out, home=tmp_path)

    assert (status, " were there from before." in said) == (1, True)
    assert written(out) == written(tmp_path / "here")


def test_a_note_that_takes_too_long(cluster: DaskCluster, tmp_path: Path) -> None:
    """Ends its engine and not the worker, though that is a daemon, which may have no children of multiprocessing's."""
    path, out = tmp_path / "notes.ndjson", tmp_path / "out"
    texts = ["Dr. Smith", "Dr. Smith is fine. " * 150_000, "Dr. Jones"]
    path.write_text("\n".join(json.dumps({"text": text}) for text in texts))
    worker = cluster.add_worker()
    before = dask_processes(worker.pid)
    status, said = done(path, "-o", out, "--dask", cluster.address, "--deadline", "1", home=tmp_path)
    first, second, third = (json.loads(line) for line in written(out)["notes.ndjson"].splitlines())

    assert status == 1, said
    assert second["error"]["code"] == "deadline_exceeded"
    assert (first["text"], third["text"]) == ("Dr. *****", "Dr. *****")
    assert dask_processes(worker.pid) == before


def test_workers_without_our_package(cluster: DaskCluster, notes: Path) -> None:
    """Are told."""
    cluster.add_worker(PYTHONPATH=str(cluster.home_of_nothing()))
    status, said = done(notes, "-o", notes.parent / "out", "--dask", cluster.address, home=notes.parent)

    assert status == 1
    assert said.splitlines()[-1] == (
        "Stopped: A worker of the cluster is of no use: it lacks service (the service with its extra [deidentify]). "
        "What is done is kept: the same command goes on from there."
    )


def test_workers_with_another_version(cluster: DaskCluster, notes: Path, tmp_path: Path) -> None:
    """Are told, and nothing of theirs is written."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "sitecustomize.py").write_text("import service; service.__version__ = '0.0.0'\n")
    cluster.add_worker(PYTHONPATH=str(other))
    status, said = done(notes, "-o", tmp_path / "out", "--dask", cluster.address, home=tmp_path)

    assert status == 1
    assert "Stopped: A worker of the cluster has another engine or version than this one: name philter-lite, " in said
    assert "service 0.0.0" in said
    assert written(tmp_path / "out") == {"b.ndjson.part": b""} or written(tmp_path / "out") == {}


async def test_a_scheduler_that_is_lost(cluster: DaskCluster, tmp_path: Path) -> None:
    """Stops the job in a sentence; without it, the job goes on."""
    folder, out = tmp_path / "in", tmp_path / "out"
    write_notes(folder, NOTES // 2)
    cluster.add_worker()

    async def some_are_written() -> bool:
        return lines_written(out) > NOTES // 8

    with job(folder, "-o", out, "--dask", cluster.address, home=tmp_path) as running:
        await eventually(some_are_written, every=0.01)
        cluster.scheduler.send(signal.SIGKILL)

        assert running.status() == 1
        assert running.said.splitlines()[-1] == (
            "Stopped: The cluster's scheduler is gone. What is done is kept: the same command goes on from there."
        )


def test_a_scheduler_that_does_not_answer(notes: Path) -> None:
    """Is told after ten seconds."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        status, said = done(notes, "-o", notes.parent / "out", "--dask", address, home=notes.parent)

    assert (status, said) == (2, f"The scheduler at {address} does not answer.\n")


def test_a_cluster_without_workers(cluster: DaskCluster, tmp_path: Path) -> None:
    """Is waited for, and that is told. The command is that of our own pages."""
    write_notes(tmp_path / "notes", 2)
    page = REPOSITORY / "docs" / "deidentify.md"
    (command,) = (block.code for block in blocks(page, "sh") if "--dask" in block.code)
    *arguments, _ = shlex.split(command)[5:]
    with job(*arguments, cluster.address, home=tmp_path) as running:
        wait_until_log_says(running.process, running.log, "no workers yet", start=0, timeout=BUSY)
        cluster.add_worker()

        assert running.status() == 1
    assert len(written(tmp_path / "masked-dask")) == 5
