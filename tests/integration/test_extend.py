"""The services of docs/extend.md and of the README, as they stand there, in a real Hub."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError

from tests.conftest import MakeHub
from tests.support.hub import RealHub
from tests.support.hub_api import Token
from tests.support.local_http import local_client
from tests.support.markdown import Block, blocks
from tests.support.node import REPOSITORY
from tests.support.polling import PROGRAM
from tests.support.ports import free_ports
from tests.support.process import clean_environment
from tests.support.session import forms

WRITE = "custom:notes:write"
PORT = "10101"  # in the documentation
ROUTERS = ("notes", "hello", "board", "feed", "servers")
MODULES = {f"mypackage/{name}.py" for name in (*ROUTERS, "app")} | {"visits/manifest.py", "visits/application.py"}

TEST_OF_VISITS = """
from service.testing import make_settings, open_service


async def test_visits_are_counted():
    settings = make_settings(apps=("visits.application:application",), variables={"VISITS_AT_MOST": "2"})
    async with open_service(settings=settings) as service:
        alice = service.user("alice", scopes=["custom:visits:count"])
        visits = [await alice.post("visits") for _ in range(3)]

        assert [visit.status_code for visit in visits] == [200, 200, 409]
        assert (await service.user("bob").post("visits")).status_code == 403
        assert (await service.anonymous().get("health/ready")).status_code == 503
"""


def shown() -> Iterator[Block]:
    """Yield the documentation's files; the README does not name its own."""
    yield from (block for block in blocks(REPOSITORY / "docs/extend.md", "python") if block.title)
    (hello,) = (block for block in blocks(REPOSITORY / "README.md", "python") if "@router" in block.code)
    yield replace(hello, title="mypackage/hello.py")


@pytest.fixture(scope="module")
def extended(make_shared_hub: MakeHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealHub]:
    """A Hub with three services: one serves the routers, one the application, and one is started by its own module."""
    directory = tmp_path_factory.mktemp("extended")
    ports = free_ports(3)
    files: dict[str, list[str]] = {}
    for block in shown():
        if not block.title.startswith("tests/"):
            files.setdefault(block.title, []).append(block.code)
    first, visits, second = files.pop("jupyterhub_config.py")
    assert files.keys() == MODULES
    for name, (code,) in files.items():
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text(code.replace(PORT, str(ports[1])))
    # All of the documentation's routers in one service.
    routers = ", ".join(f'"mypackage.{name}:router"' for name in ROUTERS)
    first = first.replace('"mypackage.notes:router"', routers)
    first = first.replace('apps=["mypackage.notes"]', 'apps=["mypackage.notes", "mypackage.servers"]')
    config = [f"import sys; sys.path.insert(0, {str(directory)!r})", "from service.registration import register"]
    # Router and application are documented under the same name of a service, so the application gets another.
    named: dict[str, str] = {"name": "visits"}
    for code, port, more in ((first, ports[0], {}), (second, ports[1], {}), (visits, ports[2], named)):
        environment = {"PYTHONPATH": str(directory), "SERVICE_RECHECK_INTERVAL": "0.5"}
        here = {"url": f"http://127.0.0.1:{port}", "environment": environment, **more}
        config.append(code.replace("register(c, ", f"register(c, **{here!r}, "))
    hub = make_shared_hub(register=None, config="\n".join(config))
    yield hub
    hub.close()


@pytest.fixture(params=["fastapi", "notes"], ids=["by its router", "as an application"])
def service(request: pytest.FixtureRequest) -> str:
    """Both ways of serving it."""
    return str(request.param)


async def token_for(hub: RealHub, service: str, *scopes: str) -> Token:
    """Make a token that lets testuser into a service, with these scopes more."""
    return await hub.user_token("testuser", scopes=[f"access:services!service={service}", *scopes])


