"""Installing a Hub: the application's own paths stay its own, and what does not fit together ends the start."""

from types import SimpleNamespace
from typing import Annotated, Any, cast
from urllib.parse import quote

import pytest
from asgi_lifespan import LifespanManager
from fastapi import APIRouter, Depends, FastAPI, Request, Security, routing
from fastapi.responses import PlainTextResponse, RedirectResponse
from fastapi.security import SecurityScopes
from fastapi.testclient import TestClient
from pydantic import BaseModel, PlainValidator, WithJsonSchema
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount

from service.auth import CallerClient, Hub, Identity
from service.auth.hardening import MAX_BODY, harden
from service.errors import ConfigurationError
from service.settings import Settings
from service.testing.callers import NAVIGATION
from tests.support.shop import shop
from tests.unit.conftest import ORIGIN, PREFIX, Serve, settings_of

ROUTERS_MOUNT = hasattr(routing, "iter_route_contexts")  # FastAPI before 0.138 leaves out what a router mounts
OWN = ("/", "/me", "/metrics", "/health/live", "/debug")


def own_routes(app: FastAPI, _hub: Hub) -> None:
    """Add the paths that our own service has, and a catch-all."""
    for path in (*OWN, "/{rest:path}"):
        app.get(path)(lambda: "own")


async def own_page() -> str:
    """A page at one of our paths."""
    return "own"


def add_login(app: FastAPI, _hub: Hub) -> None:
    """Add a page of the application's own at the path of our sign-in."""

    @app.get("/login")
    async def own_login() -> str:
        return "own login"


async def test_its_paths_are_its_own(serve: Serve) -> None:
    """The pages of our own service are not installed, and the application's catch-all does not hide the sign-in."""
    service = await serve(app={"create": lambda settings: shop(settings, add=own_routes)})

    for path in (*OWN, "/anything"):
        assert (path, (await service.api().get(path.removeprefix("/"))).json()) == (path, "own")
    assert (await service.api().get("login")).status_code == 302


async def test_outside_the_prefix(serve: Serve) -> None:
    """Routes also answer without the prefix, to probes that do not come through the Hub's proxy."""
    service = await serve(app={"create": lambda settings: shop(settings, add=own_routes)})

    assert (await service.api().get(f"{ORIGIN}/health/live")).json() == "own"


async def test_links_within_the_application(serve: Serve) -> None:
    """`url_for` leads to addresses below the prefix, in nested applications as well."""

    def add(app: FastAPI, _hub: Hub) -> None:
        @app.get("/link")
        async def link(request: Request) -> str:
            return str(request.url_for("whoami"))

        inner = FastAPI()

        @inner.get("/own")
        async def own(request: Request) -> str:
            return str(request.url_for("own"))

        app.mount("/inner", inner)

    service = await serve(app={"create": lambda settings: shop(settings, add=add)})

    assert (await service.api().get("link")).json() == f"{ORIGIN}{PREFIX}whoami"
    assert (await service.api().get("inner/own")).json() == f"{ORIGIN}{PREFIX}inner/own"


async def test_a_path_that_is_taken() -> None:
    """If a path is taken, the application does not start. The error names its route, and says how to move ours."""
    with pytest.raises(ConfigurationError) as raised:
        async with LifespanManager(shop(settings_of(), add=add_login)):
            pass

    [problem] = raised.value.problems
    assert problem == (
        "hub.install(app): /login is where signing in happens, and the application has "
        "tests.unit.auth.test_installation.add_login.<locals>.own_login at /login. Move ours: paths={'login': …}."
    )


async def test_another_method_of_a_path_that_is_taken() -> None:
    """A route with another method at one of our paths is refused at the start, too: nobody would reach it."""

    def add(app: FastAPI, _hub: Hub) -> None:
        app.post("/login")(own_page)

    with pytest.raises(ConfigurationError, match=r"/login is where signing in happens.*own_page at /login"):
        async with LifespanManager(shop(settings_of(), add=add)):
            pass


