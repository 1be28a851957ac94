"""The service under the Hub's internal_ssl, as a process of its own: it talks to holders of a certificate alone.

With a Hub on the other side: JupyterHub's own tests, run against us with SSL_ENABLED=1.
"""

import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import trustme

from tests.support.external import ExternalService
from tests.support.local_http import local_client
from tests.support.ports import free_port

HOST = "127.0.0.1"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """The Hub's certificate authority."""
    return trustme.CA()


@pytest.fixture(scope="module")
def address(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a service listens that was given files as the Hub gives them."""
    directory: Path = tmp_path_factory.mktemp("ssl")
    leaf = authority.issue_cert(HOST)
    leaf.private_key_pem.write_to_path(directory / "key")
    leaf.cert_chain_pems[0].write_to_path(directory / "cert")
    authority.cert_pem.write_to_path(directory / "ca")
    url = f"https://{HOST}:{free_port()}"
    environment = {
        "JUPYTERHUB_API_TOKEN": "0123456789abcdef0123456789abcdef",
        "JUPYTERHUB_API_URL": f"https://{HOST}:{free_port()}/hub/api",
        "JUPYTERHUB_SERVICE_NAME": "fastapi",
        "JUPYTERHUB_SERVICE_URL": url,
        "JUPYTERHUB_SSL_KEYFILE": str(directory / "key"),
        "JUPYTERHUB_SSL_CERTFILE": str(directory / "cert"),
        "JUPYTERHUB_SSL_CLIENT_CA": str(directory / "ca"),
    }
    with ExternalService(environment, directory=directory):
        yield f"{url}/services/fastapi/health/live"


async def status(address: str, authority: trustme.CA, shows: trustme.CA | None) -> int:
    """Ask with a certificate of an authority, or with none; 0 where no answer comes."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    if shows is not None:
        shows.issue_cert("client").configure_cert(context)
    async with local_client(verify=context) as client:
        try:
            return (await client.get(address)).status_code
        except (httpx.ReadError, httpx.ConnectError, httpx.RemoteProtocolError):
            return 0


async def test_only_the_hubs_own_are_heard(address: str, authority: trustme.CA) -> None:
    """The proxy, whose certificate is of the Hub's authority, gets an answer; without one, or of another, nobody."""
    assert await status(address, authority, authority) == 200
    assert await status(address, authority, None) == 0
    assert await status(address, authority, trustme.CA()) == 0


async def test_nothing_is_said_in_the_clear(address: str) -> None:
    """Who asks without TLS gets no answer."""
    async with local_client() as client:
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await client.get(address.replace("https", "http"))
