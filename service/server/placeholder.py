"""Answers 503 to everybody, in place of a service that cannot start, so that the Hub that has started it goes on.

A Hub ends if a managed service ends while the Hub starts. This module needs nothing but the standard library: packages
of ours may be what is missing.
"""

import asyncio
import json
import os
import sys
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import urlsplit

MANAGED = "SERVICE_MANAGED"  # `register()` sets it for a service that the Hub starts
_HEAD_TIMEOUT = 10  # seconds for the head of a request
_LINGER = 2  # seconds in which what else a client sends is thrown away, so that it gets the answer
_HEADERS = "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n"
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Not available</title>
<style>
:root { color-scheme: light dark; }
body { background: canvas; color: canvastext; font: 1rem/1.5 system-ui, sans-serif; }
main { max-width: 40rem; margin: 3rem auto; padding: 0 1rem; }
</style>
<main>
<h1>This service is not available</h1>
<p>%s</p>
</main>
</html>
"""


class Reason(NamedTuple):
    """Why the service does not serve, as a problem says it. `retry_after` is in seconds."""

    code: str
    detail: str
    retry_after: int


MISCONFIGURED = Reason(
    code="service_misconfigured",
    detail="The service is not set up correctly and could not start. Tell whoever runs it: the Hub's log says why.",
    retry_after=60,
)
STARTING = Reason(
    code="service_starting",
    detail="The service is starting, or waits for something that it needs, such as its database. Try again shortly.",
    retry_after=5,
)


def run(variables: Mapping[str, str], *, seconds: float | None = None) -> None:
    """Serve at the address at which the Hub expects the service. Returns at once where it cannot.

    Args:
        variables: the environment, in which the Hub says where.
        seconds: how long, for a service that may start later; None for one that needs a correction: until stopped.
    """
    try:
        url = urlsplit(variables.get("JUPYTERHUB_SERVICE_URL", ""))
        host, port = url.hostname, url.port or 80
    except ValueError:  # no URL: the error that brought us here names the variable
        return
    prefix = variables.get("JUPYTERHUB_SERVICE_PREFIX", "/")
    if variables.get(MANAGED) != "1" or url.scheme != "http" or not host:
        return
    if seconds is None:
        said = (
            "Until this is corrected, the service answers 503 to everybody. Then restart the Hub, or end the process"
            f" {os.getpid()}: the Hub starts it anew."
        )
    else:
        said = f"For {seconds:g} seconds the service answers 503 to everybody. Then it ends: the Hub starts it anew."
    print(said, file=sys.stderr, flush=True)  # noqa: T201 - logging may not be set up
    answer = answering(prefix, MISCONFIGURED if seconds is None else STARTING)
    try:
        asyncio.run(_serve(host, port, answer, seconds))
    except (KeyboardInterrupt, TimeoutError):
        pass
    except (OSError, UnicodeError) as error:  # UnicodeError: a label of the name is empty or too long
        number = getattr(error, "errno", None) or 0
        reason = os.strerror(number) if number > 0 else "the name cannot be resolved"
        print(f"Nothing can listen at {host}:{port} ({reason}).", file=sys.stderr)  # noqa: T201 - as above


async def _serve(
    host: str, port: int, answer: Callable[[StreamReader, StreamWriter], Awaitable[None]], seconds: float | None
) -> None:
    async with asyncio.timeout(seconds), await asyncio.start_server(answer, host, port, reuse_address=True) as server:
        await server.serve_forever()


def answering(prefix: str, reason: Reason) -> Callable[[StreamReader, StreamWriter], Awaitable[None]]:
    """Return what answers one connection, for `asyncio.start_server`."""

    async def answer(reader: StreamReader, writer: StreamWriter) -> None:
        with suppress(OSError, EOFError, asyncio.LimitOverrunError, TimeoutError):
            async with asyncio.timeout(_HEAD_TIMEOUT):
                head = await reader.readuntil(b"\r\n\r\n")
            writer.write(reply_to(head, prefix, reason))
            if writer.can_write_eof():  # not with TLS
                writer.write_eof()
            async with asyncio.timeout(_LINGER):
                while await reader.read(65536):
                    pass
        writer.close()

    return answer


def reply_to(head: bytes, prefix: str, reason: Reason = MISCONFIGURED) -> bytes:
    """Return the answer to a request with this head."""
    start, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    status, kind, body = HTTPStatus.SERVICE_UNAVAILABLE, "application/problem+json", _problem(reason)
    if start.startswith(f"GET {prefix} ") and "x-forwarded-for" not in headers:
        # The Hub itself asks whether somebody listens, and takes every 5xx for a no. Others come through its proxy.
        status, kind, body = HTTPStatus.OK, "text/plain", "A placeholder for the service.\n"
    elif start.startswith(f"GET {prefix}health/live ") and reason is STARTING:
        # Who restarts a process that is not live would do so in the middle of a migration.
        status, kind, body = HTTPStatus.OK, "application/json", '{"status":"alive"}'
    elif "text/html" in headers.get("accept", ""):
        kind, body = "text/html; charset=utf-8", _PAGE % reason.detail
    if start.startswith("HEAD "):
        body = ""
    retry = f"Retry-After: {reason.retry_after}\r\n" if status != HTTPStatus.OK else ""
    top = f"HTTP/1.1 {status} {status.phrase}\r\nContent-Type: {kind}\r\nContent-Length: {len(body.encode())}\r\n"
    return f"{top}{retry}{_HEADERS}\r\n{body}".encode()


def _problem(reason: Reason) -> str:
    status = HTTPStatus.SERVICE_UNAVAILABLE
    problem = {"type": "about:blank", "title": status.phrase, "status": status}
    return json.dumps(problem | {"code": reason.code, "detail": reason.detail})
