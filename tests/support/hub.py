"""A real JupyterHub on random ports of this machine, with its proxy and, unless told otherwise, our service.

    with RealHub() as hub:
        token = await hub.user_token("testuser")
        reply = httpx.get(hub.service_url + "me", headers=token.bearer)

Starting, stopping and killing are plain calls; whatever talks to the Hub is async.
"""

import contextlib
import os
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from tests.support.gate import HubGate
from tests.support.hub_api import HubApi, Token
from tests.support.hub_config import ADMIN_SERVICE, HubOptions, Ports, hub_config, python_module
from tests.support.local_http import local_client, transport_at
from tests.support.node import REPOSITORY
from tests.support.notebook import Notebook
from tests.support.polling import eventually
from tests.support.ports import free_ports
from tests.support.process import KeptProcess, clean_environment, wait_until_log_says
from tests.support.session import Session
from tests.support.tls_front import TlsFront

START_LIMIT = 120.0  # seconds; about three on an idle machine
STOP_GRACE = 10.0  # seconds a Hub may take to end by itself: it was seen to need more than 20 now and then


class RealHub(HubApi):
    """One Hub with its state in a directory of its own; a context manager that starts it and leaves nothing.

    Keyword arguments are those of `HubOptions`:
    `users` and `admins` (all with the password "passwd"), `base_url` ("/@/space%20word/"), `config` (more lines of
    jupyterhub_config.py, before registration), `register` (keyword arguments of `service.registration.register`; None:
    no registration), `services` (further services and their scopes), `gated` (the service asks the Hub by `hub.gate`),
    `python` (of another environment, with another JupyterHub).
    """

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 (checked by HubOptions)
        """Lay out directory, ports and tokens; nothing runs yet."""
        self.options = HubOptions(**options)
        self.directory = Path(tempfile.mkdtemp(prefix="hub-"))
        self.ports = Ports(*free_ports(5))
        self.log = self.directory / "hub.log"
        self.log.touch()
        self.url = f"http://127.0.0.1:{self.ports.public}{self.options.base_url}"
        services = (ADMIN_SERVICE, *self.options.services)
        api_url = f"http://127.0.0.1:{self.ports.hub}{self.options.base_url}hub/api"
        super().__init__(api_url, {name: secrets.token_hex(16) for name in services})
        name = (self.options.register or {}).get("name", "fastapi")
        self.service_url = f"{self.url}services/{name}/"
        self._processes: list[KeptProcess] = []
        self._gate: HubGate | None = None

    # Its life

    def start(self) -> Self:
        """Start it, on the same ports and state as before; return when it says that it runs.

        Raises:
            ProcessStartError: it ended, or took longer than `START_LIMIT`.

        """
        config = self.directory / "jupyterhub_config.py"
        config.write_text(
            hub_config(self.options, directory=self.directory, ports=self.ports, api_tokens=self._api_tokens)
        )
        if self.options.gated and self._gate is None:
            self._gate = HubGate(port=self.ports.gate, hub_port=self.ports.hub)
        said = self.log.stat().st_size
        process = KeptProcess(
            [*python_module("jupyterhub", self.options.python), "-f", str(config)],
            env=clean_environment(
                PYTHONPATH=str(REPOSITORY),
                PATH=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
            ),
            cwd=self.directory,
            log=self.log,
        )
        self._processes.append(process)
        wait_until_log_says(process, self.log, "JupyterHub is now running", start=said, timeout=START_LIMIT)
        return self

    def stop(self, *, grace: float = STOP_GRACE) -> int | None:
        """Stop it as an operator does (SIGTERM, then SIGKILL), and whatever it left behind. Its exit status."""
        status = self._hub.stop(grace) if self._processes else None
        self._end_processes()
        return status

    def kill(self) -> None:
        """Kill the Hub's own process and no other: proxy, service and notebooks are left to what they were told."""
        self._hub.send(signal.SIGKILL)
        self._hub.wait(STOP_GRACE)

    def freeze(self) -> None:
        """Stop the Hub's own process where it is: connections are accepted and never answered."""
        self._hub.send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen Hub go on."""
        self._hub.send(signal.SIGCONT)

    def restart(self) -> None:
        """Stop and start it, on the same state and the same ports."""
        self.stop()
        self.start()

    def close(self) -> None:
        """End everything at once and forget the state."""
        self._end_processes()
        if self._gate is not None:
            self._gate.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _end_processes(self) -> None:
        while self._processes:
            self._processes.pop().close()

    @property
    def _hub(self) -> KeptProcess:
        return self._processes[-1]

    @property
    def is_running(self) -> bool:
        """Whether the Hub's own process is alive."""
        return bool(self._processes) and self._hub.is_running

    def processes(self) -> dict[int, str]:
        """Return everything that descends from the Hub, itself included: command lines by process id."""
        return {pid: line for process in self._processes for pid, line in process.descendants().items()}

    def log_text(self) -> str:
        """Return all that Hub, proxy, service and notebooks have printed so far."""
        return self.log.read_text(errors="replace")

    @property
    def gate(self) -> HubGate:
        """The gate between the service and the Hub's API."""
        if self._gate is None:
            message = "a Hub has a gate when it is made with gated=True"
            raise LookupError(message)
        return self._gate

    def __enter__(self) -> Self:
        """Start it, and leave nothing of it if that fails."""
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self.close()

    # What a test asks of it

    @property
    def service_path(self) -> str:
        """The service's public prefix, as a path."""
        return httpx.URL(self.service_url).raw_path.decode()

    def service_at(self, name: str) -> str:
        """Return where another service by that name is found."""
        return f"{self.url}services/{name}/"

    async def ask(
        self,
        method: str,
        where: str,
        *,
        token: Token | None = None,
        service: str | None = None,
        headers: Mapping[str, str] | None = None,
        **options: Any,  # noqa: ANN401
    ) -> httpx.Response:
        """Send a request to the service, or another one, as a script does: no cookies, no redirect followed."""
        url = (self.service_at(service) if service else self.service_url) + where
        sent = {**(token.bearer if token else {}), **(headers or {})}
        async with local_client() as client:
            return await client.request(method, url, headers=sent, **options)

    async def until_served(self, token: Token) -> None:
        """Wait until the service answers this token. After an outage it spares the Hub for a second."""

        async def is_served() -> bool:
            return (await self.ask("GET", "me", token=token)).status_code == httpx.codes.OK

        await eventually(is_served)

    @contextlib.asynccontextmanager
    async def session(
        self, user: str | None = None, *, front: TlsFront | None = None, address: str = ""
    ) -> AsyncIterator[Session]:
        """Give a browser without a screen: signed in to the Hub as `user`, or not; directly, or by a TLS proxy.

        `address`: the address that it connects from, such as 127.0.0.2, where 127.0.0.1 is not wanted.
        """
        url = front.origin + self.options.base_url if front else self.url
        there = transport_at(address) if address else None
        async with Session(url, transport=front.transport() if front else there) as session:
            if user is not None:
                await session.sign_in(user)
            yield session

    @contextlib.asynccontextmanager
    async def notebook(self, user: str = "testuser") -> AsyncIterator[Notebook]:
        """Give a kernel in a notebook server that the Hub spawns for the user, and stop the server afterwards."""
        path = f"/users/{quote(user)}/server"
        (await self.api("POST", path)).raise_for_status()
        try:

            async def ready_at() -> str:
                model = (await self.api("GET", f"/users/{quote(user)}")).raise_for_status().json()
                server = model["servers"].get("", {})
                return str(server["url"]) if server.get("ready") else ""

            url = httpx.URL(self.url).join(await eventually(ready_at, within=START_LIMIT))
            token = await self.user_token(user, scopes=["access:servers!user"])
            async with Notebook(str(url), headers=token.bearer) as notebook:
                yield notebook
        finally:
            await self.api("DELETE", path)
