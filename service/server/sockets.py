"""Opens the sockets that the service listens on. All worker processes share them."""

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

from service.errors import ConfigurationError, NotYetError

_log = logging.getLogger("service")
_BACKLOG = 2048  # as in uvicorn
# Bytes of a connection that the kernel buffers, and that we then read at once. The kernel doubles this value. Without
# it, the buffer grows to megabytes, which count as memory of the container.
_RECEIVE_BUFFER = 32 * 1024
_SOCKET_MODE = 0o666  # everybody with access to its folder may connect
_REASONS = {
    errno.EADDRINUSE: "another process listens there already",
    errno.EADDRNOTAVAIL: "this machine has no such address",
    errno.EEXIST: "there is a file that is not a socket",
    errno.ENOENT: "there is no such folder",
    errno.ENOLINK: "there is a link to nothing",
}

Listener = tuple[str, socket.socket]  # an address and the socket that listens there


@contextmanager
def listening(addresses: Sequence[str]) -> Iterator[list[Listener]]:
    """Listen at `addresses`, written as in SERVICE_LISTEN. Connections wait until a server accepts them.

    Raises:
        NotYetError: this machine does not have an address yet, or cannot resolve a name.
        ConfigurationError: it names every address that cannot be used.
    """
    listeners, problems, may_pass = list[Listener](), list[str](), True
    with ExitStack() as stack:
        for address in addresses:
            try:
                listeners += [(address, bound) for bound in _bind(address, stack)]
            except OSError as error:
                problems.append(
                    f"SERVICE_LISTEN or JUPYTERHUB_SERVICE_URL: cannot listen at {address}: {_reason(error)}"
                )
                may_pass &= isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL
        if problems:
            raise NotYetError(problems) if may_pass else ConfigurationError(problems)
        yield listeners


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
    # A name such as localhost may have an IPv6 address although the machine has no IPv6.
    for family, _, _, _, where in socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM):
        try:
            bound.append(stack.enter_context(socket.create_server(where, family=family, backlog=_BACKLOG)))
            bound[-1].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)  # connections inherit it
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
        _log.warning("Everybody on this machine may connect to unix:%s: set the mode of its folder to 0750", path)
    return bound


def _remove_left_over(path: Path) -> None:
    """Remove the socket of a process that was killed. Raises OSError if it is in use, or is not a socket."""
    if not path.exists():
        if path.is_symlink():
            raise OSError(errno.ENOLINK, "")
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
    """Remove our socket, unless another process has replaced it in the meantime."""
    if path.exists() and path.stat().st_ino == inode:
        path.unlink()


class Loop(uvloop.Loop):
    """An event loop that serves some sockets without TLS. uvicorn would use TLS on all of them."""

    plain: Collection[Any] = ()  # names of sockets

    async def create_server(  # type: ignore[override]  # the arguments that uvicorn passes
        self,
        *args: Any,  # noqa: ANN401 - uvloop checks them
        sock: socket.socket | None = None,
        ssl: ssl.SSLContext | None = None,
        **options: Any,  # noqa: ANN401 - likewise
    ) -> asyncio.AbstractServer:
        """Start a server on a socket, with or without TLS."""
        if sock is not None and sock.getsockname() in self.plain:
            ssl = None
        return await super().create_server(*args, sock=sock, ssl=ssl, **options)


class Config(uvicorn.Config):
    """uvicorn's configuration, for listeners with and without TLS. uvicorn has TLS on all sockets or on none."""

    def __init__(self, app: Any, listeners: Sequence[Listener], **options: Any) -> None:  # noqa: ANN401 - uvicorn checks them
        super().__init__(app, **options)
        self._plain = [bound.getsockname() for address, bound in listeners if not address.startswith("https:")]

    def get_loop_factory(self) -> Callable[[], Loop]:
        """Return the function that makes the event loop."""
        return partial(_loop, self._plain)


def _loop(plain: Collection[Any]) -> Loop:
    loop = Loop()
    loop.plain = plain
    return loop
