"""`service.client` beside a real Hub: the example notebook, and connections that break in the middle of many notes."""

import contextlib
import select
import socket
import socketserver
import threading
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import nbformat
import pytest

from service.client import AsyncClient, ProblemError
from tests.support.hub import RealHub
from tests.support.node import REPOSITORY

EXAMPLE = REPOSITORY / "examples" / "notebook.ipynb"
NOTES = [f"{number}: Dr. Quackenbush called." for number in range(700)]


def shown(cell: Any) -> str:  # noqa: ANN401 (nbformat is not typed)
    """Return what a cell of a notebook has printed when it was saved."""
    return "".join(each["text"] for each in cell.outputs)


async def test_the_example_notebook(hub: RealHub) -> None:
    """Each cell prints what the notebook shows, in a server that the Hub spawned."""
    notebook = nbformat.read(EXAMPLE, as_version=4)  # type: ignore[no-untyped-call]
    nbformat.validate(notebook)
    async with hub.notebook("other") as kernel:
        for cell in notebook.cells:
            if cell.cell_type == "code":
                assert await kernel.run(cell.source) == shown(cell)


async def test_from_outside(hub: RealHub) -> None:
    """With an address and a token it works anywhere; without a right the error has the service's words."""
    token = await hub.user_token("testuser")
    async with AsyncClient(hub.service_url, token=token.value) as client:
        assert (await client.me())["name"] == "testuser"
        assert [one.text async for one in client.deidentify_many(NOTES[:3])] == [
            f"{number}: Dr. *********** called." for number in range(3)
        ]
    async with AsyncClient(hub.service_url, token="0" * 32) as client:
        with pytest.raises(ProblemError, match="invalid_token"):
            await client.me()


class CuttingRelay(socketserver.ThreadingTCPServer):
    """Passes connections on to the Hub's proxy. It cuts the first of them in the middle of their answers."""

    block_on_close = True

    def __init__(self, hub: RealHub, *, cut: Sequence[int]) -> None:
        """Listen at a free port. `cut`: the bytes after which the first connections are cut."""
        self._there = urlsplit(hub.service_url)
        self._cut = iter(cut)
        self.cuts = 0
        super().__init__(("127.0.0.1", 0), socketserver.BaseRequestHandler)

    @property
    def url(self) -> str:
        """The address of the service behind it."""
        return f"http://127.0.0.1:{self.server_address[1]}{self._there.path}"

    def finish_request(self, request: Any, client_address: object) -> None:  # noqa: ANN401, ARG002 (as in the base class)
        """Pass one connection on, in a thread of its own."""
        limit = next(self._cut, None)
        with request, socket.create_connection(("127.0.0.1", self._there.port or 80)) as back:
            while ready := select.select([request, back], [], [])[0]:
                data = ready[0].recv(2048)
                if ready[0] is back and limit is not None and (limit := limit - len(data)) <= 0:
                    self.cuts += 1
                    return
                if not data:
                    return
                (back if ready[0] is request else request).sendall(data)

    def handle_error(self, request: Any, client_address: object) -> None:  # noqa: ANN401 (as in the base class)
        """Say nothing: somebody hung up."""


@contextlib.contextmanager
def cutting(hub: RealHub, *, cut: Sequence[int]) -> Iterator[CuttingRelay]:
    """Run a relay before the Hub."""
    with CuttingRelay(hub, cut=cut) as relay:
        thread = threading.Thread(target=relay.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield relay
        relay.shutdown()
        thread.join()


async def test_connections_that_break_lose_and_repeat_nothing(hub: RealHub) -> None:
    """Each note has one answer, in order, although the first connections end in the middle of their answers."""
    token = await hub.user_token("testuser")
    with cutting(hub, cut=[3000, 900, 9000]) as relay:
        async with AsyncClient(relay.url, token=token.value) as client:
            found = [one.text async for one in client.deidentify_many(NOTES)]

    assert found == [note.replace("Quackenbush", "*" * 11) for note in NOTES]
    assert relay.cuts == 3
