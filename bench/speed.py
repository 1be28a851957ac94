"""How fast a guarded route is beside other ways to ask a JupyterHub, all beside one Hub: `python -m bench.speed`.

Figures of one run are comparable with each other and with nothing else: ratios are taken within each round, and their
medians reported. The Hub's proxy is left out; it would be the slowest part of all.
"""

import argparse
import asyncio
import os
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median

from bench import pace, wrk
from bench.picture import bars
from tests.support.hub import RealHub
from tests.support.ports import free_ports

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "speed.png"

RIGHTS = ("access:services", "read:users:name!user", "read:users:groups!user")
TOKENS = 200  # in use at once where answers grow old
SHORT_TTL = 5  # seconds
PACE = 300  # requests a second, of which every fifth finds an answer that is to be refreshed

# name -> module and environment
PEERS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "ours": ("ours", {}),
    "ours-short-ttl": ("ours", {"HUB_CACHE_TTL": str(SHORT_TTL)}),
    "huboauth-fastapi": ("huboauth_fastapi", {}),
    "huboauth-fastapi-short-ttl": ("huboauth_fastapi", {"HUB_CACHE_TTL": str(SHORT_TTL)}),
    "huboauth-tornado": ("huboauth_tornado", {}),
    "example": ("example", {}),
    "bare": ("bare", {}),
    "bare-fastapi": ("bare_fastapi", {}),
    "installed": ("installed", {}),
}


@dataclass(frozen=True)
class Route:
    """Something measured: a peer and its route."""

    title: str
    peer: str
    path: str = "me"


OURS = Route("ours, `/me`", "ours")
OPEN = Route("ours, the same route without authentication", "ours", "open")
HUBOAUTH = Route("FastAPI + `HubOAuth.user_for_token`", "huboauth-fastapi")
DECLARED = Route("the same with a declared return type", "huboauth-fastapi", "declared")
TORNADO = Route("tornado `HubOAuthenticated`", "huboauth-tornado")
EXAMPLE = Route("the official example's way", "example")
BARE = Route("bare Starlette, a constant", "bare")
RATED = (OURS, OPEN, HUBOAUTH, DECLARED, TORNADO, EXAMPLE, BARE)
TARGETS = {HUBOAUTH: 1.05, TORNADO: 1.05}  # ours is at least so many times what JupyterHub offers

# A route as people write them, with a path and a query parameter.
ITEM = "items/1?limit=5"
OURS_ITEM = Route("ours, guarded", "ours", ITEM)
HUBOAUTH_ITEM = Route("FastAPI + `HubOAuth.user_for_token`", "huboauth-fastapi", ITEM)
BARE_ITEM = Route("bare FastAPI, without a guard", "bare-fastapi", ITEM)
DEPENDS_ITEM = Route("bare FastAPI, a dependency that does nothing", "bare-fastapi", "depends/1?limit=5")
INSTALLED_ITEM = Route("FastAPI + `Hub.install`, guarded", "installed", ITEM)
ITEMS = (OURS_ITEM, INSTALLED_ITEM, HUBOAUTH_ITEM, BARE_ITEM, DEPENDS_ITEM)
ITEM_TARGETS = {HUBOAUTH_ITEM: 1.05}

STEADY = Route("ours, answers hold 300 s", "ours")
AGING = Route(f"ours, answers hold {SHORT_TTL} s", "ours-short-ttl")
HUBOAUTH_AGING = Route(f"FastAPI + `HubOAuth`, answers hold {SHORT_TTL} s", "huboauth-fastapi-short-ttl", "declared")
TIMED = (STEADY, AGING, HUBOAUTH_AGING)
P99_TARGET = 2.0  # across the end of a TTL, at most so many times the steady one

Rounds = Mapping[Route, Sequence[float]]


class Stage:
    """A Hub with all peers beside it, and tokens that all of them let in."""

    def __init__(self) -> None:
        ports = dict(zip(PEERS, free_ports(len(PEERS)), strict=True))
        self._addresses = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
        services = [
            {
                "name": name,
                "url": self._addresses[name],
                "command": [sys.executable, "-m", f"bench.peers.{module}"],
                "environment": environment,
            }
            for name, (module, environment) in PEERS.items()
        ]
        everybody = {"name": "user", "scopes": ["self", "access:services"]}
        config = f"c.JupyterHub.services += {services!r}\nc.JupyterHub.load_roles += [{everybody!r}]"
        self.hub = RealHub(register=None, services={}, config=config)

    async def tokens(self, number: int) -> list[str]:
        """Make tokens with the rights that a browser's have."""
        return [(await self.hub.user_token("testuser", scopes=RIGHTS)).value for _ in range(number)]

    def measure(self, route: Route, tokens: Sequence[str], *, seconds: float) -> wrk.Run:
        """Load one route."""
        return wrk.run(self._url(route), tokens, seconds=seconds)

    def pace(self, route: Route, tokens: Sequence[str], *, seconds: float) -> list[float]:
        """Send one route some requests a second; return how long they took in milliseconds, sorted."""
        return pace.latencies(self._url(route), tokens, rate=PACE, seconds=seconds)

    def _url(self, route: Route) -> str:
        return f"{self._addresses[route.peer]}/services/{route.peer}/{route.path}"

    def capacity(self, token: str, *, seconds: float) -> float:
        """Return how many `GET /hub/api/user` a second the Hub answers."""
        return wrk.run(f"{self.hub.api_url}/user", [token], seconds=seconds).rate


