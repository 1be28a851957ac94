"""A transport that answers as it is told to, in place of the service."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import httpx

URL = "https://hub.example.org/services/fastapi/"
NDJSON = {"Content-Type": "application/x-ndjson"}
Answer = httpx.Response | Exception


class Answering(httpx.AsyncBaseTransport):
    """Answers each request by the next of `answers`; `requests` keeps what came. A callable makes its own answer."""

    def __init__(self, *answers: Answer | Callable[[httpx.Request], Answer]) -> None:
        self._answers = list(answers)
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request, or raise what was given for it."""
        await request.aread()
        self.requests.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        made = answer(request) if callable(answer) else answer
        if isinstance(made, Exception):
            raise made
        return made


def problem(status: int, code: str, **headers: str) -> httpx.Response:
    """Return an error of the service."""
    body = {"code": code, "detail": f"This is {code}.", "status": status}
    return httpx.Response(status, json=body, headers={**headers, "X-Request-ID": "r1"})


def lines(*objects: Mapping[str, Any], rest: str = "") -> httpx.Response:
    """Return an answer of JSON lines, with `rest` behind the last of them."""
    return httpx.Response(200, text="".join(f"{json.dumps(one)}\n" for one in objects) + rest, headers=NDJSON)


def texts_of(request: httpx.Request) -> list[str]:
    """Return the notes of a batch, as they were sent."""
    return [json.loads(line)["text"] for line in request.content.splitlines()]


def masking(request: httpx.Request, *, only: int | None = None) -> httpx.Response:
    """Answer a batch: each note in capitals. `only` answers so many of them, and then breaks off."""
    texts = texts_of(request)
    done = [{"line": number, "text": text.upper()} for number, text in enumerate(texts[:only], 1)]
    return lines(*done, rest="" if only is None else '{"line": 1')
