"""SERVICE_LISTEN: http, https and unix sockets of one service, and what it says where it cannot listen."""

import contextlib
import json
import signal
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
from websockets.asyncio.client import connect, unix_connect

from tests.support.crew import PATH, START_LIMIT, Crew
from tests.support.local_http import local_client
from tests.support.polling import eventually
from tests.support.ports import free_ports

HOST = "127.0.0.1"
ELSEWHERE = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https"}
SEEN = f"{PATH}wire/seen"
ROUTES = {"SERVICE_ROUTERS": "tests.support.wire_routes:router"}

Start = Callable[..., Crew]


class Addresses:
    """An address of each kind, and clients that reach them."""

    def __init__(self, directory: Path) -> None:
        """Choose the ports, make a certificate and a guarded folder."""
        http, https = free_ports(2)
        self.http, self.https = f"http://{HOST}:{http}", f"https://{HOST}:{https}"
        (directory / "guarded").mkdir(mode=0o750)
        self.socket = directory / "guarded/service.sock"
        authority = trustme.CA()
        self.trusting = ssl.create_default_context()
        authority.configure_trust(self.trusting)
        leaf = authority.issue_cert(HOST)
        leaf.private_key_and_cert_chain_pem.write_to_path(directory / "both.pem")
        both = str(directory / "both.pem")
        self.told = ROUTES | {
            "SERVICE_LISTEN": f"{self.http},{self.https},unix:{self.socket}",
            "SERVICE_TLS_CERT": both,
            "SERVICE_TLS_KEY": both,
        }

    def clients(self) -> dict[str, httpx.AsyncClient]:
        """Return a client for each."""
        return {
            "http": local_client(base_url=self.http),
            "https": local_client(base_url=self.https, verify=self.trusting),
            "unix": local_client(base_url="http://service", transport=by_socket(self.socket)),
        }


def by_socket(path: Path) -> httpx.AsyncHTTPTransport:
    """Return what reaches a unix socket."""
    return httpx.AsyncHTTPTransport(uds=str(path))


@pytest.fixture
def addresses(tmp_path: Path) -> Addresses:
    """Where the service of a test listens."""
    return Addresses(tmp_path)


@pytest.mark.parametrize("workers", [1, 3])
async def test_all_kinds_at_once(start_crew: Start, addresses: Addresses, workers: int) -> None:
    """Each address is served by one application in each process; a socket's file is gone in the end."""
    crew = await start_crew(workers=workers, **addresses.told).started()
    answers = {}
    for kind, client in addresses.clients().items():
        async with client:
            answers[kind] = (await client.get(SEEN)).json()

    assert {kind: (answer["client"], answer["scheme"]) for kind, answer in answers.items()} == {
        "http": (HOST, "http"),
        "https": (HOST, "https"),
        "unix": ("unix", "http"),
    }
    assert crew.says("Application startup complete") == workers
    crew.process.send(signal.SIGTERM)
    assert await crew.ended() == 0
    assert not addresses.socket.exists()


async def test_who_is_believed(start_crew: Start, addresses: Addresses) -> None:
    """Over a unix socket a proxy is believed, over TCP only one of FORWARDED_ALLOW_IPS, in the same process."""
    await start_crew(**addresses.told, FORWARDED_ALLOW_IPS="192.0.2.1").started()
    seen = {}
    for kind, client in addresses.clients().items():
        async with client:
            answer = (await client.get(SEEN, headers=ELSEWHERE)).json()
            seen[kind] = answer["client"], answer["scheme"]

    assert seen == {"http": (HOST, "http"), "https": (HOST, "https"), "unix": ("192.0.2.7", "https")}


async def seen_from(address: str, crew: Crew, chain: str) -> str:
    """Return for whom the service takes one that connects from a local address and says this of its origin."""
    transport = httpx.AsyncHTTPTransport(local_address=address)
    async with local_client(base_url=crew.origin, transport=transport) as client:
        return str((await client.get(SEEN, headers={"X-Forwarded-For": chain})).json()["client"])


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_proxy_by_its_name(start_crew: Start, workers: int) -> None:
    """A neighbour of the proxy cannot invent its address, neither past the proxy nor through it."""
    crew = await start_crew(workers=workers, **ROUTES, FORWARDED_ALLOW_IPS="localhost").started()
    neighbour = "127.0.0.2"

    assert await seen_from(neighbour, crew, "192.0.2.7") == neighbour
    assert await seen_from(HOST, crew, "192.0.2.7") == "192.0.2.7"
    assert await seen_from(HOST, crew, f"192.0.2.7, {neighbour}") == neighbour


async def test_websockets(start_crew: Start, addresses: Addresses) -> None:
    """Are served at each kind of address, and their proxies believed as those of requests."""
    await start_crew(**addresses.told, FORWARDED_ALLOW_IPS="192.0.2.1").started()
    told: dict[str, Any] = {"additional_headers": ELSEWHERE, "proxy": None}
    seen = {}
    for kind, opening in {
        "http": connect(f"{addresses.http.replace('http', 'ws')}{SEEN}", **told),
        "https": connect(f"{addresses.https.replace('https', 'wss')}{SEEN}", ssl=addresses.trusting, **told),
        "unix": unix_connect(str(addresses.socket), f"ws://service{SEEN}", additional_headers=ELSEWHERE),
    }.items():
        async with opening as connection:
            answer = json.loads(await connection.recv())
            seen[kind] = answer["client"], answer["scheme"]

    assert seen == {"http": (HOST, "ws"), "https": (HOST, "wss"), "unix": ("192.0.2.7", "wss")}


