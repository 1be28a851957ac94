"""SIGTERM: what is under way is finished, over each kind of address; nobody waits for what does not come."""

import asyncio
import contextlib
import signal
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.support.certificates import HOST, Certificates
from tests.support.crew import PATH, Crew
from tests.support.ports import free_ports
from tests.support.wire_routes import PIECE, PIECES

Start = Callable[..., Crew]
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
SIZE = len(PIECE) * PIECES


class Kinds:
    """A service that listens at addresses of each kind."""

    def __init__(self, directory: Path) -> None:
        """Choose the addresses."""
        certificates = Certificates(directory)
        certificate, key = certificates.pair()
        self._trusting: ssl.SSLContext = certificates.trusting()
        self._http, self._https = free_ports(2)
        (directory / "guarded").mkdir(mode=0o750)
        self._socket = directory / "guarded/s.sock"
        self.told = {
            "SERVICE_LISTEN": f"http://{HOST}:{self._http},https://{HOST}:{self._https},unix:{self._socket}",
            "SERVICE_TLS_CERT": str(certificate),
            "SERVICE_TLS_KEY": str(key),
            "SERVICE_ROUTERS": "tests.support.wire_routes:router",
        }

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[dict[str, Connection]]:
        """Connect to each."""
        connections = {
            "http": await asyncio.open_connection(HOST, self._http),
            "https": await asyncio.open_connection(HOST, self._https, ssl=self._trusting),
            "unix": await asyncio.open_unix_connection(str(self._socket)),
        }
        try:
            yield connections
        finally:
            for _, writer in connections.values():
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()

    async def refused(self) -> int:
        """Return how many of them take no new connection."""
        attempts = [
            asyncio.open_connection(HOST, self._http),
            asyncio.open_connection(HOST, self._https, ssl=self._trusting),
            asyncio.open_unix_connection(str(self._socket)),
        ]
        return sum(isinstance(end, OSError) for end in await asyncio.gather(*attempts, return_exceptions=True))


@pytest.fixture
def kinds(tmp_path: Path) -> Kinds:
    """Addresses of each kind."""
    return Kinds(tmp_path)


def ask(writer: asyncio.StreamWriter, path: str) -> None:
    """Send a request."""
    writer.write(f"GET {PATH}{path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())


async def body(reader: asyncio.StreamReader) -> int:
    """Read what comes in chunks, to its end; return how long it was."""
    length = 0
    while size := int(await reader.readuntil(b"\r\n"), 16):
        await reader.readexactly(size + 2)
        length += size
    return length


@pytest.mark.parametrize("workers", [1, 3])
async def test_downloads_are_finished(start_crew: Start, kinds: Kinds, workers: int) -> None:
    """Downloads half done are completed, while who comes now is refused at once; the exit status says all is well."""
    crew = await start_crew(workers=workers, **kinds.told).started()
    async with kinds.connected() as connections:
        for _, writer in connections.values():
            ask(writer, "wire/download")
        heads = [await reader.readuntil(b"\r\n\r\n") for reader, _ in connections.values()]
        crew.process.send(signal.SIGTERM)
        await crew.has_said("Shutting down", workers)
        refused = await kinds.refused()
        lengths = {kind: await body(reader) for kind, (reader, _) in connections.items()}

    assert {head.partition(b"\r\n")[0] for head in heads} == {b"HTTP/1.1 200 OK"}
    assert lengths == {"http": SIZE, "https": SIZE, "unix": SIZE}
    assert refused == 3
    assert await crew.ended() == 0
    assert crew.says("Finished server process") == workers
    assert crew.says("Traceback") == 0


async def test_who_has_just_connected(start_crew: Start, kinds: Kinds) -> None:
    """A request that comes right after the signal, on a connection made before it, is answered."""
    crew = await start_crew(**kinds.told).started()
    async with kinds.connected() as connections:
        crew.process.send(signal.SIGTERM)
        await crew.has_said("Shutting down", 1)
        answers = set()
        for reader, writer in connections.values():
            ask(writer, "health/live")
            answers.add(await reader.readuntil(b"\r\n"))

    assert answers == {b"HTTP/1.1 200 OK\r\n"}
    assert await crew.ended() == 0
