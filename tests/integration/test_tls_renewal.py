"""A certificate that is renewed while the service works: nobody notices but new handshakes."""

import asyncio
import contextlib
import os
import signal
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.support.certificates import HOST, Certificates, leaf_of
from tests.support.crew import PATH, Crew
from tests.support.local_http import local_client
from tests.support.ports import free_port

Start = Callable[..., Crew]
LIVE = f"{PATH}health/live"
CALLERS = 4


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    """Pairs of files."""
    return Certificates(tmp_path)


@dataclass
class Connection:
    """A connection to the service."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def shown(self) -> str:
        """Return the certificate that was shown when it was made."""
        shown = self.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        return ssl.DER_cert_to_PEM_cert(shown)

    async def ask(self) -> bytes:
        """Send a request; return the first line of the answer."""
        self.writer.write(f"GET {LIVE} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        head = await self.reader.readuntil(b"\r\n\r\n")
        await self.reader.readexactly(len('{"status":"alive"}'))
        return head.partition(b"\r\n")[0]


class Renewing:
    """A service on a pair of files that the test changes."""

    def __init__(self, certificates: Certificates) -> None:
        """Choose where."""
        self.certificates = certificates
        self.port = free_port()
        self.files = certificates.pair()
        self.address = f"https://{HOST}:{self.port}"
        self.told = {
            "SERVICE_LISTEN": self.address,
            "SERVICE_TLS_CERT": str(self.files[0]),
            "SERVICE_TLS_KEY": str(self.files[1]),
        }

    def put(self, certificate: Path, key: Path) -> None:
        """Let a pair take the place of the one that is served."""
        certificate.rename(self.files[0])
        key.rename(self.files[1])

    def client(self) -> httpx.AsyncClient:
        """Return a client that keeps its connection."""
        return local_client(base_url=self.address, verify=self.certificates.trusting())

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator["Connection"]:
        """Make a handshake, and keep the connection."""
        reader, writer = await asyncio.open_connection(HOST, self.port, ssl=self.certificates.trusting())
        try:
            yield Connection(reader, writer)
        finally:
            writer.close()
            await writer.wait_closed()

    async def shown(self) -> str:
        """Return the certificate that a new handshake shows."""
        async with self.connected() as connection:
            return connection.shown()

    @contextlib.asynccontextmanager
    async def under_load(self) -> AsyncIterator[Counter[int | str]]:
        """Ask all the time, on new connections and on kept ones; give the answers, which are complete in the end."""
        answers: Counter[int | str] = Counter()
        done = asyncio.Event()

        async def ask(client: httpx.AsyncClient) -> None:
            try:
                answers[(await client.get(LIVE)).status_code] += 1
            except httpx.TransportError as error:
                answers[repr(error)] += 1

        async def come_and_go() -> None:
            while not done.is_set():
                async with self.client() as client:
                    await ask(client)

        async def stay() -> None:
            async with self.client() as client:
                while not done.is_set():
                    await ask(client)

        callers = [asyncio.create_task(each()) for each in (come_and_go, stay) for _ in range(CALLERS // 2)]
        try:
            yield answers
        finally:
            done.set()
            await asyncio.gather(*callers)


@pytest.fixture
def renewing(certificates: Certificates) -> Renewing:
    """A service's pair of files."""
    return Renewing(certificates)


@pytest.mark.parametrize("workers", [1, 3])
async def test_under_load(start_crew: Start, renewing: Renewing, workers: int) -> None:
    """No request fails; every process takes the new pair up, and an open connection goes on with the old one."""
    crew = await start_crew(workers=workers, **renewing.told).started()
    async with renewing.connected() as kept, renewing.under_load() as answers:
        assert await kept.ask() == b"HTTP/1.1 200 OK"
        renewing.put(*renewing.certificates.pair("new"))
        await crew.has_said("The new certificate is in use", workers)
        shown = {await renewing.shown() for _ in range(10)}
        assert await kept.ask() == b"HTTP/1.1 200 OK"

    assert shown == {leaf_of(renewing.files[0])} != {kept.shown()}
    assert answers.keys() == {200}
    assert crew.says("Finished server process") == 0


async def test_one_that_is_no_good(start_crew: Start, renewing: Renewing) -> None:
    """A key of another certificate is refused in every process, said once in each, and the old pair stays."""
    crew = await start_crew(workers=2, **renewing.told).started()
    before = await renewing.shown()
    async with renewing.under_load() as answers:
        renewing.put(renewing.certificates.pair("new")[0], renewing.certificates.pair("other")[1])
        await crew.has_said("refused", 2)
        assert {await renewing.shown() for _ in range(10)} == {before}

        renewing.put(*renewing.certificates.pair("good"))
        await crew.has_said("The new certificate is in use", 2)

    assert {await renewing.shown() for _ in range(10)} == {leaf_of(renewing.files[0])}
    assert answers.keys() == {200}
    refusal = "the old one stays in use: the key does not belong to the certificate"
    assert crew.says(refusal) == crew.says("refused") == 2


async def test_a_worker_that_dies_meanwhile(start_crew: Start, renewing: Renewing) -> None:
    """Where the pair is no good it cannot be replaced, and the log says why; the others serve, until it can."""
    crew = await start_crew(workers=2, **renewing.told).started()
    before = await renewing.shown()
    renewing.put(renewing.certificates.pair("new")[0], renewing.certificates.pair("other")[1])
    await crew.has_said("refused", 2)
    os.kill(min(pid for pid, line in crew.process.descendants().items() if "spawn_main" in line), signal.SIGKILL)
    await crew.has_said("This process cannot serve https: the key does not belong to the certificate", 1)
    async with renewing.client() as client:
        assert (await client.get(LIVE)).status_code == 200
    assert await renewing.shown() == before

    renewing.put(*renewing.certificates.pair("good"))
    await crew.has_said("Application startup complete", 3)
    await crew.has_said("The new certificate is in use", 1)  # by the one that went on

    assert {await renewing.shown() for _ in range(10)} == {leaf_of(renewing.files[0])}
    assert crew.says("Traceback") == 0
