"""The fake Hub answers as the real one: same status, same shape, for every request a service sends.

Each case is sent to both. Values that any two Hubs differ in (tokens, ids, times, texts) are compared by type.
"""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Protocol

import httpx
import pytest

from service.testing import FakeHub, challenge_of
from tests.support.hub import RealHub
from tests.support.local_http import local_client

SECRET = "s" * 32
VERIFIER = "v" * 43
CHALLENGE = challenge_of(VERIFIER)
CALLBACK = "/services/probe/oauth_callback"
GOOD = {"username": "testuser", "password": "passwd"}
WRONG = {"username": "testuser", "password": "guess"}
SESSION_ID = "0" * 32
ACCESS = ["access:services!service=probe"]
SHELL_TOKENS = "/services/probe/shell-tokens"
KEEPER = ["read:tokens", "groups!group=mine"]
FREE = {"id", "token", "access_token", "token_id", "created", "last_activity", "expires_at", "session_id", "message"}


class Side(Protocol):
    """What a case may do at either Hub."""

    http: httpx.AsyncClient

    async def token(self, name: str, scopes: list[str] | None = None) -> str:
        """Make a token for a user, or return a service's."""

    async def code(self) -> str:
        """Make an authorization code for testuser, with a PKCE challenge."""

    async def sign_out(self) -> None:
        """End the session at the Hub that the code was given in."""


class Fake:
    """The Hub in memory."""

    def __init__(self) -> None:
        self.hub = FakeHub("http://hub.test/hub/api", service="probe", api_token=SECRET, groups=["mine", "theirs"])
        self.hub.add_user("other", groups=("mine",))
        self.hub.add_user("admin", admin=True)
        self.services = {
            "reporter": self.hub.add_service("reporter", scopes=["access:services"]),
            "outsider": self.hub.add_service("outsider"),
            "minter": self.hub.add_service("minter", scopes=["tokens", "read:tokens"]),
            "keeper": self.hub.add_service("keeper", scopes=KEEPER),
        }
        self.http = httpx.AsyncClient(transport=httpx.MockTransport(self.hub), base_url="http://hub.test/hub/api")

    async def token(self, name: str, scopes: list[str] | None = None) -> str:
        """See `Side`."""
        return self.services.get(name) or self.hub.issue(name, scopes=scopes)

    async def code(self) -> str:
        """See `Side`."""
        return self.hub.grant("testuser", challenge=CHALLENGE, session_id=SESSION_ID)

    async def sign_out(self) -> None:
        """See `Side`."""
        self.hub.end_session(SESSION_ID)