async def test_an_override_that_was_left_in(caplog: pytest.LogCaptureFixture) -> None:
    """At the start, the log names a guard that is overridden, in case the application is not in a test."""

    def add(app: FastAPI, hub: Hub) -> None:
        app.dependency_overrides[hub.user] = lambda: Identity(name="alice")

    async with LifespanManager(shop(settings_of(), add=add)):
        pass

    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "app.dependency_overrides has something in the place of hub.user: the Hub is not asked there."
    ]


async def test_a_mount_that_would_be_hidden() -> None:
    """A mount at one of our paths is refused as well. A mount at the root is not, as a catch-all is not."""

    def add(app: FastAPI, _hub: Hub) -> None:
        app.mount("/token", PlainTextResponse("own"))
        app.mount("/", PlainTextResponse("own"))

    with pytest.raises(ConfigurationError, match=r"/token is .* at /token. Move ours: paths=\{'token'") as raised:
        async with LifespanManager(shop(settings_of(), add=add)):
            pass
    assert len(raised.value.problems) == 1


async def test_paths_that_are_moved(serve: Serve) -> None:
    """Our paths can be moved, and then both routes work."""

    def build(settings: Settings) -> FastAPI:
        return shop(
            settings, add=add_login, paths={"login": "/hub/login", "logout": "/hub/logout", "token": "/hub/token"}
        )

    service = await serve(app={"create": build})
    browser = service.browser()
    assert (await service.api().get("login")).json() == "own login"
    begun = await browser.visit("hub/login?next=/services/fastapi/whoami", follow=False)
    done = await browser.visit(service.authorized(begun), follow=False)
    assert done.headers["Location"] == f"{PREFIX}whoami"
    page = await browser.visit("hub/logout")
    assert f'action="{PREFIX}hub/logout"' in page.text
    assert (await browser.submit(page, follow=False)).status_code == 303
    flow = (await service.api().get("openapi.json")).json()["components"]["securitySchemes"]["JupyterHub"]["flows"]
    assert flow["authorizationCode"]["tokenUrl"] == f"{PREFIX}hub/token"


@pytest.mark.parametrize("page", ["oauth_callback?error=access_denied", "bye"])
async def test_signing_in_leads_to_no_page_about_signing_in(serve: Serve, page: str) -> None:
    """Signing in from a page about signing in or out leads to the start page, wherever our paths are."""
    service = await serve(app={"create": lambda settings: shop(settings, paths={"logout": "/bye"})})
    reply = await service.browser().visit(page, follow=False)

    assert f'href="{PREFIX}login">Sign in with JupyterHub' in reply.text


async def test_signing_in_leads_back_with_the_query(serve: Serve) -> None:
    """A page that a stranger's form was sent to is opened as it was, but for a token."""

    def add(app: FastAPI, hub: Hub) -> None:
        app.post("/order", dependencies=[Depends(hub.user)])(lambda: None)

    service = await serve(app={"create": lambda settings: shop(settings, add=add)})
    reply = await service.api(headers=NAVIGATION).post("order?colour=red&token=x")

    assert f'href="{PREFIX}login?next={quote(PREFIX, safe="")}order%3Fcolour%3Dred">' in reply.text


async def test_a_callback_that_the_hub_does_not_know() -> None:
    """A callback that the Hub does not know is refused at the start: the Hub would send people elsewhere."""
    app = shop(settings_of(), paths={"callback": "/back"})
    with pytest.raises(
        ConfigurationError, match="sends people back to /services/fastapi/oauth_callback, the callback is"
    ):
        async with LifespanManager(app):
            pass
    async with LifespanManager(shop(settings_of(callback_url_given=f"{PREFIX}back"), paths={"callback": "/back"})):
        pass


