"""Operations have names that read well in a generated client, and no two have the same."""

import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from fastapi import APIRouter

from service.auth.guard import CurrentUser
from tests.unit.conftest import Serve, serving

# What the name of each of our own operations begins with.
VERBS = ("check", "create", "deidentify", "delete", "export", "get", "list", "set", "sign", "update")

first, second = APIRouter(prefix="/first"), APIRouter(prefix="/second")


@first.get("/{number}")
async def get_me(number: int, user: CurrentUser) -> None:
    """Have a name that one of our own routes has."""


@first.get("")
async def list_things(user: CurrentUser) -> None:
    """Have a name that nobody else has."""


@second.get("/list-of/{number}")
async def list_all(number: int, user: CurrentUser) -> None:
    """Be added twice, with two methods."""


second.add_api_route("/list-of/{number}", list_all, methods=["POST"])
second.add_api_route("/list", list_things, methods=["GET"])
second.add_api_route("/named", list_things, methods=["GET"], operation_id="chosen")


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start services with routers."""
    async with serving() as start:
        yield start


async def ids(serve: Serve, **options: Any) -> Mapping[str, str]:  # noqa: ANN401 (settings and options of the service)
    """Return the names of the operations in a service's document, by method and path."""
    service = await serve(**options)
    paths = (await service.api().get("openapi.json")).json()["paths"]
    return {
        f"{method.upper()} {path}": operation["operationId"]
        for path, operations in paths.items()
        for method, operation in operations.items()
    }


async def test_our_own_are_a_verb_and_its_object(serve: Serve) -> None:
    """With every application: each begins with a verb, none repeats its path, and no two are the same."""
    found = await ids(serve, apps=("deidentify", "desk"))

    assert len(found) > 30
    assert len(set(found.values())) == len(found)
    assert [name for name in found.values() if not re.fullmatch(rf"({'|'.join(VERBS)})(_[a-z]+)+", name)] == []
    assert [name for where, name in found.items() if name.endswith(where.partition(" ")[0].lower())] == []
    assert (found["POST /deidentify"], found["POST /token"]) == ("deidentify_note", "create_token")
    assert (found["GET /desk/tickets"], found["GET /desk/tickets/{ticket_id}"]) == ("list_tickets", "get_ticket")


async def test_somebodys_own(serve: Serve) -> None:
    """They are named after their functions. Who comes second to a name gets a longer one, and a chosen id counts."""
    found = await ids(serve, app={"routers": [first, second]})

    assert found["GET /me"] == "get_me"
    assert {where: name for where, name in found.items() if "/first" in where or "/second" in where} == {
        "GET /first/{number}": "get_me_first_number_get",
        "GET /first": "list_things",
        "GET /second/list-of/{number}": "list_all",
        "POST /second/list-of/{number}": "list_all_second_list_of_number_post",
        "GET /second/list": "list_things_second_list_get",
        "GET /second/named": "chosen",
    }
