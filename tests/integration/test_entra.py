"""Tokens of Entra ID beside the Hub's: each kind is judged by its own issuer, and by no other."""

import asyncio
import base64
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from fastapi.sse import EventSourceResponse

from service import testing
from service.auth.guard import CurrentUser, HubAsCaller, require
from service.testing import Caller, Service, make_settings
from tests.support.desk import open_desk, version
from tests.support.entra import ALICE, API_CLIENT, SWAGGER_CLIENT, TENANT, EntraIssuer, new_key
from tests.support.polling import eventually

pytest.importorskip("fastapi_azure_auth", reason="no fastapi-azure-auth installed: pip install '.[entra]'")

GUEST_OF = "https://sts.windows.net/99999999-ffff-4fff-8fff-999999999999/"
ROLES = {"Jobs.Run": ("custom:deidentify:use",)}


@pytest.fixture
def issuer() -> Iterator[EntraIssuer]:
    """An issuer of this test's own."""
    with EntraIssuer() as running:
        yield running


@pytest.fixture(scope="module")
def steady_issuer() -> Iterator[EntraIssuer]:
    """An issuer that the tests leave as it was."""
    with EntraIssuer() as running:
        yield running


@asynccontextmanager
async def serving(
    issuer: EntraIssuer,
    monkeypatch: pytest.MonkeyPatch,
    *,
    loaded: bool = True,
    **changed: Any,  # noqa: ANN401 - settings
) -> AsyncIterator[Service]:
    """Run a service that takes tokens of the issuer and of a Hub in memory."""
    monkeypatch.setenv("SSL_CERT_FILE", str(issuer.ca))
    app = changed.pop("app", {})
    settings = make_settings(**({"entra_grants": ROLES} | entra_settings(issuer) | changed))
    async with testing.open_service(settings=settings, **app) as service:
        if loaded:
            await eventually(lambda: is_ready(service))
        yield service


def entra_settings(issuer: EntraIssuer) -> dict[str, Any]:
    """Return what makes a service take its tokens."""
    return {"entra_tenant_id": TENANT, "entra_client_id": API_CLIENT, "entra_authority": issuer.url}


async def is_ready(service: Service) -> bool:
    """Whether its probe is green."""
    return (await service.anonymous().get("health/ready")).status_code == 200


async def ask(service: Service, token: str, where: str = "me") -> httpx.Response:
    """Send a token."""
    return await service.anonymous().get(where, headers={"Authorization": f"Bearer {token}"})


