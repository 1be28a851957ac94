"""What lives as long as the process is opened together and closed together."""

import asyncio
import contextlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
import respx
import trustme
from pydantic import SecretStr

from service.hub import protocol
from service.hub.errors import HubUnavailableError, HubUnreachableError
from service.hub.readiness import Health
from service.resources import open_resources
from service.settings import Settings
from service.testing import OUTAGES, FakeHub
from tests.support.tls_hub import tls_hub

SECRET = "canary-api-token"
MINUTE = timedelta(minutes=1)


def settings(**told: Any) -> Settings:  # noqa: ANN401
    """The settings that a Hub gives a service."""
    defaults: dict[str, Any] = {
        "api_token": SecretStr(SECRET),
        "api_url": "http://hub.test/hub/api",
        "service_name": "fastapi",
    }
    return Settings(**(defaults | told))


@pytest.fixture
def hub() -> FakeHub:
    """A Hub that knows our token."""
    return FakeHub("http://hub.test/hub/api", api_token=SECRET)


async def test_one_client_serves_all_and_is_closed_at_the_end(hub: FakeHub) -> None:
    """Identification and readiness use the same HTTP client, which is closed at the end."""
    token = hub.issue("testuser")
    with respx.mock as router:
        router.route().mock(side_effect=hub)
        async with open_resources(settings()) as context:
            assert (await context.auth.identify(token)).name == "testuser"
            assert await context.readiness.check() == Health(hub_version="6.1.1")
            assert await context.auth.hub.ask(protocol.version()) == "6.1.1"

        with pytest.raises(HubUnavailableError):
            await context.auth.hub.ask(protocol.version())


async def test_questions_on_their_way_end_with_it(hub: FakeHub) -> None:
    """Closing ends all requests to the Hub, and leaves no task."""
    token = hub.issue("testuser")
    before = asyncio.all_tasks()
    with respx.mock as router:
        router.route().mock(side_effect=hub)
        with hub.holding():
            async with open_resources(settings()) as context:
                waiting = asyncio.ensure_future(context.auth.identify(token))
                await anyio.wait_all_tasks_blocked()
                assert hub.requests
            await anyio.wait_all_tasks_blocked()
            left = asyncio.all_tasks() - before
        await asyncio.gather(waiting, return_exceptions=True)

    assert left == set()


async def test_the_settings_reach_those_they_are_for(hub: FakeHub) -> None:
    """The OAuth client and the cache get their settings."""
    told = settings(cache_ttl=1000, stale_grace=0, cache_size=1, public_host="https://hub.example.org")
    with respx.mock as router:
        router.route().mock(side_effect=hub)
        async with open_resources(told) as context:
            assert context.oauth.client_id == "service-fastapi"
            assert context.oauth.redirect_uri == "https://hub.example.org/services/fastapi/oauth_callback"
            assert context.oauth.authorize_url == "https://hub.example.org/hub/api/oauth2/authorize"
            for token in (hub.issue("testuser"), hub.issue("testuser")):
                await context.auth.identify(token)
            assert len(context.auth.cache) == 1


async def test_every_worker_has_the_same_keys_each_for_one_purpose() -> None:
    """One worker can open what another has sealed, but never for another purpose."""
    async with open_resources(settings()) as one, open_resources(settings()) as two:
        state = one.state_sealer.seal("x", lifetime=MINUTE)
        session = one.session_sealer.seal("x", lifetime=MINUTE)

        assert two.state_sealer.open(state) == two.session_sealer.open(session) == "x"
        assert two.state_sealer.open(session) is two.session_sealer.open(state) is None
        assert one.xsrf_key == two.xsrf_key
    async with open_resources(settings(api_token=SecretStr("another"))) as other:
        assert other.state_sealer.open(state) is other.session_sealer.open(session) is None
        assert other.xsrf_key != one.xsrf_key


async def test_its_text_shows_no_secret() -> None:
    """The repr contains neither the token nor a key derived from it."""
    async with open_resources(settings()) as context:
        assert SECRET not in repr(context)
        assert repr(context.xsrf_key) not in repr(context)


async def test_a_slow_hub_is_given_up_after_the_timeout() -> None:
    """No answer within `HUB_TIMEOUT` seconds is an outage."""
    with respx.mock as router:
        router.route().mock(side_effect=OUTAGES["slow"])
        async with open_resources(settings(hub_timeout=0.25)) as context:
            with pytest.raises(HubUnavailableError):
                await context.auth.hub.ask(protocol.version())
        [call] = router.calls

    assert call.request.extensions["timeout"] == {"connect": 0.25, "read": 0.25, "write": 0.25, "pool": 0.25}


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """The certificate authority of the Hub."""
    return trustme.CA()


@pytest.fixture
def files(authority: trustme.CA, tmp_path: Path) -> dict[str, str]:
    """The files that a Hub with internal_ssl gives a service: key, certificate and CA."""
    ours = authority.issue_cert("service-fastapi")
    paths = {name: tmp_path / name for name in ("ssl_keyfile", "ssl_certfile", "ssl_client_ca")}
    ours.private_key_pem.write_to_path(paths["ssl_keyfile"])
    ours.cert_chain_pems[0].write_to_path(paths["ssl_certfile"])
    authority.cert_pem.write_to_path(paths["ssl_client_ca"])
    return {name: str(path) for name, path in paths.items()}


@pytest.mark.parametrize(
    ("given", "demands_certificate", "expected"),
    [
        pytest.param(("ssl_keyfile", "ssl_certfile", "ssl_client_ca"), True, "6.1.1", id="internal_ssl"),
        pytest.param(("ssl_client_ca",), False, "6.1.1", id="its CA alone"),
        pytest.param(("ssl_client_ca",), True, None, id="no certificate of ours"),
        pytest.param((), False, None, id="a CA that nobody told us of"),
        pytest.param(("ssl_keyfile", "ssl_certfile"), True, None, id="a certificate without the CA"),
    ],
)
async def test_the_hubs_tls_files_are_used(
    authority: trustme.CA,
    files: dict[str, str],
    given: tuple[str, ...],
    demands_certificate: bool,  # noqa: FBT001
    expected: str | None,
) -> None:
    """The client trusts the Hub's CA alone, and shows our certificate."""
    async with tls_hub(authority, demands_certificate=demands_certificate) as api_url:
        told = settings(api_url=api_url, **{name: files[name] for name in given})
        async with open_resources(told) as context:
            if expected:
                assert await context.auth.hub.ask(protocol.version()) == expected
            else:
                with pytest.raises(HubUnavailableError):
                    await context.auth.hub.ask(protocol.version())


async def test_a_certificate_of_another_ca_is_not_the_hubs(files: dict[str, str]) -> None:
    """A server with a certificate of another CA never sees a token."""
    async with (
        tls_hub(trustme.CA(), demands_certificate=False) as api_url,
        open_resources(settings(api_url=api_url, **files)) as context,
    ):
        with pytest.raises(HubUnreachableError):
            await context.auth.hub.ask(protocol.identify("token"))


async def test_many_questions_use_one_connection() -> None:
    """All requests to the Hub use the same connection."""
    connections: list[asyncio.StreamWriter] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        while not reader.at_eof():
            with contextlib.suppress(asyncio.IncompleteReadError):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{"version": "6.1.1"}')
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        api_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hub/api"
        async with open_resources(settings(api_url=api_url)) as context:
            for _ in range(30):
                assert await context.auth.hub.ask(protocol.version()) == "6.1.1"

    assert len(connections) == 1
