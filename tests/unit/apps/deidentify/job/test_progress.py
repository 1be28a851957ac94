"""How far a job is, in words."""

from io import StringIO

import pytest
from rich.console import Console

from service.apps.deidentify.job.progress import Display, said, summary
from service.apps.deidentify.job.run import Progress

HALF = Progress(total=2000, notes=1200, failed=3, size=1000)
RESUMED = Progress(total=2000, notes=1200, size=1500, found=1000, skipped=1000)


class Clock:
    """Seconds, as a test has them go by."""

    now = 100.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


@pytest.mark.parametrize(
    ("progress", "seconds", "expected"),
    [
        (HALF, 60, "1,200 notes, 20.0 a second, 50%, 0:01:00 left, 3 failed"),
        (RESUMED, 10, "1,200 notes, 20.0 a second, 75%, 0:00:10 left"),
        (Progress(total=2000), 0, "0 notes, 0.0 a second, 0%"),
        (Progress(total=0), 0, "0 notes, 0.0 a second, 0%"),
    ],
    ids=["half", "resumed", "begun", "nothing to do"],
)
def test_said(progress: Progress, seconds: float, expected: str) -> None:
    """Rate and time left are of this run; what was there from before is not counted as its speed."""
    assert said(progress, seconds) == expected


@pytest.mark.parametrize(
    ("progress", "seconds", "expected"),
    [
        (HALF, 61, "1,200 notes in 0:01:01, 19.7 a second. 3 failed."),
        (RESUMED, 10, "200 notes in 0:00:10, 20.0 a second. 1,000 were there from before. None failed."),
        (Progress(total=0), 0, "0 notes in 0:00:00, 0.0 a second. None failed."),
    ],
    ids=["whole", "resumed", "nothing"],
)
def test_summary(progress: Progress, seconds: float, expected: str) -> None:
    """Says what was done, and how much of it in vain."""
    assert summary(progress, seconds) == expected


def test_without_a_terminal() -> None:
    """There is a line every ten seconds, and one at the end; brackets in it mean nothing."""
    file, clock = StringIO(), Clock()
    display = Display(Console(file=file, width=40), clock=clock)
    with display.shown():
        for clock.now in (100.0, 109.9, 110.0, 119.9, 120.0):
            display.report(HALF)
        display.tell("[bold]a name that is longer than the terminal is wide[/bold]")
    display.end(HALF)

    assert file.getvalue().splitlines() == [
        "1,200 notes, 120.0 a second, 50%, 0:00:10 left, 3 failed",
        "1,200 notes, 60.0 a second, 50%, 0:00:20 left, 3 failed",
        "[bold]a name that is longer than the terminal is wide[/bold]",
        "1,200 notes in 0:00:20, 60.0 a second. 3 failed.",
    ]


def test_at_a_terminal() -> None:
    """There is a bar beside it."""
    file, clock = StringIO(), Clock()
    display = Display(Console(file=file, width=120, force_terminal=True), clock=clock)
    with display.shown():
        clock.now += 60
        display.report(HALF)

    assert "━━━" in file.getvalue()
    assert "1,200 notes, 20.0 a second, 50%, 0:01:00 left, 3 failed" in file.getvalue()
