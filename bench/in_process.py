"""What a request costs in process beside bare FastAPI, without a network: `python -m bench.in_process`.

The route is one as people write them: a path parameter, a query parameter, and a guard. All peers run on one uvloop in
one process, in turns, so that a machine whose speed swings slows them alike. Medians of the rounds are reported.
"""

import gc
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from statistics import median
from time import thread_time
from typing import Annotated, Any

import uvloop
from asgi_lifespan import LifespanManager
from fastapi import APIRouter, Depends, FastAPI
from starlette.types import ASGIApp, Message

from bench.peers import nobody
from service.auth import CurrentUser, Hub, Identity
from service.settings import Settings
from service.testing import make_settings, open_service

ROUNDS, REQUESTS = 15, 600

Call = Callable[[], Awaitable[None]]


def bare() -> FastAPI:
    """FastAPI with the route and nothing else."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)

    @app.get("/items/{item}")
    async def read(item: int, limit: int = 10) -> dict[str, int]:
        return {"item": item, "limit": limit}

    @app.get("/depends/{item}")
    async def depends(item: int, _user: Annotated[str, Depends(nobody)], limit: int = 10) -> dict[str, int]:
        return {"item": item, "limit": limit}

    app.include_router(included)
    return app


included = APIRouter()


@included.get("/included/{item}")
async def read_included(item: int, _user: Annotated[str, Depends(nobody)], limit: int = 10) -> dict[str, int]:
    """Answer as `depends` does, from a router."""
    return {"item": item, "limit": limit}


def installed(settings: Settings) -> FastAPI:
    """The same application with a Hub, and no extras."""
    hub = Hub(settings)
    app = FastAPI(lifespan=hub.lifespan, openapi_url=None, docs_url=None, redoc_url=None)
    hub.install(app)

    @app.get("/items/{item}")
    async def read(item: int, limit: int = 10) -> dict[str, int]:
        return {"item": item, "limit": limit}

    @app.get("/guarded/{item}")
    async def guarded(item: int, _user: Annotated[Identity, Depends(hub.user)], limit: int = 10) -> dict[str, int]:
        return {"item": item, "limit": limit}

    return app


router = APIRouter()


@router.get("/items/{item}")
async def read(item: int, limit: int = 10) -> dict[str, int]:
    """Answer whoever asks."""
    return {"item": item, "limit": limit}


@router.get("/guarded/{item}")
async def guarded(item: int, _user: CurrentUser, limit: int = 10) -> dict[str, int]:
    """Answer those whom the Hub knows."""
    return {"item": item, "limit": limit}


def caller(app: ASGIApp, path: str, state: Mapping[str, Any], headers: Mapping[str, str]) -> Call:
    """Return what sends one GET request to `app` and checks that it is answered by 200."""
    raw = [(name.lower().encode(), value.encode()) for name, value in {"host": "x", "accept": "*/*", **headers}.items()]

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def call() -> None:
        status = 0

        async def send(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)

        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"limit=5",
            "root_path": "",
            "headers": raw,
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "state": dict(state),
            "extensions": {},
        }
        await app(scope, receive, send)
        assert status == 200, status  # noqa: PLR2004

    return call


async def timed(call: Call) -> float:
    """Return microseconds for a request."""
    began = thread_time()
    for _ in range(REQUESTS):
        await call()
    return (thread_time() - began) / REQUESTS * 1e6


async def measure() -> dict[str, list[float]]:
    """Return the microseconds of each round, by what was measured."""
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(
            open_service(settings=make_settings(cache_ttl=300, stale_grace=300), routers=[router])
        )
        plain = (await stack.enter_async_context(LifespanManager(bare()))).app
        alice = service.user("alice")
        token = {"Authorization": f"Bearer {alice.token}"}
        theirs = await stack.enter_async_context(
            open_service(installed, settings=make_settings(cache_ttl=300, stale_grace=300))
        )
        their_token = {"Authorization": f"Bearer {theirs.user('alice').token}"}
        prefix = service.settings.prefix
        calls = {
            "bare FastAPI": caller(plain, "/items/1", {}, {}),
            "bare FastAPI, a dependency that does nothing": caller(plain, "/depends/1", {}, {}),
            "bare FastAPI, the same in an included router": caller(plain, "/included/1", {}, {}),
            "Hub.install, open": caller(theirs.app, f"{prefix}items/1", {}, {}),
            "Hub.install, guarded": caller(theirs.app, f"{prefix}guarded/1", {}, their_token),
            "ours, open": caller(service.app, f"{prefix}items/1", {}, {}),
            "ours, guarded": caller(service.app, f"{prefix}guarded/1", {}, token),
            "ours, `/me`": caller(service.app, f"{prefix}me", {}, token),
        }
        found: dict[str, list[float]] = {title: [] for title in calls}
        for call in calls.values():
            await timed(call)
        gc.collect()
        gc.freeze()
        for _ in range(ROUNDS):
            for title, call in calls.items():
                found[title].append(await timed(call))
        return found


def main() -> None:
    """Print the table."""
    found = uvloop.run(measure())
    bases = [rounds for title, rounds in found.items() if title.startswith("bare FastAPI")]
    print("| route with a path and a query parameter | µs | x bare FastAPI | x with a dependency | x in a router |")
    print("| --- | --- | --- | --- | --- |")
    for title, rounds in found.items():
        ratios = [median(one / other for one, other in zip(rounds, base, strict=True)) for base in bases]
        print(f"| {title} | {median(rounds):.0f} | {' | '.join(f'{ratio:.2f}' for ratio in ratios)} |")


if __name__ == "__main__":
    main()
