"""Sends a window of notes as a batch, and again what has no answer, or one that may be another the next time."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx

from service.client import retry
from service.client.errors import ClientError, NoteError, ProblemError, UnreachableError, problem_of, unexpected
from service.client.notes import Masked, Window, masked

# An error without a line ends a batch (docs/use.md). With these codes it pays to send the rest again.
_FOR_NOW = frozenset({"batch_broken", "batch_stalled", "hub_unavailable", "entra_unavailable"})
# Errors of one line that are no fault of the note. Alone it would be answered 503, and be sent again.
_NOT_OF_THE_NOTE = frozenset({"engine_failed", "engine_unavailable"})

NDJSON = "application/x-ndjson"


async def send_window(http: httpx.AsyncClient, window: Window) -> list[Masked]:
    """Return the answers to the notes of a window, one for each, in order.

    Raises:
        ProblemError: the service refused the request, or ended it for good.
        UnreachableError: no more answers came, in several attempts.
    """
    answers = await _sent(http, window)
    attempt = 0
    while failed := [place for place, one in enumerate(answers) if one.error and one.error.code in _NOT_OF_THE_NOTE]:
        attempt += 1
        seconds = retry.pause(attempt, {})
        if seconds is None:
            break
        await retry.wait(seconds)
        again = await _sent(http, Window(0, [window.lines[place] for place in failed]))
        for place, one in zip(failed, again, strict=True):
            answers[place] = _at(window.start + place, one)
    return answers


def _at(index: int, one: Masked) -> Masked:
    if one.error is None:
        return one
    return replace(one, error=NoteError(index=index, code=one.error.code, detail=one.error.detail))


async def _sent(http: httpx.AsyncClient, window: Window) -> list[Masked]:
    """Send a window until each of its notes has an answer. Raises as `send_window`."""
    answers: list[Masked] = []
    attempt = 0
    while len(answers) < len(window.lines):
        before = len(answers)
        headers: dict[str, str] = {}
        reason: Exception | None = None
        try:
            async for one in _answers(http, window, begin=before):
                answers.append(one)  # noqa: PERF401 (what came before an error counts)
        except ProblemError as error:
            if error.code not in _FOR_NOW and not retry.may_repeat(error.status, is_safe=True):
                raise
            reason, headers = error, {"retry-after": error.retry_after}
        except (httpx.RequestError, ValueError) as error:  # ValueError: a line that broke off
            reason = error
        if len(answers) < len(window.lines):
            attempt = 1 if len(answers) > before else attempt + 1
            seconds = retry.pause(attempt, headers)
            if seconds is None:
                raise reason if isinstance(reason, ClientError) else _broken(http, len(answers)) from reason
            await retry.wait(seconds)
    return answers


async def _answers(http: httpx.AsyncClient, window: Window, *, begin: int) -> AsyncIterator[Masked]:
    """Send the lines from `begin` on; yield their answers, as far as they come."""
    body = b"\n".join(window.lines[begin:])
    headers = {"Content-Type": NDJSON, "Accept": NDJSON}
    async with http.stream("POST", "deidentify/batch", content=body, headers=headers) as response:
        if not response.is_success:
            await response.aread()
            raise problem_of(response)
        if response.headers.get("content-type", "").partition(";")[0] != NDJSON:
            raise unexpected(
                response, f"The service answered {response.status_code} without lines. Is the address right?"
            )
        number = begin
        async for line in _lines(response):
            answer = json.loads(line)
            if not isinstance(answer, dict) or not {"line", "error"} & answer.keys():
                raise ValueError("a line is no answer")
            if "line" not in answer and isinstance(answer["error"], dict):
                raise ProblemError(status=response.status_code, problem=answer["error"])
            number += 1
            if answer.get("line") != number - begin or number > len(window.lines):
                raise ValueError(f"line {number - begin} was expected, and {answer.get('line')} came")
            yield masked(answer, index=window.start + number - 1)


async def _lines(response: httpx.Response) -> AsyncIterator[bytes]:
    """Yield the lines of an answer. httpx would also cut at U+0085 and U+2028, which a note may contain."""
    rest = b""
    async for part in response.aiter_bytes():
        *whole, rest = (rest + part).split(b"\n")
        for line in whole:
            yield line
    if rest:
        yield rest


def _broken(http: httpx.AsyncClient, answered: int) -> UnreachableError:
    return UnreachableError(f"{http.base_url}: the connection broke off again and again, after {answered} answers.")
