"""A batch: notes come as lines of JSON, and replies are sent in the same order while the upload still runs.

Only a few notes are held at a time. No more is read before a reply has been sent and received, so a slow client slows
only itself, and a batch can have any length. An error with one line is the reply to that line. If the whole batch
breaks off, the last line is an error without a line number. The batch also ends if the client disconnects or reads
nothing.
"""

import asyncio
import contextlib
from dataclasses import dataclass

from fastapi.exceptions import RequestValidationError
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from service.apps.deidentify.engine.engine import About, Result
from service.apps.deidentify.errors import BatchBrokenError, BatchStalledError, NoteTooLargeError, TooManyNamesError
from service.apps.deidentify.http.answers import SLICE, deidentified, written
from service.apps.deidentify.http.notes import FailedLine, Failure, Note, Options, flaw_of
from service.apps.deidentify.workers.pool import Pool
from service.auth.problems import problem_of
from service.auth.revalidation import last_line
from service.errors import ServiceError
from service.hub.models import Identity

MEDIA_TYPE = "application/x-ndjson"
PATIENCE = 60.0  # seconds for the client to send a line, or to receive one
_LAST = 0.5  # seconds for the client to receive the last line if the server is stopped


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is not blank. `number`: from 1; blank lines count. `body`: None if the line is too long."""

    number: int
    body: bytes | None


class Lines:
    """Reads the lines of a request's body. Holds at most `limit` bytes, and one more message of the body.

    A line of more than `limit` bytes is too long.
    """

    def __init__(self, receive: Receive, *, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._held = bytearray()
        self._number = 1
        self._is_too_long = self._is_complete = False

    async def next(self) -> Line | None:
        """Return the next line that is not blank; None after the last. Raises ClientDisconnect."""
        while True:
            if self._held[:1].isspace() and not self._is_too_long:
                self._pass_blanks()
            end = self._held.find(b"\n")
            if end < 0 and self._is_complete and (self._held or self._is_too_long):
                end = len(self._held)
            if end >= 0:
                return self._take(end)
            if self._is_complete:
                return None
            await self._read()

    async def gone(self) -> None:
        """Wait until the client disconnects, then raise ClientDisconnect."""
        while True:
            await self._read()

    def _pass_blanks(self) -> None:
        blanks = len(self._held) - len(self._held.lstrip())
        self._number += self._held.count(b"\n", 0, blanks)
        del self._held[:blanks]

    def _take(self, end: int) -> Line:
        is_whole = not self._is_too_long and end <= self._limit
        line = Line(self._number, bytes(self._held[:end]) if is_whole else None)
        del self._held[: end + 1]
        self._number += 1
        self._is_too_long = False
        return line

    async def _read(self) -> None:
        if len(self._held) > self._limit:
            self._held.clear()
            self._is_too_long = True
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        self._held += message.get("body", b"")
        self._is_complete = not message.get("more_body", False)


@dataclass(frozen=True, slots=True)
class _Answered:
    """A note with its result. It is written when it is its turn, because names are numbered in order."""

    number: int
    note: Note
    about: About
    result: Result


# The replies to come, in order, then None or the error that ends the batch.
_Answers = asyncio.Queue["asyncio.Task[_Answered | bytes] | BatchStalledError | None"]


class Batch(Response):
    """The response to a batch.

    `defaults`: options for lines that do not set their own. `caller`: whose batch it is. `limit`: the most bytes of a
    line. `identity`: of the caller, whose keys the lines may name. `patience`: seconds for the client to send or to
    receive a line.
    """

    media_type = MEDIA_TYPE

    def __init__(
        self,
        pool: Pool,
        defaults: Options,
        caller: str,
        *,
        limit: int,
        identity: Identity | None = None,
        patience: float = PATIENCE,
    ) -> None:
        self.status_code = 200
        self.background = None
        self.init_headers()
        self._pool = pool
        self._defaults = defaults
        self._caller = caller
        self._limit = limit
        self._identity = identity
        self._patience = patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the batch and send the replies.

        Raises:
            QueueFullError: as many batches are open as are allowed.
        """
        self._is_begun = False
        with self._pool.batch(self._caller) as self._numbering:
            try:
                await self._exchange(scope, receive, send)
            except BaseException as error:  # noqa: BLE001 - raised again; the server is stopped, or a failure of ours
                if self._is_begun:
                    with contextlib.suppress(ClientDisconnect):
                        await self._send(send, last_line(scope, problem_of(BatchBrokenError())), within=_LAST)
                raise error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error from None

    async def _exchange(self, scope: Scope, receive: Receive, send: Send) -> None:
        answers = _Answers(2 * self._pool.workers)
        try:
            async with asyncio.TaskGroup() as group:
                reading = group.create_task(self._read(Lines(receive, limit=self._limit), answers, group))
                await self._write(answers, scope, send)
                reading.cancel()
        except* ClientDisconnect:
            pass

    async def _read(self, lines: Lines, answers: _Answers, group: asyncio.TaskGroup) -> None:
        """Queue a task for each line, then what ends the batch. Then wait for the client to disconnect."""
        try:
            while (line := await self._next(lines)) is not None:
                await answers.put(group.create_task(self._answer(line)))
            await answers.put(None)
        except BatchStalledError as error:
            await answers.put(error)
        await lines.gone()

    async def _next(self, lines: Lines) -> Line | None:
        try:
            async with asyncio.timeout(self._patience):
                return await lines.next()
        except TimeoutError:
            raise BatchStalledError(self._patience) from None

    async def _answer(self, line: Line) -> _Answered | bytes:
        note = None
        try:
            if line.body is None:
                raise NoteTooLargeError(self._pool.note_size)
            note = Note.read(line.body, defaults=self._defaults)
            about, result = await deidentified(
                note, self._pool, self._caller, self._identity, waits=True, digest_key=self._numbering.key
            )
        except RequestValidationError as error:
            return _failed(line.number, flaw_of(error))
        except ServiceError as error:
            return _failed(line.number, Failure(code=error.code, detail=error.detail), note=note)
        return _Answered(line.number, note, about, result)

    async def _write(self, answers: _Answers, scope: Scope, send: Send) -> None:
        # Respond only once something has been read: a client may send nothing before it is told to continue.
        answer = await answers.get()
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        self._is_begun = True
        while isinstance(answer, asyncio.Task):
            line = await self._line(await answer)
            await self._send(send, {"type": "http.response.body", "body": line + b"\n", "more_body": True})
            answer = await answers.get()
        end: Message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._send(send, end if answer is None else last_line(scope, problem_of(answer)))

    async def _line(self, answer: _Answered | bytes) -> bytes:
        if isinstance(answer, bytes):
            return answer
        try:
            result = await self._renumbered(answer.result)
        except TooManyNamesError as error:
            return _failed(answer.number, Failure(code=error.code, detail=error.detail), note=answer.note)
        return await written(result, about=answer.about, note=answer.note, line=answer.number)

    async def _renumbered(self, result: Result) -> Result:
        if len(result.spans) > SLICE:  # it would block the event loop; the next note waits, so the order is kept
            return await asyncio.to_thread(self._numbering.renumbered, result)
        return self._numbering.renumbered(result)

    async def _send(self, send: Send, message: Message, *, within: float | None = None) -> None:
        try:
            async with asyncio.timeout(within or self._patience):
                await send(message)
        except TimeoutError:  # a client that receives nothing counts as disconnected
            raise ClientDisconnect from None


def _failed(number: int, failure: Failure, *, note: Note | None = None) -> bytes:
    line = FailedLine(line=number, id=note.id if note else None, error=failure)
    return line.model_dump_json(exclude_none=True).encode()
