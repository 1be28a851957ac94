"""The diagrams of docs/ are those that the code draws, and what they say is so."""

import xml.etree.ElementTree as ET  # our own files
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter
from starlette.requests import HTTPConnection

from service.auth.errors import NotAdmittedError
from service.auth.guard import HubAdmin, require
from service.hub.models import Identity
from tests.support.node import REPOSITORY
from tests.unit.conftest import AUTH_COOKIE, SESSION_ID, Service, serving
from website import diagrams

ACCESS = "access:services!service=fastapi"
READ = "custom:x:read"
router = APIRouter()


@router.get("/judged", dependencies=[require(READ)])
async def judged(user: HubAdmin) -> str:
    """For administrators whose token has a scope."""
    return user.name


async def veto(identity: Identity, _conn: HTTPConnection) -> None:
    """Refuse everybody but two."""
    if identity.name not in {"boss", "other"}:
        raise NotAdmittedError


@pytest.fixture(scope="module")
async def service() -> AsyncIterator[Service]:
    """A service with that route, and that veto."""
    async with serving() as start:
        started = await start(app={"routers": [router], "admit": [veto]})
        started.hub.add_user("other")
        started.hub.add_user("boss", admin=True)
        yield started


# Each caller fails at this step, and at later ones, too. So the order shows.
CALLERS = [
    pytest.param(0, "not_signed_in", {}, id="nothing"),
    pytest.param(1, "xsrf", {"cookie": "unknown"}, id="a cookie without its XSRF token"),
    pytest.param(2, "invalid_token", {"token": "unknown"}, id="a token that the Hub does not know"),
    pytest.param(3, "insufficient_scope", {"of": "testuser", "scopes": []}, id="no access"),
    pytest.param(4, "not_admitted", {"of": "testuser", "scopes": [ACCESS]}, id="a veto"),
    pytest.param(5, "insufficient_scope", {"of": "other", "scopes": [ACCESS]}, id="no scope for the route"),
    pytest.param(5, "admin_required", {"of": "other", "scopes": [ACCESS, READ]}, id="no administrator"),
    pytest.param(6, "", {"of": "boss", "scopes": [ACCESS, READ]}, id="let in"),
]


@pytest.mark.parametrize(("step", "code", "caller"), CALLERS)
async def test_how_a_request_is_judged(service: Service, step: int, code: str, caller: dict[str, Any]) -> None:
    """The questions are asked in the order of the diagram, and each refusal is one that stands beside its question."""
    token = service.hub.issue(caller["of"], scopes=caller["scopes"]) if "of" in caller else caller.get("token")
    cookie = {
        "Cookie": f"{AUTH_COOKIE}={service.sealed('unknown')}; jupyterhub-session-id={SESSION_ID}",
        "Sec-Fetch-Mode": "cors",
        "Sec-Fetch-Site": "same-origin",
    }
    reply = await service.api(token, headers=cookie if "cookie" in caller else {}).get("judged")

    if step == len(diagrams.REQUEST):
        assert reply.status_code == 200
    else:
        shown = [diagrams.said(error) for error in diagrams.REQUEST[step].refusals]
        assert reply.json()["code"] == code
        assert f"{reply.status_code} {code}" in shown


@pytest.mark.parametrize("way", diagrams.SIGN_IN, ids=lambda way: way.who)
def test_who_signs_in_how(way: diagrams.Way) -> None:
    """For each way there is a test that goes it."""
    file, _, name = way.shown_by.partition("::")

    assert f"def {name}(" in (REPOSITORY / "tests" / file).read_text()


@pytest.mark.parametrize(("name", "drawing"), diagrams.drawings().items())
def test_it_is_up_to_date(name: str, drawing: str) -> None:
    """If this fails, `python -m website diagrams` writes the files again."""
    assert (REPOSITORY / "docs/images" / name).read_text() == drawing


@pytest.mark.parametrize("path", sorted((REPOSITORY / "docs/images").glob("*.svg")), ids=lambda path: path.name)
def test_it_can_be_heard(path: Path) -> None:
    """A screen reader gets a title, and all that the boxes say in sentences."""
    svg = ET.parse(path).getroot()  # noqa: S314 (ours)
    names = {element.tag.rpartition("}")[2]: element.text or "" for element in svg}

    assert svg.get("role") == "img"
    assert names["title"]
    assert len(names["desc"]) > 200
