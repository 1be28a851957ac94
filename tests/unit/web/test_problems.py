"""Errors as responses: what API clients and browsers get."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Body, Header, HTTPException, Query
from pydantic import BaseModel

from service.apps.deidentify.errors import (
    DeadlineExceededError,
    EngineFailedError,
    EngineUnavailableError,
    NoteRefusedError,
    NoteTooLargeError,
    QueueFullError,
    TooManyNamesError,
)
from service.auth.errors import NotAdmittedError
from service.auth.guard import CurrentUser
from service.errors import ServiceError
from service.testing import OUTAGES, FakeHub
from service.testing.callers import NAVIGATION
from tests.unit.conftest import AUTH_COOKIE, ORIGIN, PREFIX, Serve, Service

router = APIRouter()


class Order(BaseModel, extra="forbid"):
    """A body with a declared form."""

    count: int
    names: dict[str, int] = {}


@router.api_route("/thing", methods=["GET", "POST"])
async def thing(_user: CurrentUser) -> str:
    """Require access."""
    return "in"


@router.post("/order/{number}")
async def order(
    number: int, order: Order, _limit: Annotated[int, Query()] = 1, _x_part: Annotated[int, Header()] = 1
) -> Order:
    """Declare a body, a query parameter and a header."""
    assert number
    return order


@router.get("/raise/{status}")
async def fail(status: int, detail: str | None = None) -> None:
    """Raise an HTTPException."""
    raise HTTPException(status, detail, headers={"X-Reason": "known"})


@router.get("/lent")
async def lent() -> None:
    """Raise an HTTPException whose detail is an object."""
    raise HTTPException(409, {"reason": "The book is lent until Friday."})


@router.get("/shelf")
async def shelf(limit: int) -> int:
    """Take a number."""
    return limit


@router.post("/small", max_body_size=10)
async def small(body: Annotated[bytes, Body()]) -> int:
    """Accept a small body only."""
    return len(body)


SERVICE: Mapping[str, Any] = {"app": {"routers": [router]}}


def nothing(_: FakeHub) -> None:
    """Leave the Hub as it is."""


def down_with(outage: str) -> Callable[[FakeHub], None]:
    """Return a function that lets the Hub fail in this way."""

    def arrange(hub: FakeHub) -> None:
        hub.outage = OUTAGES[outage]

    return arrange


@dataclass(frozen=True)
class Row:
    """A row of the table: the credential, and the responses to API clients and browsers, for GET and POST."""

    credential: str
    status: int
    code: str
    challenge: str | None = None
    browser_get: int | None = None
    headers: tuple[str, ...] = ()
    hub: Callable[[FakeHub], None] = nothing


Headers = dict[bytes, bytes]

UNKNOWN = 'Bearer realm="JupyterHub"'
BAD = f'{UNKNOWN}, error="invalid_token"'
NARROW = f'{UNKNOWN}, error="insufficient_scope", scope="access:services access:services!service=fastapi"'
TABLE = {
    "no credential": Row("", 401, "not_signed_in", UNKNOWN, browser_get=302),
    "unknown token": Row("Bearer wrong", 401, "invalid_token", BAD, browser_get=302),
    "impossible token": Row("Bearer k\u00e4se", 401, "invalid_token", BAD, browser_get=302),
    "another scheme": Row("Basic dGVzdHVzZXI6cGFzc3dk", 401, "not_signed_in", UNKNOWN, browser_get=302),
    "not allowed": Row("{narrow}", 403, "insufficient_scope", NARROW),
    **{
        f"Hub {name}": Row("{good}", 503, "hub_unavailable", headers=("Retry-After",), hub=down_with(name))
        for name in OUTAGES
    },
}


@pytest.fixture(params=list(TABLE.values()), ids=list(TABLE))
async def case(request: pytest.FixtureRequest, serve: Serve) -> tuple[Row, Service, Headers]:
    """Return a row of the table, a service, and the header that the caller sends."""
    row: Row = request.param
    service = await serve(**SERVICE)
    tokens = {"good": service.hub.issue("testuser"), "narrow": service.hub.issue("testuser", scopes=[])}
    row.hub(service.hub)
    credential = row.credential.replace("{", "Bearer {").format(**tokens)
    return row, service, {b"Authorization": credential.encode()} if credential else {}


async def test_table_for_api_clients(case: tuple[Row, Service, Headers]) -> None:
    """An API client gets a problem (RFC 9457) with a status, a code, and headers that it can act on."""
    row, service, headers = case
    for method in ("GET", "POST"):
        reply = await service.api().request(method, "thing", headers=headers)

        assert (reply.status_code, reply.json()["code"]) == (row.status, row.code)
        assert reply.headers["Content-Type"] == "application/problem+json"
        assert {"type", "title", "status", "code", "detail"} <= set(reply.json())
        assert reply.json()["status"] == row.status
        assert reply.headers.get("WWW-Authenticate") == row.challenge
        assert {"Retry-After"} & set(map(str.title, reply.headers)) == set(row.headers)
        assert reply.headers["Cache-Control"] == "no-store"


async def test_table_for_browsers(case: tuple[Row, Service, Headers]) -> None:
    """A browser gets a page, or is redirected to the Hub if signing in would help and no form is lost."""
    row, service, headers = case
    for kind in (NAVIGATION, {"Accept": "text/html"}):
        api = service.api(headers=kind)
        get, post = await api.get("thing", headers=headers), await api.post("thing", headers=headers)

        assert (get.status_code, post.status_code) == (row.browser_get or row.status, row.status)
        if get.status_code == 302:
            assert get.headers["Location"].startswith("/hub/api/oauth2/authorize?")
            assert "Sign in with JupyterHub" in post.text
        else:
            assert f"<code>{row.code}</code>" in get.text
        assert post.headers["Content-Type"] == "text/html; charset=utf-8"
        assert {"Retry-After"} & set(map(str.title, post.headers)) == set(row.headers)


async def test_the_hub_refuses_us(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """If the Hub does not accept the service itself, the caller gets a 502, and the log tells the operator."""
    service = await serve(hub=(await serve()).hub, api_token="not-the-one-the-hub-knows")
    browser = service.browser()
    begun = await browser.visit("me", follow=False)
    page = await browser.visit(service.authorized(begun))

    assert (page.status_code, "hub_refused_service" in page.text) == (502, True)
    (line,) = caplog.messages
    assert line == (
        "The Hub refuses this service: the Hub does not accept our client id and API token. "
        "Check JUPYTERHUB_API_TOKEN and the registration."
    )


async def test_an_outage_is_one_line_in_the_log(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """The log says how the Hub failed, without its address."""
    service = await serve(**SERVICE)
    service.hub.outage = OUTAGES["error_500"]
    await service.api("x").get("thing")

    assert caplog.messages == ["The Hub cannot be asked: it answered with status 500."]


@pytest.mark.parametrize("status", [204, 205, 304])
async def test_a_status_without_a_body(service: Service, status: int) -> None:
    """A body would break the connection."""
    answer = await service.api(headers=NAVIGATION).get(f"raise/{status}")

    assert (answer.status_code, answer.content, answer.headers["X-Reason"]) == (status, b"", "known")


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("shelf?limit=abc", "<code>query limit</code>: Input should be a valid integer"),
        ("lent", "The book is lent until Friday."),
    ],
)
async def test_a_page_says_what_is_wrong(service: Service, path: str, says: str) -> None:
    """As the answer to a script does."""
    page = await service.api(headers=NAVIGATION).get(path)

    assert says in page.text
    assert "errors says where" not in page.text


@pytest.mark.parametrize(
    ("method", "path", "status", "code", "headers"),
    [
        ("GET", "nope", 404, "not_found", {}),
        ("GET", "static/nope.css", 404, "not_found", {}),
        ("GET", "static/../../settings.py", 404, "not_found", {}),
        ("GET", "static/%2e%2e/login.py", 404, "not_found", {}),
        ("DELETE", "me", 405, "method_not_allowed", {"Allow": "GET"}),
        ("OPTIONS", "me", 405, "method_not_allowed", {"Allow": "GET"}),
        ("OPTIONS", "logout", 405, "method_not_allowed", {"Allow": "GET, POST"}),
        ("POST", "small", 413, "content_too_large", {}),
        ("GET", "raise/418", 418, "im_a_teapot", {"X-Reason": "known"}),
        ("GET", "raise/422", 422, "unprocessable_content", {"X-Reason": "known"}),
        ("GET", "raise/499", 400, "bad_request", {"X-Reason": "known"}),
        ("GET", "raise/599", 500, "internal_server_error", {"X-Reason": "known"}),
    ],
)
async def test_what_the_framework_raises(
    service: Service, method: str, path: str, status: int, code: str, headers: dict[str, str]
) -> None:
    """Errors of the framework (no route, wrong method, large body) have problems and pages like all others."""
    script = await service.api().request(method, path, content=b"x" * 11)
    browser = await service.api(headers=NAVIGATION).request(method, path, content=b"x" * 11)

    assert (script.status_code, script.json()["code"]) == (status, code)
    assert headers.items() <= dict(script.headers.items()).items() | {(k.title(), v) for k, v in script.headers.items()}
    assert (browser.status_code, code in browser.text) == (status, True)


@pytest.mark.parametrize(
    ("method", "path", "script_says", "page_says"),
    [
        ("GET", "nope", "There is nothing at this address.", "There is no page at this address."),
        ("DELETE", "thing", "This address takes GET or POST, not DELETE.", "This address takes GET or POST"),
        ("BREW", "thing", "Specified method is invalid for this resource", "Specified method is invalid"),
    ],
)
async def test_plain_words(service: Service, method: str, path: str, script_says: str, page_says: str) -> None:
    """An address or a method that does not exist is said in plain words. A method that is unknown is not repeated."""
    script = await service.api().request(method, path)
    page = await service.api(headers=NAVIGATION).request(method, path)

    assert script.json()["detail"] == script_says
    assert page_says in page.text


async def test_who_is_signed_in_is_shown_where_there_is_no_page(service: Service) -> None:
    """A page about a wrong address has the name and the button to sign out, like all pages."""
    browser = await service.signed_in()
    page, stranger = await browser.visit("nope"), await service.browser().visit("nope")

    assert (page.status_code, stranger.status_code) == (404, 404)
    assert "Sign out" in page.text
    assert "Sign out" not in stranger.text


async def test_a_link_with_a_token_to_no_page(serve: Serve) -> None:
    """It is 404 as well: nobody is signed in by it."""
    service = await serve(**SERVICE, allow_token_in_url=True)

    page = await service.browser().visit(f"nope?token={service.hub.issue('testuser')}")

    assert page.status_code == 404
    assert "set-cookie" not in page.headers


async def test_a_routes_own_words(service: Service) -> None:
    """The text of a route's HTTPException is kept. Without a text, the status is explained."""
    own, none = await service.api().get("raise/409?detail=Taken."), await service.api().get("raise/409")

    assert own.json()["detail"] == "Taken."
    assert none.json()["detail"] == "Request conflict"


