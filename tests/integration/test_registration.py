"""What register() says to a real Hub, and what its people get by it."""

import secrets
import sys
import textwrap
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from service.settings import load_settings
from tests.conftest import MakeHub
from tests.support.hub import RealHub
from tests.support.hub_api import Token
from tests.support.polling import eventually
from tests.support.process import ProcessStartError

ACCESS = "access:services!service=fastapi"
READ, WRITE = "custom:notes:read", "custom:notes:write"
# Stands for the service and for notebooks: tells its environment to whoever asks.
STUB = textwrap.dedent("""
    import http.server, json, os, urllib.parse

    class Tell(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(dict(os.environ)).encode())

    where = urllib.parse.urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
    http.server.ThreadingHTTPServer((where.hostname, where.port), Tell).serve_forever()
    """)
COMMAND = [sys.executable, "-c", STUB]
NOTEBOOKS = f"c.Spawner.cmd = {COMMAND!r}; c.Spawner.args = []"
MANIFEST = f"""
CUSTOM_SCOPES = {{name: {{"description": name}} for name in ({READ!r}, {WRITE!r})}}
USER_SCOPES = [{READ!r}]
ROLES = [{{"name": "editor", "scopes": [{WRITE!r}], "groups": ["editors"]}}]
GROUPS = ["editors", "guests"]
SERVICE_SCOPES = ["list:groups"]
"""


@pytest.fixture
def notes(tmp_path: Path) -> str:
    """Write the manifest of an application `notes.rights`, and return the line that lets the Hub import it."""
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "rights.py").write_text(MANIFEST)
    return f"import sys; sys.path.insert(0, {str(tmp_path)!r})"


def registered(**more: object) -> dict[str, object]:
    """Arguments of register() for the stub."""
    return {"command": COMMAND, **more}


async def scopes_of(hub: RealHub, token: Token) -> set[str]:
    """Ask the Hub what a token may do."""
    reply = (await hub.api("GET", "/user", token=token)).raise_for_status()
    return set(reply.json()["scopes"])


async def told(url: str) -> dict[str, str]:
    """Ask a stub behind the Hub's proxy for its environment."""
    async with httpx.AsyncClient(trust_env=False) as client:
        environment: dict[str, str] = (await client.get(url)).raise_for_status().json()
    return environment


async def notebook_scopes(hub: RealHub, user: str = "testuser") -> set[str]:
    """Let the Hub spawn a server for the user, and ask what the token in its environment may do."""
    (await hub.api("POST", f"/users/{user}/server")).raise_for_status()

    async def ready_at() -> str:
        server = (await hub.api("GET", f"/users/{user}")).raise_for_status().json()["servers"].get("", {})
        return str(server["url"]) if server.get("ready") else ""

    environment = await told(str(httpx.URL(hub.url).join(await eventually(ready_at))))
    return await scopes_of(hub, Token(environment["JUPYTERHUB_API_TOKEN"]))


async def sign_in(hub: RealHub, user: str, monkeypatch: pytest.MonkeyPatch) -> tuple[str, Token]:
    """Go through the Hub's OAuth with the redirect URI that the service computes; return that and the token."""
    environment = await told(hub.service_url)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    redirect_uri = load_settings().redirect_uri
    client = {"client_id": "service-fastapi", "redirect_uri": redirect_uri}
    async with hub.session(user) as person:
        asked = {**client, "response_type": "code", "state": secrets.token_urlsafe()}
        reply = await person.visit("hub/api/oauth2/authorize?" + str(httpx.QueryParams(asked)), follow=False)
    assert reply.status_code == httpx.codes.FOUND, reply.text
    back = urlsplit(reply.headers["location"])
    assert reply.headers["location"].startswith(redirect_uri + "?"), "the Hub leads somewhere else"
    exchange = {
        **client,
        "client_secret": environment["JUPYTERHUB_API_TOKEN"],
        "grant_type": "authorization_code",
        "code": parse_qs(back.query)["code"][0],
    }
    async with httpx.AsyncClient(trust_env=False) as http:
        reply = (await http.post(f"{hub.api_url}/oauth2/token", data=exchange)).raise_for_status()
    return redirect_uri, Token(reply.json()["access_token"])