async def test_a_callback_that_the_hub_does_not_encode() -> None:
    """The Hub does not encode the name of a service: it is the same callback."""
    async with LifespanManager(shop(settings_of(service_prefix="/services/my service/"))):
        pass


async def test_a_callback_that_was_moved_behind_a_proxy() -> None:
    """The Hub's address for it counts, if it is of our origin; an address of elsewhere does not."""
    ours, paths = f"{ORIGIN}{PREFIX}back", {"callback": "/back"}
    async with LifespanManager(shop(settings_of(callback_url_given=ours, public_host=ORIGIN), paths=paths)):
        pass
    assert settings_of(callback_url_given="https://x.test/y", public_host=ORIGIN).redirect_uri == (
        f"{ORIGIN}{PREFIX}oauth_callback"
    )


def add_spellings(app: FastAPI, _hub: Hub) -> None:
    """Add routes with and without a slash at the end, and redirects of the application's own."""
    inner = FastAPI()
    for part, path in ((app, "/items/"), (app, "/a b"), (app, "//evil.test"), (inner, "/own/")):
        part.get(path)(lambda: "own")
    app.mount("/inner", inner)

    @app.get("/moved")
    async def moved(to: str) -> RedirectResponse:
        return RedirectResponse(to)


@pytest.mark.parametrize(
    ("where", "location"),
    [
        ("items", "items/"),
        ("items?token=canary", "items/"),
        ("items?a=1&%74oken=canary&b=%26?", "items/?a=1&b=%26?"),
        ("whoami///?token=canary", "whoami"),
        ("a%20b/", "a%20b"),
        ("inner/own?token=canary", "inner/own/"),
    ],
)
async def test_the_other_spelling(serve: Serve, where: str, location: str) -> None:
    """Starlette's redirect repeats no token, and names no host: the client chooses the Host header."""
    service = await serve(app={"create": lambda settings: shop(settings, add=add_spellings)}, allow_token_in_url=True)

    reply = await service.api().get(where, headers={"Host": "evil.test"})

    assert (reply.status_code, reply.headers["Location"]) == (307, f"{PREFIX}{location}")


async def test_the_other_spelling_of_two_slashes(serve: Serve) -> None:
    """Browsers would take what follows them for a host."""
    service = await serve(app={"create": lambda settings: shop(settings, add=add_spellings)})

    reply = await service.api().get(f"{ORIGIN}//evil.test/")

    assert (reply.status_code, reply.headers["Location"]) == (307, "/evil.test")


@pytest.mark.parametrize(
    "to", [f"{ORIGIN}{PREFIX}items/?token=1", f"https://jupyter.example.org{PREFIX}moved/?token=1"]
)
async def test_redirects_of_its_own(serve: Serve, to: str) -> None:
    """Are left as they are."""
    service = await serve(app={"create": lambda settings: shop(settings, add=add_spellings)})

    reply = await service.api().get("moved", params={"to": to})

    assert (reply.status_code, reply.headers["Location"]) == (307, to)


@pytest.mark.parametrize(
    ("paths", "said"),
    [
        ({"login": "hub/login"}, "'hub/login' must begin with a slash"),
        ({"callback": "/{rest}"}, "must begin with a slash, as in /login, and be of plain letters"),
        ({"logout": "/login"}, "'/login' is chosen twice"),
        ({"token": "/login/shell"}, "'/login/shell' is chosen twice"),
    ],
)
def test_paths_that_cannot_be(paths: dict[str, str], said: str) -> None:
    """Are refused at once: nobody would ever arrive there."""
    hub = Hub(settings_of())
    with pytest.raises(ValueError, match=said):
        hub.install(FastAPI(lifespan=hub.lifespan), paths=paths)