async def test_notes_are_kept(extended: RealHub, service: str) -> None:
    """Who has the scope writes, and reads what was written; nobody else's."""
    token = await token_for(extended, service, WRITE)
    before = await extended.ask("GET", "notes", token=token, service=service)

    written = await extended.ask("POST", "notes?note=buy%20milk", token=token, service=service)
    mine = await extended.ask("GET", "notes", token=token, service=service)
    theirs = await extended.ask("GET", "notes", token=await extended.user_token("other"), service=service)

    assert written.status_code == 201
    assert (mine.status_code, mine.json()) == (200, [*before.json(), "buy milk"])
    assert (theirs.status_code, theirs.json()) == (200, [])


async def test_others_are_refused(extended: RealHub, service: str) -> None:
    """Without a credential, without the scope, without access: each is told what is missing."""
    reader = await token_for(extended, service)
    stranger = await extended.user_token("testuser", scopes=[WRITE])

    nobody = await extended.ask("POST", "notes?note=x", service=service)
    without_scope = await extended.ask("POST", "notes?note=x", token=reader, service=service)
    without_access = await extended.ask("GET", "notes", token=stranger, service=service)
    allowed = await extended.ask("GET", "notes", token=reader, service=service)

    assert (nobody.status_code, nobody.json()["code"]) == (401, "not_signed_in")
    assert (without_scope.status_code, without_scope.json()["scopes"]) == (403, [WRITE])
    assert (without_access.status_code, without_access.json()["code"]) == (403, "insufficient_scope")
    assert allowed.status_code == 200


async def test_browsers_have_the_scope(extended: RealHub, service: str) -> None:
    """Somebody who signs in by cookie carries the application's scopes."""
    async with extended.session("testuser") as browser:
        home = extended.service_at(service)
        await browser.visit(f"{home}me")
        xsrf = browser.cookie("_xsrf", path=f"/services/{service}/")

        written = await browser.fetch("POST", f"{home}notes?note=x", headers={"X-XSRFToken": xsrf or ""})
        refused = await browser.fetch("POST", f"{home}notes?note=x")

    assert written.status_code == 201
    assert (refused.status_code, refused.json()["code"]) == (403, "xsrf")


async def test_is_documented(extended: RealHub, service: str) -> None:
    """The routes stand in the OpenAPI document, with the scope that they need."""
    document = (await extended.ask("GET", "openapi.json", service=service)).raise_for_status().json()

    assert document["paths"]["/notes"]["post"]["security"] == [{"JupyterHub": [WRITE]}, {"HubToken": []}]
    assert document["paths"]["/notes"]["get"]["security"] == [{"JupyterHub": []}, {"HubToken": []}]
    flow = document["components"]["securitySchemes"]["JupyterHub"]["flows"]["authorizationCode"]
    assert flow["scopes"].keys() == ({WRITE, "read:servers!user", "servers!user"} if service == "fastapi" else {WRITE})


async def test_admit_keeps_out(extended: RealHub) -> None:
    """An application of one's own keeps out whom it likes, with its own words, but tells them who they are."""
    reporter = extended.service_token("reporter")

    refused = await extended.ask("GET", "notes", token=reporter, service="notes")
    me = await extended.ask("GET", "me", token=reporter, service="notes")
    elsewhere = await extended.ask("GET", "notes", token=reporter)

    assert (refused.status_code, refused.json()["code"]) == (403, "not_admitted")
    assert refused.json()["detail"] == "Notes are for people."
    assert [me.status_code, elsewhere.status_code] == [200, 200]


async def test_own_log_tells_no_secret(extended: RealHub) -> None:
    """An application served as documented masks tokens in addresses too."""
    token = await extended.user_token("testuser")
    await extended.ask("GET", f"notes?token={token.value}", service="notes")

    assert token.value not in extended.log_text()
    assert "notes?[hidden]" in extended.log_text()


async def test_visits_are_counted(extended: RealHub) -> None:
    """The application runs by its name: with its scope, with the setting that `register()` passes on, and its check."""
    token = await token_for(extended, "visits", "custom:visits:count")
    without_scope = await token_for(extended, "visits")

    refused = await extended.ask("POST", "visits", token=without_scope, service="visits")
    visits = [await extended.ask("POST", "visits", token=token, service="visits") for _ in range(6)]
    ready = await extended.ask("GET", "health/ready", service="visits")

    assert refused.status_code == 403
    assert [visit.status_code for visit in visits] == [*[200] * 5, 409]
    assert (ready.status_code, ready.json()["problem"]) == (503, "There is no room for another visit.")


