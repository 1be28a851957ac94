"""Where the service listens: addresses become sockets, which all processes share."""

import asyncio
import errno
import logging
import os
import socket
import ssl
import stat
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvicorn
import uvloop

from service.errors import ConfigurationError

_log = logging.getLogger("service")
_BACKLOG = 2048  # uvicorn's
# Bytes that the kernel takes of a connection before we do, and that we then take at once; it makes twice as many of it.
# By itself it goes to megabytes, which count as the container's memory.
_RECEIVE_BUFFER = 32 * 1024
_SOCKET_MODE = 0o666  # whoever may enter its folder may connect
_REASONS = {
    errno.EADDRINUSE: "somebody listens there already",
    errno.EADDRNOTAVAIL: "this machine has no such address",
    errno.EEXIST: "there is a file that is no socket",
    errno.ENOENT: "there is no such folder",
}

Place = tuple[str, socket.socket]  # an address and a socket that listens there


@contextmanager
def listening(addresses: Sequence[str]) -> Iterator[list[Place]]:
    """Listen at addresses as SERVICE_LISTEN has them; connections wait until a server takes them.

    Raises:
        ConfigurationError: naming every address where that cannot be done.
    """
    places, problems = list[Place](), list[str]()
    with ExitStack() as stack:
        for address in addresses:
            try:
                places += [(address, bound) for bound in _bind(address, stack)]
            except OSError as error:
                problems.append(
                    f"SERVICE_LISTEN or JUPYTERHUB_SERVICE_URL: cannot listen at {address}: {_reason(error)}"
                )
        if problems:
            raise ConfigurationError(problems)
        for address in addresses:
            logging.getLogger("uvicorn.error").info("Uvicorn running on %s", address)  # as uvicorn says it itself
        yield places


def _reason(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return str(error.strerror)
    return _REASONS.get(error.errno or 0) or os.strerror(error.errno or 0)


def _bind(address: str, stack: ExitStack) -> list[socket.socket]:
    if address.startswith("unix:"):
        return [_bind_unix(Path(address.removeprefix("unix:")), stack)]
    parts = urlsplit(address)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    bound, failure = list[socket.socket](), OSError(errno.EADDRNOTAVAIL, "")
    # A name such as localhost may have an IPv6 address where the machine has none.
    for family, _, _, _, where in socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM):
        try:
            bound.append(stack.enter_context(socket.create_server(where, family=family, backlog=_BACKLOG)))
            bound[-1].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)  # the connections inherit it
        except OSError as error:
            failure = error
            if error.errno not in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
                raise
    if not bound:
        raise failure
    return bound


def _bind_unix(path: Path, stack: ExitStack) -> socket.socket:
    _remove_left_over(path)
    bound = stack.enter_context(socket.socket(socket.AF_UNIX))
    bound.bind(str(path))
    stack.callback(_remove, path, path.stat().st_ino)
    path.chmod(_SOCKET_MODE)
    bound.listen(_BACKLOG)
    if path.parent.stat().st_mode & stat.S_IXOTH:
        _log.warning("Everybody on this machine may connect to unix:%s: let its folder have the mode 0750", path)
    return bound


def _remove_left_over(path: Path) -> None:
    """Make room where a process has been killed. Raises OSError where one lives, or something else is there."""
    if not path.exists():
        return
    if not path.is_socket():
        raise OSError(errno.EEXIST, "")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
        except TimeoutError:
            raise OSError(errno.EADDRINUSE, "") from None
        else:
            raise OSError(errno.EADDRINUSE, "")


def _remove(path: Path, inode: int) -> None:
    """Remove our socket, but not that of a process that has taken our place meanwhile."""
    if path.exists() and path.stat().st_ino == inode:
        path.unlink()


class Loop(uvloop.Loop):
    """Servers on some sockets speak in the clear where uvicorn would have TLS on all."""

    clear: Collection[Any] = ()  # names of sockets

    async def create_server(  # type: ignore[override]  # as uvicorn calls it
        self,
        *args: Any,  # noqa: ANN401 - uvloop checks them
        sock: socket.socket | None = None,
        ssl: ssl.SSLContext | None = None,
        **options: Any,  # noqa: ANN401 - likewise
    ) -> asyncio.AbstractServer:
        """Serve a socket."""
        if sock is not None and sock.getsockname() in self.clear:
            ssl = None
        return await super().create_server(*args, sock=sock, ssl=ssl, **options)


class Config(uvicorn.Config):
    """uvicorn's for the places it is to serve: it knows TLS on all sockets or on none."""

    def __init__(self, app: Any, places: Sequence[Place], **options: Any) -> None:  # noqa: ANN401 - uvicorn checks them
        super().__init__(app, **options)
        self._clear = [bound.getsockname() for address, bound in places if not address.startswith("https:")]

    def get_loop_factory(self) -> Callable[[], Loop]:
        """What makes the event loop."""
        return partial(_loop, self._clear)


def _loop(clear: Collection[Any]) -> Loop:
    loop = Loop()
    loop.clear = clear
    return loop