JSON = {"Content-Type": "application/json"}
CANARY = "canary7Kp2"


@pytest.mark.parametrize(
    ("sent", "places"),
    [
        pytest.param({"json": {"count": CANARY}}, [["body", "count"]], id="value"),
        pytest.param({"json": {"count": 1, CANARY: 1}}, [["body"]], id="a field too many"),
        pytest.param({"json": {"count": 1, "names": {f"{CANARY}: x": "x"}}}, [["body", "names"]], id="key"),
        pytest.param({"json": CANARY}, [["body"]], id="another type"),
        pytest.param({"content": f'{{"count": "{CANARY}'.encode(), "headers": JSON}, [["body", 10]], id="broken JSON"),
        pytest.param({"json": {"count": 1}, "params": {"_limit": CANARY}}, [["query", "_limit"]], id="query"),
        pytest.param({"json": {"count": 1}, "headers": {"-x-part": CANARY}}, [["header"]], id="header"),
        pytest.param({}, [["body"]], id="nothing"),
    ],
)
async def test_invalid_requests_are_not_repeated(
    service: Service, sent: dict[str, Any], places: list[list[str | int]]
) -> None:
    """The answer to an invalid request says where it is wrong, and never quotes it."""
    reply = await service.api().post("order/1", **sent)

    assert (reply.status_code, reply.json()["code"]) == (422, "invalid_request")
    assert [error["loc"] for error in reply.json()["errors"]] == places
    assert [set(error) for error in reply.json()["errors"]] == [{"type", "loc", "msg"}]
    assert CANARY not in reply.text