class Real:
    """The Hub itself, asked directly."""

    def __init__(self, hub: RealHub) -> None:
        self.hub = hub
        self.http = local_client(base_url=hub.api_url)
        self.cookies = httpx.Cookies()

    async def token(self, name: str, scopes: list[str] | None = None) -> str:
        """See `Side`."""
        if name in self.hub.options.services:
            return self.hub.service_token(name).value
        return (await self.hub.user_token(name, scopes=scopes)).value

    async def code(self) -> str:
        """See `Side`."""
        asked = {
            "client_id": "service-probe",
            "response_type": "code",
            "state": "x",
            "redirect_uri": CALLBACK,
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        async with self.hub.session("testuser") as session:
            reply = await session.visit("hub/api/oauth2/authorize", params=asked, follow=False)
            self.cookies = session.client.cookies
        return str(reply.url.join(reply.headers["Location"]).params["code"])

    async def sign_out(self) -> None:
        """See `Side`."""
        async with self.hub.session() as session:
            session.client.cookies = self.cookies
            await session.sign_out()


@pytest.fixture(scope="module")
def real_hub() -> Iterator[RealHub]:
    """A Hub that knows a service "probe", which nobody runs."""
    probe = {"name": "probe", "api_token": SECRET, "oauth_redirect_uri": CALLBACK, "oauth_no_confirm": True}
    config = (
        f"c.JupyterHub.services.append({probe!r})\n"
        "c.JupyterHub.load_groups = {'mine': {'users': ['other']}, 'theirs': {'users': []}}\n"
        "c.JupyterHub.load_roles.append({'name': 'user', 'scopes': ['self', 'access:services']})\n"
        "from service.registration.shell import add_handler\n"
        "add_handler(c, service='probe', client_id='service-probe')"
    )
    services = {"reporter": ["access:services"], "outsider": [], "minter": ["tokens"], "keeper": KEEPER}
    with RealHub(register=None, config=config, services=services) as hub:
        yield hub


Case = Callable[[Side], Awaitable[httpx.Response]]


def user(name: str | None = None, *, scopes: list[str] | None = None, header: str = "token {}") -> Case:
    """Ask who holds a token."""

    async def case(side: Side) -> httpx.Response:
        headers = {"Authorization": header.format(await side.token(name, scopes))} if name else {}
        return await side.http.get("/user", headers=headers)

    return case


def exchange(**changed: str | None) -> Case:
    """Exchange a code, with some fields of the form changed or, by None, left out."""

    async def case(side: Side) -> httpx.Response:
        form = {
            "grant_type": "authorization_code",
            "client_id": "service-probe",
            "client_secret": SECRET,
            "redirect_uri": CALLBACK,
            "code": await side.code(),
            "code_verifier": VERIFIER,
        } | changed
        return await side.http.post("/oauth2/token", data={name: value for name, value in form.items() if value})

    return case


async def oauth_user(side: Side) -> httpx.Response:
    """Ask who holds a token that an exchange gave."""
    token = (await exchange()(side)).json()["access_token"]
    return await side.http.get("/user", headers={"Authorization": f"Bearer {token}"})


async def signed_out_user(side: Side) -> httpx.Response:
    """Ask who holds a token whose session at the Hub has ended."""
    token = (await exchange()(side)).json()["access_token"]
    await side.sign_out()
    return await side.http.get("/user", headers={"Authorization": f"Bearer {token}"})


async def replay(side: Side) -> httpx.Response:
    """Exchange a code twice."""
    code = await side.code()
    await exchange(code=code)(side)
    return await exchange(code=code)(side)


async def right_after_wrong(side: Side) -> httpx.Response:
    """Exchange a code with the right verifier after a wrong one."""
    code = await side.code()
    await exchange(code=code, code_verifier="w" * 43)(side)
    return await exchange(code=code)(side)


def issue(name: str = "testuser", *, sender: str | None = None, **body: Any) -> Case:  # noqa: ANN401
    """Ask for a token for a user, with somebody's token in the header if `sender` is given."""

    async def case(side: Side) -> httpx.Response:
        headers = {"Authorization": f"token {await side.token(sender)}"} if sender else {}
        return await side.http.post(f"/users/{name}/tokens", json=body, headers=headers)

    return case


def delete(
    holder: str | None = "testuser", *, scopes: list[str] | None = None, of: str = "testuser", missing: bool = False
) -> Case:
    """Delete a token of a user, with a token: the very same one, unless it is another's."""

    async def case(side: Side) -> httpx.Response:
        mine = await side.token(of, scopes)
        token_id = (await side.http.get("/user", headers={"Authorization": f"token {mine}"})).json()["token_id"]
        theirs = mine if holder == of else holder and await side.token(holder)
        headers = {"Authorization": f"token {theirs}"} if theirs else {}
        return await side.http.delete(f"/users/{of}/tokens/{'a9999' if missing else token_id}", headers=headers)

    return case


def group(method: str, path: str, user: str | None = None, *, sender: str | None = "keeper", undo: bool = True) -> Case:
    """Ask about a group, or change who is in it, and undo that."""

    async def case(side: Side) -> httpx.Response:
        headers = {"Authorization": f"token {await side.token(sender)}"} if sender else {}
        reply = await side.http.request(method, path, headers=headers, json={"users": [user]} if user else None)
        if user and undo and reply.is_success:
            undoing = "DELETE" if method == "POST" else "POST"
            await side.http.request(undoing, path, headers=headers, json={"users": [user]})
        return reply

    return case


def age(*, sender: str | None = "keeper", user: str = "testuser", known: bool = True) -> Case:
    """Ask about a token of testuser's as if it were another's, or about one that there is not."""

    async def case(side: Side) -> httpx.Response:
        mine = await side.token("testuser", ACCESS)
        token_id = (await side.http.get("/user", headers={"Authorization": f"token {mine}"})).json()["token_id"]
        headers = {"Authorization": f"token {await side.token(sender)}"} if sender else {}
        reply = await side.http.get(f"/users/{user}/tokens/{token_id if known else 'a9999'}", headers=headers)
        if not reply.is_success:
            return reply
        # Notes are for people, and the real Hub has activity and other tokens to tell of.
        return httpx.Response(200, json={name: reply.json()[name] for name in ("id", "user", "kind", "created")})

    return case


def has_user(name: str, *, sender: str = "keeper") -> Case:
    """Ask for somebody's tokens; of those that there are, only that it is a list."""

    async def case(side: Side) -> httpx.Response:
        headers = {"Authorization": f"token {await side.token(sender)}"}
        reply = await side.http.get(f"/users/{name}/tokens", headers=headers)
        return httpx.Response(200, json={name: [] for name in reply.json()}) if reply.is_success else reply

    return case


def create(*names: str, sender: str = "keeper") -> Case:
    """Ask for users to be made."""

    async def case(side: Side) -> httpx.Response:
        headers = {"Authorization": f"token {await side.token(sender)}"}
        return await side.http.post("/users", headers=headers, json={"usernames": list(names)})

    return case


def shell(sender: str | None = None, *, times: int = 1, **changed: object) -> Case:
    """Exchange a code for a token for a shell, as our service or in another's name, with fields of the JSON changed."""

    async def case(side: Side) -> httpx.Response:
        token = await side.token(sender) if sender else SECRET
        wanted = {"code": await side.code(), "user": "testuser", "expires_in": 60, "machine": "m"} | changed
        headers = {"Authorization": f"token {token}"}
        for _ in range(times):
            reply = await side.http.post(SHELL_TOKENS, json=wanted, headers=headers)
        return reply

    return case


def end_shell(*, sender: str = "") -> Case:
    """Delete a token for a shell, or try that with another one."""

    async def case(side: Side) -> httpx.Response:
        token = await side.token(sender) if sender else (await shell()(side)).json()["token"]
        return await side.http.delete(SHELL_TOKENS, headers={"Authorization": f"token {token}"})

    return case


CASES: dict[str, Case] = {
    "version": lambda side: side.http.get("/"),
    "user: no credential": user(),
    "user: unknown token": user("testuser", header="token x{}"),
    "user: another scheme": user("testuser", header="Basic {}"),
    "user: two tokens": user("testuser", header="token {} x"),
    "user: all rights": user("testuser"),
    "user: Bearer": user("testuser", header="Bearer {}"),
    "user: BEARER": user("testuser", header="BEARER {}"),
    "user: access only": user("testuser", scopes=ACCESS),
    "user: no scope": user("testuser", scopes=[]),
    "user: admin": user("admin", scopes=ACCESS),
    "user: service": user("reporter"),
    "user: service without scopes": user("outsider"),
    "user: OAuth token": oauth_user,
    "user: OAuth token of an ended session": signed_out_user,
    "exchange: good": exchange(),
    "exchange: replay": replay,
    "exchange: right verifier after a wrong one": right_after_wrong,
    "exchange: unknown code": exchange(code="nope"),
    "exchange: no code": exchange(code=None),
    "exchange: no verifier": exchange(code_verifier=None),
    "exchange: wrong verifier": exchange(code_verifier="w" * 43),
    "exchange: wrong secret": exchange(client_secret="nope"),
    "exchange: no secret": exchange(client_secret=None),
    "exchange: unknown client": exchange(client_id="service-nope"),
    "exchange: another redirect": exchange(redirect_uri="/elsewhere"),
    "exchange: no redirect": exchange(redirect_uri=None),
    "exchange: another grant": exchange(grant_type="password"),
    "issue: good": issue(auth=GOOD, note="n", expires_in=60, scopes=ACCESS),
    "issue: all rights": issue(auth=GOOD),
    "issue: all rights, named": issue(auth=GOOD, scopes=["inherit"], expires_in=60),
    "issue: a name in upper case": issue(auth=GOOD | {"username": "TestUser"}, scopes=ACCESS),
    "issue: an address in upper case": issue("TestUser", auth=GOOD | {"username": "TestUser"}),
    "issue: wrong password": issue(auth=WRONG),
    "issue: unknown user": issue("nobody", auth={"username": "nobody", "password": "passwd"}),
    "issue: no password": issue(),
    "issue: for another": issue("other", auth=GOOD),
    "issue: scope not held": issue(auth=GOOD, scopes=["admin:users"]),
    "issue: expired before it is made": issue(auth=GOOD, expires_in=-1),
    "issue: wrong password, a bearer who may": issue(sender="minter", auth=WRONG),
    "issue: wrong password, a bearer who may not": issue(sender="reporter", auth=WRONG),
    "issue: right password, a bearer who may not": issue(sender="reporter", auth=GOOD),
    "delete: itself": delete(),
    "delete: itself, without the scope": delete(scopes=ACCESS),
    "delete: by another user": delete("other"),
    "delete: by a service": delete("minter"),
    "delete: by nobody": delete(None),
    "delete: unknown token": delete(missing=True),
    "group: read": group("GET", "/groups/mine"),
    "group: add": group("POST", "/groups/mine/users", "testuser"),
    "group: add by another spelling": group("POST", "/groups/mine/users", "TestUser"),
    "group: remove": group("DELETE", "/groups/mine/users", "other"),
    "group: remove who is not in it": group("DELETE", "/groups/mine/users", "admin", undo=False),
    "group: add nobody's": group("POST", "/groups/mine/users", "nobody"),
    "group: remove nobody's": group("DELETE", "/groups/mine/users", "nobody"),
    "group: read another": group("GET", "/groups/theirs"),
    "group: change another": group("POST", "/groups/theirs/users", "testuser"),
    "group: there is none": group("GET", "/groups/none"),
    "group: without the scope": group("GET", "/groups/mine", sender="outsider"),
    "group: by nobody": group("GET", "/groups/mine", sender=None),
    "age: known": age(),
    "age: unknown token": age(known=False),
    "age: another's": age(user="other"),
    "age: nobody's": age(user="nobody"),
    "age: without the scope": age(sender="outsider"),
    "age: by nobody": age(sender=None),
    "tokens: somebody's": has_user("other"),
    "tokens: nobody's": has_user("nobody"),
    "tokens: by another spelling": has_user("Other"),
    "tokens: without the scope": has_user("other", sender="outsider"),
    "users: without the scope": create("new"),
    "shell: good": shell(),
    "shell: replay": shell(times=2),
    "shell: unknown code": shell(code="nope"),
    "shell: another user": shell(user="other"),
    "shell: a lifetime of nothing": shell(expires_in=0),
    "shell: a lifetime that is none": shell(expires_in="soon"),
    "shell: no machine": shell(machine=None),
    "shell: by another service": shell("minter"),
    "shell: by a user": shell("testuser"),
    "shell: delete itself": end_shell(),
    "shell: delete another token": end_shell(sender="testuser"),
    "shell: delete a service's": end_shell(sender="minter"),
}


def shape(value: Any, name: str = "") -> Any:  # noqa: ANN401
    """Return a JSON value with what any two Hubs differ in replaced by its type."""
    match value:
        case dict():
            return {key: shape(each, key) for key, each in value.items()}
        case list():
            return sorted(value) if name == "scopes" else [shape(each) for each in value]
        case str() if name == "scope":
            return sorted(value.split())
        case _:
            return type(value).__name__ if name in FREE else value


def described(reply: httpx.Response) -> dict[str, Any]:
    """Return what a service can tell from a reply."""
    return {
        "status": reply.status_code,
        "type": reply.headers.get("Content-Type"),
        "challenge": reply.headers.get("WWW-Authenticate"),
        "body": shape(reply.json()) if reply.content else None,
    }


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
async def test_same_answer(case: Case, real_hub: RealHub) -> None:
    """To the same request, the fake Hub gives the real one's answer."""
    real, fake = Real(real_hub), Fake()

    async with real.http, fake.http:
        expected = described(await case(real))
        actual = described(await case(fake))

    assert expected == actual
