"""Run code in a kernel of a notebook server, by the server's REST and WebSocket API."""

import json
import uuid
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import anyio
from websockets.asyncio.client import ClientConnection, connect

from tests.support.local_http import local_client

KERNEL_LIMIT = 120.0  # seconds for a kernel to start and to answer


class KernelError(Exception):
    """The code run in the kernel raised; carries its traceback."""


class Notebook:
    """One kernel on a running server; source of the protocol: jupyter-client.readthedocs.io, "Messaging"."""

    def __init__(self, url: str, *, headers: Mapping[str, str]) -> None:
        """Talk to the server at `url`, with headers that let us in."""
        self._headers = dict(headers)
        self._url = url
        self._client = local_client(base_url=url, headers=self._headers, timeout=KERNEL_LIMIT)
        self._socket: ClientConnection | None = None

    async def __aenter__(self) -> Self:
        """Start a kernel and connect to it."""
        reply = await self._client.post("api/kernels", json={"name": "python3"})
        kernel = reply.raise_for_status().json()["id"]
        where = f"{self._url}api/kernels/{kernel}/channels".replace("http", "ws", 1)
        self._socket = await connect(
            where, additional_headers=self._headers, proxy=None, open_timeout=KERNEL_LIMIT, max_size=None
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect; the kernel ends with its server."""
        if self._socket is not None:
            await self._socket.close()
        await self._client.aclose()

    async def run(self, code: str) -> str:
        """Run code and return what it printed, and after it the value of an expression at its end.

        Raises:
            KernelError: the code raised.

        """
        assert self._socket is not None, "a Notebook is used as a context manager"
        request = uuid.uuid4().hex
        header = {"msg_id": request, "msg_type": "execute_request", "username": "", "session": "", "version": "5.3"}
        content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False, "stop_on_error": True}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
        await self._socket.send(json.dumps(message))
        with anyio.fail_after(KERNEL_LIMIT):
            return await self._printed(request)

    async def _printed(self, request: str) -> str:
        """Collect the output of one request until the kernel is idle again."""
        assert self._socket is not None
        printed = ""
        async for raw in self._socket:
            message: dict[str, Any] = json.loads(raw)
            kind, content = message["header"]["msg_type"], message["content"]
            if message["parent_header"].get("msg_id") != request:
                continue
            if kind == "stream" and content["name"] == "stdout":
                printed += content["text"]
            elif kind == "execute_result":
                printed += content["data"]["text/plain"]
            elif kind == "error":
                raise KernelError("\n".join(content["traceback"]))
            elif kind == "status" and content["execution_state"] == "idle":
                break
        return printed
