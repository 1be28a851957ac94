"""No response, log or repr contains a secret."""

import logging
import traceback
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, WebSocket

from service.auth.guard import CurrentUser
from service.hub.errors import HubUnavailableError
from service.logs import log_config
from service.resources import open_resources
from service.testing import OUTAGES
from service.testing.callers import NAVIGATION
from tests.unit.conftest import API_TOKEN, AUTH_COOKIE, HUB_HOST, SESSION_ID, Serve, Service, connect, settings_of

router = APIRouter()
PASSWORD, CODE, VERIFIER = "canary-password", "canary-code", "canary-verifier" * 4


@router.get("/boom")
async def boom(user: CurrentUser) -> None:
    """Raise an error that quotes everything."""
    raise RuntimeError(f"{API_TOKEN} {user!r}")


@router.post("/order")
async def order(count: int, _user: CurrentUser) -> int:
    """Take a number."""
    return count


@router.websocket("/ws")
async def websocket(conn: WebSocket, user: CurrentUser) -> None:
    """Return the name of the caller."""
    await conn.accept()
    await conn.send_text(user.name)


SERVICE: Mapping[str, Any] = {
    "allow_token_in_url": True,
    "password_grant": True,
    "shell_sign_in": True,
    "app": {"routers": [router]},
}
GETS = ["", "me", "debug", "docs", "openapi.json", "login", "login?next=/services/fastapi/me", "logout", "health/live"]
GETS += ["health/ready", "oauth_callback", "oauth_callback?error=x", f"oauth_callback?code={CODE}&state=hub.x"]
GETS += ["boom", "nope", "order", "static/style.css"]
POSTS: list[tuple[str, dict[str, str]]] = [
    ("token", {"grant_type": "password", "username": "testuser", "password": PASSWORD}),
    ("token", {"grant_type": "authorization_code", "code": CODE, "code_verifier": VERIFIER}),
    ("token", {}),
    ("logout", {}),
    ("order", {"count": CODE}),
    ("order?count=x", {}),
    ("me", {}),
]


@pytest.fixture(autouse=True)
def _logs_as_in_service(caplog: pytest.LogCaptureFixture) -> None:
    """Log everything, in the format of `python -P -m service`."""
    caplog.set_level(logging.DEBUG)
    for name, options in log_config("DEBUG")["loggers"].items():
        caplog.set_level(options["level"], logger=name)


def told(reply: httpx.Response) -> str:
    """Return a response as text, with its headers."""
    return f"{reply.status_code} {reply.headers.multi_items()} {reply.text}"


def credentials(service: Service, token: str) -> dict[str, dict[str, Any]]:
    """Return a token in every place where a request can have it."""
    return {
        "header": {"headers": {"Authorization": f"Bearer {token}"}},
        "malformed header": {"headers": {"Authorization": f"Basic {token}"}},
        "url": {"params": {"token": token}},
        "cookie": {"headers": {"Cookie": f"{AUTH_COOKIE}={service.sealed(token)}"}},
        "raw cookie": {"headers": {"Cookie": f"{AUTH_COOKIE}={token}; jupyterhub-session-id={SESSION_ID}"}},
    }


async def everything(service: Service, token: str) -> list[str]:
    """Call every route in every way with a token. Return all responses."""
    answers = []
    for kind in ({}, NAVIGATION):
        for place, options in credentials(service, token).items():
            api = service.api(headers=kind | options.get("headers", {}))
            params = options.get("params", {})
            replies = [await api.get(httpx.URL(path).copy_merge_params(params)) for path in GETS]
            if place != "url":  # it would sign itself out
                replies += [await api.post(path, data=form) for path, form in POSTS]
            answers += [told(reply) for reply in replies]
    for header in (f"Bearer {token}", f"Basic {token}"):
        answers.append(repr(await connect(service, "ws?x=1", headers={"Authorization": header})))
    return answers


@pytest.mark.parametrize(
    ("known", "outage"),
    [(True, None), (True, "error_500"), (False, None), (False, "down")],
    ids=["good token", "good token, Hub broken", "bad token", "bad token, Hub down"],
)
async def test_no_answer_and_no_log_tells(
    serve: Serve,
    caplog: pytest.LogCaptureFixture,
    outage: str | None,
    known: bool,  # noqa: FBT001
) -> None:
    """No response and no log contains a token, password, code, secret or internal address, even in an outage."""
    service = await serve(**SERVICE)
    service.hub.add_user("testuser", admin=True)
    token = service.hub.issue("testuser", scopes=["access:services"]) if known else "canary-bad-token"
    service.hub.outage = OUTAGES[outage] if outage else None
    answers = await everything(service, token)

    for secret in (token, API_TOKEN, HUB_HOST, PASSWORD, CODE, VERIFIER):
        assert [answer for answer in answers if secret in answer] == []
        assert secret not in caplog.text


async def test_no_repr_tells() -> None:
    """The repr of a long-lived object contains no secret and no internal address."""
    settings = settings_of(api_url=f"http://{HUB_HOST}.test/hub/api")
    async with open_resources(settings) as context:
        shown = f"{settings!r} {settings} {context!r}"
        key = repr(context.xsrf_key)

    assert [text for text in (API_TOKEN, HUB_HOST, key) if text in shown] == []


async def test_no_traceback_tells(serve: Serve) -> None:
    """An error of a request to the Hub contains no token and no address, nor do the errors that caused it."""
    service = await serve()
    token = service.hub.issue("testuser")
    service.hub.outage = OUTAGES["slow"]
    async with open_resources(service.settings) as context:
        with pytest.raises(HubUnavailableError) as raised:
            await context.auth.identify(token)

    shown = "".join(traceback.format_exception(raised.value)) + repr(raised.value)
    assert [text for text in (token, httpx.URL(service.settings.api_url).host, API_TOKEN) if text in shown] == []
