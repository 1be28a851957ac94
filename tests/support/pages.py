"""Files of a folder as pages of an origin of their own, by https."""

import contextlib
import functools
import ssl
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.support.tls_front import certificate


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextlib.contextmanager
def pages(folder: Path, *, host: str) -> Iterator[str]:
    """Serve a folder; give the origin. `host` must be one that `tls_front` has a certificate for."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate().configure_cert(context)
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder))) as server:
        # The handshake is left to the thread of each connection.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield f"https://{host}:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
