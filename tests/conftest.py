"""What every test has: async tests run, a skip can be made a failure, and a Hub, a browser or a port is at hand."""

import contextlib
import gc
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from service.testing import FakeHub
from tests.support.crew import Crew
from tests.support.hub import RealHub
from tests.support.node import NodeToolError, configurable_http_proxy
from tests.support.ports import free_port
from tests.support.postgres import Postgres, postgres, programs

REQUIRE_ALL = "REQUIRE_ALL"  # environment: 1 where everything is installed, and a skip would hide that it is not
LOG_TAIL = 8_000  # characters of a Hub's log that a failure shows

MakeHub = Callable[..., RealHub]

# Hypothesis fails an example that takes long, which it does where the machine is busy. Its own profile for CI does not.
settings.register_profile("patient", deadline=None)
if settings.get_current_profile_name() == "default":
    settings.load_profile("patient")

if TYPE_CHECKING:
    from playwright.async_api import Browser as Chromium

    from tests.support.browser import Browser

    Browse = Callable[..., Awaitable[Browser]]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the browser tests keep what they saw, for one's own eyes or for the docs."""
    parser.addoption("--screenshots", metavar="DIR", help="keep the browser tests' screenshots in this directory")
    parser.addoption("--pictures", action="store_true", help="write the pictures of the docs (script/pictures)")


def pytest_configure(config: pytest.Config) -> None:
    """Let anyio run every async test, without a mark on each."""
    config.option.anyio_mode = "auto"


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Spare the garbage collector the thousands of tests, which live as long as the process.

    It took half the time of collecting them, and goes through them no more while they run.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Make a skip a failure where all is required, and show a failed test the log of its Hubs."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        _refuse_skip(report)
    if report.failed:
        for hub in _hubs_of(item):
            report.sections.append((f"log of the Hub at {hub.url}", hub.log_text()[-LOG_TAIL:]))
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Make the skip of a whole module a failure too."""
    report = yield
    if report.skipped:
        _refuse_skip(report)
    return report


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if os.environ.get(REQUIRE_ALL) == "1":
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{REQUIRE_ALL}=1 and this was skipped: {reason}"


def _hubs_of(item: pytest.Item) -> Iterator[RealHub]:
    for value in getattr(item, "funcargs", {}).values():
        if isinstance(value, RealHub):
            yield value
        elif isinstance(value, _Hubs):
            yield from (hub for hub in value.made if hub.log.exists())  # others are closed


@pytest.fixture(scope="session", autouse=True)
def _elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A working directory without the `.env` that a developer may have in the repository: the service reads it."""
    with contextlib.chdir(tmp_path_factory.mktemp("elsewhere")):
        yield


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The event loop that the service runs on."""
    return "asyncio"


@pytest.fixture(name="free_port")
def _free_port() -> int:
    """A port on which nobody listens."""
    return free_port()


@pytest.fixture
def fake_hub() -> FakeHub:
    """A Hub's API in memory."""
    return FakeHub()


class _Hubs:
    """Makes Hubs and ends them all."""

    def __init__(self) -> None:
        self.made: list[RealHub] = []

    def __call__(self, **options: Any) -> RealHub:  # noqa: ANN401
        """Return a running Hub; the arguments are those of `RealHub`."""
        _need_hub()
        hub = RealHub(**options)
        self.made.append(hub)
        return hub.start()

    def close(self) -> None:
        """End them, whatever state they are in."""
        while self.made:
            self.made.pop().close()


def _need_hub() -> None:
    pytest.importorskip("jupyterhub", reason="no JupyterHub installed: pip install '.[hub]'")
    try:
        configurable_http_proxy()
    except NodeToolError as error:
        pytest.skip(str(error))


@pytest.fixture
def make_hub() -> Iterator[MakeHub]:
    """Start Hubs for this test alone: those it stops, kills or configures in a way of its own."""
    hubs = _Hubs()
    yield hubs
    hubs.close()


@pytest.fixture(scope="module")
def make_shared_hub() -> Iterator[MakeHub]:
    """Start Hubs that end with the module, for fixtures of that scope."""
    hubs = _Hubs()
    yield hubs
    hubs.close()


