"""Pages of another user of the same Hub: on its origin, with whatever headers they like.

`Colleague` is registered as a service beside ours, so that the Hub's proxy passes everything on as it does for a
notebook server, `Service-Worker-Allowed` included.
"""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, unquote, urlsplit

NAME = "colleague"
PAGE = b"<!doctype html><html lang=en><title>A notebook</title><body>A notebook of somebody else's.</body></html>"

# A worker that controls all pages of the origin at once, and tells its owner what it can read.
_WORKER = """
const read = %(read)s;
const prepare = async () => { %(prepare)s };
self.addEventListener("install", (event) => event.waitUntil(self.skipWaiting()));
self.addEventListener("activate", (event) => event.waitUntil(prepare().then(() => self.clients.claim())));
self.addEventListener("fetch", (event) => {
  if (!read || !new URL(event.request.url).pathname.startsWith("%(victim)s")) return;
  event.respondWith((async () => {
    const reply = await read(event);
    await fetch("told", { method: "POST", body: await reply.clone().text() });
    return reply;
  })());
});
"""
_CACHE = """async (event) => {
  const kept = await caches.open("kept");
  await kept.add(event.request).catch(() => {});
  return (await kept.match(event.request)) ?? fetch(event.request);
}"""
_PRELOAD = "await self.registration.navigationPreload.enable();"
_UNNAMED = f"{_PRELOAD} await self.registration.navigationPreload.setHeaderValue('');"
_PRELOADED = "async (event) => (await event.preloadResponse) ?? fetch(event.request)"
IDLE = "idle"
# How a worker reads a request of the reader's; the idle one leaves all of them alone.
READING = {
    "fetch": "(event) => fetch(event.request)",
    "copy": "(event) => fetch(new Request(event.request))",
    "no-cors": "(event) => fetch(new Request(event.request, { mode: 'no-cors' }))",
    "cache": _CACHE,
    "preload": _PRELOADED,
    "unnamed preload": _PRELOADED,
}
_PREPARING = {"preload": _PRELOAD, "unnamed preload": _UNNAMED}


class Colleague:
    """A server for `page?NAME=VALUE` (a page with these headers) and `worker.js?HOW` (a key of `READING`, or `IDLE`).

    `told` is what workers have read.
    """

    def __init__(self, *, victim: str) -> None:
        """Listen on a free port; workers read requests for paths below `victim`."""
        self.told: list[str] = []
        self._victim = victim
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        """Begin to serve, in a thread."""
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def hub_config(self) -> str:
        """Return the line of jupyterhub_config.py that puts it behind the Hub's proxy, at `/services/colleague/`."""
        service = {"name": NAME, "url": self.url, "api_token": "a colleague's own token"}
        return f"c.JupyterHub.services.append({service!r})"

    def answer(self, target: str) -> tuple[bytes, dict[str, str]]:
        """Return body and headers of the answer to a GET."""
        address = urlsplit(target)
        if address.path.endswith("/worker.js"):
            script = self._worker(unquote(address.query))
            return script.encode(), {"Content-Type": "text/javascript", "Service-Worker-Allowed": "/"}
        return PAGE, {"Content-Type": "text/html", **dict(parse_qsl(address.query))}

    def _worker(self, how: str) -> str:
        return _WORKER % {
            "read": READING.get(how, "null"),
            "prepare": _PREPARING.get(how, ""),
            "victim": self._victim,
        }

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        colleague = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._send(*colleague.answer(self.path))

            def do_POST(self) -> None:
                colleague.told.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
                self._send(b"", {})

            def _send(self, body: bytes, headers: dict[str, str]) -> None:
                self.send_response(200)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler
