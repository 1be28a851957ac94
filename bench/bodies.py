"""What strangers make the service hold who begin to send bodies: `python -m bench.bodies`.

The service is a process of its own, with a real socket. Each crowd opens many connections, sends the head and 900 kB of
a body of 1 MB as far as it is taken, and then waits. Meanwhile a known user asks, and is served. Told are the service's
resident memory, how many connections are still open, and how long the known user waited.

What the kernel holds of a connection that nobody reads is not the service's, and bounded by `net.ipv4.tcp_rmem`.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from service.testing.fake_hub import own_scopes

PREFIX = "/services/fastapi/"
KNOWN, SENDER = secrets.token_hex(16), secrets.token_hex(16)  # tokens of two users: who asks, and of the crowd
LENGTH, SENT = 1_000_000, 900_000  # bytes of a body: announced, and sent
REPOSITORY = Path(__file__).parent.parent

_USERS = {"known": KNOWN, "sender": SENDER}
_SMALL = b'{"text": "x"}'
_BODY = memoryview(b'{"text": "' + b"x" * SENT)


@dataclass(frozen=True)
class Crowd:
    """Many who send alike. `slow`: seconds that the Hub takes to say no to a token that it does not know."""

    title: str
    connections: int
    path: str = "uploads/guarded"
    headers: Callable[[int], Sequence[str]] = lambda _: ()
    slow: float = 0.0


@dataclass(frozen=True)
class Figures:
    """What came of a crowd; memory in MB, times in milliseconds."""

    crowd: Crowd
    before: float
    most: float
    after: float
    open: int
    waits: Sequence[float]

    def row(self) -> str:
        """One line of a Markdown table."""
        waits = sorted(self.waits)
        return (
            f"| {self.crowd.title} | {self.crowd.connections:,} | {self.most - self.before:+.0f} MB | "
            f"{self.after - self.before:+.0f} MB | {self.open:,} | "
            f"{waits[len(waits) // 2]:.0f} ms | {waits[-1]:.0f} ms |"
        )


def crowds() -> Iterator[Crowd]:
    """Those whom the service has to bear."""
    yield Crowd("without a credential", 2000)
    yield Crowd("random tokens, a slow Hub", 300, headers=lambda _: [_bearer(secrets.token_hex(16))], slow=3600)
    yield Crowd("a route open to all", 2000, path="uploads/open")
    yield Crowd("one known user", 300, headers=lambda _: [_bearer(SENDER)])


def _bearer(token: str) -> str:
    return f"Authorization: Bearer {token}"


@asynccontextmanager
async def hub(slow: float) -> AsyncIterator[str]:
    """Answer as a Hub does that knows two users; yield the address of its API."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                name = next((name for name, token in _USERS.items() if token.encode() in head), "")
                if name:
                    status, said = "200 OK", json.dumps(_model(name)).encode()
                else:
                    await asyncio.sleep(slow)
                    status, said = "403 Forbidden", b'{"status": 403, "message": "Missing or invalid credentials."}'
                lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(said)}", "", ""]
                writer.write("\r\n".join(lines).encode() + said)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hub/api"
    finally:
        server.close()


def _model(name: str) -> dict[str, object]:
    scopes = sorted(own_scopes(name) | {"access:services"})
    return {"kind": "user", "name": name, "admin": False, "groups": [], "scopes": scopes, "token_id": "a1"}


