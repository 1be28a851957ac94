"""Forward-auth by a real nginx and a real Caddy, as deploy/forward-auth has them, before a real Datasette."""

from collections.abc import AsyncIterator, Callable, Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from service.testing.callers import HANDSHAKE, NAVIGATION, SCRIPT
from tests.support import caddy, nginx, tls_front
from tests.support.caddy import Caddy
from tests.support.datasette import FORM, SEEN, TABLE
from tests.support.forward_site import COOKIE, PREFIX, ForwardSite, forward_site
from tests.support.forward_site import caddy as make_caddy
from tests.support.forward_site import nginx as make_nginx
from tests.support.local_http import local_client
from tests.support.nginx import FORWARD, Nginx
from tests.support.session import Session

PROXIES: dict[str, tuple[Callable[[], str | None], Callable[[], Nginx | Caddy]]] = {
    "caddy": (caddy.program, make_caddy),
    "nginx": (nginx.program, make_nginx),
}
SIBLING = "https://evil.example.net"
GROUPS = "readers,staff%2Cadmins%0D%0AX-Admin%3A%201"


@pytest.fixture(scope="module", params=sorted(PROXIES))
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForwardSite]:
    """The application behind each proxy in turn."""
    program, make = PROXIES[request.param]
    if program() is None:
        pytest.skip(f"no {request.param} installed: apt-get install {request.param}")
    with forward_site(make(), tmp_path_factory.mktemp("datasette")) as found:
        yield found


@pytest.fixture(scope="module")
async def reader(site: ForwardSite) -> AsyncIterator[Session]:
    """A browser in which testuser is signed in to the application."""
    async with site.browser("testuser") as session:
        yield session


# The files


@pytest.mark.skipif(nginx.program() is None, reason="no nginx installed: apt-get install nginx-light")
def test_nginx_takes_it() -> None:
    """`nginx -t` finds nothing to say against it."""
    assert Nginx(FORWARD).check() == ""


@pytest.mark.skipif(caddy.program() is None, reason="no caddy installed: apt-get install caddy")
def test_caddy_takes_it() -> None:
    """`caddy validate` has nothing to say against it."""
    assert caddy.problem_with_file() == ""


# Signing in and out


async def test_story(site: ForwardSite) -> None:
    """A page of the application leads to the Hub and back to that page; it knows who is there, until they leave."""
    where = f"{site.origin}{TABLE}?_size=1&text__contains=a%2Fb"
    async with site.browser() as session:
        begun = await session.visit(where)
        assert (begun.status_code, str(begun.url).startswith(f"{site.front.origin}/hub/login")) == (200, True)
        await session.sign_in("testuser")
        page = await session.visit(where)
        assert (page.status_code, str(page.url)) == (200, where)
        ways = [(each.status_code, urlsplit(str(each.url)).path) for each in page.history]
        assert (302, "/_hub/oauth_callback") in ways
        actor = (await session.fetch("GET", f"{site.origin}/-/actor.json")).json()["actor"]
        assert (actor["id"], sorted(actor["groups"])) == ("testuser", ["readers", "staff,admins\r\nX-Admin: 1"])

        form = await session.visit(site.origin + FORM)
        added = await session.submit(form, text="a note")
        assert (added.status_code, "a note" in (await session.visit(site.origin + TABLE)).text) == (200, True)

        out = await session.submit(await session.visit(f"{site.origin}{PREFIX}logout"))
        assert str(out.url).startswith(f"{site.front.origin}/hub/")
        assert (await session.visit(where, follow=False)).status_code == 302
        assert (await session.fetch("GET", where)).status_code == 401


async def test_signing_out_at_the_hub(site: ForwardSite) -> None:
    """Whoever signs out there is signed out of the application, and the void cookie is cleared."""
    async with site.browser("other") as session:
        await session.sign_out()
        sent = await session.visit(f"{site.origin}{TABLE}", follow=False)

    assert (sent.status_code, urlsplit(sent.headers["Location"]).path) == (302, f"{PREFIX}login")
    assert sent.headers["Set-Cookie"].startswith(f"{COOKIE}=")
    assert "Max-Age=0" in sent.headers["Set-Cookie"]


async def test_nobody(site: ForwardSite) -> None:
    """Without a credential nothing of the application is shown: pages lead to the sign-in, all else is 401."""
    async with local_client(transport=tls_front.transport()) as http:
        page = await http.get(f"{site.origin}{TABLE}?a=1", headers=NAVIGATION)
        others = [
            await http.get(site.origin + TABLE),
            await http.get(site.origin + TABLE, headers=SCRIPT),
            await http.post(site.origin + SEEN, content=b"x" * 100_000),
            await http.options(site.origin + SEEN),
            await http.get(f"{site.origin}/_HUB/../-/headers"),
        ]

    assert (page.status_code, page.headers["Location"]) == (
        302,
        f"{site.origin}{PREFIX}login?next=%2Fdata%2Fnotes%3Fa%3D1",
    )
    assert [reply.status_code for reply in others] == [401] * len(others)
    assert [reply.headers.get("Location") for reply in others] == [None] * len(others)


