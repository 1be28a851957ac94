"""De-identifies files of notes, on this machine or on a Dask cluster, and says how it went."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from service.apps.deidentify.errors import EngineUnavailableError, JobRefusedError, JobStoppedError
from service.apps.deidentify.job.claim import Terms, claim_of
from service.apps.deidentify.job.inputs import sources
from service.apps.deidentify.job.local import local_executor
from service.apps.deidentify.job.progress import Display
from service.apps.deidentify.job.run import Executor, run
from service.apps.deidentify.workers.pool import cores
from service.errors import HOW_TO_INSTALL
from service.logs import where_raised

KEPT = "What is done is kept: the same command goes on from there."
INTERRUPTED = 130  # as a shell has it for Ctrl-C


def start(inputs: Sequence[Path], out: Path, terms: Terms, *, workers: int | None, dask: str | None) -> int:
    """Run the job, or what is left of it: with so many processes here, or on the Dask cluster at this address.

    Returns an exit status: 1 where a note failed or the job stopped, 2 where it could not begin as it was asked for.
    """
    display = Display(Console(stderr=True))
    try:
        files = sources(inputs, out)
        with executor(terms, workers, dask, display) as engines, display.shown():
            claim = claim_of(files, engines.about, terms)
            progress = run(files, out, engines, claim=claim, report=display.report, tell=display.tell)
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
        return 1 if progress.failed else 0
    return 1


@contextmanager
def executor(terms: Terms, workers: int | None, dask: str | None, display: Display) -> Iterator[Executor]:
    """Where the work is done.

    Raises:
        EngineUnavailableError: there is no engine here, which both ways need.
        JobRefusedError: there is no such cluster.
    """
    if dask is None:
        with local_executor(terms, workers or cores()) as local:
            yield local
        return
    try:
        from service.apps.deidentify.job.dask import dask_executor  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise JobRefusedError(f"Not installed: {error.name}. Run {HOW_TO_INSTALL.format('dask')}.") from None
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # it tells in tracebacks what we tell in a sentence
    with dask_executor(terms, dask, tell=display.tell) as cluster:
        yield cluster
