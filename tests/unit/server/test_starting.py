"""What answers while the applications prepare."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from service.server.sockets import Listener, listening
from service.server.starting import answering
from service.server.tls import ServerTLS
from tests.support.certificates import HOST, Certificates
from tests.support.ports import free_ports

LIVE = "/services/fastapi/health/live"


class Places:
    """An address of each kind where a service listens, and clients that reach them."""

    def __init__(self, directory: Path, stack: contextlib.ExitStack) -> None:
        """Listen, as the service does before it prepares."""
        (directory / "run").mkdir(mode=0o750)
        http, https = free_ports(2)
        certificates, socket = Certificates(directory), str(directory / "run/service.sock")
        addresses = [f"http://{HOST}:{http}", f"https://{HOST}:{https}", f"unix:{socket}"]
        certificate, key = map(str, certificates.pair())
        self.tls = ServerTLS(certificate, key, minimum="1.2").context()
        self.listeners: list[Listener] = stack.enter_context(listening(addresses))
        transports = [
            httpx.HTTPTransport(),
            httpx.HTTPTransport(verify=certificates.trusting()),
            httpx.HTTPTransport(uds=socket),
        ]
        self.clients = [
            stack.enter_context(httpx.Client(base_url=base, transport=transport, timeout=60))
            for base, transport in zip([*addresses[:2], "http://service"], transports, strict=True)
        ]


@pytest.fixture
def places(tmp_path: Path) -> Iterator[Places]:
    """A listener of each kind."""
    with contextlib.ExitStack() as stack:
        yield Places(tmp_path, stack)


def test_every_address_answers(places: Places) -> None:
    """At each kind of address callers get 503 and probes hear that the process is live."""
    with answering(places.listeners, prefix="/services/fastapi/", tls=places.tls, patience=0):
        replies = [(client.get(LIVE), client.post("/services/fastapi/me", json={})) for client in places.clients]

    assert [(live.json(), me.status_code, me.json()["code"]) for live, me in replies] == [
        ({"status": "alive"}, 503, "service_starting")
    ] * 3


def test_later_connections_wait_for_the_service(places: Places) -> None:
    """The sockets still listen afterwards."""
    with answering(places.listeners, prefix="/", tls=places.tls, patience=0):
        places.clients[0].get("/")

    for (_, bound), client in zip(places.listeners, places.clients, strict=True):
        with pytest.raises(httpx.TimeoutException):
            client.get("/", timeout=0.2)
        bound.accept()[0].close()


def test_a_quick_start_refuses_nobody(places: Places) -> None:
    """Nobody is answered in the first seconds: callers wait, and the service serves them."""
    with answering(places.listeners, prefix="/", tls=places.tls):
        for client in places.clients:
            with pytest.raises(httpx.TimeoutException):
                client.get("/", timeout=0.2)
