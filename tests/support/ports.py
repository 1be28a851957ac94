"""Free TCP ports on the loopback interface."""

import contextlib
import random
import socket
from collections.abc import Iterator

# Below the range from which the kernel takes ports for outgoing connections (/proc/sys/net/ipv4/ip_local_port_range),
# so that none is taken between our look and the server's start, nor between a stop and a restart.
CANDIDATES = range(20_000, 32_000)
_given: set[int] = set()


def _is_free(port: int) -> bool:
    with contextlib.closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_ports() -> Iterator[int]:
    while True:
        port = random.choice(CANDIDATES)  # noqa: S311 (no secret: two test runs should merely not meet)
        if port not in _given and _is_free(port):
            _given.add(port)
            yield port


def free_ports(count: int) -> tuple[int, ...]:
    """Return distinct ports on which nobody listens; none is given twice in one run."""
    source = _free_ports()
    return tuple(next(source) for _ in range(count))


def free_port() -> int:
    """Return one port on which nobody listens."""
    return free_ports(1)[0]