async def test_an_invalid_path_is_not_repeated(service: Service) -> None:
    """The answer to an invalid path does not quote it either."""
    reply = await service.api().post(f"order/{CANARY}", json={"count": 1})
    page = await service.api(headers=NAVIGATION).post(f"order/{CANARY}", json={"count": 1})

    assert (reply.status_code, reply.json()["errors"][0]["loc"]) == (422, ["path", "number"])
    assert CANARY not in reply.text
    assert page.status_code == 422


def test_every_error_has_a_status() -> None:
    """A subclass of an error has the status of its base class."""

    class ClosedError(NotAdmittedError):
        code = "closed"

    assert ClosedError().status == 403


@pytest.mark.parametrize(
    ("error", "status", "code", "retry_after"),
    [
        (NoteRefusedError(), 422, "note_refused", None),
        (NoteTooLargeError(100), 413, "note_too_large", None),
        (QueueFullError(7), 429, "queue_full", "7"),
        (DeadlineExceededError(5), 422, "deadline_exceeded", None),
        (TooManyNamesError(2), 422, "too_many_names", None),
        (EngineFailedError(reason="canary"), 503, "engine_failed", "1"),
        (EngineUnavailableError(), 503, "engine_unavailable", "10"),
    ],
    ids=lambda value: value.code if isinstance(value, ServiceError) else None,
)
async def test_errors_of_de_identification(
    serve: Serve, error: ServiceError, status: int, code: str, retry_after: str | None
) -> None:
    """Errors that pass have Retry-After. What is meant for the log is not in the response."""
    failing = APIRouter()

    @failing.get("/failing")
    async def fail() -> None:
        raise error

    service = await serve(app={"routers": [failing]})
    reply = await service.api().get("failing")

    assert (reply.status_code, reply.json()["code"], reply.headers.get("Retry-After")) == (status, code, retry_after)
    assert reply.json()["detail"] == error.detail
    assert "canary" not in reply.text