async def test_everybody_can_use_the_service_from_everywhere(
    make_hub: MakeHub, notes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """API tokens, browsers' OAuth tokens and notebooks' tokens all carry access and the application's user scopes."""
    hub = make_hub(config=f"{NOTEBOOKS}; {notes}", register=registered(apps=["notes.rights"]))

    person = await scopes_of(hub, await hub.user_token("testuser"))
    assert {ACCESS, READ} < person
    assert WRITE not in person
    assert "servers!user=testuser" in person, "`self` got lost"

    redirect_uri, token = await sign_in(hub, "testuser", monkeypatch)
    assert redirect_uri == "/services/fastapi/oauth_callback"
    browser = await scopes_of(hub, token)
    assert {ACCESS, READ} < browser
    assert WRITE not in browser
    assert "servers!user=testuser" not in browser, "the service can do more in the user's name than it asked for"

    notebook = await notebook_scopes(hub)
    assert {ACCESS, READ, "users:activity!user=testuser"} < notebook
    assert WRITE not in notebook
    assert "servers!user=testuser" not in notebook


async def test_what_an_application_asks_for_reaches_groups_and_service(
    make_hub: MakeHub, notes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Roles given to groups reach their members' browsers and notebooks, also after a restart; the service has its own.

    The groups are there from the start, without members: whom an administrator puts in stays in.
    """
    api_token = secrets.token_hex(32)
    options = registered(apps=["notes.rights"], api_token=api_token)
    hub = make_hub(config=f"{NOTEBOOKS}; {notes}", register=options)
    for group in ("editors", "guests"):
        assert (await hub.api("GET", f"/groups/{group}")).raise_for_status().json()["users"] == []
        (await hub.api("POST", f"/groups/{group}/users", json={"users": ["testuser"]})).raise_for_status()

    hub.restart()

    for group in ("editors", "guests"):
        assert (await hub.api("GET", f"/groups/{group}")).raise_for_status().json()["users"] == ["testuser"]
    _, token = await sign_in(hub, "testuser", monkeypatch)
    assert WRITE in await scopes_of(hub, token)
    assert WRITE in await notebook_scopes(hub)
    service = await scopes_of(hub, Token(api_token))
    assert "list:groups" in service
    assert not any(scope.startswith(("access", "admin", "tokens", "servers")) for scope in service)


async def test_what_the_operator_has_defined_stays(make_hub: MakeHub) -> None:
    """Roles `user` and `server` of one's own keep their scopes, and gain access."""
    config = f"""{NOTEBOOKS}
c.JupyterHub.load_roles += [
    {{"name": "user", "scopes": ["self", "list:services"]}},
    {{"name": "server", "scopes": ["users:activity!user", "access:servers!server", "read:users:name!user"]}},
]
"""
    hub = make_hub(config=config, register=registered())

    person = await scopes_of(hub, await hub.user_token("testuser"))
    assert {ACCESS, "list:services", "servers!user=testuser"} < person
    notebook = await notebook_scopes(hub)
    assert {ACCESS, "read:users:name!user=testuser", "access:servers!server=testuser/"} < notebook


async def test_token_scopes_of_the_operator_stay(make_hub: MakeHub) -> None:
    """With server_token_scopes set, notebooks carry those and access."""
    asked = "lambda spawner: ['read:users:name!user']"
    hub = make_hub(config=f"{NOTEBOOKS}; c.Spawner.server_token_scopes = {asked}", register=registered())

    assert {ACCESS, "read:users:name!user=testuser"} < await notebook_scopes(hub)


async def test_only_those_in_grant_are_let_in(make_hub: MakeHub, notes: str) -> None:
    """With `grant`, members of its groups and Hub admins get in; a notebook carries what its user has."""
    hub = make_hub(
        config=f"{NOTEBOOKS}; {notes}",
        register=registered(apps=["notes.rights"], grant=["staff"]),
        users=("ada", "bob"),
    )
    (await hub.api("POST", "/groups/staff/users", json={"users": ["ada"]})).raise_for_status()

    assert {ACCESS, READ} < await scopes_of(hub, await hub.user_token("ada"))
    assert {ACCESS, READ} < await notebook_scopes(hub, "ada")
    assert not {ACCESS, READ} & await scopes_of(hub, await hub.user_token("bob"))
    assert not {ACCESS, READ} & await notebook_scopes(hub, "bob")
    assert "access:services" in await scopes_of(hub, await hub.user_token("admin"))
    assert ACCESS in await notebook_scopes(hub, "admin")


@pytest.mark.parametrize("base_url", ["/", "/@/space%20word/"], ids=["root", "encoded"])
async def test_hub_and_service_agree_on_the_redirect_uri(
    make_hub: MakeHub, base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With public_host, the redirect URI that the service computes is literally the one which the Hub accepts."""
    hub = make_hub(base_url=base_url, register=registered(public_host="https://Hub.example.org:443"))

    redirect_uri, token = await sign_in(hub, "testuser", monkeypatch)

    assert redirect_uri == f"https://hub.example.org{base_url}services/fastapi/oauth_callback"
    assert ACCESS in await scopes_of(hub, token)


async def test_hub_and_service_agree_without_public_host_too(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under an encoded base_url the relative redirect URI is the Hub's own."""
    hub = make_hub(base_url="/@/space%20word/", register=registered())

    redirect_uri, token = await sign_in(hub, "testuser", monkeypatch)

    assert redirect_uri == "/@/space%20word/services/fastapi/oauth_callback"
    assert ACCESS in await scopes_of(hub, token)


async def test_an_authenticator_may_manage_groups(make_hub: MakeHub, notes: str) -> None:
    """With manage_groups the Hub starts, and has the groups that our roles name."""
    config = f"c.Authenticator.manage_groups = True; {notes}"
    hub = make_hub(config=config, register=registered(apps=["notes.rights"], grant=["staff"]))

    for group in ("editors", "staff"):
        (await hub.api("GET", f"/groups/{group}")).raise_for_status()


async def test_a_wrong_registration_stops_the_hub(make_hub: MakeHub) -> None:
    """The Hub does not start half configured, and its log says what to change."""
    with pytest.raises(ProcessStartError, match=r"RegistrationError: public_host=.* must be an origin"):
        make_hub(register=registered(public_host="hub.example.org"))
