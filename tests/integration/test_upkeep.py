"""What docs/operate says of a machine that runs: a backup comes back, and a new version can be installed twice."""

import grp
import os
import pwd
import re
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest

from tests.support.markdown import blocks
from tests.support.node import REPOSITORY

PAGES = REPOSITORY / "docs/operate"
TOOLS = ("systemctl", "nginx", "curl")
ENVIRONMENTS = ("opt/jupyterhub/bin/pip", "opt/jupyterhub/bin/python", "opt/service-fastapi/bin/pip")
STATIC = "opt/service-fastapi/lib/python3.13/site-packages/service/web/static"
PLACED = re.compile(r"(?<![\w.$}])/(?=(?:etc|opt|var|usr/local/src)/)")
OWNER = re.compile(r"-o \S+ -g \S+")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """The root folder of a machine, on which the tools do nothing but to write down what they are told."""
    for name in (*(f"bin/{tool}" for tool in TOOLS), *ENVIRONMENTS):
        program = tmp_path / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(f'#!/bin/sh\necho "{program.name} $*" >>"{tmp_path}/said"\n')
        program.chmod(0o755)
    return tmp_path


def run(machine: Path, code: str) -> str:
    """Run commands of a page below the machine's root folder, as oneself; return what the tools were told."""
    me = f"-o {pwd.getpwuid(os.getuid()).pw_name} -g {grp.getgrgid(os.getgid()).gr_name}"
    code = OWNER.sub(me, PLACED.sub(f"{machine}/", code))
    path = f"{machine}/bin:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-euc", code], cwd=machine, env={"PATH": path}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), code + done.stderr
    said = machine / "said"
    return said.read_text() if said.exists() else ""


def written(files: dict[Path, str]) -> None:
    """Write the files, with their folders."""
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def rows(database: Path) -> list[tuple[str]]:
    """Return what the table holds."""
    connection = sqlite3.connect(database)
    found = connection.execute("SELECT name FROM kept").fetchall()
    connection.close()
    return found


def test_a_backup_comes_back(machine: Path) -> None:
    """Databases that are in use, secrets and changed files are as they were; and only their owner reads the backup."""
    make, restore = (block.code for block in blocks(PAGES / "backup.md", "sh") if "/var/backups" in block.code)
    databases = [machine / "var/lib" / name for name in ("jupyterhub/jupyterhub.sqlite", "service-fastapi/desk.sqlite")]
    files = {
        machine / "var/lib/jupyterhub/cookie_secret": "the secret of cookies",
        machine / "etc/jupyterhub/environment": "API_TOKEN=1",
        machine / "etc/service-fastapi/environment": "JUPYTERHUB_API_TOKEN=1",
        machine / "etc/nginx/service/service-unix.conf": "server_name mine;",
    }
    written(files)
    open_ones = []
    for path in databases:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path)
        connection.executescript("PRAGMA journal_mode = WAL; CREATE TABLE kept (name); INSERT INTO kept VALUES ('Ada')")
        open_ones.append(connection)
    assert (databases[0].parent / "jupyterhub.sqlite-wal").stat().st_size

    run(machine, make)
    for connection in open_ones:
        connection.execute("DELETE FROM kept")
        connection.commit()
    written(dict.fromkeys(files, "lost"))
    (copy,) = (machine / "var/backups/service-fastapi").iterdir()
    said = run(machine, re.sub("^copy=.*", f"copy='{copy}'", restore))
    for connection in open_ones:
        connection.close()

    assert [rows(path) for path in databases] == [[("Ada",)], [("Ada",)]]
    assert {path: path.read_text() for path in files} == files
    assert copy.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in databases} == {0o600}
    assert said.splitlines()[0] == "systemctl stop service-fastapi jupyterhub"


def test_a_database_that_is_not_there(machine: Path) -> None:
    """A backup of nothing is an error, and no empty database."""
    make = next(block.code for block in blocks(PAGES / "backup.md", "sh"))

    with pytest.raises(AssertionError, match="unable to open database file"):
        run(machine, make)


def new_version(page: str) -> str:
    """Return the commands of a page's section on it."""
    before, heading, _ = (PAGES / page).read_text().partition("## A new version\n")
    assert heading
    first = before.count("\n")
    return "".join(block.code for block in blocks(PAGES / page, "sh") if block.line > first)


@pytest.mark.parametrize(
    ("page", "kept"),
    [("one-machine.md", {"service-fastapi"}), ("systemd.md", {"old.js", "page.css", "jupyterhub_config.py"})],
)
def test_a_new_version(machine: Path, page: str, kept: set[str]) -> None:
    """It can be installed twice, as files in the places of the old ones, and nginx keeps its name."""
    checkout = machine / "usr/local/src/service-fastapi"
    shutil.copytree(REPOSITORY / "deploy", checkout / "deploy")
    written(
        {
            checkout / "node_modules/proxy/new.js": "new",
            machine / "opt/jupyterhub/node_modules/proxy/old.js": "old",
            machine / STATIC / "page.css": "new",
            machine / "var/www/service-fastapi/services/fastapi/static/page.css": "old",
            machine / "etc/jupyterhub/jupyterhub_config.py": "old",
            machine / "etc/systemd/system/service-fastapi.service": "old",
            machine / "etc/letsencrypt/renewal-hooks/deploy/service-fastapi": "old",
            machine / "etc/nginx/service/locations.conf": "old",
        }
    )
    code = re.sub("^NAME=.*", "NAME=YOUR.NAME", new_version(page), flags=re.MULTILINE)

    for _ in range(2):
        said = run(machine, f"cd {checkout}\n{code}")

    assert [path.name for path in (machine / "etc/nginx/service").iterdir() if path.is_dir()] == []
    assert "server_name YOUR.NAME;" in (machine / "etc/nginx/service/service-unix.conf").read_text()
    old = [path for path in machine.rglob("*") if path.is_file() and path.read_bytes() == b"old"]
    assert {path.name for path in old} == kept
    order = ["nginx -t", "systemctl daemon-reload", "systemctl restart"]
    assert [each for line in said.splitlines() for each in order if line.startswith(each)] == order * 2
