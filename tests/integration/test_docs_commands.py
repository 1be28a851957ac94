"""Every shell command of README and docs is executed, here or by another test, or listed with the reason why not."""

import asyncio
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.main
from jupyterhub import orm

from service.commands.app import app
from tests.support.documented_commands import ELSEWHERE, NOT_HERE
from tests.support.hub import RealHub
from tests.support.markdown import Block, blocks
from tests.support.node import REPOSITORY
from tests.support.polling import PROGRAM
from tests.support.process import clean_environment

PAGES = [*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md")]
COMMANDS = {f"{page.relative_to(REPOSITORY)}:{block.line}": block for page in PAGES for block in blocks(page, "sh")}
PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
OURS = re.compile(r"(?<![\w/.-])(?:deploy|docs|examples|script)/[\w./-]*\w")
CONFIG = """
c.JupyterHub.authenticator_class = "service.authenticators.PasswordAuthenticator"
"""


def is_listed(where: str, block: Block, lists: tuple[str, str]) -> bool:
    """Whether an entry of a list is about a block."""
    page, words = lists
    return where.rpartition(":")[0] == page and words in block.code


LISTED = {
    where: entry
    for where, block in COMMANDS.items()
    for entry in (*ELSEWHERE, *NOT_HERE)
    if is_listed(where, block, entry)
}
HERE = {where: block for where, block in COMMANDS.items() if where not in LISTED}


def ready(folder: Path) -> None:
    """Put into the folder what the pages speak of: a Hub's configuration with its database."""
    (folder / "jupyterhub_config.py").write_text(CONFIG)
    orm.new_session_factory(f"sqlite:///{folder / 'jupyterhub.sqlite'}")().close()


def test_the_lists_are_of_today() -> None:
    """No entry is of a block that has gone, or of a test that has."""
    unused = {*ELSEWHERE, *NOT_HERE} - {
        entry
        for where, block in COMMANDS.items()
        for entry in (*ELSEWHERE, *NOT_HERE)
        if is_listed(where, block, entry)
    }
    gone = []
    for test in ELSEWHERE.values():
        file, _, name = test.partition("::")
        path = REPOSITORY / "tests" / file
        if not path.exists() or (name and not re.search(rf"def {name}\(", path.read_text())):
            gone.append(test)

    assert (unused, gone) == (set(), [])


@pytest.mark.parametrize("where", HERE)
async def test_a_command(where: str, hub: RealHub, tmp_path: Path) -> None:
    """What nothing else executes is executed here, in a folder with what its page speaks of, and succeeds."""
    ready(tmp_path)
    run = await asyncio.to_thread(
        subprocess.run,
        ["sh", "-eu", "-c", HERE[where].code.replace("http://127.0.0.1:8000/", hub.url)],
        input="a documented password\n",
        env=clean_environment(PATH=PATH, PYTHONPATH=str(REPOSITORY)),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PROGRAM,
        check=False,
    )

    assert run.returncode == 0, f"{where}\n{run.stdout}{run.stderr}"


def called(words: list[str]) -> Any:  # noqa: ANN401 - typer's copy of click
    """Return the command that words call. A group may have `notes` for words that are no command."""
    command: Any = typer.main.get_command(app)
    for word in words:
        if not hasattr(command, "commands"):
            break
        command = command.commands.get(word) or command.commands["notes"]
    return command


@pytest.mark.parametrize("where", COMMANDS)
def test_a_command_can_be_read(where: str) -> None:
    """A shell reads each block, and our commands in it have the names, options and files that are there."""
    code = COMMANDS[where].code
    read = subprocess.run(["sh", "-n"], input=code, capture_output=True, text=True, check=False)
    assert (read.returncode, read.stderr) == (0, ""), where

    for line in re.findall(r"-P -m service(?: ([^|&;#\n)]+))?", code.replace("\\\n", " ")):
        words = shlex.split(line)
        options = {name for parameter in called(words).params for name in (*parameter.opts, *parameter.secondary_opts)}
        assert {word.partition("=")[0] for word in words if word.startswith("-")} <= options, where
    assert [name for name in OURS.findall(code) if not [*REPOSITORY.glob(name)]] == [], where


def test_the_walk_and_its_page_agree() -> None:
    """`script/walk` takes its commands from the page: it finds its headings, units and name there."""
    script, page = ((REPOSITORY / name).read_text() for name in ("script/walk", "docs/operate/one-machine.md"))
    headings = [quoted or plain for quoted, plain in re.findall(r'\$\(line_of (?:"([^"]+)"|(\w+))\)', script)]
    units = re.findall(r"deploy/systemd/([\w-]+)\.service", page.partition("\n## A new version\n")[0])

    assert headings
    assert [heading for heading in headings if f"\n## {heading}\n" not in page] == []
    assert f"systemctl enable --now {' '.join(units)}\n" in page
    assert "NAME=hub.example.org\n" in page
    assert "hub.example.org" in script
    for name in ("walk", "walk_certbot", "walk_checks"):
        subprocess.run(["bash", "-n", REPOSITORY / "script" / name], check=True)
