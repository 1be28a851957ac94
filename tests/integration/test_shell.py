"""Signing in at a shell, at a real Hub: the command at a terminal, the browser, and the Hub's part of it."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from anyio import to_thread

from service.registration.shell_tokens import NOTE
from tests.support.hub import RealHub
from tests.support.hub_api import Token
from tests.support.node import REPOSITORY
from tests.support.process import clean_environment
from tests.support.session import Session
from tests.support.shell import OPENED, Command, asked, code_on
from tests.support.terminal import service_at_a_terminal

DEIDENTIFY = "custom:deidentify:use"
ACCESS = "access:services!service=fastapi"
SHELL_TOKENS = "/services/fastapi/shell-tokens"


@pytest.fixture
async def session(hub: RealHub) -> AsyncIterator[Session]:
    """A browser of testuser's, signed in to the Hub."""
    async with hub.session("testuser") as session:
        session.url = httpx.URL(hub.service_url)
        yield session


async def approved(session: Session, command: Command) -> str:
    """Open the link of a command, say yes, and return the code that the browser then shows."""
    return code_on(await session.submit(await asked(session, command)))


async def redeemed(hub: RealHub, command: Command, code: str) -> httpx.Response:
    """Send a code as the command does."""
    return await hub.ask("POST", "token", data=command.form(code))


async def shell_tokens(hub: RealHub, user: str = "testuser") -> list[dict[str, Any]]:
    """Return the tokens of a user that were made for a shell."""
    found = (await hub.api("GET", f"/users/{user}/tokens")).raise_for_status().json()["api_tokens"]
    return [token for token in found if token["note"].startswith(NOTE)]