async def test_a_token(site: ForwardSite) -> None:
    """A script with a token of the Hub's may read and write; the token itself goes no further."""
    bearer = (await site.hub.user_token("testuser")).bearer
    async with local_client(transport=tls_front.transport(), headers=bearer) as http:
        seen = (await http.post(site.origin + SEEN, content=b"x" * 100_000)).raise_for_status().json()

    headers = dict(seen["headers"])
    assert (seen["method"], seen["size"], headers["remote-user"]) == ("POST", 100_000, "testuser")
    assert "authorization" not in headers
    assert bearer["Authorization"].split()[1] not in str(seen)


async def test_without_access(site: ForwardSite) -> None:
    """A token that is not for this application is refused."""
    token = await site.hub.user_token("testuser", scopes=["read:users!user"])
    async with local_client(transport=tls_front.transport(), headers=token.bearer) as http:
        assert (await http.get(site.origin + TABLE)).status_code == 403


# What the application is told


async def test_who_is_told(site: ForwardSite, reader: Session) -> None:
    """The user and the groups arrive once each, encoded so that no group's name is two or ends the header."""
    found = await site.arrived(reader)

    assert {name: found[name] for name in found if name.startswith(("remote", "x-auth"))} == {
        "remote-user": ["testuser"],
        "remote-groups": [GROUPS],
        "x-auth-request-user": ["testuser"],
        "x-auth-request-groups": [GROUPS],
    }
    assert "x-admin" not in found


# Spellings of one name, and other names by which applications know people.
FORGED = """
    Remote-Groups remote-groups REMOTE-GROUPS rEMOTE-gROUPS Remote_Groups remote_groups REMOTE_GROUPS Remote-User
    X-Auth-Request-User x-auth-request-user X-AUTH-REQUEST-USER X_Auth_Request_User X-Auth_Request-User
    X-Auth-Request-Groups X-Auth-Request-Email X-Auth-Request-Preferred-Username Remote-Name Remote-Email X-Remote-User
    X-Forwarded-User X-Forwarded-Groups X-Forwarded-Email X-Forwarded-Preferred-Username X-Webauth-User X-User
"""


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("name", sorted(FORGED.split()))
async def test_forged_identities(site: ForwardSite, reader: Session, name: str, times: int) -> None:
    """What a client says of itself never arrives, however it is spelled and however often it is said."""
    own = {"Cookie": site.cookies_of(reader), **SCRIPT}
    sent = [*own.items(), *[(name, "forged-admin")] * times]
    async with local_client(transport=tls_front.transport()) as http:
        seen = (await http.get(site.origin + SEEN, headers=sent)).raise_for_status().json()

    assert "forged-admin" not in str(seen)
    users = [value for each, value in seen["headers"] if each.replace("_", "-") == "remote-user"]
    assert users == ["testuser"]


async def test_a_client_takes_no_header_away(site: ForwardSite, reader: Session) -> None:
    """By `Connection` a client could have a proxy drop what it says, and so be nobody to the application."""
    named = "close, Remote-User, Remote-Groups, X-Auth-Request-User, X-Forwarded-Method, X-Original-Method"
    found = await site.arrived(reader, headers={"Connection": named})

    assert (found["remote-user"], found["x-auth-request-user"], found["remote-groups"]) == (
        ["testuser"],
        ["testuser"],
        [GROUPS],
    )


async def test_other_upgrades(site: ForwardSite, reader: Session) -> None:
    """A client cannot go on in HTTP/2 with the application itself, where nobody would ask about its requests."""
    asked = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAARAAAAAAAIAAAAA"}
    found = await site.arrived(reader, headers=asked)

    assert ("upgrade" in found, "upgrade" in str(found.get("connection")).lower()) == (False, False)


async def test_cookies(site: ForwardSite, reader: Session) -> None:
    """The application gets its own cookies, and none of ours; none at all where it has none."""
    own = site.cookies_of(reader)
    without = await site.arrived(reader)
    with_its_own = await site.arrived(reader, headers={"Cookie": f"a=1; {own}; b=2"})

    assert COOKIE in own
    assert without.get("cookie", [""]) == [""]
    assert with_its_own["cookie"] == ["a=1; b=2"]
    assert COOKIE not in str(with_its_own)


