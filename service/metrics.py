"""Figures for Prometheus; `service.web.routes.metrics` shows them.

Each process counts for itself; where several serve, in files of a folder that they share, so that each can tell the sum
of all. What other parts count for themselves anyway is read from there now and then, and costs a request nothing.
"""

import asyncio
import collections
import multiprocessing
import platform
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from service import __version__

SAMPLED = 1.0  # seconds between two looks at what other parts count, where other processes may be asked for it

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}  # whoever calls may invent others
_ENDPOINTS = {"", "user", "users", "groups", "oauth2", "services"}  # of the Hub's API; a router may ask for any

Read = Callable[[], Mapping[str, float]]


class Metrics:
    """What one process counts. `folder` is the shared one, PROMETHEUS_MULTIPROC_DIR; empty where one process serves."""

    def __init__(self, folder: str = "") -> None:
        self._folder = folder
        self._registry = CollectorRegistry()
        self._samples: list[Callable[[], None]] = []
        self._answers: dict[tuple[str, str, int], Histogram] = {}
        self._requests = self._seconds(
            "service_request_duration_seconds",
            "Until an answer began, by the route as it is declared.",
            ["method", "route", "status"],
        )
        self._hub = self._seconds(
            "service_hub_request_duration_seconds",
            "Until the Hub had answered; status none: not at all.",
            ["endpoint", "status"],
        )
        self._problems = self._counter("service_problems_total", "Errors that callers were told of.", "code")
        self._sign_ins = self._counter("service_sign_ins_total", "Sessions begun and tokens given.", "way")
        self.open = collections.Counter[str]()  # requests and WebSockets under way
        self.sample_gauge("service_open_connections", "Requests and WebSockets under way.", "type", lambda: self.open)
        self._gauge("service_info", "What serves.", ["version", "python"], mode="livemax").labels(
            __version__, platform.python_version()
        ).set(1)

    def answered(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answer."""
        key = (method, route, status)
        answers = self._answers.get(key)
        if answers is None:  # a look-up by label would take longer than all the rest
            known = method if method in _METHODS else "other"
            answers = self._requests.labels(known, route, f"{status // 100}xx")
            if known == method:
                self._answers[key] = answers
        answers.observe(seconds)

    def asked_hub(self, path: str, status: int | None, seconds: float) -> None:
        """Count a question to the Hub; `path` is relative to its API, `status` None where no answer came."""
        endpoint = path.partition("/")[0].partition("?")[0]
        kind = f"{status // 100}xx" if status else "none"
        self._hub.labels(endpoint if endpoint in _ENDPOINTS else "other", kind).observe(seconds)

    def told(self, code: str) -> None:
        """Count an error by its code."""
        self._problems.labels(code).inc()

    def signed_in(self, way: str) -> None:
        """Count a session begun or a token given."""
        self._sign_ins.labels(way).inc()

    def sample_counts(self, name: str, text: str, label: str, read: Read) -> None:
        """Show what another part counts, each by a name."""
        counter, seen = self._counter(name, text, label), collections.Counter[str]()

        def sample() -> None:
            for key, value in read().items():
                counter.labels(key).inc(value - seen[key])
                seen[key] = int(value)

        self._samples.append(sample)

    def sample_gauge(self, name: str, text: str, label: str, read: Read) -> None:
        """Show figures of another part that rise and fall, each by a name."""
        gauge = self._gauge(name, text, [label], mode="livesum")

        def sample() -> None:
            for key, value in read().items():
                gauge.labels(key).set(value)

        self._samples.append(sample)

    def sample(self) -> None:
        """Look at what other parts count; on the event loop, where they count it."""
        for sample in self._samples:
            sample()

    def text(self) -> bytes:
        """Return all figures as Prometheus reads them, as of the last `sample`. Takes some milliseconds; any thread."""
        registry = self._registry
        if self._folder:
            registry = CollectorRegistry()
            MultiProcessCollector(registry, path=self._folder)  # type: ignore[no-untyped-call]
        return generate_latest(registry)

    @asynccontextmanager
    async def sampled(self) -> AsyncIterator[None]:
        """Sample now and then, where other processes tell our figures too."""
        task = asyncio.create_task(self._keep_sampling()) if self._folder else None
        try:
            yield
        finally:
            if task is not None:
                task.cancel()
                parent = multiprocessing.parent_process()
                if parent is not None and not parent.is_alive():
                    shutil.rmtree(self._folder, ignore_errors=True)  # whose it was to do so

    async def _keep_sampling(self) -> None:
        while True:
            self.sample()
            await asyncio.sleep(SAMPLED)

    def _seconds(self, name: str, text: str, labels: list[str]) -> Histogram:
        return Histogram(name, text, labels, registry=self._registry, buckets=_BUCKETS)

    def _counter(self, name: str, text: str, label: str) -> Counter:
        return Counter(name, text, [label], registry=self._registry)

    def _gauge(self, name: str, text: str, labels: list[str], *, mode: str) -> Gauge:
        return Gauge(name, text, labels, registry=self._registry, multiprocess_mode=mode)  # type: ignore[arg-type]
