"""Every route of the desk, asked by everybody there is, on a real Hub with real groups: who may, and who may not."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import BaseRoute

from service.apps.desk import routes as desk_web
from service.apps.desk.domain.policy import GRANTS, Permission, Role, group_of
from service.auth.guard import Guard
from tests.conftest import MakeHub
from tests.support.hub import RealHub
from tests.support.hub_api import Token
from tests.support.local_http import local_client

ACCESS = "access:services!service=fastapi"
TEAM = {group_of(role): {"users": [role.value]} for role in Role} | {
    group_of(Role.ADMIN): {"users": ["admin", "blocked", "narrow"]}
}
CONFIG = f"c.JupyterHub.load_groups = {TEAM!r}"
USERS = ("support", "manager", "admin", "blocked", "narrow", "testuser", "boss", "other")

EMPLOYEE = {"first_name": "Zoë", "last_name": "Okonkwo"}
_numbers = count(1)


class Desk:
    """The desk on a Hub, as an administrator prepares it for one request of somebody else's."""

    def __init__(self, hub: RealHub, http: httpx.AsyncClient, admin: Token) -> None:
        self.hub, self.http, self.admin = hub, http, admin

    async def ask(self, method: str, path: str, *, by: Token | None = None, **options: Any) -> httpx.Response:  # noqa: ANN401
        """Ask as a script does; as the administrator unless somebody else is named."""
        headers = (by or self.admin).bearer | options.pop("headers", {})
        return await self.http.request(method, f"{self.hub.service_url}desk/{path}", headers=headers, **options)

    async def made(self, path: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401
        """Make a thing."""
        made: dict[str, Any] = (await self.ask("POST", path, json=fields)).raise_for_status().json()
        return made

    async def employee(self) -> dict[str, Any]:
        """Make an employee."""
        return await self.made("employees", **EMPLOYEE)

    async def ticket(self) -> dict[str, Any]:
        """Make a ticket."""
        return await self.made("tickets", title="Help", employee_id=(await self.employee())["id"])

    async def account(self) -> dict[str, Any]:
        """Make an account, and its user."""
        return await self.made("accounts", **new_account())


def new_account() -> dict[str, Any]:
    """What an account of a new name is made of."""
    return {"name": f"member-{next(_numbers)}", "first_name": "Mem", "last_name": "Ber"}


def tag(thing: Mapping[str, Any]) -> dict[str, str]:
    """The header that a change needs."""
    return {"If-Match": f'"{thing["version"]}"'}


Ask = Callable[[Desk, Token | None], Awaitable[httpx.Response]]


async def send(desk: Desk, by: Token | None, method: str, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401
    """Send the request that a row is about; where there is no token, with one that the Hub does not know."""
    return await desk.ask(method, path, by=by or Token("wrong" * 8), **options)


def get(path: str) -> Ask:
    """Read a list."""
    return lambda desk, by: send(desk, by, "GET", path)


def one(kind: str, key: str) -> Ask:
    """Read a thing."""

    async def ask(desk: Desk, by: Token | None) -> httpx.Response:
        thing = await getattr(desk, kind)()
        return await send(desk, by, "GET", f"{kind}s/{thing[key]}")

    return ask


def patch(kind: str, key: str, **fields: Any) -> Ask:  # noqa: ANN401 - of every form
    """Change a thing."""

    async def ask(desk: Desk, by: Token | None) -> httpx.Response:
        thing = await getattr(desk, kind)()
        return await send(desk, by, "PATCH", f"{kind}s/{thing[key]}", json=fields, headers=tag(thing))

    return ask


async def invite(desk: Desk, by: Token | None) -> httpx.Response:
    """Ask for a link to set a password, which this Hub does not make: 409 is for those who may ask."""
    return await send(desk, by, "POST", f"accounts/{(await desk.account())['name']}/invitation")


def comment(method: str) -> Ask:
    """Read the comments on a ticket, or add one."""

    async def ask(desk: Desk, by: Token | None) -> httpx.Response:
        body = {"text": "Asked again"} if method == "POST" else None
        return await send(desk, by, method, f"tickets/{(await desk.ticket())['id']}/comments", json=body)

    return ask


async def patch_own(desk: Desk, by: Token | None) -> httpx.Response:
    """Change one's own account, which is of the first version, in nothing."""
    return await send(desk, by, "PATCH", "accounts/me", json={"phone": None}, headers=tag({"version": 1}))


def delete(kind: str, key: str) -> Ask:
    """Delete a thing."""

    async def ask(desk: Desk, by: Token | None) -> httpx.Response:
        thing = await getattr(desk, kind)()
        return await send(desk, by, "DELETE", f"{kind}s/{thing[key]}", headers=tag(thing))

    return ask


async def post_ticket(desk: Desk, by: Token | None) -> httpx.Response:
    """Create a ticket."""
    return await send(desk, by, "POST", "tickets", json={"title": "Help", "employee_id": (await desk.employee())["id"]})


async def put_role(desk: Desk, by: Token | None) -> httpx.Response:
    """Give a role."""
    return await send(desk, by, "PUT", f"accounts/{(await desk.account())['name']}/role", json={"role": "support"})


@dataclass(frozen=True)
class Row:
    """A route as OpenAPI has it, a request that succeeds for who may, and the permissions that it takes."""

    route: str
    ask: Ask
    needs: frozenset[Permission]


def row(route: str, ask: Ask, *needs: Permission) -> Row:
    """Make a row."""
    return Row(route, ask, frozenset(needs))


P = Permission
ROWS = [
    row("GET /desk/status", get("status")),
    row("GET /desk/tickets", get("tickets"), P.TICKETS_READ),
    row("POST /desk/tickets", post_ticket, P.TICKETS_CREATE),
    row("GET /desk/tickets/mine", get("tickets/mine"), P.TICKETS_READ_OWN),
    row("GET /desk/tickets.csv", get("tickets.csv"), P.TICKETS_READ),
    row("GET /desk/tickets/{ticket_id}", one("ticket", "id"), P.TICKETS_READ),
    row("PATCH /desk/tickets/{ticket_id}", patch("ticket", "id", title="More"), P.TICKETS_UPDATE),
    row("DELETE /desk/tickets/{ticket_id}", delete("ticket", "id"), P.TICKETS_DELETE),
    row("GET /desk/tickets/{ticket_id}/comments", comment("GET"), P.TICKETS_READ),
    row("POST /desk/tickets/{ticket_id}/comments", comment("POST"), P.TICKETS_UPDATE),
    row("GET /desk/employees", get("employees"), P.EMPLOYEES_READ),
    row(
        "POST /desk/employees",
        lambda desk, by: send(desk, by, "POST", "employees", json=EMPLOYEE),
        P.EMPLOYEES_CREATE,
    ),
    row("GET /desk/employees.csv", get("employees.csv"), P.EMPLOYEES_READ),
    row("GET /desk/employees/{employee_id}", one("employee", "id"), P.EMPLOYEES_READ),
    row("PATCH /desk/employees/{employee_id}", patch("employee", "id", city="Lagos"), P.EMPLOYEES_UPDATE),
    row("DELETE /desk/employees/{employee_id}", delete("employee", "id"), P.EMPLOYEES_DELETE),
    row("GET /desk/accounts", get("accounts"), P.ACCOUNTS_READ),
    row(
        "POST /desk/accounts",
        lambda desk, by: send(desk, by, "POST", "accounts", json=new_account()),
        P.ACCOUNTS_CREATE,
    ),
    row(
        "POST /desk/accounts",
        lambda desk, by: send(desk, by, "POST", "accounts", json=new_account() | {"role": "support"}),
        P.ACCOUNTS_CREATE,
        P.ACCOUNTS_ROLE,
    ),
    row("GET /desk/accounts.csv", get("accounts.csv"), P.ACCOUNTS_READ),
    row("GET /desk/accounts/me", get("accounts/me"), P.ACCOUNTS_READ_OWN),
    row("PATCH /desk/accounts/me", patch_own, P.ACCOUNTS_CONTACT_OWN),
    row("GET /desk/accounts/{name}", one("account", "name"), P.ACCOUNTS_READ),
    row("PATCH /desk/accounts/{name}", patch("account", "name", phone=None), P.ACCOUNTS_CONTACT),
    row("PATCH /desk/accounts/{name}", patch("account", "name", email=None), P.ACCOUNTS_CONTACT),
    row("PATCH /desk/accounts/{name}", patch("account", "name", disabled=True), P.ACCOUNTS_BLOCK),
    row("PATCH /desk/accounts/{name}", patch("account", "name", login_denied=True), P.ACCOUNTS_BLOCK),
    row("PATCH /desk/accounts/{name}", patch("account", "name", first_name="Max"), P.ACCOUNTS_UPDATE),
    row("PATCH /desk/accounts/{name}", patch("account", "name", last_name="Mix"), P.ACCOUNTS_UPDATE),
    row(
        "PATCH /desk/accounts/{name}",
        patch("account", "name", last_name="Mix", phone=None, disabled=True),
        P.ACCOUNTS_UPDATE,
        P.ACCOUNTS_CONTACT,
        P.ACCOUNTS_BLOCK,
    ),
    row("POST /desk/accounts/{name}/invitation", invite, P.ACCOUNTS_CREATE),
    row("DELETE /desk/accounts/{name}", delete("account", "name"), P.ACCOUNTS_DELETE),
    row("PUT /desk/accounts/{name}/role", put_role, P.ACCOUNTS_ROLE),
    row("GET /desk/audit", get("audit"), P.AUDIT_READ),
    row("GET /desk/audit.csv", get("audit.csv"), P.AUDIT_READ),
]
IDS = [f"{position} {each.route}" for position, each in enumerate(ROWS)]

NOTHING: frozenset[Permission] = frozenset()
# Who asks: their name, what their token was made with (None: all that they may), and what it holds in the end.
CALLERS: dict[str, tuple[str, list[str] | None, frozenset[Permission]]] = {
    "support": ("support", None, GRANTS[Role.SUPPORT]),
    "manager": ("manager", None, GRANTS[Role.MANAGER]),
    "admin": ("admin", None, GRANTS[Role.ADMIN]),
    "no role": ("testuser", None, NOTHING),
    "Hub admin without a role": ("boss", None, NOTHING),
    "disabled": ("blocked", None, GRANTS[Role.ADMIN]),
    "admin, token for access alone": ("narrow", [ACCESS], NOTHING),
    "admin, token for reading": (
        "narrow",
        [ACCESS, P.TICKETS_READ, P.ACCOUNTS_READ, P.AUDIT_READ],
        frozenset({P.TICKETS_READ, P.ACCOUNTS_READ, P.AUDIT_READ}),
    ),
    "admin, token for names": ("narrow", [ACCESS, P.ACCOUNTS_UPDATE], frozenset({P.ACCOUNTS_UPDATE})),
    "support, token for more": ("support", [ACCESS, P.TICKETS_READ], frozenset({P.TICKETS_READ})),
    "a wrong token": ("", None, NOTHING),
    "a service": ("reporter", None, NOTHING),
}


@pytest.fixture(scope="module")
def hub(make_shared_hub: MakeHub) -> RealHub:
    """A Hub with the desk and its team; the service may make users."""
    register = {"apps": ["desk"], "manage_users": True, "environment": {"SERVICE_STATE": "state"}}
    return make_shared_hub(users=USERS, admins=("boss",), config=CONFIG, register=register)


@asynccontextmanager
async def opened(hub: RealHub) -> AsyncIterator[Desk]:
    """Open the desk as its administrator."""
    async with local_client() as http:
        yield Desk(hub, http, await hub.user_token("admin"))


@pytest.fixture(scope="module")
async def desk(hub: RealHub) -> AsyncIterator[Desk]:
    """The desk, with everybody in the state that the table says."""
    async with opened(hub) as desk:
        for name in USERS:
            await hub.api("POST", f"/users/{name}")
        blocked = (await desk.ask("GET", "accounts/me", by=await hub.user_token("blocked"))).raise_for_status().json()
        changed = await desk.ask("PATCH", "accounts/blocked", json={"disabled": True}, headers=tag(blocked))
        changed.raise_for_status()
        yield desk


@pytest.fixture(scope="module")
async def tokens(desk: Desk) -> dict[str, Token | None]:
    """A token of everybody's."""
    found: dict[str, Token | None] = {}
    for caller, (name, scopes, _) in CALLERS.items():
        if caller == "a service":
            found[caller] = desk.hub.service_token(name)
        else:
            found[caller] = await desk.hub.user_token(name, scopes=scopes) if name else None
    return found


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("asked", ROWS, ids=IDS)
async def test_who_may_what(desk: Desk, tokens: dict[str, Token | None], asked: Row, caller: str) -> None:
    """A route needs a token that carries its permission. A disabled person can read only their own status."""
    reply = await asked.ask(desk, tokens[caller])
    said = reply.json().get("code", "") if "problem" in reply.headers.get("Content-Type", "") else ""

    if caller == "a wrong token":
        assert (reply.status_code, said) == (401, "invalid_token")
    elif caller == "disabled" and asked.needs:
        assert (reply.status_code, said) == (403, "account_disabled")
    elif asked.needs <= CALLERS[caller][2]:
        assert reply.is_success or said == "invitation_refused", reply.text
    else:
        assert (reply.status_code, said) == (403, "insufficient_scope")


@pytest.mark.parametrize("asked", ROWS, ids=IDS)
async def test_without_any_credential(desk: Desk, asked: Row) -> None:
    """A request without a credential is asked to sign in."""
    path = asked.route.partition(" ")[2].format(ticket_id=1, employee_id=1, name="admin")
    reply = await desk.hub.ask(asked.route.partition(" ")[0], path.removeprefix("/"), json={})

    assert (reply.status_code, reply.json()["code"]) == (401, "not_signed_in")


async def test_no_route_is_missing(desk: Desk) -> None:
    """The table has every route of the OpenAPI document, and each requires the permissions of the table."""
    document = (await desk.http.get(f"{desk.hub.service_url}openapi.json", headers=desk.admin.bearer)).json()
    told = {
        f"{method.upper()} {path}": set(operation["security"][0]["JupyterHub"])
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if path.startswith("/desk")
    }
    tabled: dict[str, set[str]] = {}
    for each in ROWS:
        tabled.setdefault(each.route, set()).update(str(permission) for permission in each.needs)

    assert set(told) == set(tabled)
    assert {route: needs - tabled[route] for route, needs in told.items() if needs - tabled[route]} == {}


def _routes(routes: list[BaseRoute]) -> list[APIRoute]:
    return [
        context.original_route
        for context in iter_route_contexts(routes)
        if isinstance(context.original_route, APIRoute)
    ]


def test_no_way_in_without_a_guard() -> None:
    """Every route of the desk, pages included, has a guard that demands a permission; these are the exceptions."""
    unguarded = []
    for route in _routes(desk_web.router.routes):
        guards = [part.call for part in route.dependant.dependencies if isinstance(part.call, Guard)]
        if not any(scope in set(Permission) for guard in guards for scope in guard.scopes):
            unguarded.append(route.path.removeprefix("/desk"))

    assert sorted(set(unguarded)) == ["", "/status", "/ui"]


async def test_everywhere_else_too(desk: Desk, tokens: dict[str, Token | None]) -> None:
    """A disabled person can use only `/me`, signing in and out, and what is open to all."""
    asked = ("me", "debug", "desk/status", "desk/ui/tickets", "login", "docs")
    replies = {path: await desk.hub.ask("GET", path, token=tokens["disabled"]) for path in asked}

    assert {path: reply.status_code for path, reply in replies.items()} == {
        "me": 200,
        "debug": 403,
        "desk/status": 200,
        "desk/ui/tickets": 403,
        "login": 302,
        "docs": 200,
    }
    assert replies["debug"].json()["code"] == "account_disabled"
