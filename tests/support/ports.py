"""Free TCP ports on the loopback interface."""

import contextlib
import os
import random
import socket

# Below the range from which the kernel takes ports for outgoing connections (/proc/sys/net/ipv4/ip_local_port_range),
# so that none is taken between our look and the server's start, nor between a stop and a restart.
CANDIDATES = range(20_000, 32_000)
_given: set[int] = set()
# Not the shared generator: two workers that seed it alike would draw the same ports.
_random = random.SystemRandom()


def _own() -> range:
    """Return this worker's share of the candidates: the workers of one run (pytest-xdist) never meet."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    size = len(CANDIDATES) // workers
    return CANDIDATES[number * size : (number + 1) * size]


def _is_free(port: int) -> bool:
    with contextlib.closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports_at(*distances: int) -> tuple[int, ...]:
    """Return ports on which nobody listens, at these distances from a common one; none is given twice in one run."""
    own = _own()
    while True:
        base = _random.choice(own)
        ports = tuple(base + distance for distance in distances)
        if all(port in own and port not in _given and _is_free(port) for port in ports):
            _given.update(ports)
            return ports


def free_port() -> int:
    """Return one port on which nobody listens."""
    return free_ports_at(0)[0]


def free_ports(count: int) -> tuple[int, ...]:
    """Return distinct ports on which nobody listens."""
    return tuple(free_port() for _ in range(count))
