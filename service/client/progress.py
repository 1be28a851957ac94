"""A progress bar, if tqdm is installed."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

_COLUMNS = 80


class Progress(Protocol):
    """What moves while notes are masked."""

    def update(self) -> object:
        """Count one more."""


class _Silent:
    def update(self) -> None:
        """Show nothing."""


@contextmanager
def progress_of(total: int, *, wanted: bool | None) -> Iterator[Progress]:
    """Show how many of `total` notes are done, with rate and time left. None: only if tqdm is installed.

    Raises:
        ModuleNotFoundError: it is wanted, and tqdm is not installed.
    """
    if wanted is False:
        yield _Silent()
        return
    try:
        with warnings.catch_warnings():
            # In a notebook without ipywidgets tqdm warns of it, and shows a bar of text.
            warnings.filterwarnings("ignore", message="IProgress not found")
            from tqdm.auto import tqdm  # noqa: PLC0415 (an extra)
    except ModuleNotFoundError:
        if wanted:
            raise ModuleNotFoundError("A progress bar needs tqdm: pip install tqdm.", name="tqdm") from None
        yield _Silent()
        return
    is_text = not any(base.__module__ == "tqdm.notebook" for base in tqdm.__mro__)
    # In a notebook, tqdm would take the width of the terminal where the Hub was started.
    columns = _COLUMNS if is_text and not sys.stderr.isatty() else None
    with tqdm(total=total, unit="note", unit_scale=True, ncols=columns) as bar:
        yield bar
