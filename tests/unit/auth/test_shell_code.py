"""The code that the user of a command pastes: what it buys, for whom, and how often."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends, FastAPI
from starlette.requests import HTTPConnection

from service.auth import Hub
from service.auth.errors import NotAdmittedError
from service.hub.models import Identity
from service.hub.shell_codes import ShellCode, ShellSealer
from service.settings import Settings
from service.testing import OUTAGES
from tests.support.shell import Command, approved, asked, code_on
from tests.unit.auth.test_token import refusal
from tests.unit.conftest import API_TOKEN, ORIGIN, Serve, Service

SERVICE: Mapping[str, Any] = {"shell_sign_in": True}
_MINUTE = timedelta(minutes=1)
GRANT = (400, "invalid_grant")
NARROW = "access:services!service=fastapi"


async def code_for(service: Service, command: Command) -> str:
    """Return the code that testuser gets for a command."""
    return await approved(service, await service.signed_in(), command)


async def redeemed(
    service: Service, command: Command, code: str, *, headers: Mapping[str, str] | None = None
) -> httpx.Response:
    """Send a code as the command does."""
    return await service.api(headers=dict(headers or {})).post("token", data=command.form(code))


async def test_a_token(service: Service) -> None:
    """It has the rights that were shown, lives as long as was asked, works here, and can be deleted by itself."""
    service.hub.add_user("testuser", scopes=["access:services", "custom:notes:read", "tokens"])
    command = Command()
    reply = await redeemed(service, command, await code_for(service, command))
    body = reply.json()
    token = body["access_token"]

    assert (reply.status_code, body["token_type"], body["expires_in"]) == (200, "Bearer", 86400)
    assert body["user"] == "testuser", "the command shows whose account it is"
    assert {scope for scope in body["scope"].split() if not scope.startswith("read:users:")} == {
        NARROW,
        "custom:notes:read",
    }
    assert reply.headers["Cache-Control"] == "no-store"
    assert (await service.api(token).get("me")).json()["name"] == "testuser"
    assert (await service.api(token).post("logout")).status_code == 204
    assert token not in service.hub.tokens_of("testuser")
    assert (await service.api(token).get("me")).status_code == 401


def create(settings: Settings) -> FastAPI:
    """Return an application of somebody else's."""
    hub = Hub(settings)
    app = FastAPI(lifespan=hub.lifespan)
    hub.install(app)
    app.get("/whoami")(whoami(hub))
    return app


def whoami(hub: Hub) -> Any:  # noqa: ANN401 - a route
    """Return a route that says who calls."""

    async def route(user: Annotated[Identity, Depends(hub.user)]) -> str:
        return user.name

    return route


async def test_in_an_application_of_somebody_elses(serve: Serve) -> None:
    """Its plain pages ask and answer in the same way."""
    service = await serve(app={"create": create}, shell_sign_in=True)
    browser, command = await service.signed_in(), Command()
    page = await asked(browser, command)
    code = code_on(await browser.visit(service.authorized(await browser.submit(page, follow=False))))
    token = (await redeemed(service, command, code)).json()["access_token"]

    assert (page.status_code, page.headers["X-Frame-Options"]) == (200, "DENY")
    for text in ("testuser", "ada@laptop", "24 hours", NARROW, "If somebody sent you the link", "nobody has checked"):
        assert text in page.text
    assert (await service.api(token).get("whoami")).json() == "testuser"


async def test_other_tokens_still_do_not_delete_themselves(service: Service) -> None:
    """What was not made for a shell is not deleted that way."""
    token = service.hub.issue("testuser", scopes=[NARROW])

    assert (await service.api(token).post("logout")).status_code == 403
    assert token in service.hub.tokens_of("testuser")


async def test_another_command(service: Service) -> None:
    """A code is of use to the command alone whose link was opened. That one can still use it."""
    command = Command()
    code = await code_for(service, command)

    assert refusal(await redeemed(service, Command(), code)) == GRANT
    assert (await redeemed(service, command, code)).status_code == 200


async def test_once(service: Service) -> None:
    """A code buys one token, if it is sent again, and if it is sent many times at the same moment."""
    command = Command()
    code = await code_for(service, command)
    before = len(service.hub.tokens_of("testuser"))
    replies = await asyncio.gather(*(redeemed(service, command, code) for _ in range(5)))
    replies.append(await redeemed(service, command, code))

    assert sorted(reply.status_code for reply in replies) == [200, 400, 400, 400, 400, 400]
    assert len(service.hub.tokens_of("testuser")) == before + 1


