"""Answers 503 while the applications prepare, as when a database is down or its tables are being changed.

The Hub waits 30 seconds for a service, probes of Kubernetes a minute. So both hear at once that the process lives.
"""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ssl import SSLContext

import anyio
from anyio.from_thread import start_blocking_portal

from service.server import placeholder
from service.server.sockets import Listener

# Seconds in which callers wait instead, as a start without trouble takes less. They see nothing of it.
_PATIENCE = 5.0
_LINGER = 2.0  # seconds for answers that are under way at the end


@contextmanager
def answering(
    listeners: Sequence[Listener], *, prefix: str, tls: SSLContext | None, patience: float = _PATIENCE
) -> Iterator[None]:
    """Answer at `listeners` as long as the block runs, in a thread. Connections that come later wait for the service.

    `tls`: for the listeners at https addresses.
    """
    with start_blocking_portal(name="starting") as portal:
        serving = portal.start_task_soon(_serve, listeners, prefix, tls, patience)
        try:
            yield
        finally:
            serving.cancel()


async def _serve(listeners: Sequence[Listener], prefix: str, tls: SSLContext | None, patience: float) -> None:
    answers = set[asyncio.Task[None]]()
    answer_one = placeholder.answering(prefix, placeholder.STARTING)

    def answer(reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.ensure_future(answer_one(reader, writer))
        answers.add(task)
        task.add_done_callback(answers.discard)

    await anyio.sleep(patience)
    # The end of a server closes its socket. A copy, so that the service's own goes on to listen.
    servers = [
        await asyncio.start_server(answer, sock=bound.dup(), ssl=tls if address.startswith("https:") else None)
        for address, bound in listeners
    ]
    try:
        await anyio.sleep_forever()
    finally:
        for server in servers:
            server.close()
        with anyio.move_on_after(_LINGER, shield=True):
            while answers:
                await asyncio.wait(answers)