def ran(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run `python -P -m service`, which needs no terminal for these arguments."""
    command = [sys.executable, "-P", "-m", "service", *arguments]
    environment = clean_environment(PYTHONPATH=str(REPOSITORY), **environment_of(home))
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def environment_of(home: Path) -> dict[str, str]:
    """Return the environment of a user with this home, who has no desktop."""
    return {"HOME": str(home), "XDG_CONFIG_HOME": "", "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}


async def test_a_day_at_a_shell(hub: RealHub, session: Session, tmp_path: Path) -> None:
    """One signs in by a browser, has a token for as long as was asked, also after the browser's session, and signs out.

    Nothing else is left at the Hub, and the browser's session is as before.
    """
    before = await shell_tokens(hub)
    with service_at_a_terminal(
        "login", hub.service_url, "--days", "2", environment=environment_of(tmp_path)
    ) as terminal:
        link = await to_thread.run_sync(terminal.wait_for, r"(http://\S+/login/shell\?\S+)")
        page = await session.visit(link, headers=OPENED)
        assert page.status_code == 200, page.text
        terminal.type(code_on(await session.submit(page)))
        await to_thread.run_sync(terminal.wait_for, "(Signed in at)")
        assert await to_thread.run_sync(terminal.ended) == 0
    shown = await to_thread.run_sync(lambda: ran("token", home=tmp_path))
    token = Token(shown.stdout.strip())
    [model] = [each for each in await shell_tokens(hub) if each not in before]
    lifetime = datetime.fromisoformat(model["expires_at"]) - datetime.fromisoformat(model["created"])

    assert {scope for scope in model["scopes"] if not scope.startswith("read:users:")} == {ACCESS, DEIDENTIFY}
    assert abs(lifetime - timedelta(days=2)) < timedelta(seconds=5)
    assert "Signed in at" in terminal.screen
    assert token.value not in terminal.screen
    assert (await session.visit("me")).status_code == 200
    await session.visit(f"{hub.url}hub/logout")
    assert (await hub.ask("GET", "me", token=token)).json()["name"] == "testuser"
    ended = await to_thread.run_sync(lambda: ran("logout", home=tmp_path))
    assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr
    assert (await hub.api("GET", "/user", token=token)).status_code == 403
    assert await shell_tokens(hub) == before
    assert token.value not in hub.log_text()


async def test_once_and_for_one_command(hub: RealHub, session: Session) -> None:
    """Of many who send a code at the same moment one gets a token, and another command none. No other token is left."""
    command = Command()
    before = len(await shell_tokens(hub))
    code = await approved(session, command)
    assert (await redeemed(hub, Command(), code)).json()["error"] == "invalid_grant"
    replies = await asyncio.gather(*(redeemed(hub, command, code) for _ in range(4)))
    replies.append(await redeemed(hub, command, code))

    assert sorted(reply.status_code for reply in replies) == [200, 400, 400, 400, 400]
    assert len(await shell_tokens(hub)) == before + 1


async def test_who_has_not_signed_in(hub: RealHub) -> None:
    """The link leads by the Hub's form; in a browser that does not cut windows off it is then opened again."""
    async with hub.session() as session:
        session.url = httpx.URL(hub.service_url)
        form = await asked(session, Command())
        assert form.url.path.endswith("/hub/login")
        page = await session.sign_in("testuser", at=form)
        assert (page.status_code, "You are signed in now" in page.text) == (400, True)
        assert code_on(await session.submit(await asked(session, Command()))).startswith("shell.")


async def test_fewer_rights(hub: RealHub, session: Session) -> None:
    """A command that asks for one scope gets this one, and access; the Hub grants no more than the page has shown."""
    command = Command(scope=DEIDENTIFY)
    page = await asked(session, command)
    body = (await redeemed(hub, command, code_on(await session.submit(page)))).json()

    assert {DEIDENTIFY, ACCESS} <= set(body["scope"].split())
    assert (await asked(session, Command(scope="admin:users"))).status_code == 403
    assert (await asked(session, Command(scope="tokens!user"))).status_code == 403


async def test_somebody_elses_browser(hub: RealHub, session: Session) -> None:
    """A sign-in that other has approved, and testuser's browser has finished, buys nothing."""
    command = Command()
    async with hub.session("other") as other:
        other.url = httpx.URL(hub.service_url)
        begun = await other.submit(await asked(other, command), follow=False)
        for cookie in other.client.cookies.jar:
            if "oauth-state" in cookie.name:
                session.client.cookies.jar.set_cookie(cookie)
    before = await shell_tokens(hub)
    code = code_on(await session.visit(begun.headers["Location"]))

    assert code.startswith("shell.")
    assert (await redeemed(hub, command, code)).json()["error"] == "invalid_grant"
    assert await shell_tokens(hub) == before
    assert await shell_tokens(hub, "other") == []


async def test_a_user_who_is_deleted(hub: RealHub) -> None:
    """Code and token of somebody whom the Hub has deleted are worth nothing."""
    (await hub.api("POST", "/users/leaver")).raise_for_status()
    command, second = Command(), Command()
    async with hub.session("leaver") as session:
        session.url = httpx.URL(hub.service_url)
        token = Token((await redeemed(hub, command, await approved(session, command))).json()["access_token"])
        code = await approved(session, second)
    (await hub.api("DELETE", "/users/leaver")).raise_for_status()

    assert (await hub.api("GET", "/user", token=token)).status_code == 403
    assert (await redeemed(hub, second, code)).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("sender", ["reporter", "outsider", "test-admin", "testuser"])
async def test_nobody_else_exchanges_codes_at_the_hub(hub: RealHub, sender: str) -> None:
    """The Hub takes codes from the service alone, and deletes no token that it has not made for a shell."""
    is_user = sender == "testuser"
    token = await hub.user_token(sender) if is_user else hub.service_token(sender)
    wanted = {"code": "x", "user": "testuser", "expires_in": 60, "machine": "m"}

    assert (await hub.api("POST", SHELL_TOKENS, token=token, json=wanted)).status_code == 403
    assert (await hub.api("DELETE", SHELL_TOKENS, token=token)).status_code == 403
    assert (await hub.api("GET", "/user", token=token)).status_code == 200
