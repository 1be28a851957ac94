"""A client for asyncio. `Client` is the same for everybody else."""

import asyncio
import os
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Mapping
from types import TracebackType
from typing import Any, Self, Unpack

import httpx

from service.addresses import is_loopback
from service.client import address, frames, retry
from service.client.batches import send_window
from service.client.errors import UnreachableError, object_of, problem_of, unexpected
from service.client.notes import (
    Masked,
    Note,
    Options,
    Window,
    async_windows,
    check_options,
    checked,
    fields_of,
    masked,
    windows,
)
from service.client.progress import progress_of

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
AT_ONCE = 2  # windows on their way: while one is masked, the next one comes


class AsyncClient:
    """Calls the service. An async context manager; `aclose` ends it, too.

    In a notebook that the Hub has started, it finds address and token itself; elsewhere it takes those that
    `python -P -m service login` has kept. Otherwise give both.

    What may be sent twice is repeated for you: where no connection came about, after 429, and, if it changes nothing,
    after 502, 503, 504 and broken connections.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        token: str | None = None,
        service: str = "fastapi",
        timeout: float = 60.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Send nothing yet.

        Args:
            url: the address of the service, such as `https://hub.example.org/services/fastapi/`.
            token: a token of the Hub.
            service: the service's name at the Hub, by which its address is found.
            timeout: seconds to wait for a connection, and for the next piece of an answer.
            transport: one of httpx for asyncio, for tests, or with certificates of your own.

        Raises:
            AddressUnknownError: address or token are neither given nor to be found.
            TypeError: `transport` is not one for asyncio.
        """
        if not isinstance(transport, httpx.AsyncBaseTransport | None):
            raise TypeError(
                "transport is one of httpx for asyncio, such as httpx.AsyncHTTPTransport, and not"
                f" {type(transport).__name__}."
            )
        self._address = address.find(url, token, service=service, environment=os.environ)
        here = httpx.URL(self._address.url)
        self._http = httpx.AsyncClient(
            base_url=self._address.url,
            headers={"Authorization": f"Bearer {self._address.token}", "Accept": "application/json"},
            timeout=timeout,
            transport=transport,
            # HTTP_PROXY may name another machine, which neither reaches this one nor should see the token.
            mounts={f"all://{here.netloc.decode()}": None} if is_loopback(here.host) else None,
        )

    @property
    def url(self) -> str:
        """The address of the service."""
        return self._address.url

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def request(self, method: str, path: str, *, is_safe: bool | None = None, **options: Any) -> httpx.Response:  # noqa: ANN401
        """Send a request to a route of the service, such as `request("GET", "hello")`; return its answer.

        Args:
            method: of HTTP.
            path: relative to the service's address, or an address below it.
            is_safe: whether sending it twice does no harm. By default GET, HEAD and OPTIONS are safe.
            options: those of `httpx.AsyncClient.request`. A body that is generated is sent once, whatever comes.

        Raises:
            ProblemError: the service answered with an error.
            UnreachableError: no answer came.
            ValueError: the path leads away from the service. The token must not go there.
        """
        where = address.route(self.url, path)
        is_safe = method.upper() in _SAFE_METHODS if is_safe is None else is_safe
        # After the first attempt, nothing of a generator would be left.
        is_kept = isinstance(options.get("content"), str | bytes | None)
        attempt = 0
        while True:
            attempt += 1
            try:
                answer = await self._http.request(method, where, **options)
            except httpx.RequestError as error:
                was_sent = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
                is_broken = not isinstance(error, httpx.TransportError)  # an answer that cannot be unpacked
                is_final = is_broken or not is_kept or (was_sent and not is_safe)
                seconds = None if is_final else retry.pause(attempt, {})
                if seconds is None:
                    raise UnreachableError(
                        f"{self.url} does not answer: {str(error) or type(error).__name__}."
                    ) from error
            else:
                if answer.is_success:
                    return answer
                repeatable = is_kept and retry.may_repeat(answer.status_code, is_safe=is_safe)
                seconds = retry.pause(attempt, answer.headers) if repeatable else None
                if seconds is None:
                    raise problem_of(answer)
            await retry.wait(seconds)

    async def me(self) -> dict[str, Any]:
        """Return what the Hub knows about whose token this is: `name`, `kind`, `groups`, `scopes` and more."""
        return object_of(await self.request("GET", "me"))

    async def deidentify(self, text: Note, **options: Unpack[Options]) -> Masked:
        """Mask a note.

        Raises:
            ProblemError: the note was refused, for instance as it is not in English (`language_unsupported`).
        """
        answer = await self.request("POST", "deidentify", json=fields_of(text, options), is_safe=True)
        return masked(object_of(answer))

    async def deidentify_many(
        self,
        notes: Iterable[Note] | AsyncIterable[Note],
        *,
        raise_errors: bool = True,
        **options: Unpack[Options],
    ) -> AsyncGenerator[Masked, None]:
        """Mask any number of notes; yield the answers in order, while more notes are read and sent.

        What a broken connection has left without an answer is sent again. So is a note with which the engine failed.

        Args:
            notes: texts, or mappings with `text` and options of their own. They are read when they are needed.
            raise_errors: False yields a note that cannot be masked with its `error`, and goes on.
            options: for all notes.

        Raises:
            NoteError: a note could not be masked.
            ProblemError: the service refused the request.
            UnreachableError: the service does not answer any more.
            TypeError: `notes` is itself a text or a mapping.
            ValueError: `numbered` without a `key`. The numbers would begin anew with each request.
        """
        check_options(options)
        pending: deque[asyncio.Task[list[Masked]]] = deque()
        try:
            async for window in _windows(notes, options):
                if len(pending) == AT_ONCE:
                    for one in await pending.popleft():
                        yield checked(one, raise_errors=raise_errors)
                pending.append(asyncio.create_task(self.send_window(window)))
            while pending:
                for one in await pending.popleft():
                    yield checked(one, raise_errors=raise_errors)
        finally:
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)

    async def deidentify_frame(
        self,
        frame: frames.Frame,
        columns: Iterable[str] = ("note",),
        *,
        patient_column: str | None = None,
        progress: bool | None = None,
        raise_errors: bool = True,
        **options: Unpack[Options],
    ) -> frames.Frame:
        """Return a new table of pandas or polars, in which the notes of `columns` are masked.

        All other columns, and the index of pandas, stay as they are: look at them before you share the table. Cells
        without a text stay empty.

        Args:
            frame: the table. It is not changed.
            columns: names of the columns that hold notes.
            patient_column: name of the column that tells whose note it is. With `key`, dates of each patient move by
                days of their own.
            progress: whether to show a progress bar. By default it is shown if tqdm is installed (`[client]`).
            raise_errors: False leaves a cell empty where its note could not be masked.
            options: those of de-identification.

        Raises:
            TypeError: the table is neither of pandas nor of polars, or a column holds something else than texts.
            KeyError: there is no such column.
            ValueError: `columns` is empty.
        """
        cells = frames.cells(frame, columns, patient_column=patient_column)
        texts: list[str | None] = []
        with progress_of(len(cells.notes), wanted=progress) as bar:
            async for one in self.deidentify_many(cells.notes, raise_errors=raise_errors, **options):
                texts.append(one.text)
                bar.update()
        return frames.replaced(frame, cells, texts)

    async def send_window(self, window: Window) -> list[Masked]:
        """Send one part of many notes. `deidentify_many` calls it."""
        return await send_window(self._http, window)

    def tickets(self, **filters: str | int | bool) -> AsyncGenerator[dict[str, Any], None]:
        """Yield all tickets of the support desk that match the filters (`docs/desk.md`), page by page."""
        return self.items("desk/tickets", **filters)

    def employees(self, **filters: str | int | bool) -> AsyncGenerator[dict[str, Any], None]:
        """Yield all employees of the support desk that match the filters, page by page."""
        return self.items("desk/employees", **filters)

    async def items(self, path: str, **filters: str | int | bool) -> AsyncGenerator[dict[str, Any], None]:
        """Yield all items of a list whose answer is `{"items": […], "next": …}`, page by page."""
        params: Mapping[str, str | int | bool] = filters
        while True:
            answer = await self.request("GET", path, params=dict(params))
            page = object_of(answer)
            if not isinstance(page.get("items"), list):
                raise unexpected(answer, f"{path} is no list.")
            for one in page["items"]:
                yield one
            if not page.get("next"):
                return
            params = {**filters, "cursor": page["next"]}


async def _windows(notes: Iterable[Note] | AsyncIterable[Note], options: Options) -> AsyncIterator[Window]:
    if isinstance(notes, AsyncIterable):
        async for window in async_windows(notes, options):
            yield window
    else:
        for window in windows(notes, options):
            yield window
