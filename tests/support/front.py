"""A front before several servers, as a load balancer is: each request goes to one of them, on a connection of its own.

It knows which process has answered: of processes that share a port too.
"""

import contextlib
import http.client
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import httpx
import psutil

from tests.support.gate import HOP_BY_HOP, Canned, HubGate, Passed
from tests.support.polling import eventually

BAD_GATEWAY = Canned(502)


@dataclass(frozen=True)
class Served:
    """A request with the port and the process that it was given to, and where its answer sends the browser."""

    path: str
    port: int
    process: int
    location: str

    @property
    def name(self) -> str:
        """The last part of the path."""
        return urlsplit(self.path).path.rpartition("/")[2]

    @property
    def begun(self) -> str:
        """The state of the sign-in that the answer begins; empty if it begins none."""
        return _state(self.location) if "oauth2/authorize" in self.location else ""

    @property
    def finished(self) -> str:
        """The state of the sign-in that the request finishes; empty if it finishes none."""
        return _state(self.path) if self.name == "oauth_callback" else ""


def _state(address: str) -> str:
    return parse_qs(urlsplit(address).query).get("state", [""])[0]


class Front(HubGate):
    """A relay at `url` to whatever listens on `ports`; which one is left to chance, unless the test says it."""

    def __init__(self, *, port: int, ports: Sequence[int]) -> None:
        """Listen at once; who is not there yet is a bad gateway."""
        self.ports = tuple(ports)
        by_chance = random.Random(port)  # noqa: S311 (no secret)
        self._choose: Callable[[], int] = lambda: by_chance.choice(self.ports)
        self.served: list[Served] = []
        super().__init__(port=port, hub_port=ports[0])

    @contextlib.contextmanager
    def turning_to(self, *ports: int) -> Iterator[list[Served]]:
        """Send the block's requests to these, one each; give a list that grows by what was served."""
        before, choose = self.served, self._choose
        turns = iter(ports)
        self.served, self._choose = [], lambda: next(turns)
        try:
            yield self.served
        finally:
            self.served, self._choose = before, choose

    async def until_each_says(self, status: int, ask: Callable[[], Awaitable[httpx.Response]], *, of: int) -> None:
        """Ask until each of so many processes has given this status, with no other status in between."""
        said = set[int]()

        async def have_all() -> bool:
            if (await ask()).status_code == status:
                said.add(self.served[-1].process)  # one request at a time: the last one is ours
            else:
                said.clear()
            return len(said - {0}) == of

        await eventually(have_all, every=0)

    def _ask(self, request: Passed) -> Canned:
        port = self._choose()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        with contextlib.closing(connection):
            try:
                connection.request(request.method, request.path, request.body or None, request.headers)
                client = connection.sock.getsockname()[1]
                reply = connection.getresponse()
            except ConnectionRefusedError:
                return BAD_GATEWAY
            answered_by = _owner(client, of=port)
            self.served.append(Served(request.path, port, answered_by, reply.getheader("Location") or ""))
            headers = [(name, value) for name, value in reply.getheaders() if name.lower() not in HOP_BY_HOP]
            return Canned(reply.status, reply.read(), headers)


def _owner(client: int, *, of: int) -> int:
    """Return the process at the server's end of the connection between two ports; 0 if that is closed already."""
    for each in psutil.net_connections("tcp4"):
        if each.raddr and (each.laddr.port, each.raddr.port) == (of, client):
            return int(each.pid or 0)
    return 0