def unsigned(claims: dict[str, object], **header: str) -> str:
    """Return a JWT without a signature."""
    parts = ({"alg": "none", "typ": "JWT", "kid": "key-1"} | header, claims)
    return ".".join(base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=").decode() for each in parts) + "."


def resigned(token: str, **changed: object) -> str:
    """Return a JWT whose claims were changed behind its issuer's back."""
    header, claims, signature = token.split(".")
    told = json.loads(base64.urlsafe_b64decode(claims + "=="))
    altered = base64.urlsafe_b64encode(json.dumps(told | changed).encode()).rstrip(b"=").decode()
    return f"{header}.{altered}.{signature}"


Made = Callable[[EntraIssuer], str]
CASES: dict[str, tuple[Made, int, str]] = {
    "good": (lambda it: it.access_token(), 200, ""),
    "of a program with a role": (lambda it: it.app_token("Jobs.Run"), 200, ""),
    "with more scopes": (lambda it: it.access_token(scp="profile user_impersonation x"), 200, ""),
    "audience with api://": (lambda it: it.access_token(aud=f"api://{API_CLIENT}"), 401, "invalid_token"),
    "for another service": (lambda it: it.access_token(aud=TENANT), 401, "invalid_token"),
    "of version 1": (lambda it: it.access_token(iss=f"https://sts.windows.net/{TENANT}/"), 401, "invalid_token"),
    "of another tenant": (lambda it: it.access_token(tid=API_CLIENT), 401, "invalid_token"),
    "expired": (lambda it: it.access_token(exp=int(time.time()) - 1), 401, "invalid_token"),
    "not yet": (lambda it: it.access_token(nbf=int(time.time()) + 600), 401, "invalid_token"),
    "without exp": (lambda it: it.access_token(exp=None), 401, "invalid_token"),
    "without sub": (lambda it: it.access_token(sub=None), 401, "invalid_token"),
    "signed by a stranger": (lambda it: it.sign(it.access_claims(), key=new_key()), 401, "invalid_token"),
    "of a key nobody has": (lambda it: it.sign(it.access_claims(), kid="other"), 401, "invalid_token"),
    "of no key": (lambda it: it.sign(it.access_claims(), kid=None), 401, "invalid_token"),
    "by HS256": (lambda it: it.sign(it.access_claims(), key="k" * 32, algorithm="HS256"), 401, "invalid_token"),
    "unsigned": (lambda it: unsigned(it.access_claims()), 401, "invalid_token"),
    "unsigned, without scope": (lambda it: unsigned(it.access_claims(scp=None)), 401, "invalid_token"),
    "unsigned, of a guest": (lambda it: unsigned(it.access_claims(acct=1)), 401, "invalid_token"),
    "altered": (
        lambda it: resigned(it.access_token(), preferred_username="admin@contoso.example"),
        401,
        "invalid_token",
    ),
    "with another scope": (lambda it: it.access_token(scp="other"), 403, "insufficient_scope"),
    "an id_token": (lambda it: it.id_token(ALICE, API_CLIENT), 403, "insufficient_scope"),
    "of a program without a role": (lambda it: it.app_token(), 403, "insufficient_scope"),
    "of a program with another role": (lambda it: it.app_token("Other"), 403, "insufficient_scope"),
    "a role, and no program": (lambda it: it.app_token("Jobs.Run", idtyp=None), 403, "insufficient_scope"),
    "a role without the scope": (lambda it: it.access_token(scp="x", roles=["Jobs.Run"]), 403, "insufficient_scope"),
    "of a guest by idp": (lambda it: it.access_token(idp=GUEST_OF), 403, "guest_refused"),
    "of a guest by acct": (lambda it: it.access_token(acct=1), 403, "guest_refused"),
    "of nobody": (lambda it: it.access_token(preferred_username=None), 401, "invalid_token"),
    "of a name without @": (lambda it: it.access_token("admin"), 401, "invalid_token"),
    "junk": (lambda _: "eyJ.junk.junk", 401, "invalid_token"),
}


@pytest.fixture(scope="module")
async def service(steady_issuer: EntraIssuer) -> AsyncIterator[Service]:
    """A service beside a Hub in memory, for tests that leave it as it was."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        async with serving(steady_issuer, monkeypatch) as running:
            yield running


@pytest.mark.parametrize("case", CASES)
async def test_a_token_is_judged_by_all_that_it_says(
    service: Service, steady_issuer: EntraIssuer, case: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Signature, issuer, tenant, audience and time first, then whose it is, then its scopes; it is in no log."""
    make, status, code = CASES[case]
    token = make(steady_issuer)
    with caplog.at_level(logging.DEBUG, logger="service"), caplog.at_level(logging.DEBUG, logger="fastapi_azure_auth"):
        reply = await ask(service, token)
    assert (reply.status_code, reply.json().get("code", "")) == (status, code)
    assert token.rpartition(".")[2] not in reply.text + caplog.text or not token.rpartition(".")[2]
    assert token.split(".")[1] not in caplog.text


REASONS = {
    "expired": "it has expired (exp)",
    "not yet": "it is not valid yet (nbf, iat)",
    "for another service": "it is for another API (aud)",
    "of version 1": "or it is of version 1",
    "of another tenant": "it is of another tenant (tid)",
    "without sub": "it lacks the claim sub",
    "signed by a stranger": "its signature is wrong",
    "altered": "its signature is wrong",
    "of a key nobody has": "its key (kid) is unknown",
    "of no key": "its header names no key (kid)",
    "by HS256": "its algorithm (alg) is not RS256",
    "unsigned": "its algorithm (alg) is not RS256",
}


@pytest.mark.parametrize("name", REASONS)
async def test_the_log_says_which_claim(
    service: Service, steady_issuer: EntraIssuer, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """Callers are told one and the same of every wrong token. The log names the claim, and never the token."""
    make, _, code = CASES[name]
    token = make(steady_issuer)

    with caplog.at_level(logging.INFO, "service"):
        reply = await ask(service, token)

    expired = await ask(service, steady_issuer.access_token(exp=0))
    assert (reply.status_code, reply.json()["code"]) == (401, code)
    assert reply.json() == expired.json()
    said = [line for line in caplog.messages if line.startswith("A token of Entra ID is refused: ")]
    assert len(said) == 1
    assert REASONS[name] in said[0]
    assert not [part for part in token.split(".") if part and part in caplog.text]


@pytest.mark.parametrize("own_keys", [True, False], ids=["ENTRA_OWN_KEYS", "without"])
async def test_an_api_with_keys_of_its_own(
    issuer: EntraIssuer, monkeypatch: pytest.MonkeyPatch, *, own_keys: bool
) -> None:
    """Entra ID tells the keys of an application only to those who ask for them (`?appid=`)."""
    issuer.own_keys = {"own": new_key()}
    token = issuer.sign(issuer.access_claims(), key=issuer.own_keys["own"], kid="own")

    async with serving(issuer, monkeypatch, entra_own_keys=own_keys) as service:
        assert (await ask(service, issuer.access_token())).status_code == 200
        assert (await ask(service, token)).status_code == (200 if own_keys else 401)


async def test_a_token_of_entra_never_reaches_the_hub(service: Service, steady_issuer: EntraIssuer) -> None:
    """Good or bad, at whatever route, it is not shown to the Hub: that could act with it."""
    before = len(service.hub.requests)
    for token in (steady_issuer.access_token(), steady_issuer.access_token(exp=0), "e30.e30.x"):
        await ask(service, token)
        headers = {"Authorization": f"Bearer {token}"}
        await service.anonymous().post("logout", headers=headers)
    assert [request for request in service.hub.requests[before:] if "eyJ" in str(request)] == []
    assert len(service.hub.requests) == before


async def test_who_they_are(service: Service, steady_issuer: EntraIssuer) -> None:
    """A user has the name that the Hub would give them, a program one that no service of the Hub has."""
    user = (await ask(service, steady_issuer.access_token("Alice@Contoso.Example"))).json()
    assert (user["kind"], user["name"], user["admin"], user["groups"]) == ("user", ALICE, False, [])
    assert user["scopes"] == ["access:services!service=fastapi"]
    program = (await ask(service, steady_issuer.app_token("Jobs.Run"))).json()
    assert (program["kind"], program["name"]) == ("service", f"entra:{SWAGGER_CLIENT}")
    assert program["scopes"] == ["access:services!service=fastapi", "custom:deidentify:use"]


async def test_both_sign_ins_serve_side_by_side(service: Service, steady_issuer: EntraIssuer) -> None:
    """A token of the Hub and one of Entra ID are good in one service, and neither makes the other's holder."""
    of_hub = await service.user("testuser").get("me")
    of_entra = await ask(service, steady_issuer.access_token())
    assert (of_hub.json()["name"], of_entra.json()["name"]) == ("testuser", ALICE)
    assert (await service.anonymous().get("me")).json()["code"] == "not_signed_in"


@pytest.mark.parametrize(
    ("where", "headers"),
    [
        pytest.param("me?token={token}", {}, id="address"),
        pytest.param("me", {"Cookie": "service-fastapi={token}"}, id="cookie"),
    ],
)
async def test_its_tokens_come_in_the_header_alone(
    steady_issuer: EntraIssuer, monkeypatch: pytest.MonkeyPatch, where: str, headers: dict[str, str]
) -> None:
    """A token of Entra ID in an address or a cookie signs nobody in: addresses are logged, cookies sent unasked."""
    async with serving(steady_issuer, monkeypatch, allow_token_in_url=True) as service:
        token = steady_issuer.access_token()
        sent = {name: value.format(token=token) for name, value in headers.items()}
        assert (await service.anonymous().get(where.format(token=token), headers=sent)).status_code == 401
        assert [request for request in service.hub.requests if token in str(request.headers)] == []


async def test_the_hub_is_not_asked_in_the_name_of_one_of_entra(
    steady_issuer: EntraIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a route would ask of the Hub with the caller's token is refused: that token is not for the Hub."""
    router = APIRouter()

    @router.get("/there")
    async def there(hub: HubAsCaller) -> Any:  # noqa: ANN401
        return await hub.get("user")

    async with serving(steady_issuer, monkeypatch, app={"routers": [router]}) as service:
        reply = await ask(service, steady_issuer.access_token(), "there")
        assert (reply.status_code, reply.json()["code"]) == (403, "hub_forbidden")


async def test_a_new_key_is_fetched_when_it_is_seen(issuer: EntraIssuer, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a rotation the first token of the new key is good, and those of the old one are not any more."""
    async with serving(issuer, monkeypatch) as service:
        old = issuer.access_token()
        assert (await ask(service, old)).status_code == 200
        issuer.rotate()
        assert (await ask(service, issuer.access_token())).status_code == 200
        assert (await ask(service, old)).status_code == 401
        assert issuer.asked == 2


async def test_strangers_cannot_make_us_ask(issuer: EntraIssuer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any number of keys that nobody has, one after another or at once, cause one question; then they are throttled."""
    async with serving(issuer, monkeypatch) as service:
        made = [issuer.sign(issuer.access_claims(), kid=f"other-{number}") for number in range(70)]
        async with asyncio.TaskGroup() as tasks:
            replies = [tasks.create_task(ask(service, token)) for token in made]
        found = [task.result().status_code for task in replies]
        assert issuer.asked == 2
        assert set(found) == {401, 429}
        assert (await ask(service, issuer.access_token())).status_code == 200  # from the same address


async def test_known_keys_outlive_the_issuer(issuer: EntraIssuer, monkeypatch: pytest.MonkeyPatch) -> None:
    """While Entra ID is down its tokens go on being good; of a key that may be new nothing is known: 503, not 401."""
    async with serving(issuer, monkeypatch) as service:
        issuer.state = "down"
        known = issuer.access_token()
        reply = await ask(service, issuer.sign(issuer.access_claims(), kid="perhaps-new"))
        assert (reply.status_code, reply.json()["code"]) == (503, "entra_unavailable")
        assert (await ask(service, known)).status_code == 200
        assert (await service.anonymous().get("health/ready")).status_code == 200


@pytest.mark.parametrize("state", ["down", "slow"])
async def test_a_start_does_not_wait_for_the_issuer(
    issuer: EntraIssuer, monkeypatch: pytest.MonkeyPatch, state: Literal["down", "slow"]
) -> None:
    """Until keys are there its tokens get 503 and the probe is red; the Hub's are good. Then all is well by itself."""
    issuer.state = state
    async with serving(issuer, monkeypatch, loaded=False) as service:
        reply = await ask(service, issuer.access_token())
        assert (reply.status_code, reply.json()["code"]) == (503, "entra_unavailable")
        assert reply.headers["Retry-After"] == "5"
        assert "Entra" in (await service.anonymous().get("health/ready")).json()["problem"]
        assert (await service.user("testuser").get("me")).status_code == 200
        issuer.state = "up"
        await eventually(lambda: is_ready(service))
        assert (await ask(service, issuer.access_token())).status_code == 200


@pytest.mark.parametrize(("flag", "code"), [("disabled", "account_disabled"), ("login_denied", "login_denied")])
async def test_the_desk_keeps_them_out_too(
    steady_issuer: EntraIssuer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, flag: str, code: str
) -> None:
    """What the desk has against an account holds whoever vouches for its name; and nobody of Entra ID works there."""
    monkeypatch.setenv("SSL_CERT_FILE", str(steady_issuer.ca))
    router = APIRouter()
    router.get("/mine")(mine)
    async with open_desk(tmp_path, app={"routers": [router]}, **entra_settings(steady_issuer)) as desk:
        await eventually(lambda: is_ready(desk.service))
        token = steady_issuer.access_token()
        assert (await ask(desk.service, token, "mine")).json() == ALICE
        assert (await ask(desk.service, token, "desk/tickets")).json()["code"] == "insufficient_scope"
        account = await desk.account(ALICE)
        await desk.admin.patch(f"desk/accounts/{ALICE}", json={flag: True}, headers=version(account))
        assert (await ask(desk.service, token, "mine")).json()["code"] == code


async def mine(user: CurrentUser) -> str:
    """A route that only knows who calls."""
    return user.name


async def test_an_open_connection_ends_with_its_token(
    steady_issuer: EntraIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event stream opened with a token of Entra ID is closed when that has expired."""
    router = APIRouter()

    @router.get("/ticks", response_class=EventSourceResponse, dependencies=[require()])
    async def ticks() -> AsyncIterator[str]:
        while True:
            yield "tick"
            await asyncio.sleep(0.05)

    async with serving(steady_issuer, monkeypatch, app={"routers": [router]}, recheck_interval=0.2) as service:
        token = steady_issuer.access_token(exp=int(time.time()) + 4)
        reply = await ask(service, token, "ticks")  # returns when it has ended
        assert "event: problem" in reply.text
        assert "invalid_token" in reply.text


async def test_a_websocket_ends_with_its_token(steady_issuer: EntraIssuer, monkeypatch: pytest.MonkeyPatch) -> None:
    """So does a WebSocket, which takes the token in the header, and not as a subprotocol."""
    router = APIRouter()

    @router.websocket("/talk")
    async def talk(websocket: WebSocket, user: CurrentUser) -> None:
        await websocket.accept()
        await websocket.send_text(user.name)
        await websocket.receive_text()

    async with serving(steady_issuer, monkeypatch, app={"routers": [router]}, recheck_interval=0.2) as service:
        token = steady_issuer.access_token(exp=int(time.time()) + 4)
        async with Caller(service, token=token).websocket("talk") as websocket:
            assert await websocket.receive_text() == ALICE
            with pytest.raises(WebSocketDisconnect) as closed:
                await websocket.receive_text()
        assert (closed.value.code, closed.value.reason) == (1008, "invalid_token")
        offered = [f"v1.token.websocket.jupyter.org.{steady_issuer.access_token()}"]
        with pytest.raises(httpx.HTTPStatusError, match="401"):
            async with service.anonymous().websocket("talk", subprotocols=offered):
                pass