def main() -> int:
    """Print the figures as Markdown and draw them; exit status 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3, help="of each measurement")
    options = parser.parse_args()
    stage = Stage()
    with stage.hub:
        one, *many = asyncio.run(stage.tokens(1 + TOKENS))
        rates = _rates(stage, one, rounds=options.rounds, seconds=options.seconds)
        times = _times(stage, many, rounds=max(1, options.rounds // 2))
        capacity = stage.capacity(one, seconds=options.seconds)
    report = "\n".join(_report(rates, times, capacity=capacity))
    print(report)
    bars(PICTURE, {route.title.replace("`", ""): median(rates[route]) for route in RATED}, unit="requests/s")
    return int("missed" in report)


def _rates(stage: Stage, token: str, *, rounds: int, seconds: float) -> Rounds:
    routes = (*RATED, *ITEMS)
    for route in routes:
        stage.measure(route, [token], seconds=1)  # what the first requests set up is not measured
    rates: dict[Route, list[float]] = {route: [] for route in routes}
    for _ in range(rounds):
        for route in routes:
            rates[route].append(stage.measure(route, [token], seconds=seconds).rate)
    return rates


def _times(stage: Stage, tokens: Sequence[str], *, rounds: int) -> Rounds:
    times: dict[Route, list[float]] = {route: [] for route in TIMED}
    for _ in range(rounds):
        for route in TIMED:
            stage.pace(route, tokens, seconds=2)  # nor each token's first question
            took = stage.pace(route, tokens, seconds=3 * SHORT_TTL)
            times[route].append(took[int(len(took) * 0.99)])
    return times


def _report(rates: Rounds, times: Rounds, *, capacity: float) -> Iterator[str]:
    names = ("fastapi", "starlette", "uvicorn", "httpx", "tornado", "jupyterhub")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    yield f"Python {platform.python_version()}, {versions}; {os.cpu_count()} cores, one process each, {wrk.CONNECTIONS}"
    yield f"connections. The Hub itself answers {capacity:,.0f} `GET /hub/api/user` a second.\n"
    yield from _table("who calls", rates, RATED, TARGETS)
    yield ""
    yield from _table("a route with a path and a query parameter", rates, ITEMS, ITEM_TARGETS)
    yield f"\n| {TOKENS} tokens in turn, {PACE} requests/s | 99th percentile, ms | to the steady one | wanted | |"
    yield "| --- | --- | --- | --- | --- |"
    for route in TIMED:
        cells = [route.title, f"{median(times[route]):.1f}"]
        if route is not STEADY:
            ratio = _ratio(times[route], times[STEADY])
            cells += [f"{ratio:.2f} x", *_verdict(ratio, most=P99_TARGET if route is AGING else None)]
        yield _row(cells)


def _table(title: str, rates: Rounds, routes: Sequence[Route], targets: Mapping[Route, float]) -> Iterator[str]:
    """Compare the first of `routes` with the others."""
    ours = routes[0]
    yield f"| {title} | requests/s | ours is | wanted | |\n| --- | --- | --- | --- | --- |"
    for route in routes:
        cells = [route.title, f"{median(rates[route]):,.0f}"]
        if route is not ours:
            ratio = _ratio(rates[ours], rates[route])
            cells += [f"{ratio:.2f} x", *_verdict(ratio, least=targets.get(route))]
        yield _row(cells)


def _ratio(ones: Sequence[float], others: Sequence[float]) -> float:
    return median(one / other for one, other in zip(ones, others, strict=True))


def _verdict(ratio: float, *, least: float | None = None, most: float | None = None) -> tuple[str, str]:
    if least is not None:
        return f">= {least:g}", "reached" if ratio >= least else "missed"
    if most is not None:
        return f"<= {most:g}", "reached" if ratio <= most else "missed"
    return "", ""


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join([*cells, *[''] * (5 - len(cells))])} |"


if __name__ == "__main__":
    sys.exit(main())
