"""README and docs say nothing that is not so: what can be run is run, what is named is there."""

import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jupyterhub.app import JupyterHub
from traitlets.config.loader import PyFileConfigLoader

from service import errors
from service.apps.deidentify.errors import (
    BadLineError,
    BatchBrokenError,
    BatchStalledError,
    GoldRefusedError,
    JobRefusedError,
    JobStoppedError,
    RulesRefusedError,
)
from service.apps.deidentify.settings import DeidentifySettings
from service.apps.desk.errors import AdminExistsError
from service.apps.desk.settings import DeskSettings
from service.registration import register
from service.server import placeholder
from service.settings import Settings
from tests.support.hub import RealHub
from tests.support.markdown import blocks, linked_files
from tests.support.node import REPOSITORY
from tests.support.polling import PROGRAM
from tests.support.process import clean_environment

README = REPOSITORY / "README.md"
PAGES = [*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md")]
# Shown by tests/integration/test_scripts.py, by test_bare_environment.py, and by building the container
ELSEWHERE = ("./script/", "pip install -r requirements.txt\n", "docker build ")


def shell_blocks(*, notes: bool) -> list[str]:
    """Return the README's shell blocks that belong to a running Hub: those that send a note, or the others."""
    codes = [block.code for block in blocks(README, "sh") if not block.code.startswith(ELSEWHERE)]
    return [code for code in codes if ("/deidentify" in code) == notes]


def shown_by(code: str, hub: RealHub, **environment: str) -> Any:  # noqa: ANN401 (JSON)
    """Run a block at a shell; return what it prints."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    run = subprocess.run(
        ["sh", "-eu", "-c", code.replace("http://127.0.0.1:8000/", hub.url)],
        env=clean_environment(PATH=path, **environment),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=PROGRAM,
        check=True,
    )
    return json.loads(run.stdout)


@pytest.mark.parametrize("code", shell_blocks(notes=False))
async def test_shell(hub: RealHub, code: str) -> None:
    """At a shell, the lines of the README show who asks."""
    shown = shown_by(code, hub)

    assert (shown["kind"], shown["name"]) == ("user", "testuser")


@pytest.mark.parametrize("code", shell_blocks(notes=True), ids=["HTTPie", "curl"])
async def test_a_note(hub: RealHub, code: str) -> None:
    """With the token of its first block, its lines for a note print what the README shows."""
    if code.startswith("http ") and shutil.which("http", path=Path(sys.executable).parent) is None:
        pytest.skip("no HTTPie installed: pip install httpie")
    (first,) = shell_blocks(notes=False)
    token = first.partition("\ncurl ")[0]
    (printed,) = (block.code for block in blocks(README, "json"))
    expected = json.loads(printed.replace(", …", ""))

    shown = shown_by(f"{token}\n{code}", hub)

    assert {name: shown[name] for name in expected} == expected


def configured(code: str, directory: Path) -> JupyterHub:
    """Load a jupyterhub_config.py as the Hub does."""
    (directory / "jupyterhub_config.py").write_text(code)
    return JupyterHub(config=PyFileConfigLoader("jupyterhub_config.py", path=str(directory)).load_config())


def registrations() -> dict[str, str]:
    """Return the README's lines for a jupyterhub_config.py: managed, external."""
    managed, external = (block.code for block in blocks(README, "python") if "register(c" in block.code)
    import_line = managed.partition("\n")[0]
    return {"managed": managed, "external": f"{import_line}\n{external.replace('…', 'a' * 32)}"}


@pytest.mark.parametrize("kind", ["managed", "external"])
def test_registration(kind: str, tmp_path: Path) -> None:
    """The lines for one's own jupyterhub_config.py load, and register the service as the README says."""
    hub = configured(registrations()[kind], tmp_path)

    (service,) = hub.services
    assert service["name"] == "fastapi"
    if kind == "managed":
        assert service["command"][-3:] == ["-P", "-m", "service"]
        assert "oauth_redirect_uri" not in service
    else:
        assert "command" not in service
        assert (service["url"], service["api_token"]) == ("http://10.0.0.7:10101", "a" * 32)


def test_what_is_said_in_passing(tmp_path: Path) -> None:
    """What the README says in passing of `public_host`, `grant` and `routers` holds."""
    options = r"""`(?:register\(c, )?((?:(?:grant|routers)=\[[^\]]*\])|(?:public_host="[^"]*"))\)?`"""
    said = re.findall(options, README.read_text())
    assert len(said) == 3

    hub = configured(f"from service.registration import register\nregister(c, {', '.join(said)})", tmp_path)

    (service,) = hub.services
    assert service["environment"]["SERVICE_ROUTERS"] == "mypackage.hello:router"
    assert service["environment"]["PUBLIC_HOST"] == "https://hub.example.org"
    assert service["oauth_redirect_uri"] == "https://hub.example.org/services/fastapi/oauth_callback"
    (role,) = (role for role in hub.load_roles if role.get("groups"))
    assert role["groups"] == ["researchers"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_links(page: Path) -> None:
    """Every file that a page links to is there."""
    assert [str(file) for file in linked_files(page) if not file.exists()] == []


def first_column(page: Path) -> set[str]:
    """Return every name in backticks in the first column of a page's tables, and what `_X` abbreviates."""
    names: set[str] = set()
    for row in re.findall(r"^\| (`[^|]*) \|", page.read_text(), re.MULTILINE):
        first, *others = re.findall(r"`([^`]+)`", row)
        names |= {first, *(first.rpartition("_")[0] + other if other[0] == "_" else other for other in others)}
    return names


def test_settings_are_documented() -> None:
    """docs/operate.md names every setting, those of applications too; the reference describes all of `register()`."""
    documented = first_column(REPOSITORY / "docs/operate.md")
    reference = (REPOSITORY / "docs/reference/registration.md").read_text()
    models = (Settings, DeidentifySettings, DeskSettings)
    fields = [field for model in models for field in model.model_fields.values()]
    variables = {field.validation_alias for field in fields if isinstance(field.validation_alias, str)}
    variables.add(placeholder.MANAGED)  # read where the settings may be wrong
    arguments = set(inspect.signature(register).parameters) - {"c", "fields"}

    named = {name for name in documented if name.isupper()}
    left_out = {"JUPYTERHUB_OAUTH_SCOPES"}  # an older Hub's name for ..._ACCESS_SCOPES
    assert variables - named - left_out == set()
    assert named - variables == set()
    assert arguments - set(re.findall(r"^- `(\w+)`: ", reference, re.MULTILINE)) == set()


def all_kinds(kind: type[errors.ServiceError]) -> set[type[errors.ServiceError]]:
    """Return a class of errors with all below it."""
    return {kind}.union(*(all_kinds(below) for below in kind.__subclasses__()))


def test_codes_are_documented() -> None:
    """docs/use.md names every code that a client may meet, each in a row of its status."""
    table = (REPOSITORY / "docs/use.md").read_text()
    at_a_shell = (AdminExistsError, GoldRefusedError, JobRefusedError, JobStoppedError, RulesRefusedError)
    never_sent: tuple[Any, ...] = (errors.ServiceError, errors.ConfigurationError, *at_a_shell)
    kinds = [kind for kind in all_kinds(errors.ServiceError) if kind.__module__.startswith("service.")]
    rows = re.findall(r"^\| ([\d, ]+) \| (.+)", table, re.MULTILINE)
    documented = {
        (int(status), code)
        for numbers, row in rows
        for status in numbers.split(",")
        for code in re.findall(r"`(\w+)`", row)
    }

    missing = {kind.code for kind in kinds if f"`{kind.code}`" not in table}
    elsewhere = {kind.code for kind in kinds if (kind.status, kind.code) not in documented}

    assert missing <= {kind.code for kind in never_sent}
    assert elsewhere == missing | {kind.code for kind in (BadLineError, BatchBrokenError, BatchStalledError)}
