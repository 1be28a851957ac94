"""Metrics for Prometheus. `service.web.routes.metrics` serves them.

Each process counts its own requests. Several workers write their values to files in a shared folder, so that each of
them can return the sum. Values that other objects count anyway are sampled, which costs requests nothing.
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

_SAMPLE_INTERVAL = 1.0  # seconds, where another process may be asked for our values

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}  # callers may invent others
_ENDPOINTS = {"", "user", "users", "groups", "oauth2", "services"}  # of the Hub's API; routers may call any other

ReadValues = Callable[[], Mapping[str, float]]


class Metrics:
    """The metrics of one process. Workers share `folder` (PROMETHEUS_MULTIPROC_DIR); it is empty for one process."""

    def __init__(self, folder: str = "") -> None:
        self._folder = folder
        self._registry = CollectorRegistry()
        self._samples: list[Callable[[], None]] = []
        self._responses: dict[tuple[str, str, int], Histogram] = {}
        self._requests = self._histogram(
            "service_request_duration_seconds",
            "Time until the response started, by the declared path of the route.",
            ["method", "route", "status"],
        )
        self._hub = self._histogram(
            "service_hub_request_duration_seconds",
            "Time until the Hub had answered. Status none: it did not answer.",
            ["endpoint", "status"],
        )
        self._problems = self._counter("service_problems_total", "Errors in responses, by code.", "code")
        self._sign_ins = self._counter("service_sign_ins_total", "Sessions started and tokens issued.", "way")
        self.open = collections.Counter[str]()  # requests and WebSockets in progress
        self.sample_gauge("service_open_connections", "Requests and WebSockets in progress.", "type", lambda: self.open)
        self._gauge(
            "service_info", "Versions of the service and of Python.", ["version", "python"], mode="livemax"
        ).labels(__version__, platform.python_version()).set(1)

    def count_response(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """Count a response, and the seconds until it started."""
        key = (method, route, status)
        histogram = self._responses.get(key)
        if histogram is None:  # the lookup by labels takes longer than everything else here
            known = method if method in _METHODS else "other"
            histogram = self._requests.labels(known, route, f"{status // 100}xx")
            if known == method:
                self._responses[key] = histogram
        histogram.observe(seconds)

    def count_hub_request(self, path: str, status: int | None, seconds: float) -> None:
        """Count a request to the Hub. `path` is relative to its API; `status` is None if the Hub did not answer."""
        endpoint = path.partition("/")[0].partition("?")[0]
        kind = f"{status // 100}xx" if status else "none"
        self._hub.labels(endpoint if endpoint in _ENDPOINTS else "other", kind).observe(seconds)

    def count_problem(self, code: str) -> None:
        """Count an error in a response."""
        self._problems.labels(code).inc()

    def count_sign_in(self, way: str) -> None:
        """Count a session that was started or a token that was issued."""
        self._sign_ins.labels(way).inc()

    def sample_counts(self, name: str, text: str, label: str, read: ReadValues) -> None:
        """Register a counter whose values another object has. `read` returns them by label."""
        counter, seen = self._counter(name, text, label), collections.Counter[str]()

        def sample() -> None:
            for key, value in read().items():
                counter.labels(key).inc(value - seen[key])
                seen[key] = int(value)

        self._samples.append(sample)

    def sample_gauge(self, name: str, text: str, label: str, read: ReadValues) -> None:
        """Register a gauge whose values another object has. `read` returns them by label."""
        gauge = self._gauge(name, text, [label], mode="livesum")

        def sample() -> None:
            for key, value in read().items():
                gauge.labels(key).set(value)

        self._samples.append(sample)

    def sample(self) -> None:
        """Read the values that other objects have. Call it on the event loop, where these change."""
        for sample in self._samples:
            sample()

    def text(self) -> bytes:
        """Return all metrics in the text format of Prometheus, as of the last `sample`.

        It takes some milliseconds, and may run in any thread.
        """
        registry = self._registry
        if self._folder:
            registry = CollectorRegistry()
            MultiProcessCollector(registry, path=self._folder)  # type: ignore[no-untyped-call]
        return generate_latest(registry)

    @asynccontextmanager
    async def sampled(self) -> AsyncIterator[None]:
        """Sample every second if there are other workers: any of them may be asked for our values."""
        task = asyncio.create_task(self._keep_sampling()) if self._folder else None
        try:
            yield
        finally:
            if task is not None:
                task.cancel()
                parent = multiprocessing.parent_process()
                if parent is not None and not parent.is_alive():
                    shutil.rmtree(self._folder, ignore_errors=True)  # it would have removed the folder

    async def _keep_sampling(self) -> None:
        while True:
            self.sample()
            await asyncio.sleep(_SAMPLE_INTERVAL)

    def _histogram(self, name: str, text: str, labels: list[str]) -> Histogram:
        return Histogram(name, text, labels, registry=self._registry, buckets=_BUCKETS)

    def _counter(self, name: str, text: str, label: str) -> Counter:
        return Counter(name, text, [label], registry=self._registry)

    def _gauge(self, name: str, text: str, labels: list[str], *, mode: str) -> Gauge:
        return Gauge(name, text, labels, registry=self._registry, multiprocess_mode=mode)  # type: ignore[arg-type]
