"""Files in the folder where the service is started do not replace the modules that it imports."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from service.registration import entry
from tests.support.crew import PATH, START_LIMIT, Crew
from tests.support.local_http import local_client
from tests.support.node import REPOSITORY
from tests.support.process import clean_environment
from tests.support.repository import texts

Start = Callable[..., Crew]

# Our package, what we import, what those import where it is there, and what Python's own multiprocessing imports.
NAMES = ["uvicorn", "typer", "uvloop", "httptools", "brotli", "logging", "signal", "tempfile", "multiprocessing"]
ROUTER = """
from fastapi import APIRouter

router = APIRouter()


@router.get("/beside")
async def beside() -> dict[str, str]:
    from beside_later import answer

    return {"answer": answer}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with files that leave a trace when they are imported."""
    for name in NAMES:
        (tmp_path / f"{name}.py").write_text("import os; os.close(os.open('trace', os.O_CREAT))\n")
    return tmp_path


def add_service(folder: Path) -> None:
    """Put another package called `service` there."""
    (folder / "service").mkdir()
    for name in ("__init__", "__main__"):
        (folder / "service" / f"{name}.py").write_text("import os; os.close(os.open('trace', os.O_CREAT))\n")


def test_the_registered_command(folder: Path) -> None:
    """What the Hub starts is our package, although its folder has another one called `service`."""
    add_service(folder)
    environment = clean_environment(**entry.service_environment({}, {}, python_path=":"))
    command = [*entry.default_command(), "--help"]

    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)

    assert (ended.returncode, "deidentify" in ended.stdout) == (0, True), ended.stderr
    assert not (folder / "trace").exists()


@pytest.mark.parametrize("arguments", [["--help"], ["deidentify", "--help"]], ids=" ".join)
def test_a_command_without_the_option(folder: Path, arguments: list[str]) -> None:
    """`python -m service …`, as people type it in a folder of data, imports nothing from there."""
    command = [sys.executable, "-m", "service", *arguments]
    environment = clean_environment(PYTHONPATH=str(REPOSITORY))

    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)

    assert ended.returncode == 0, ended.stderr
    assert not (folder / "trace").exists()


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("option", [["-P"], []], ids=["with -P", "without"])
async def test_serving(start_crew: Start, folder: Path, option: list[str], workers: int) -> None:
    """The service, its workers and its engines import nothing from the folder where it was started."""
    crew = start_crew(workers=workers, options=option, PYTHONPATH=str(REPOSITORY), SERVICE_APPS="deidentify")
    await crew.started()
    async with local_client() as client:
        answer = await client.get(f"{crew.origin}{PATH}health/live")

    assert answer.status_code == 200
    assert not (folder / "trace").exists()


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("option", [["-P"], []], ids=["with -P", "without"])
async def test_routers_in_the_working_folder(start_crew: Start, folder: Path, option: list[str], workers: int) -> None:
    """Routers that SERVICE_ROUTERS names may stand there, and import more from there later; installed modules win."""
    (folder / "beside.py").write_text(ROUTER)
    (folder / "beside_later.py").write_text("answer = 'found'\n")
    (folder / "fastapi.py").write_text("raise SystemExit('not this one')\n")
    told = {"PYTHONPATH": str(REPOSITORY), "SERVICE_ROUTERS": "beside:router"}
    crew = await start_crew(workers=workers, options=option, **told).started()
    async with local_client() as client:
        answer = await client.get(f"{crew.origin}{PATH}beside")

    assert answer.json() == {"answer": "found"}


def test_a_router_that_is_not_there(start_crew: Start) -> None:
    """Without such a file the service says so, with status 2."""
    crew = start_crew(PYTHONPATH=str(REPOSITORY), SERVICE_ROUTERS="beside:router")

    assert crew.process.wait(START_LIMIT) == 2
    assert "SERVICE_ROUTERS: 'beside:router' cannot be imported: No module named 'beside'" in crew.log.read_text()


def test_every_command_has_the_option() -> None:
    """Wherever the repository starts the service, or shows how to, it does so with -P."""
    command = re.compile(r"""(?:python3?["']?,?|executable,) ["']?-m["']?,? ["']?(?:service|jupyterhub)\b.*""")
    found = {path: command.findall(text) for path, text in texts().items()}

    assert {path: lines for path, lines in found.items() if lines} == {}
