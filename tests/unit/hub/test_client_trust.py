"""Which certificates of a Hub at https are trusted, and what is said of one that is not."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from pydantic import SecretStr

from service.hub import protocol
from service.hub.client import HubClient, open_http, tls_for
from service.hub.errors import HubUnreachableError
from tests.support.certificates import Certificates


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Certificates of an organisation's own CA."""
    return Certificates(tmp_path_factory.mktemp("certificates"))


@asynccontextmanager
async def hub_at(tls: ssl.SSLContext | None, *, host: str = "127.0.0.1") -> AsyncIterator[str]:
    """Run what answers as a Hub does; return its port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        body = b'{"version": "6.1.1"}'
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, host, 0, ssl=tls) as server:
        yield str(server.sockets[0].getsockname()[1])


async def version_at(url: str) -> str:
    """Ask a Hub for its version, as the service does."""
    async with open_http(timeout=10, tls=tls_for(url)) as http:
        return await HubClient(http, api_url=url, api_token=SecretStr("t")).ask(protocol.version())


def served(certificates: Certificates, **dates: int) -> ssl.SSLContext:
    """Return the TLS of a Hub with a certificate of the CA."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificates.pair(f"hub-{len(dates)}", **dates))
    return context


async def test_a_ca_of_the_organisation(certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> None:
    """A CA in SSL_CERT_FILE is trusted, as by every other program."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca))

    async with hub_at(served(certificates)) as port:
        assert await version_at(f"https://127.0.0.1:{port}/hub/api") == "6.1.1"


@pytest.mark.parametrize(
    ("host", "trusts", "dates", "said"),
    [
        pytest.param("127.0.0.1", False, {}, "unable to get local issuer certificate", id="unknown CA"),
        pytest.param("127.0.0.1", True, {"begins": -9, "ends": -2}, "certificate has expired", id="expired"),
        pytest.param("localhost", True, {}, "Hostname mismatch", id="another name"),
        pytest.param("127.0.0.2", True, {}, "IP address mismatch", id="another address"),
    ],
)
async def test_a_certificate_that_is_not_trusted(
    certificates: Certificates,
    monkeypatch: pytest.MonkeyPatch,
    host: str,
    trusts: bool,  # noqa: FBT001 - a parameter of the test
    dates: dict[str, int],
    said: str,
) -> None:
    """The certificate is named as the problem, with what OpenSSL says of it, but without the Hub's host."""
    if trusts:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca))

    async with hub_at(served(certificates, **dates), host=host) as port:
        with pytest.raises(HubUnreachableError) as caught:
            await version_at(f"https://{host}:{port}/hub/api")

    assert caught.value.reason.startswith("its certificate is not trusted (")
    assert said in caught.value.reason
    assert host not in caught.value.reason, "anybody may read it at /health/ready"


async def test_a_hub_without_tls() -> None:
    """An address with https of a Hub that has http is told apart."""
    async with hub_at(None) as port:
        with pytest.raises(HubUnreachableError) as caught:
            await version_at(f"https://127.0.0.1:{port}/hub/api")

    assert caught.value.reason.startswith("the connection cannot be encrypted (")


async def test_an_error_that_leads_back_to_itself() -> None:
    """A chain of errors may be a circle, as when an error is raised anew: it has an end all the same."""
    first, second = httpx.ConnectError(""), OSError()
    first.__context__, second.__context__ = second, first

    def fail(_: httpx.Request) -> httpx.Response:
        raise first

    async with httpx.AsyncClient(transport=httpx.MockTransport(fail)) as http:
        with pytest.raises(HubUnreachableError) as caught:
            await HubClient(http, api_url="http://hub.test", api_token=SecretStr("t")).ask(protocol.version())

    assert caught.value.reason == "it takes no connection"


async def test_a_name_that_nobody_knows() -> None:
    """A name that cannot be resolved has words of its own."""

    def fail(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("") from socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async with httpx.AsyncClient(transport=httpx.MockTransport(fail)) as http:
        with pytest.raises(HubUnreachableError) as caught:
            await HubClient(http, api_url="http://hub.test", api_token=SecretStr("t")).ask(protocol.version())

    assert caught.value.reason == "its name cannot be resolved"
