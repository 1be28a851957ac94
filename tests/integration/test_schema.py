"""The OpenAPI document keeps its word: Schemathesis calls every operation with what fits it and what does not."""

import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import MakeHub
from tests.support.external import ExternalService
from tests.support.hub import RealHub
from tests.support.local_http import local_client
from tests.support.polling import PROGRAM, eventually
from tests.support.ports import free_port

NAME = "reporter"  # a service that the Hub knows and does not start
WRITE = "custom:orders:write"
USE = "custom:deidentify:use"
# Routes as somebody may add them: all places where a request carries something.
ORDERS = textwrap.dedent('''
    """Orders."""

    from enum import StrEnum
    from typing import Annotated

    from fastapi import APIRouter, Header, HTTPException, Path
    from pydantic import BaseModel, Field
    from service.auth.guard import CurrentUser, require

    router = APIRouter(prefix="/orders", tags=["orders"])


    class Size(StrEnum):
        SMALL = "small"
        LARGE = "large"


    class Order(BaseModel):
        item: Annotated[str, Field(min_length=1, max_length=20)]
        amount: Annotated[int, Field(ge=1, le=1000)]
        size: Size = Size.SMALL


    @router.get("/{number}", responses={404: {"description": "No such order"}})
    async def read(
        number: Annotated[int, Path(ge=1)],
        _user: CurrentUser,
        size: Size = Size.SMALL,
        x_mark: Annotated[str, Header(max_length=10)] = "",
    ) -> Order:
        if number % 2:
            raise HTTPException(404)
        return Order(item=x_mark or "nothing", amount=1, size=size)


    @router.post("", status_code=201, dependencies=[require("custom:orders:write")])
    async def order(order: Order) -> Order:
        return order
    ''')
# GET /logout is a page for browsers, which the document leaves out. In a batch each line is answered for itself: as a
# whole nothing is wrong.
CONFIG = """
hooks = "lines"

[[operations]]
include-path = "/logout"
checks.allow_header_conformance.enabled = false
checks.unsupported_method.enabled = false

[[operations]]
include-path = "/deidentify/batch"
checks.negative_data_rejection.enabled = false
"""
# Of these types it knows none: they are text.
HOOKS = """
import schemathesis


@schemathesis.serializer("application/x-ndjson", "application/jsonl")
def as_it_is(ctx, value):
    return value if isinstance(value, bytes) else str(value).encode()
"""


@pytest.fixture(scope="module")
def ordering_hub(make_shared_hub: MakeHub) -> Iterator[RealHub]:
    """A Hub with the scopes that the routes ask for."""
    role = {"name": "orderer", "scopes": [WRITE, USE], "users": ["admin"]}
    scopes = {scope: {"description": "Order, and mask"} for scope in (WRITE, USE)}
    config = f"c.JupyterHub.custom_scopes = {scopes!r}"
    config += f"; c.JupyterHub.load_roles.append({role!r})"
    hub = make_shared_hub(register=None, services={NAME: ()}, config=config)
    yield hub
    hub.close()


@pytest.fixture(scope="module")
async def document(ordering_hub: RealHub, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """Where the document of a service of its own is, which has those routes and ours, and takes passwords.

    Its engine is loaded: until then /health/ready answers 503, which no document promises.
    """
    directory, port = tmp_path_factory.mktemp("orders"), free_port()
    (directory / "orders.py").write_text(ORDERS)
    url = f"http://127.0.0.1:{port}"
    environment = {
        "JUPYTERHUB_API_TOKEN": ordering_hub.service_token(NAME).value,
        "JUPYTERHUB_API_URL": ordering_hub.api_url,
        "JUPYTERHUB_SERVICE_NAME": NAME,
        "JUPYTERHUB_SERVICE_URL": url,
        "SERVICE_APPS": "deidentify",
        "DEIDENTIFY_SECRET": "0123456789abcdef" * 4,
        "DEIDENTIFY_NER": "rampart",
        "DEIDENTIFY_NER_USE": "on_request",
        "SERVICE_PASSWORD_GRANT": "1",
        "SERVICE_ROUTERS": "orders:router",
    }
    with ExternalService(environment, directory=directory):
        async with local_client() as client:

            async def is_ready() -> bool:
                return (await client.get(f"{url}/services/{NAME}/health/ready")).status_code == httpx.codes.OK

            await eventually(is_ready)
        yield f"{url}/services/{NAME}/openapi.json"


def schemathesis(document: str, directory: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run Schemathesis with all its checks on a few dozen requests for each operation, the same ones every time."""
    (directory / "schemathesis.toml").write_text(CONFIG)
    (directory / "lines.py").write_text(HOOKS)
    words = ["run", document, "--max-examples=6", "--seed=1", "--no-color"]
    command = [str(Path(sys.executable).with_name("st")), *words, *options]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=PROGRAM, check=False)


async def test_with_no_token(document: str, tmp_path: Path) -> None:
    """Whatever a stranger sends: the status, media type, headers and form of each answer are those documented."""
    run = schemathesis(document, tmp_path)

    assert run.returncode == 0, run.stdout


async def test_with_a_token(ordering_hub: RealHub, document: str, tmp_path: Path) -> None:
    """The same for an administrator with the routes' scope: what fits is taken, what does not is refused."""
    scopes = [f"access:services!service={NAME}", "read:users!user", WRITE, USE]  # may not delete itself
    token = await ordering_hub.user_token("admin", scopes=scopes)

    run = schemathesis(document, tmp_path, f"--header=Authorization: Bearer {token.value}")

    assert run.returncode == 0, run.stdout
    assert "401 Unauthorized" not in run.stdout, "it was called as nobody"
