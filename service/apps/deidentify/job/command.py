"""The command that de-identifies files of notes, on this machine or on a Dask cluster, and reports the result."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from service.apps.deidentify.errors import EngineUnavailableError, JobRefusedError, JobStoppedError
from service.apps.deidentify.job.claim import Terms, claim_of
from service.apps.deidentify.job.files import File, checked
from service.apps.deidentify.job.inputs import find, shown
from service.apps.deidentify.job.local import local_executor
from service.apps.deidentify.job.progress import Display
from service.apps.deidentify.job.run import Executor, run
from service.apps.deidentify.job.tables.journal import errors_of
from service.apps.deidentify.workers.pool import cores
from service.errors import HOW_TO_INSTALL
from service.logs import where_raised

KEPT = "What is done is kept: the same command goes on from there."
INTERRUPTED = 130  # the exit status that shells use for Ctrl-C


@dataclass(frozen=True, slots=True)
class Where:
    """Where a job runs.

    `workers`: number of processes on this machine; None for one per core. `dask`: address of the scheduler of a Dask
    cluster; None for this machine.
    """

    workers: int | None = None
    dask: str | None = None


def start(inputs: Sequence[Path], out: Path, terms: Terms, where: Where, *, skip_others: bool = False) -> int:
    """Run a job, or what is left of it, and return the exit status. `skip_others`: skipped files are no error.

    The status is 0 for success, 1 if a note failed, a file was skipped or the job stopped, 2 if the job was refused,
    and 130 if it was interrupted.
    """
    display = Display(Console(stderr=True))
    try:
        found = find(inputs, out, tables=bool(terms.columns))
        files = checked(found.sources, terms)
        with executor(terms, where, display) as engines, display.shown():
            claim = claim_of(found.sources, engines.about, terms)
            progress = run(files, out, engines, claim=claim, report=display.report, tell=display.tell)
        tell_the_rest(files, out, found.others, display)
        display.end(progress)
    except JobRefusedError as error:
        display.tell(error.detail)
        return 2
    except JobStoppedError as error:
        display.tell(f"Stopped: {error.detail} {KEPT}")
    except EngineUnavailableError:
        display.tell(f"Stopped: there is no engine. {KEPT}")
    except KeyboardInterrupt:
        display.tell(f"Stopped. {KEPT}")
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - its text may quote a note
        display.tell(f"Failed: {type(error).__name__} at {where_raised(error)}.")
    else:
        return 1 if progress.failed or (found.others and not skip_others) else 0
    return 1


def tell_the_rest(files: Sequence[File], out: Path, others: Sequence[str], display: Display) -> None:
    """Print where the errors of tables are, and which files were skipped."""
    for file in files:
        if file.table and (errors := errors_of(out / file.source.name)).exists():
            display.tell(f"What failed of {shown(file.source.path)} stands in {shown(errors)}.")
    for path in others:
        display.tell(f"Passed over: {shown(path)}")


@contextmanager
def executor(terms: Terms, where: Where, display: Display) -> Iterator[Executor]:
    """Open the executor that does the work.

    Raises:
        EngineUnavailableError: no engine can be loaded on this machine. A cluster needs it too.
        JobRefusedError: the cluster cannot be used, or Dask is not installed.
    """
    if where.dask is None:
        with local_executor(terms, where.workers or cores()) as local:
            yield local
        return
    try:
        from service.apps.deidentify.job.dask import dask_executor  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise JobRefusedError(f"Not installed: {error.name}. Run {HOW_TO_INSTALL.format('dask')}.") from None
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # it logs tracebacks of errors that are reported here
    with dask_executor(terms, where.dask, tell=display.tell) as cluster:
        yield cluster
