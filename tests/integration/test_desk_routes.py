"""The desk as docs/desk.md shows it, at a shell, on a real Hub; and its pages without a screen."""

import csv
import io
import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import MakeHub
from tests.support.hub import RealHub
from tests.support.markdown import blocks
from tests.support.node import REPOSITORY
from tests.support.polling import PROGRAM
from tests.support.process import clean_environment
from tests.support.session import forms


@pytest.fixture(scope="module")
def team_hub(make_shared_hub: MakeHub, tmp_path_factory: pytest.TempPathFactory) -> RealHub:
    """A Hub with a desk, and nothing in it yet."""
    groups = {f"desk-{name}": {"users": [name]} for name in ("support", "manager", "admin")}
    return make_shared_hub(
        users=("support", "manager", "admin", "testuser"),
        config=f"c.JupyterHub.load_groups = {groups!r}",
        register={"apps": ["desk"], "environment": {"SERVICE_STATE": str(tmp_path_factory.mktemp("desk"))}},
    )


async def test_at_a_shell(team_hub: RealHub, tmp_path: Path) -> None:
    """The lines of docs/desk.md do what they say: create, read, change, refuse, delete, list, export."""
    lines = "\n".join(block.code for block in blocks(REPOSITORY / "docs/desk.md", "sh") if "$DESK" in block.code)
    token = await team_hub.user_token("manager")
    run = subprocess.run(  # noqa: ASYNC221 - there is nothing else to do
        ["sh", "-eu", "-c", lines.replace("http://127.0.0.1:8000/", team_hub.url)],
        env=clean_environment(TOKEN=token.value),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PROGRAM,
        check=False,
    )

    assert run.returncode == 0, run.stderr
    assert '"role":"manager"' in run.stdout
    assert re.search(r"^location: /services/fastapi/desk/tickets/1\s*$", run.stdout, re.MULTILINE | re.IGNORECASE)
    assert '"status":"in_progress"' in run.stdout
    assert '"code":"version_conflict"' in run.stdout
    assert run.stdout.endswith('{"items":[],"next":null,"previous":null,"count":0}')
    assert list(csv.reader(io.StringIO((tmp_path / "tickets.csv").read_text(), newline="")))[1:] == []


async def test_in_a_browser(team_hub: RealHub) -> None:
    """One is sent to sign in, comes back to the page one wanted, and a form there does what it says."""
    async with team_hub.session("manager") as session:
        where = f"{team_hub.service_path}desk/ui/employees/new"
        page = await session.visit(where)
        (form,) = (form for form in forms(page) if form.method == "POST")
        made = await session.submit(page, form, first_name="Søren", last_name="Ærøskøbing", phone="+45 33 12 34 56")
    employees = await team_hub.ask("GET", "desk/employees", token=await team_hub.user_token("manager"))

    assert (page.status_code, page.url.raw_path.decode()) == (200, where)
    assert (made.status_code, "Created." in made.text) == (200, True)
    (employee,) = (each for each in employees.json()["items"] if each["first_name"] == "Søren")
    assert employee["phone"] == "+4533123456"


async def test_the_document(team_hub: RealHub) -> None:
    """The OpenAPI document has the desk's routes, with examples, scopes and problems of every kind, and no page."""
    document = (await team_hub.ask("GET", "openapi.json")).json()
    routes = {path: operations for path, operations in document["paths"].items() if path.startswith("/desk")}
    operations = [operation for each in routes.values() for operation in each.values()]

    assert [path for path in routes if "/ui" in path or path == "/desk"] == []
    assert {tag for operation in operations for tag in operation["tags"]} == {"support desk"}
    assert [each["summary"] for each in operations if not {"401", "403", "503"} <= each["responses"].keys()] == []
    assert [each["summary"] for each in operations if not each.get("description")] == []
    scopes = document["components"]["securitySchemes"]["JupyterHub"]["flows"]["authorizationCode"]["scopes"]
    assert len([scope for scope in scopes if scope.startswith("custom:desk:")]) == 19
    assert '"Zoë"' in json.dumps(document, ensure_ascii=False)