async def test_errors_of_the_hub_in_a_mounted_application(serve: Serve) -> None:
    """Are answered as in the application around it, and not as 500."""

    def add(app: FastAPI, hub: Hub) -> None:
        async def servers(caller: Annotated[CallerClient, Depends(hub.as_caller)]) -> Any:  # noqa: ANN401
            return await caller.get("users", "other")

        part, protected, wrapped, of_router = FastAPI(), FastAPI(), FastAPI(), FastAPI()
        for each in (part, protected, wrapped, of_router):
            each.get("/servers")(servers)
        router = APIRouter()
        router.mount("/of-router", of_router)
        app.include_router(router)
        paths.extend(["of-router/servers"] if ROUTERS_MOUNT else [])
        app.mount("/part", part)
        app.mount("/protected", hub.protect(protected))
        app.mount("/wrapped", GZipMiddleware(wrapped))

    paths = ["part/servers", "protected/servers", "wrapped/servers"]
    service = await serve(app={"create": lambda settings: shop(settings, add=add)})
    token = service.hub.issue("testuser")
    service.hub.respond("GET", "/users/other", status=403, json={"status": 403, "message": "no"})
    for path in paths:
        reply = await service.api(token).get(path)
        assert (path, reply.status_code, reply.json()["code"]) == (path, 403, "hub_forbidden")


async def test_a_mounted_application_that_was_asked_before_the_start(serve: Serve) -> None:
    """It answers the Hub's errors as any other, also if a request before the start has built what answers them."""
    part = FastAPI()

    def build(settings: Settings) -> FastAPI:
        def add(app: FastAPI, hub: Hub) -> None:
            part.get("/stock", dependencies=[Depends(hub.user)])(lambda: "stock")
            app.mount("/part", part)

        return shop(settings, add=add)

    assert TestClient(part).get("/nothing").status_code == 404
    service = await serve(app={"create": build})
    reply = await service.api().get("part/stock")

    assert (reply.status_code, reply.json()["code"]) == (401, "not_signed_in")


def test_paths_after_the_router_was_taken() -> None:
    """Paths cannot be moved after the router was taken, because it has the old paths."""
    hub = Hub(settings_of())
    assert hub.router.routes
    with pytest.raises(RuntimeError, match="in use already"):
        hub.install(FastAPI(lifespan=hub.lifespan), paths={"login": "/elsewhere"})


async def test_swagger_ui_that_signs_in_elsewhere(serve: Serve) -> None:
    """An application keeps its own OAuth client in Swagger UI, and its own addresses of the documentation."""

    def build(settings: Settings) -> FastAPI:
        return shop(settings, docs_url="/manual", swagger_ui_init_oauth={"clientId": "theirs"})

    service = await serve(app={"create": build})
    page = (await service.browser().visit("manual")).text

    assert '"clientId": "theirs"' in page
    assert "oauth_callback" not in page
    assert (await service.api().get("docs")).status_code == 404


async def test_docs_of_a_mounted_application_without_the_hub(serve: Serve) -> None:
    """A mounted application's documentation is unchanged if it does not ask the Hub, or signs in elsewhere."""
    plain, other = FastAPI(), FastAPI(swagger_ui_init_oauth={"clientId": "theirs"})

    def add(app: FastAPI, hub: Hub) -> None:
        plain.get("/x")(own_page)
        other.get("/x", dependencies=[Depends(hub.require("custom:x"))])(own_page)
        plain.mount("/other", other)
        app.mount("/plain", plain)

    service = await serve(app={"create": lambda settings: shop(settings, add=add)})

    assert "oauth_callback" not in (await service.api().get("plain/docs")).text
    assert '"clientId": "theirs"' in (await service.api().get("plain/other/docs")).text


