"""Check that the service in this container is alive, at the first address where it listens."""

import http.client
import socket
import ssl
import sys
from urllib.parse import urlsplit

from service.settings import load_settings

PATIENCE = 8.0  # seconds


class UnixConnection(http.client.HTTPConnection):
    """A connection to a unix socket. Its path is given as the host."""

    def connect(self) -> None:
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.host)


def connection_to(address: str) -> http.client.HTTPConnection:
    """Return a connection. 0.0.0.0 and :: lead to this machine, for which no certificate has a name to check."""
    if address.startswith("unix:"):
        return UnixConnection(address.removeprefix("unix:"), timeout=PATIENCE)
    parts = urlsplit(address)
    if parts.scheme == "http":
        return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=PATIENCE, context=context)


def main() -> int:
    """Return 0 if the service is alive."""
    settings = load_settings()
    connection = connection_to(settings.listen[0])
    connection.request("GET", f"{settings.prefix}health/live")
    return int(connection.getresponse().status != http.client.OK)


if __name__ == "__main__":
    sys.exit(main())
