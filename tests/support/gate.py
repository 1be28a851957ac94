"""A gate before the Hub's API: it passes everything on, until a test says that the Hub is down, slow or talks nonsense.

The service is told the gate's address as the Hub's (`RealHub(gated=True)`); browsers, the proxy and the tests go to the
Hub itself. So one Hub serves tests of outages without being stopped, and every request the service sends is on record.
"""

import contextlib
import http.client
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SHUT_RDWR, socket

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}  # RFC 9110 section 7.6.1, and length


@dataclass(frozen=True)
class Passed:
    """A request that came to the gate: header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Canned:
    """What to answer instead of asking the Hub; `missing` bytes are announced and never sent."""

    status: int
    body: bytes = b""
    headers: Sequence[tuple[str, str]] = ()
    missing: int = 0


class HubGate:
    """A relay on its own port: `url` in front of the Hub that listens on `hub_port`."""

    def __init__(self, *, port: int, hub_port: int) -> None:
        """Listen at once, in a thread of its own."""
        self.port, self.hub_port = port, hub_port
        self.url = f"http://127.0.0.1:{port}"
        self.passed: list[Passed] = []
        self._canned: Canned | None = None
        self._flowing = threading.Event()
        self._flowing.set()
        self._held: frozenset[str] = frozenset()  # methods that are held while nothing flows; none: all
        self._connections: set[socket] = set()
        self._open()

    def _open(self) -> None:
        self._server = _Server(("127.0.0.1", self.port), _Relay)
        self._server.gate = self
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def _shut(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(SHUT_RDWR)

    @contextlib.contextmanager
    def down(self) -> Iterator[None]:
        """Refuse connections, and cut those that are open: as when the Hub's process is gone."""
        self._shut()
        try:
            yield
        finally:
            self._open()

    @contextlib.contextmanager
    def slow(self, *methods: str) -> Iterator[None]:
        """Accept requests, or those of some methods, and say nothing until the block ends: as when the Hub hangs."""
        self._held = frozenset(methods)
        self._flowing.clear()
        try:
            yield
        finally:
            self._flowing.set()

    @contextlib.contextmanager
    def answering(
        self, status: int, body: bytes | str = b"", *, media_type: str = "text/html", missing: int = 0
    ) -> Iterator[None]:
        """Answer everything so, without asking the Hub; with `missing`, break off so many bytes before the end."""
        content = body.encode() if isinstance(body, str) else body
        self._canned = Canned(status, content, [("Content-Type", media_type)], missing)
        try:
            yield
        finally:
            self._canned = None

    @contextlib.contextmanager
    def recording(self) -> Iterator[list[Passed]]:
        """Give a list that grows by the requests that arrive within the block."""
        before = self.passed
        self.passed = []
        try:
            yield self.passed
        finally:
            self.passed = before

    def close(self) -> None:
        """Stop listening for good."""
        self._flowing.set()
        self._shut()

    def answer(self, request: Passed) -> Canned:
        """Return what the gate is told to say, or what the Hub says."""
        self.passed.append(request)
        if not self._held or request.method in self._held:
            self._flowing.wait()
        return self._canned or self._ask(request)

    def _ask(self, request: Passed) -> Canned:
        connection = http.client.HTTPConnection("127.0.0.1", self.hub_port, timeout=30)
        with contextlib.closing(connection):
            connection.request(request.method, request.path, request.body or None, request.headers)
            reply = connection.getresponse()
            headers = [(name, value) for name, value in reply.getheaders() if name.lower() not in HOP_BY_HOP]
            return Canned(reply.status, reply.read(), headers)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    gate: HubGate


class _Relay(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one segment for head and body: else Nagle and delayed acknowledgement cost 40 ms a request
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.gate._connections.add(self.connection)  # noqa: SLF001 (one mechanism in two classes)

    def finish(self) -> None:
        self.server.gate._connections.discard(self.connection)  # noqa: SLF001
        with contextlib.suppress(OSError):
            super().finish()

    def _relay(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            reply = self.server.gate.answer(Passed(self.command, self.path, headers, body))
        except (OSError, http.client.HTTPException):
            self.close_connection = True  # the Hub itself is gone: so are we
            return
        with contextlib.suppress(OSError):
            self._send(reply)

    def _send(self, reply: Canned) -> None:
        self.send_response_only(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body) + reply.missing))
        self.end_headers()
        self.wfile.write(reply.body)
        self.close_connection = bool(reply.missing)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _relay  # noqa: N815 (the base class calls these names)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class names it so)
        pass