# Its own pages, and others


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        pytest.param("POST", {}, 200, id="its own script"),
        pytest.param("POST", NAVIGATION, 200, id="its own form"),
        pytest.param("POST", {"Origin": SIBLING, "Sec-Fetch-Site": "same-site"}, 403, id="a sibling"),
        pytest.param("POST", {"Origin": SIBLING}, 403, id="a sibling that lies of its site"),
        pytest.param("POST", {"Sec-Fetch-Site": "cross-site"}, 403, id="another site that lies of its origin"),
        pytest.param("POST", {"Origin": "null"}, 403, id="a sandboxed frame"),
        pytest.param("GET", {"Sec-Fetch-Site": "same-site"}, 403, id="a sibling that reads"),
        pytest.param("GET", {"Origin": SIBLING}, 403, id="another origin that reads"),
    ],
)
async def test_who_asks(site: ForwardSite, reader: Session, method: str, headers: dict[str, str], status: int) -> None:
    """By cookie a page of the application's own may write, and no other page may write or read."""
    reply = await reader.fetch(method, site.origin + SEEN, headers=headers)

    assert reply.status_code == status


@pytest.mark.parametrize("name", ["X-Original-Method", "X-Forwarded-Method", "X-HTTP-Method-Override"])
async def test_a_method_that_is_not_the_real_one(site: ForwardSite, reader: Session, name: str) -> None:
    """A request that writes is judged as one, also where a header says that it reads."""
    headers = {"Cookie": site.cookies_of(reader), **SCRIPT, name: "GET"}
    async with local_client(transport=tls_front.transport(), headers=headers) as http:
        replies = [await http.request(method, site.origin + SEEN) for method in ("GET", "POST", "DELETE")]

    assert [reply.status_code for reply in replies] == [200, 403, 403]


async def test_a_body_is_the_applications(site: ForwardSite, reader: Session) -> None:
    """It arrives whole; the service is asked without it."""
    reply = await reader.fetch("POST", site.origin + SEEN, content=b"x" * 1_500_000)

    assert reply.json()["size"] == 1_500_000


async def test_websockets(site: ForwardSite, reader: Session) -> None:
    """A page of the application's own may open one, and it says who did."""
    own = {"Cookie": site.cookies_of(reader), **HANDSHAKE}
    async with site.websocket({**own, "Origin": site.origin, "Remote-User": "forged"}) as socket:
        headers = str(await socket.recv())
        await socket.send("hello")
        assert await socket.recv() == "hello"

    assert ('"remote-user": "testuser"' in headers, "forged" in headers, COOKIE in headers) == (True, False, False)


@pytest.mark.parametrize("origin", [SIBLING, "null", ""])
async def test_websockets_of_others(site: ForwardSite, reader: Session, origin: str) -> None:
    """Another page may not."""
    headers = {"Cookie": site.cookies_of(reader), **HANDSHAKE, **({"Origin": origin} if origin else {})}
    with pytest.raises(InvalidStatus) as refused:
        async with site.websocket(headers):
            pass

    assert refused.value.response.status_code == 403


ASKING = """
    /_hub/auth /_hub/auth?redirect=1 /_hub/auth/ /_HUB/auth /_hub//auth //_hub/auth /_hub/%61uth /_hub/./auth
    /_hub/x/../auth /_hub/auth%0a /_hub/auth%2f /_hub%2fauth
"""


@pytest.mark.parametrize("where", ASKING.split())
async def test_nobody_else_may_ask(site: ForwardSite, reader: Session, where: str) -> None:
    """From outside the question has no address: scripts would read their page's HttpOnly cookies in the answer."""
    own = site.cookies_of(reader)
    url = httpx.URL(site.origin).copy_with(raw_path=where.encode())
    async with local_client(transport=tls_front.transport()) as http:
        about = {"X-Original-Method": "GET", "X-Forwarded-Method": "GET"}
        headers = {**SCRIPT, **about, "Cookie": f"secret=1; {own}"}
        reply = await http.get(url, headers=headers)
        while reply.is_redirect:  # to another spelling
            assert ("Cookie" in reply.headers, "X-Auth-Request-User" in reply.headers) == (False, False)
            reply = await http.get(url.join(reply.headers["Location"]), headers=headers)

    assert ("Cookie" in reply.headers, "X-Auth-Request-User" in reply.headers) == (False, False)
    assert reply.status_code in {400, 404}


# When the Hub is down


async def test_an_outage(site: ForwardSite) -> None:
    """Somebody whom nobody can vouch for is told to try again, and sees nothing."""
    token = await site.hub.user_token("other")
    site.hub.freeze()
    try:
        async with local_client(transport=tls_front.transport(), headers=token.bearer, timeout=60) as http:
            reply = await http.get(site.origin + TABLE)
    finally:
        site.hub.thaw()

    assert (reply.status_code, int(reply.headers["Retry-After"]) > 0) == (503, True)
