"""Shows the progress of a job on a console: a bar if it is a terminal, else a line from time to time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar

from service.apps.deidentify.job.run import Progress

AT_TERMINAL = 0.2  # seconds between two updates
ELSEWHERE = 10.0


class Display:
    """The messages of a job. `report` and `tell` are callbacks for `service.apps.deidentify.job.run`."""

    def __init__(self, console: Console, *, clock: Callable[[], float] = monotonic) -> None:
        self._console = console
        self._clock = clock
        self._bar = Bar(BarColumn(), TextColumn("{task.description}", markup=False), console=console)
        self._task = self._bar.add_task("", total=None)
        self._began = self._last = clock()

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show the bar while the block runs, if the console is a terminal. The clock starts here."""
        self._began = self._last = self._clock()
        with self._bar if self._console.is_terminal else nullcontext():
            yield

    def report(self, progress: Progress) -> None:
        """Show the progress, unless it was shown a moment ago."""
        now = self._clock()
        if now < self._last + (AT_TERMINAL if self._console.is_terminal else ELSEWHERE):
            return
        self._last = now
        text = said(progress, now - self._began)
        if self._console.is_terminal:
            self._bar.update(self._task, total=progress.total, completed=progress.size, description=text)
        else:
            self.tell(text)

    def end(self, progress: Progress) -> None:
        """Print the summary of a job."""
        self.tell(summary(progress, self._clock() - self._began))

    def tell(self, text: str) -> None:
        """Print a message above the bar."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


def said(progress: Progress, seconds: float) -> str:
    """Describe the progress of a running job: notes, their rate, share of the bytes, time left, failures.

    `seconds`: how long the job has run.
    """
    done, left = progress.size - progress.skipped, progress.total - progress.size
    parts = [
        f"{progress.notes:,} notes",
        rate(progress, seconds),
        f"{progress.size / max(progress.total, 1):.0%}",
        f"{timedelta(seconds=round(left * seconds / done))} left" if done > 0 else "",
        f"{progress.failed:,} failed" if progress.failed else "",
    ]
    return ", ".join(filter(None, parts))


def summary(progress: Progress, seconds: float) -> str:
    """Describe what a completed job did. `seconds`: how long it ran."""
    new = progress.notes - progress.found
    text = f"{new:,} notes in {timedelta(seconds=round(seconds))}, {rate(progress, seconds)}."
    if progress.found:
        text += f" {progress.found:,} were there from before."
    return text + (f" {progress.failed:,} failed." if progress.failed else " None failed.")


def rate(progress: Progress, seconds: float) -> str:
    """Describe how many notes this run processes per second. Notes from earlier runs do not count."""
    return f"{(progress.notes - progress.found) / max(seconds, 1e-3):,.1f} a second"
