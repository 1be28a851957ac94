"""Reads a tutorial from its top to its end: its blocks at a terminal, the steps between them in a browser."""

import os
import shutil
import signal
from pathlib import Path
from typing import Any

from tests.support.markdown import between_blocks
from tests.support.node import REPOSITORY
from tests.support.polling import eventually
from tests.support.tutorial_clicks import People
from tests.support.tutorials import Tutorial

_OF_ITS_OWN = ("script", "jupyterhub_config.py")  # find the checkout by their own place, or are changed by the reader
_LEFT_OUT = {".git", ".env", ".hub", "tls", "test-results"}  # of whoever works here
_NOTHING = "#!/bin/sh\n# Installs from the network. Here the packages of the tests' checkout stand in.\n"


def checkout(folder: Path) -> Path:
    """Make what `git clone` and `script/setup` make: a checkout with its packages, to which a reader may add files."""
    folder.mkdir()
    for source in REPOSITORY.iterdir():
        if source.name in _OF_ITS_OWN:
            (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / source.name)
        elif source.name not in _LEFT_OUT:
            (folder / source.name).symlink_to(source)
    (folder / "script/setup").write_text(_NOTHING)
    return folder


class Reader(Tutorial):
    """Somebody who reads a page in order, with a terminal and browsers. Arguments are those of `Tutorial`."""

    def __init__(self, page: Path, folder: Path, people: People, **options: Any) -> None:  # noqa: ANN401
        super().__init__(page, folder, **options)
        self._people = people

    async def read(self) -> None:
        """Do all that the page says."""
        for line, text in between_blocks(self.page):
            while self._left and self._left[0].block.line < line:
                await self._run(self._left.pop(0), None)
            before, pressed, after = text.partition("press Ctrl-C")
            await self._people.follow(self._here(before))
            if pressed:
                await self._press_ctrl_c()
                await self._people.follow(self._here(after))

    async def _press_ctrl_c(self) -> None:
        """End what serves, as the terminal does: the Hub hears of it, and ends what it has started."""
        process = self._processes[-1]
        (hub,) = (pid for pid, command in process.descendants().items() if "script/start.py" in command)
        os.kill(hub, signal.SIGINT)

        async def has_ended() -> bool:
            return not process.descendants()

        await eventually(has_ended)
