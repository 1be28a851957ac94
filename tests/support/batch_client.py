"""A client of a batch on the wire, which sends and takes when it is told to, by HTTP/1.1 in chunks."""

import asyncio
import json
import socket
import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

PATIENCE = 60.0  # seconds for the next line


class BatchClient:
    """A context manager: one POST to `url`, whose body and answer are lines of JSON."""

    def __init__(self, url: str, *, headers: Mapping[str, str], tls: ssl.SSLContext | None = None) -> None:
        """Send nothing yet. With `tls`, whatever host `url` names is on this machine."""
        self._address = urlsplit(url)
        self._tls = tls
        self._headers = {"Content-Type": "application/x-ndjson", "Transfer-Encoding": "chunked"} | dict(headers)

    async def __aenter__(self) -> Self:
        """Connect, and send the head."""
        host, port = self._address.hostname or "", self._address.port or 80
        connection = socket.socket()
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):  # or the kernel would take megabytes for it
            connection.setsockopt(socket.SOL_SOCKET, option, 64 * 1024)
        connection.setblocking(False)  # noqa: FBT003 - Python's
        await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1" if self._tls else host, port))
        self._reader, self._writer = await asyncio.open_connection(
            sock=connection, ssl=self._tls, server_hostname=host if self._tls else None
        )
        self._writer.transport.set_write_buffer_limits(0)
        lines = [f"POST {self._address.path}?{self._address.query} HTTP/1.1", f"Host: {host}:{port}"]
        lines += [f"{name}: {value}" for name, value in self._headers.items()]
        self._writer.write("\r\n".join([*lines, "", ""]).encode())
        self.status = 0
        self._rest = b""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up."""
        self._writer.close()
        if self._tls:
            await self._writer.wait_closed()

    async def say(self, *lines: Any) -> None:  # noqa: ANN401 - JSON, or bytes as they are
        """Send lines; return when the connection has taken them."""
        body = b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)
        self._writer.write(b"%x\r\n%s\r\n" % (len(body), body))
        await self._writer.drain()

    async def end(self) -> None:
        """Say that this was all."""
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()

    async def take(self) -> dict[str, Any] | None:
        """Take a line; None after the last. Raises IncompleteReadError where the connection is cut."""
        async with asyncio.timeout(PATIENCE):
            if not self.status:
                head = await self._reader.readuntil(b"\r\n\r\n")
                self.status = int(head.split()[1])
            while b"\n" not in self._rest:
                size = int(await self._reader.readuntil(b"\r\n"), 16)
                self._rest += (await self._reader.readexactly(size + 2))[:-2]
                if not size:
                    return None
        line, self._rest = self._rest.split(b"\n", 1)
        taken: dict[str, Any] = json.loads(line)
        return taken
