"""openapi-python-client makes a client from a running service's document, and it works: names, types and errors."""

import asyncio
import importlib
import os
import re
import shlex
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MakeHub
from tests.support.hub import RealHub
from tests.support.markdown import blocks
from tests.support.node import REPOSITORY

GENERATOR = REPOSITORY / ".venv/openapi-client/bin/openapi-python-client"
PAGE = REPOSITORY / "docs/client.md"
ADDRESS = "http://127.0.0.1:8000/services/fastapi"  # of the service, in its examples
LIMIT = 300  # seconds; one on an idle machine
# Bodies that are no JSON. This generator has no words for them.
BEYOND_IT = {
    "POST /deidentify": {"text/plain"},
    "POST /deidentify/batch": {"application/x-ndjson", "application/jsonl"},
}
_BODY = re.compile(r"^Unsupported content type (\S+)$", re.MULTILINE)
OpenClient = Callable[[str], Awaitable[Any]]
TITLES = ["The printer is silent", "The screen is dark", "The chair squeaks"]


@pytest.fixture(scope="module")
def hub(make_shared_hub: MakeHub) -> RealHub:
    """A Hub with both applications. One user works at the desk and may mask notes, the other may not do either."""
    if not GENERATOR.exists():
        pytest.skip("no openapi-python-client: ./script/test conformance installs it")
    groups = {"desk-support": {"users": ["sue"]}, "deidentify": {"users": ["sue"]}}
    role = {"name": "masker", "scopes": ["custom:deidentify:use"], "users": ["sue"]}
    return make_shared_hub(
        users=("sue", "testuser"),
        admins=(),
        config=f"c.JupyterHub.load_groups = {groups!r}; c.JupyterHub.load_roles.append({role!r})",
        register={
            "apps": ["deidentify", "desk"],
            "environment": {"SERVICE_STATE": "state", "DEIDENTIFY_DEADLINE": "30"},
        },
    )


@pytest.fixture(scope="module")
def generated(hub: RealHub, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder with the package `generated`, and what the generator said."""
    folder = tmp_path_factory.mktemp("generated")
    (command,) = [block.code for block in blocks(PAGE, "sh") if "openapi-python-client" in block.code]
    path = os.pathsep.join([str(GENERATOR.parent), os.environ["PATH"]])  # ruff is there: it formats the package
    done = subprocess.run(
        shlex.split(command.replace(ADDRESS, hub.service_url.rstrip("/")).removeprefix("uvx ")),
        cwd=folder,
        env=os.environ | {"PATH": path, "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, done.stdout + done.stderr


@pytest.fixture
async def client(
    hub: RealHub, generated: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[OpenClient]:
    """Return clients of the generated package, each for a token."""
    monkeypatch.syspath_prepend(generated[0])
    package = importlib.import_module("generated")
    async with AsyncExitStack() as stack:

        async def open_client(token: str) -> Any:  # noqa: ANN401 - generated
            made = package.AuthenticatedClient(
                hub.service_url.rstrip("/"), token=token, httpx_args={"trust_env": False}
            )
            return await stack.enter_async_context(made)

        yield open_client


def model(name: str) -> Any:  # noqa: ANN401 - generated
    """Return a model of the generated package."""
    return getattr(importlib.import_module("generated.models"), name)


async def call(operation: str, **arguments: object) -> Any:  # noqa: ANN401 - generated
    """Call an operation, given as its module, and return what was answered, typed."""
    return await importlib.import_module(f"generated.api.{operation}").asyncio(**arguments)


def test_nothing_is_left_out_that_it_could_take(generated: tuple[Path, str]) -> None:
    """The generator warns of bodies that are no JSON, and of nothing else."""
    warnings = re.split(r"^WARNING parsing ", generated[1], flags=re.MULTILINE)[1:]

    assert {warning.partition(" within")[0]: set(_BODY.findall(warning)) for warning in warnings} == BEYOND_IT


async def test_in_use(hub: RealHub, client: OpenClient) -> None:
    """It knows the caller, masks a note as documented, changes a ticket, and reads all of them page after page."""
    token = (await hub.user_token("sue")).value
    sue = await client(token)
    me = await call("who_am_i.get_me", client=sue)
    (documented,) = [block.code for block in blocks(PAGE, "python") if "AuthenticatedClient" in block.code]
    shown: dict[str, Any] = {"token": token}
    await asyncio.to_thread(exec, documented.replace(ADDRESS, hub.service_url.rstrip("/")), shown)
    employee = await call(
        "support_desk.create_employee", client=sue, body=model("EmployeeNew")(first_name="Ng", last_name="Bo")
    )
    for title in TITLES:
        new = model("TicketNew")(title=title, employee_id=employee.id)
        ticket = await call("support_desk.create_ticket", client=sue, body=new)
    closed = model("TicketChange")(status=model("Status").CLOSED)
    ticket = await call(
        "support_desk.update_ticket", client=sue, ticket_id=ticket.id, body=closed, if_match=f'"{ticket.version}"'
    )
    page = await call("support_desk.list_tickets", client=sue, limit=2)
    found = list(page.items)
    while page.next_:
        page = await call("support_desk.list_tickets", client=sue, limit=2, cursor=page.next_)
        found += page.items

    assert (type(me), me.name) == (model("Identity"), "sue")
    assert shown["masked"].text == "Seen [DATE] by Dr. [NAME]."
    assert (type(ticket), ticket.status) == (model("Ticket"), model("Status").CLOSED)
    assert [ticket.title for ticket in found] == TITLES[::-1]


async def test_errors_are_typed(hub: RealHub, client: OpenClient) -> None:
    """Each problem has its code: a token that is none, a scope or a thing that is missing, a field that is wrong."""
    sue, other = [await client((await hub.user_token(name)).value) for name in ("sue", "testuser")]
    wrong = model("TicketNew")(title="", employee_id=0)
    found = [
        await call("who_am_i.get_me", client=await client("0" * 32)),
        await call("support_desk.list_tickets", client=other),
        await call("support_desk.get_ticket", client=sue, ticket_id=4711),
        await call("support_desk.create_ticket", client=sue, body=wrong),
    ]

    assert [type(each) for each in found] == [model("Problem")] * 4
    assert [(each.status, each.code) for each in found] == [
        (401, "invalid_token"),
        (403, "insufficient_scope"),
        (404, "not_found"),
        (422, "invalid_request"),
    ]
    assert found[1].scopes == ["custom:desk:tickets:read"]
