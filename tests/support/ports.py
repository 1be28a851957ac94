"""Free TCP ports on the loopback interface."""

import contextlib
import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path

# Below the range from which the kernel takes ports for outgoing connections (/proc/sys/net/ipv4/ip_local_port_range),
# so that none is taken between our look and the server's start, nor between a stop and a restart.
CANDIDATES = range(20_000, 32_000)
_given: set[int] = set()
# Not the shared generator: two workers that seed it alike would draw the same ports.
_random = random.SystemRandom()
# Its byte at the number of a port is locked by the process that has the port. Other workers and other runs, also those
# in other checkouts, then take another one, though nobody listens there yet.
_locks = os.open(Path(tempfile.gettempdir()) / f"ports-of-tests-{os.getuid()}", os.O_WRONLY | os.O_CREAT, 0o600)


def _is_free(port: int) -> bool:
    with contextlib.closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            fcntl.lockf(_locks, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports_at(*distances: int) -> tuple[int, ...]:
    """Return ports on which nobody listens, at these distances from a common one.

    None is given twice in one process, nor to two processes of this user at the same time.
    """
    while True:
        base = _random.choice(CANDIDATES)
        ports = tuple(base + distance for distance in distances)
        if all(port in CANDIDATES and port not in _given and _is_free(port) for port in ports):
            _given.update(ports)
            return ports


def free_port() -> int:
    """Return one port on which nobody listens."""
    return free_ports_at(0)[0]


def free_ports(count: int) -> tuple[int, ...]:
    """Return distinct ports on which nobody listens."""
    return tuple(free_port() for _ in range(count))