async def test_scopes_are_shown(serve: Serve) -> None:
    """The document says which scopes an operation demands, and Swagger UI can ask for them."""

    def add(app: FastAPI, hub: Hub) -> None:
        @app.get("/notes")
        async def notes(user: Annotated[Identity, Depends(hub.require("custom:notes:read"))]) -> str:
            return user.name

        router = APIRouter(dependencies=[Depends(hub.require("custom:a", "custom:b", mode="any"))])
        router.get("/either")(lambda: "either")
        app.include_router(router)

    service = await serve(app={"create": lambda settings: shop(settings, add=add)})
    document: dict[str, Any] = (await service.api().get("openapi.json")).json()
    flow = document["components"]["securitySchemes"]["JupyterHub"]["flows"]["authorizationCode"]
    held = ["access:services!service=fastapi"]
    service.hub.add_user("testuser", scopes={*held, "custom:notes:read", "custom:b"})
    reader = service.api(service.hub.issue("testuser", scopes=[*held, "custom:notes:read"]))
    other = service.api(service.hub.issue("testuser", scopes=[*held, "custom:b"]))

    assert sorted(flow["scopes"]) == ["custom:a", "custom:b", "custom:notes:read"]
    assert document["paths"]["/notes"]["get"]["security"] == [{"JupyterHub": ["custom:notes:read"]}]
    assert [(await api.get("notes")).status_code for api in (reader, other)] == [200, 403]
    assert [(await api.get("either")).status_code for api in (reader, other)] == [403, 200]


async def test_hardened(serve: Serve) -> None:
    """With `harden`, all answers have headers against framing, sniffing, caching and access by other windows."""
    plain = await serve(app={"create": shop})
    hard = await serve(app={"create": lambda settings: shop(settings, harden=True)})

    for path in ("open", "whoami", "docs", "nothing", "login"):
        headers = (await hard.api().get(path)).headers
        assert (path, headers["X-Frame-Options"], headers["X-Content-Type-Options"]) == (path, "DENY", "nosniff")
        assert (path, headers["Cache-Control"]) == (path, "no-store")
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "Cross-Origin-Opener-Policy" in headers
    assert "X-Frame-Options" not in (await plain.api().get("open")).headers


@pytest.mark.parametrize(
    ("size", "status", "own"),
    [(MAX_BODY, 200, {}), (MAX_BODY + 1, 413, {}), (10, 200, {"max_body_size": 10}), (11, 413, {"max_body_size": 10})],
    ids=["a megabyte", "more", "as much as the application wants", "more than it wants"],
)
async def test_hardened_against_large_bodies(serve: Serve, size: int, status: int, own: dict[str, Any]) -> None:
    """With `harden`, a body may have a megabyte, and no more, unless the application has a limit of its own."""

    def add(app: FastAPI, _hub: Hub) -> None:
        @app.post("/upload")
        async def upload(request: Request) -> int:
            return len(await request.body())

    hard = await serve(app={"create": lambda settings: shop(settings, harden=True, add=add, **own)})
    assert (await hard.api().post("upload", content=b"x" * size)).status_code == status


def test_fastapi_that_cannot_limit_bodies() -> None:
    """`harden` refuses a FastAPI that cannot limit bodies: the application would be less safe than asked for."""
    old = cast("FastAPI", SimpleNamespace(add_middleware=lambda _kind: None))

    with pytest.raises(RuntimeError, match=r"needs FastAPI 0\.164"):
        harden(old)


def security_scopes(app: FastAPI, hub: Hub) -> None:
    """Ask for a scope as FastAPI's tutorial does."""

    @app.get("/wrong")
    async def wrong(user: Annotated[Identity, Security(hub.user, scopes=["custom:x"])]) -> str:
        return user.name


def security_scopes_above(app: FastAPI, hub: Hub) -> None:
    """Likewise, of a dependency of one's own."""

    async def active(user: Annotated[Identity, Depends(hub.user)]) -> Identity:
        return user

    @app.get("/wrong")
    async def wrong(user: Annotated[Identity, Security(active, scopes=["custom:x"])]) -> str:
        return user.name


def security_scopes_mounted(app: FastAPI, hub: Hub) -> None:
    """Likewise, in an application that is mounted."""
    part = FastAPI()
    security_scopes(part, hub)
    app.mount("/part", part)