async def test_hello(extended: RealHub) -> None:
    """The README's router answers."""
    reply = await extended.ask("GET", "hello", token=await extended.user_token("testuser"))

    assert (reply.status_code, reply.json()) == (200, {"hello": "testuser"})
    assert (await extended.ask("GET", "hello")).status_code == 401


async def test_the_board(extended: RealHub) -> None:
    """The page's form writes a note, by its own XSRF token alone; its script finds the token, other scripts do not."""
    where = f"{extended.service_url}board"
    async with extended.session("testuser") as browser:
        page = await browser.visit(where)
        token = forms(page)[0].values["_xsrf"]
        written = await browser.submit(page, note="from the board")
        forged = await browser.submit(page, note="forged", _xsrf="guess")
        by_script = await browser.fetch("GET", f"{extended.service_url}notes", headers={"X-XSRFToken": token})
        fetched = await browser.fetch("GET", where)

    assert f'<meta name="xsrf-token" content="{token}">' in page.text
    assert (written.status_code, written.url.path) == (200, "/services/fastapi/board")
    assert forged.status_code == 403
    assert "from the board" in by_script.json()
    assert "forged" not in by_script.json()
    assert (fetched.status_code, token in fetched.text) == (403, False)


async def test_the_feed(extended: RealHub) -> None:
    """Notes come as they are written, to their owner; an invalid token is told so at the end."""
    token = await extended.user_token("testuser")
    got: list[str] = []
    async with (
        local_client() as client,
        client.stream("GET", f"{extended.service_url}feed", headers=token.bearer) as stream,
    ):
        await extended.ask("POST", "notes?note=live", token=token)
        async for line in stream.aiter_lines():
            got.append(line)
            if line == 'data: "live"':
                await extended.revoke(token)

    assert got.index('data: "live"') < got.index("event: problem")
    assert '"code":"invalid_token"' in got[got.index("event: problem") + 1]


async def test_the_talk(extended: RealHub) -> None:
    """The WebSocket answers, and is closed when its token is revoked."""
    token = await extended.user_token("testuser")
    where = f"{extended.service_url}feed/talk".replace("http", "ws", 1)
    async with connect(where, additional_headers=token.bearer, proxy=None) as socket:
        await socket.send("hello")
        assert await socket.recv() == "testuser: hello"
        await extended.revoke(token)
        with pytest.raises(ConnectionClosedError) as closed:
            await socket.recv()

    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "invalid_token")


async def test_the_servers(extended: RealHub) -> None:
    """A browser's token, like any that may, lists its owner's servers; one that may not is told what it lacks."""
    async with extended.session("testuser") as browser:
        await browser.visit(f"{extended.service_url}me")
        page = await browser.visit(f"{extended.service_url}servers", headers={"Accept": "application/json"})
    narrow = await extended.user_token("testuser", scopes=["access:services!service=fastapi"])
    refused = await extended.ask("GET", "servers", token=narrow)
    not_started = await extended.ask("POST", "servers", token=narrow)

    assert (page.status_code, page.json()) == (200, [])
    assert (refused.status_code, refused.json()["scopes"]) == (403, ["read:servers!user"])
    assert (not_started.status_code, not_started.json()["scopes"]) == (403, ["servers!user"])


def test_its_tests_pass(tmp_path: Path) -> None:
    """The documented tests pass with the documented modules, without a Hub. So does one of the application."""
    for block in shown():
        file = tmp_path / block.title
        file.parent.mkdir(exist_ok=True)
        file.write_text(block.code)
    (tmp_path / "tests/test_visits.py").write_text(TEST_OF_VISITS)
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", f"--rootdir={tmp_path}"]
    run = subprocess.run(
        [*command, "tests"],
        cwd=tmp_path,
        env=clean_environment(PYTHONPATH=str(tmp_path)),
        capture_output=True,
        text=True,
        check=False,
        timeout=PROGRAM,
    )

    assert "6 passed" in run.stdout, run.stdout + run.stderr
