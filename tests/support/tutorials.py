"""Runs a tutorial as its reader does: block by block, in the order of the page, and compares what the page shows.

A block with a title (```` ```python title=hello.py ````) is written to that file. `sh` is run in one terminal:
variables and `cd` last to the next block. `python` without a title is a cell of a notebook. A block of `text` or `json`
is what the block before it prints, standard error included. On the page `…` stands for what varies: within a line for
some characters, alone on a line for any number of lines. Blocks of other languages without a title are for reading.

    tutorial = Tutorial(page, tmp_path, addresses={"http://127.0.0.1:8000/": hub.url})
    with tutorial:
        await tutorial.run(until="pip install")   # up to the first block with these words
        await tutorial.run(cell=notebook.run)     # the rest
"""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.markdown import Block, blocks
from tests.support.node import REPOSITORY
from tests.support.polling import BUSY
from tests.support.process import KeptProcess, clean_environment, wait_until_log_says

Cell = Callable[[str], Awaitable[str]]

PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
_RUNS = ("sh", "python")
_SHOWS = ("text", "json")
# What a terminal keeps from one block to the next. Every variable is exported, as `export -p` prints those alone.
_KEPT = 'set -a\n. "$TUTORIAL_TERMINAL"\n{code}\n{{ export -p; printf \'cd "%s"\\n\' "$PWD"; }} >"$TUTORIAL_TERMINAL"\n'


@dataclass(frozen=True)
class Step:
    """A block that is written to a file or run, and what the page says it prints; None where it says nothing."""

    block: Block
    shown: str | None


def steps(page: Path) -> list[Step]:
    """Return the steps of a tutorial, in order."""
    found: list[Step] = []
    for block in blocks(page, *_RUNS, *_SHOWS, *_titled(page)):
        if block.language not in _SHOWS or block.title:
            found.append(Step(block, None))
            continue
        assert found, f"{page.name}:{block.line}: nothing before it prints this"
        assert found[-1].shown is None, f"{page.name}:{block.line}: the block before it has an output already"
        assert not found[-1].block.title, f"{page.name}:{block.line}: the file before it is not run"
        found[-1] = Step(found[-1].block, block.code)
    return found


def _titled(page: Path) -> set[str]:
    return set(re.findall(r"^ *```(\w+) title=", page.read_text(), re.MULTILINE))


def pattern(shown: str) -> re.Pattern[str]:
    """Return what an output has to match that the page shows so. Spaces at the end of a line do not count."""
    lines = [
        r"(?:.*\n)*?" if line.strip() == "…" else ".+?".join(map(re.escape, line.rstrip().split("…"))) + r"[ \t]*\n"
        for line in shown.rstrip().splitlines()
    ]
    return re.compile("^" + "".join(lines), re.MULTILINE)


def is_as_shown(shown: str, came: str) -> bool:
    """Tell whether an output is what the page shows."""
    return pattern(shown).fullmatch(came.rstrip() + "\n") is not None


def shows(shown: str, came: str) -> bool:
    """Tell whether what the page shows stands in an output, at the beginning of a line."""
    return pattern(shown).search(came.rstrip() + "\n") is not None


class Tutorial:
    """One reader of a page, at a terminal in a folder. A context manager that ends what the reader has started.

    `addresses`: where what the page names is in this test. They are put into the code, and taken out of the outputs.
    `instead`: what is run in the place of words of the page that a test cannot run. Say why beside each.
    `serving`: blocks that run until they are stopped, with what they print when they are ready.
    All of them must occur on the page.
    """

    def __init__(
        self,
        page: Path,
        folder: Path,
        *,
        addresses: Mapping[str, str] | None = None,
        instead: Mapping[str, str] | None = None,
        serving: Mapping[str, str] | None = None,
        path: str = PATH,
    ) -> None:
        self.page, self.folder = page, folder
        self._left = steps(page)
        self._addresses, self._instead, self._serving = dict(addresses or {}), dict(instead or {}), dict(serving or {})
        code = "".join(step.block.code for step in self._left)
        unused = [words for words in (*self._addresses, *self._instead, *self._serving) if words not in code]
        assert not unused, f"{page.name} has no {unused}"
        self._terminal = folder / ".terminal"
        self._terminal.write_text(f'cd "{folder}"\n')
        self._environment = clean_environment(
            PATH=path, HOME=str(folder), PYTHONPATH=str(REPOSITORY), TUTORIAL_TERMINAL=str(self._terminal)
        )
        self._processes: list[KeptProcess] = []

    def __enter__(self) -> Self:
        """Begin to read."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End what serves."""
        while self._processes:
            self._processes.pop().close()

    @property
    def is_done(self) -> bool:
        """Whether every block has been run."""
        return not self._left

    async def run(self, *, until: str | None = None, cell: Cell | None = None) -> None:
        """Run the blocks that are left, or those up to the first that contains the words `until`.

        `cell` runs a cell of a notebook, and returns what it prints.
        """
        assert until is None or any(until in step.block.code for step in self._left), f"{until!r} is not to come"
        while self._left:
            step = self._left.pop(0)
            await self._run(step, cell)
            if until is not None and until in step.block.code:
                return

    async def _run(self, step: Step, cell: Cell | None) -> None:
        code = self._here(step.block.code)
        where = f"{self.page.name}:{step.block.line}"
        if step.block.title:
            self._write(step.block.title, code)
            return
        if step.block.language == "python":
            assert cell is not None, f"{where}: a cell, and there is no notebook"
            came, is_so = await cell(code), is_as_shown
        elif ready := self._serving.get(step.block.code.strip()):
            came, is_so = await asyncio.to_thread(self._serve, code, ready), shows
        else:
            came, is_so = await asyncio.to_thread(self._shell, where, code), is_as_shown
        for there, here in self._addresses.items():
            came = came.replace(here, there)
        if step.shown is not None:
            assert is_so(step.shown, came), f"{where}\n{code}\nprints\n{came}\nnot\n{step.shown}"

    def _here(self, code: str) -> str:
        for words, other in {**self._instead, **self._addresses}.items():
            code = code.replace(words, other)
        return code

    def _write(self, title: str, code: str) -> None:
        cwd = Path(re.findall(r'^cd "(.*)"$', self._terminal.read_text(), re.MULTILINE)[-1])
        file = cwd / title
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(code)

    def _shell(self, where: str, code: str) -> str:
        done = subprocess.run(
            ["sh", "-eu", "-c", _KEPT.format(code=code)],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=BUSY,
            check=False,
        )
        assert done.returncode == 0, f"{where}\n{code}\n{done.stdout}"
        return done.stdout

    def _serve(self, code: str, ready: str) -> str:
        """Run it in the background, and return what it printed until it was ready.

        The reader goes on in another terminal, which is as this one.
        """
        log = self.folder / f".serving-{len(self._processes)}.log"
        log.touch()
        process = KeptProcess(
            ["sh", "-eu", "-c", f'set -a\n. "$TUTORIAL_TERMINAL"\n{code}'],
            env=self._environment,
            cwd=self.folder,
            log=log,
        )
        self._processes.append(process)
        wait_until_log_says(process, log, ready, start=0, timeout=BUSY)
        return log.read_text(errors="replace")