def security_scopes_mounted_on_a_router(app: FastAPI, hub: Hub) -> None:
    """Likewise, mounted on a router that is included."""
    part, router = FastAPI(), APIRouter(prefix="/v1")
    security_scopes(part, hub)
    router.mount("/part", part)
    app.include_router(router, prefix="/api")


def no_depends(app: FastAPI, hub: Hub) -> None:
    """Forget `Depends`."""

    @app.post("/wrong")
    async def wrong(user: Annotated[Identity, hub.require("custom:x")]) -> str:
        return user.name


def no_depends_around_a_visitor(app: FastAPI, hub: Hub) -> None:
    """Forget Depends around a guard that may return None."""

    @app.post("/wrong")
    async def wrong(user: Annotated[Identity | None, hub.visitor] = None) -> str:
        return user.name if user else ""


def security_scopes_protected(app: FastAPI, hub: Hub) -> None:
    """Ask for a scope in an application that `hub.protect` and a middleware are around."""
    part = FastAPI()
    security_scopes(part, hub)
    app.mount("/part", GZipMiddleware(hub.protect(part)))


def security_scopes_far_down(app: FastAPI, hub: Hub) -> None:
    """Likewise, in an application that is mounted in a mount of Starlette's."""
    part = FastAPI()
    security_scopes(part, hub)
    app.router.routes.append(Mount("/outer", routes=[Mount("/part", app=part)]))


def no_guard(app: FastAPI, _hub: Hub) -> None:
    """Forget the guard in `Depends`: FastAPI then makes an Identity of the query."""

    @app.get("/wrong")
    async def wrong(user: Annotated[Identity, Depends()]) -> str:
        return user.name


def no_depends_in_a_dependency(app: FastAPI, hub: Hub) -> None:
    """Forget `Depends` in a dependency of one's own."""

    async def owner(user: Annotated[Identity, hub.user]) -> str:
        return user.name

    @app.get("/wrong")
    async def wrong(name: Annotated[str, Depends(owner)]) -> str:
        return name


class Order(BaseModel):
    """A body with an Identity in it."""

    by: list[Identity]


def identity_in_a_body(app: FastAPI, _hub: Hub) -> None:
    """Let the caller say who ordered."""

    @app.post("/wrong")
    async def wrong(order: Order) -> str:
        return order.by[0].name


def startup_handler(app: FastAPI, _hub: Hub) -> None:
    """Have a handler that FastAPI does not run beside a lifespan."""
    app.router.on_startup.append(lambda: None)


def root_path(app: FastAPI, _hub: Hub) -> None:
    """Have a root path, with a slash too many."""
    app.root_path = f"{PREFIX}"


READ = "wrong: it reads an Identity from the request. It takes Depends(…) with a guard in it."


@pytest.mark.parametrize(
    ("add", "said"),
    [
        (
            security_scopes,
            'wrong: nobody checks Security(…, scopes=["custom:x"]). Write Depends(hub.require("custom:x"))',
        ),
        (security_scopes_above, 'wrong: nobody checks Security(…, scopes=["custom:x"])'),
        (security_scopes_mounted, '/part/wrong: nobody checks Security(…, scopes=["custom:x"])'),
        *([(security_scopes_mounted_on_a_router, "part/wrong: nobody checks Security(…")] if ROUTERS_MOUNT else []),
        (security_scopes_protected, '/part/wrong: nobody checks Security(…, scopes=["custom:x"])'),
        (security_scopes_far_down, '/outer/part/wrong: nobody checks Security(…, scopes=["custom:x"])'),
        (no_depends, READ),
        (no_depends_around_a_visitor, READ),
        (no_guard, READ),
        (no_depends_in_a_dependency, READ),
        (identity_in_a_body, READ),
        (startup_handler, "on_event(…) handlers do not run"),
        (root_path, "hides all routes"),
    ],
)
async def test_what_seems_to_work(serve: Serve, add: Any, said: str) -> None:  # noqa: ANN401
    """Ends the start: it would let in whoever has access, or not run at all."""
    with pytest.raises(ConfigurationError) as refused:
        await serve(app={"create": lambda settings: shop(settings, add=add)})

    assert said in str(refused.value)