def sealed(service: Service, command: Command, *, secret: str = API_TOKEN, user: str = "testuser") -> str:
    """Return a code that testuser's sign-in has led to, sealed as the service does it, or as an attacker would like."""
    challenge = command.wanted["challenge"]
    code = ShellCode(code=service.hub.grant(), user=user, challenge=challenge, machine="", lifetime=60)
    return ShellSealer(secret).seal_code(code)


async def test_what_is_no_code(service: Service) -> None:
    """Nothing is accepted that was sealed with another service's key, for another purpose or user, or was changed."""
    service.hub.add_user("eve")
    command = Command()
    good = sealed(service, command)
    request = ShellSealer(API_TOKEN)._requests.seal("{}", lifetime=_MINUTE)  # noqa: SLF001 - another purpose

    for code in (
        "shell.",
        "shell.nonsense",
        f"shell.{request}",
        good[:-2] + ("A" if good[-2] != "A" else "B") + good[-1],
        sealed(service, command, secret="of another service, as long as any"),
        sealed(service, command, user="eve"),
    ):
        assert refusal(await redeemed(service, command, code)) == GRANT
    assert (await redeemed(service, command, good)).status_code == 200


async def test_too_old(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """After five minutes a code is worth nothing."""
    command = Command()
    code = sealed(service, command)
    sealer = ShellSealer(API_TOKEN)
    now = sealer._codes._now()  # noqa: SLF001 - the clock
    monkeypatch.setattr(sealer._codes, "_now", lambda: now + 299)  # noqa: SLF001 - likewise
    assert sealer.open_code(code)
    monkeypatch.setattr(sealer._codes, "_now", lambda: now + 301)  # noqa: SLF001 - likewise

    assert sealer.open_code(code) is None


async def test_a_user_who_is_gone(service: Service) -> None:
    """The Hub forgets codes with their user, and nobody gets a token."""
    command = Command()
    code = await code_for(service, command)
    service.hub._state.codes.clear()  # noqa: SLF001 - as the Hub does when a user is deleted

    assert refusal(await redeemed(service, command, code)) == GRANT


async def test_pages_of_others(service: Service) -> None:
    """A page of another site cannot have a code exchanged, nor one without a verifier."""
    command = Command()
    code = await code_for(service, command)
    reply = await redeemed(service, command, code, headers={"Origin": "https://evil.test"})
    command_without = Command()
    command_without.verifier = ""

    assert refusal(reply) == (403, "invalid_request")
    assert refusal(await redeemed(service, command_without, code)) == (400, "invalid_request")
    assert (await redeemed(service, command, code, headers={"Origin": ORIGIN})).status_code == 200


async def test_turned_off_meanwhile(serve: Serve, service: Service) -> None:
    """Where nobody signs in at a shell, no code is taken."""
    off = await serve(hub=service.hub)
    command = Command()

    assert refusal(await redeemed(off, command, sealed(service, command))) == GRANT


class ClosedError(NotAdmittedError):
    """Nobody may begin anything."""

    code = "closed"
    default = "Closed."


async def test_somebody_whom_an_application_lets_sign_in_no_more(serve: Serve) -> None:
    """A veto that comes between page and code counts, and the token is deleted again."""
    closed = False

    async def veto(_identity: Identity, _conn: HTTPConnection) -> None:
        if closed:
            raise ClosedError

    service = await serve(shell_sign_in=True, app={"admit_sign_in": [veto]})
    command = Command()
    code = await code_for(service, command)
    before = service.hub.tokens_of("testuser")
    closed = True

    assert refusal(await redeemed(service, command, code)) == GRANT
    assert service.hub.tokens_of("testuser") == before


async def test_a_hub_that_makes_no_tokens_for_shells(serve: Serve) -> None:
    """The operator is told where the Hub does not know the request."""
    service = await serve(shell_sign_in=True)
    command = Command()
    code = await code_for(service, command)
    path = "/services/fastapi/shell-tokens"
    service.hub.respond("POST", path, json={"status": 404, "message": "Not Found"}, status=404)
    unknown = await redeemed(service, command, code)
    service.hub.respond("POST", path, json={"status": 500, "message": "Oops"}, status=500)
    broken = await redeemed(service, command, code)
    service.hub.outage = OUTAGES["silence"] if "silence" in OUTAGES else next(iter(OUTAGES.values()))
    silent = await redeemed(service, command, code)

    assert (unknown.status_code, broken.status_code, silent.status_code) == (502, 503, 503)


async def test_guesses_are_counted(serve: Serve) -> None:
    """As with the Hub's codes, sixty wrong ones a minute from one address are enough."""
    service = await serve(shell_sign_in=True)
    replies = [await redeemed(service, Command(), "shell.guess") for _ in range(61)]

    assert [reply.status_code for reply in replies] == [400] * 60 + [429]