@contextmanager
def service(api_url: str) -> Iterator[tuple[psutil.Process, int]]:
    """Run the service; yield its process and port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    told = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(REPOSITORY),
        "JUPYTERHUB_API_TOKEN": secrets.token_hex(32),
        "JUPYTERHUB_API_URL": api_url,
        "JUPYTERHUB_SERVICE_NAME": "fastapi",
        "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{port}",
        "JUPYTERHUB_OAUTH_ACCESS_SCOPES": '["access:services"]',
        "SERVICE_ROUTERS": "bench.uploads:router",
        "HUB_TIMEOUT": "3600",
    }
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-P", "-m", "service"]
        process = subprocess.Popen(command, env=told, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield psutil.Process(process.pid), port
        finally:
            process.kill()
            process.wait()


@contextmanager
def sending(crowd: Crowd, port: int) -> Iterator[None]:
    """Let a crowd send, from a process of its own."""
    process = multiprocessing.get_context("fork").Process(target=_send_all, args=(crowd, port))
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()


def _send_all(crowd: Crowd, port: int) -> None:
    async def all_at_once() -> None:
        await asyncio.gather(*(send(crowd, number, port) for number in range(crowd.connections)))

    asyncio.set_event_loop(None)  # that of the parent
    asyncio.events._set_running_loop(None)  # noqa: SLF001 - likewise
    asyncio.new_event_loop().run_until_complete(all_at_once())


async def send(crowd: Crowd, number: int, port: int) -> None:
    """Open a connection, and send as much as is taken."""
    loop = asyncio.get_running_loop()
    lines = [f"POST {PREFIX}{crowd.path} HTTP/1.1", "Host: a", "Content-Type: application/json"]
    head = "\r\n".join([*lines, f"Content-Length: {LENGTH}", *crowd.headers(number), "", ""]).encode()
    with socket.socket() as connection:
        connection.setblocking(False)  # noqa: FBT003 - Python's
        with suppress(ConnectionError):
            await loop.sock_connect(connection, ("127.0.0.1", port))
            await loop.sock_sendall(connection, head)
            await loop.sock_sendall(connection, _BODY)
        await asyncio.Event().wait()


async def ask(port: int, *, body: bytes = b"") -> float:
    """Ask as the known user, on a new connection; return how long it took, in milliseconds."""
    begun = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    method, path = ("POST", "uploads/guarded") if body else ("GET", "me")
    lines = [f"{method} {PREFIX}{path} HTTP/1.1", "Host: a", _bearer(KNOWN), "Connection: close"]
    more = ["Content-Type: application/json", f"Content-Length: {len(body)}"] if body else []
    writer.write("\r\n".join([*lines, *more, "", ""]).encode() + body)
    status = await reader.readline()
    await reader.read()
    writer.close()
    if not status.startswith(b"HTTP/1.1 200"):
        raise ValueError(f"a known user was answered {status!r}")
    return (time.perf_counter() - begun) * 1000


async def measure(crowd: Crowd, *, seconds: float = 8) -> Figures:
    """Let a crowd come, and look for some seconds."""
    async with hub(crowd.slow) as api_url:
        with service(api_url) as (process, port):
            await _until_up(port)
            for _ in range(50):
                await ask(port, body=_SMALL)
            before = most = process.memory_info().rss / 1e6
            waits, begun = [], time.monotonic()
            with sending(crowd, port):
                while time.monotonic() - begun < seconds:
                    waits += [await ask(port), await ask(port, body=_SMALL)]
                    most = max(most, process.memory_info().rss / 1e6)
                    await asyncio.sleep(0.02)
                still = [each for each in process.net_connections("tcp") if _is_open(each, port)]
                return Figures(crowd, before, most, process.memory_info().rss / 1e6, len(still), waits)


def _is_open(connection: Any, port: int) -> bool:  # noqa: ANN401 - psutil's, which ships no types
    return bool(connection.status == psutil.CONN_ESTABLISHED and connection.laddr.port == port)


async def _until_up(port: int) -> None:
    async with asyncio.timeout(30):
        while True:
            with suppress(ConnectionError):
                await ask(port)
                return
            await asyncio.sleep(0.1)


async def run(seconds: float) -> None:
    """Print the table."""
    print("| who | connections | memory, at most | memory, at the end | still open | known user, median | longest |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for crowd in crowds():
        print((await measure(crowd, seconds=seconds)).row(), flush=True)


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(prog="python -m bench.bodies", description=__doc__)
    parser.add_argument("--seconds", type=float, default=8, help="to look at each crowd (default: 8)")
    asyncio.run(run(parser.parse_args().seconds))


if __name__ == "__main__":
    main()