@pytest.mark.parametrize("add", [security_scopes, no_depends])
@pytest.mark.parametrize("how", ["mounted", "router"])
async def test_what_seems_to_work_without_a_start_of_its_own(add: Any, how: str) -> None:  # noqa: ANN401
    """Ends the start of the application that opens the Hub: it is mounted there, or that has `hub.router` alone."""
    hub = Hub(settings_of())
    inner = FastAPI()
    add(inner, hub)
    outer = FastAPI(lifespan=hub.lifespan)
    if how == "mounted":
        hub.install(inner)
        outer.mount("/services/fastapi", inner)
    else:
        outer.include_router(hub.router)
        outer.include_router(inner.router)

    with pytest.raises(ConfigurationError, match="/wrong: "):
        async with outer.router.lifespan_context(outer):
            pass


class Foreign:
    """A type that pydantic does not know."""

    def __init__(self, text: str) -> None:
        self.text = text


async def test_a_parameter_of_a_foreign_type(serve: Serve) -> None:
    """Its metadata says how to read it."""

    def add(app: FastAPI, _hub: Hub) -> None:
        @app.get("/foreign")
        async def foreign(it: Annotated[Foreign, PlainValidator(Foreign), WithJsonSchema({"type": "string"})]) -> str:
            return it.text

    service = await serve(app={"create": lambda settings: shop(settings, add=add)})

    assert (await service.api().get("foreign", params={"it": "x"})).json() == "x"


async def test_scopes_that_somebody_checks(serve: Serve) -> None:
    """Guards with scopes of their own, and a dependency that takes the scopes, are as they should be."""

    def add(app: FastAPI, hub: Hub) -> None:
        async def mine(scopes: SecurityScopes, user: Annotated[Identity, Depends(hub.user)]) -> Identity:
            assert user.scope_set.missing(scopes.scopes, mode="all")
            return user

        @app.get("/good")
        async def good(
            _one: Annotated[Identity, Depends(hub.require("custom:x"))],
            _other: Annotated[Identity, Security(mine, scopes=["custom:y"])],
        ) -> None:
            pass

    await serve(app={"create": lambda settings: shop(settings, add=add)})


async def test_routes_of_starlette(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """Are open, whatever the dependencies of the application: the log says so."""

    def add(app: FastAPI, hub: Hub) -> None:
        app.router.dependencies.append(Depends(hub.user))
        app.add_route("/plain", lambda _: PlainTextResponse("open"))

    service = await serve(app={"create": lambda settings: shop(settings, add=add)})

    assert (await service.api().get("plain")).text == "open"
    assert [record.getMessage() for record in caplog.records if "open to everybody" in record.getMessage()] == [
        "/plain is open to everybody: dependencies of an application do not guard routes of Starlette."
    ]


def test_a_path_that_is_encoded() -> None:
    """A path is compared decoded, so nobody would ever arrive at one with a percent sign."""
    hub = Hub(settings_of())
    with pytest.raises(ValueError, match="be of plain letters"):
        hub.install(FastAPI(lifespan=hub.lifespan), paths={"login": "/log%69n"})


@pytest.mark.parametrize("path", ["/..", "/.", "/sign/../in", "/sign/./in"])
def test_paths_with_dot_segments(path: str) -> None:
    """Browsers resolve them before they send a request, so nobody would ever arrive there."""
    hub = Hub(settings_of())
    with pytest.raises(ValueError, match="must begin with a slash"):
        hub.install(FastAPI(lifespan=hub.lifespan), paths={"login": path})