async def test_no_caller_makes_itself_a_socket(start_crew: Start, addresses: Addresses) -> None:
    """Whoever names itself like one, through a proxy that appends what it saw, is taken for what that saw."""
    await start_crew(**addresses.told).started()
    async with addresses.clients()["unix"] as client:
        said = await client.get(SEEN, headers={"X-Forwarded-For": "198.51.100.1, unix, 192.0.2.7"})

    assert said.json()["client"] == "192.0.2.7"


async def test_https_does_not_speak_in_the_clear(start_crew: Start, addresses: Addresses) -> None:
    """Nor does http take part in a handshake."""
    await start_crew(**addresses.told).started()
    async with local_client(verify=addresses.trusting) as client:
        for wrong in (addresses.https.replace("https", "http"), addresses.http.replace("http", "https")):
            with pytest.raises(httpx.TransportError):
                await client.get(f"{wrong}{SEEN}")


async def test_sockets_and_rolling_restarts(start_crew: Start, addresses: Addresses) -> None:
    """SIGHUP replaces the workers behind a unix socket; somebody answers all the time."""
    crew = await start_crew(workers=2, **addresses.told).started()
    statuses = set()
    crew.process.send(signal.SIGHUP)

    async def are_replaced() -> bool:
        async with addresses.clients()["unix"] as client:  # each on a new connection
            statuses.add((await client.get(SEEN)).status_code)
        return crew.says("Finished server process") == crew.workers

    await eventually(are_replaced)
    assert statuses == {200}


async def test_the_file_of_one_that_was_killed(start_crew: Start, addresses: Addresses) -> None:
    """Is replaced."""
    crew = await start_crew(**addresses.told).started()
    crew.process.send(signal.SIGKILL)
    await crew.ended()
    crew.log.write_text("")
    assert addresses.socket.is_socket()

    await start_crew(**addresses.told).started()

    async with addresses.clients()["unix"] as client:
        assert (await client.get(SEEN)).status_code == 200


async def test_one_that_lives(start_crew: Start, addresses: Addresses) -> None:
    """Is not: the second says who is in its way, all at once, with status 2, and the first goes on."""
    first = await start_crew(**addresses.told).started()
    first.log.write_text("")
    second = start_crew(**addresses.told)
    listens = "SERVICE_LISTEN or JUPYTERHUB_SERVICE_URL: cannot listen at {}: another process listens there already"
    places = [addresses.http, addresses.https, f"unix:{addresses.socket}"]

    assert second.process.wait(START_LIMIT) == 2
    assert second.log.read_text().splitlines() == [
        "The configuration is wrong:",
        *(f"  - {listens.format(place)}" for place in places),
    ]
    async with addresses.clients()["unix"] as client:
        assert (await client.get(SEEN)).status_code == 200


async def test_a_successors_socket_stays(start_crew: Start, addresses: Addresses) -> None:
    """One that ends removes its own file, not that of another that has taken its place."""
    first = await start_crew(**addresses.told).started()
    addresses.socket.unlink()
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as successor:
        successor.bind(str(addresses.socket))
        first.process.send(signal.SIGTERM)
        await first.ended()

        assert addresses.socket.is_socket()


async def test_where_nobody_can_listen(start_crew: Start, tmp_path: Path) -> None:
    """Every such place is named, with the reason, and the status is 2."""
    (tmp_path / "file").write_text("canary")
    wrong = {
        "http://192.0.2.1:8000": "this machine has no such address",
        f"unix:{tmp_path}/nowhere/s.sock": "there is no such folder",
        f"unix:{tmp_path}/file": "there is a file that is not a socket",
    }
    crew = start_crew(SERVICE_LISTEN=",".join(wrong))

    assert crew.process.wait(START_LIMIT) == 2
    assert [line.partition("cannot listen at ")[2] for line in crew.log.read_text().splitlines()[1:]] == [
        f"{place}: {reason}" for place, reason in wrong.items()
    ]
    assert (tmp_path / "file").read_text() == "canary"


@pytest.mark.parametrize(("mode", "warned"), [(0o750, 0), (0o755, 1)], ids=["guarded", "open"])
async def test_an_open_folder(start_crew: Start, addresses: Addresses, mode: int, warned: int) -> None:
    """A folder that everybody may enter is no guard, and the log says so, once."""
    addresses.socket.parent.chmod(mode)
    crew = await start_crew(workers=2, **addresses.told).started()

    assert crew.says("Everybody on this machine may connect") == warned


def names() -> list[str]:
    """`localhost`, and where the machine has IPv6 an address of that."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return ["localhost"]
    return ["localhost", "[::1]"]


@pytest.mark.parametrize("name", names())
async def test_names(start_crew: Start, name: str) -> None:
    """A name is listened at by all the addresses that it has and this machine too; so is an IPv6 address."""
    (port,) = free_ports(1)
    await start_crew(SERVICE_LISTEN=f"http://{name}:{port}", **ROUTES).started()
    async with local_client() as client:
        assert (await client.get(f"http://{name}:{port}{SEEN}")).status_code == 200