@pytest.fixture(scope="session")
def make_lasting_hub() -> Iterator[MakeHub]:
    """Start Hubs that last to the end of the run, for fixtures of that scope: each takes some hundred megabytes."""
    hubs = _Hubs()
    yield hubs
    hubs.close()


@pytest.fixture(scope="session")
def hub(make_lasting_hub: MakeHub) -> RealHub:
    """A Hub with our service, all applications and ways of signing in on, shared by all tests that leave it as it was.

    The service asks the Hub by `hub.gate`.
    """
    options = {
        "apps": ["deidentify"],
        "password_grant": True,
        "shell_sign_in": True,
        "allow_token_in_url": True,
        # A busy machine is not what is tested.
        "environment": {"DEIDENTIFY_DEADLINE": "30", "DEIDENTIFY_SECRET": secrets.token_hex(32)},
    }
    return make_lasting_hub(gated=True, register=options)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgres]:
    """A PostgreSQL server, shared by all tests that leave it running."""
    found = programs()
    if found is None:
        pytest.skip("no PostgreSQL installed: apt-get install postgresql")
    with postgres(found) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database, of each kind that the desk can have."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'desk.sqlite'}"
        return
    server: Postgres = request.getfixturevalue("postgresql")
    url = server.database()
    yield url
    server.drop(url)


@pytest.fixture(params=["sqlite", "postgresql"])
async def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """A database with the desk's tables and nothing in them, of each kind that the desk can have."""
    from tests.support.databases import (  # noqa: PLC0415 (the desk's packages may be missing)
        postgres_with_tables,
        sqlite_with_tables,
    )

    if request.param == "sqlite":
        yield await sqlite_with_tables(tmp_path / "desk.sqlite")
        return
    server: Postgres = request.getfixturevalue("postgresql")
    async with postgres_with_tables(server) as url:
        yield url


@pytest.fixture(scope="session")
def screenshots(request: pytest.FixtureRequest) -> Path | None:
    """The directory for what the browser saw, if somebody wants it."""
    chosen: str | None = request.config.getoption("--screenshots")
    if chosen is None:
        return None
    directory: Path = request.config.invocation_params.dir / chosen
    directory.mkdir(parents=True, exist_ok=True)
    return directory


@contextlib.asynccontextmanager
async def started_chromium(*, whole: bool) -> "AsyncIterator[Chromium]":
    """Start a Chromium, or skip the test where none is installed."""
    pytest.importorskip("playwright", reason="no playwright installed: pip install '.[test]'")
    from tests.support import browser  # noqa: PLC0415 (playwright may be missing)

    if (path := browser.program(whole=whole)) is None:
        pytest.skip(f"no Chromium installed: none of {', '.join(browser.PROGRAMS)} is on PATH")
    async with browser.chromium(path) as process:
        yield process


@pytest.fixture(scope="session")
async def chromium() -> "AsyncIterator[Chromium]":
    """The one Chromium process of the run; the headless shell where that is installed."""
    async with started_chromium(whole=False) as process:
        yield process


@pytest.fixture(scope="session")
async def whole_chromium() -> "AsyncIterator[Chromium]":
    """The one process of Chromium as people have it. Tests that use this fixture `browse` with it."""
    async with started_chromium(whole=True) as process:
        yield process


@pytest.fixture
async def browse(
    request: pytest.FixtureRequest, chromium: "Chromium", screenshots: Path | None
) -> "AsyncIterator[Browse]":
    """Call it with origins for a browser, with cookies of its own, that reaches these and no others."""
    from tests.support import browser  # noqa: PLC0415 (playwright may be missing)

    process = request.getfixturevalue("whole_chromium") if "whole_chromium" in request.fixturenames else chromium
    async with contextlib.AsyncExitStack() as stack:

        async def open_browser(*origins: str) -> "Browser":
            return await stack.enter_async_context(browser.browse(process, *origins, screenshots=screenshots))

        yield open_browser


@pytest.fixture
def start_crew(tmp_path: Path) -> Iterator[Callable[..., Crew]]:
    """Start a service without a Hub; arguments are the number of workers, Python's options, environment variables."""
    crews: list[Crew] = []

    def start(*, workers: int = 1, options: Sequence[str] = ("-P",), **told: str) -> Crew:
        crews.append(Crew(tmp_path, workers=workers, options=options, **told))
        return crews[-1]

    yield start
    for crew in crews:
        crew.close()