async def test_a_page_offers_the_way_on(serve: Serve) -> None:
    """An error page offers to sign in, to try again, or to go to the start page."""
    service = await serve(**SERVICE)
    service.keep(browser := service.browser(), AUTH_COOKIE, service.sealed("x"))
    refused = await browser.client.post(f"{ORIGIN}{PREFIX}logout", headers={"Sec-Fetch-Mode": "navigate"})
    missing = await service.browser().visit("nope")
    service.hub.outage = OUTAGES["error_500"]
    failed = await browser.visit("thing?a=1&b=2")
    missing = await browser.visit("nope")

    assert 'class="button" href="/services/fastapi/">Go to the start page' in missing.text
    assert (refused.status_code, "Go to the start page" in refused.text) == (403, True)
    assert 'class="button" href="/services/fastapi/thing?a=1&amp;b=2">Try again' in failed.text


async def test_who_is_signed_in_stands_on_every_page(serve: Serve) -> None:
    """Also where there is no route, or none for this method: no guard has asked who reads the page."""
    service = await serve(**SERVICE)
    browser = await service.signed_in()
    stranger = service.browser()
    for path, status in (("nope", 404), ("token", 405)):
        known, unknown = await browser.visit(path), await stranger.visit(path)

        assert (known.status_code, unknown.status_code) == (status, status)
        assert f'<a href="{PREFIX}me">testuser</a>' in known.text
        assert ">Sign out</button>" in known.text
        assert "Sign out" not in unknown.text


async def test_an_outage_is_not_waited_for_where_there_is_nothing(serve: Serve) -> None:
    """A page that is missing is 404, whatever the Hub says of its reader."""
    service = await serve(**SERVICE)
    service.keep(browser := service.browser(), AUTH_COOKIE, service.sealed("x"))
    service.hub.outage = OUTAGES["error_500"]

    assert (await browser.visit("nope")).status_code == 404


async def test_the_way_to_the_documentation(service: Service) -> None:
    """Whoever opens an address that takes another method finds the page that says what the API takes."""
    page = await service.browser().visit("token")

    assert "This address takes POST, not GET." in page.text
    assert 'href="/services/fastapi/docs">See what the API takes' in page.text


async def test_a_token_in_an_address_that_leads_nowhere(serve: Serve) -> None:
    """It signs nobody in: the page is 404, and shows nobody."""
    service = await serve(allow_token_in_url=True)
    page = await service.browser().visit(f"nope?token={service.hub.issue('testuser')}")

    assert (page.status_code, "testuser" in page.text) == (404, False)


async def test_an_address_is_shown_as_text(service: Service) -> None:
    """Nothing in a URL becomes part of a page as HTML."""
    page: httpx.Response = await service.browser().visit('nope"><script>alert(1)</script>?x="><script>')

    assert page.status_code == 404
    assert "<script>alert" not in page.text
