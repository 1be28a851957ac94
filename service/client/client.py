"""A client for notebooks and scripts. Calls run in an event loop in a thread of its own, so it works in a notebook."""

import asyncio
import os
import threading
import weakref
from collections import deque
from collections.abc import AsyncGenerator, Coroutine, Iterable, Iterator
from concurrent.futures import CancelledError, Future
from types import TracebackType
from typing import Any, NoReturn, Self, TypeVar, Unpack

import httpx

from service.client import frames
from service.client.async_client import AT_ONCE, AsyncClient
from service.client.notes import Masked, Note, Options, check_options, checked, windows
from service.client.progress import progress_of

T = TypeVar("T")
_CLOSED = "This client is closed."
_ONE_FOR_EACH = "Make a Client in each process, such as in the initializer of a Pool."
_INHERITED = f"This client was made before the fork, and works only in the process that made it. {_ONE_FOR_EACH}"


class Client:
    """Calls the service. A context manager; `close` ends it, too. `AsyncClient` says more about each method.

    In a notebook that the Hub has started, it finds address and token itself; elsewhere it takes those that
    `python -P -m service login` has kept. Otherwise give both.

    It works in any thread of the process that made it. With `multiprocessing`, make one in each process: after a fork,
    calls raise RuntimeError.
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
        """Send nothing yet. The arguments and errors are those of `AsyncClient`."""
        self._calls = AsyncClient(url, token=token, service=service, timeout=timeout, transport=transport)
        self._loop = asyncio.new_event_loop()
        # A daemon, so that a client that nobody closes does not keep the interpreter from ending.
        serving = self._loop, self._calls
        self._thread = threading.Thread(target=_serve, args=serving, name="service.client", daemon=True)
        self._thread.start()
        self._process = os.getpid()
        self._is_closed = False
        self._lock = threading.Lock()  # nothing starts behind what ends the client
        self._end = weakref.finalize(self, _end, self._loop, self._process)

    @property
    def url(self) -> str:
        """The address of the service."""
        return self._calls.url

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"A client can be neither pickled nor copied. {_ONE_FOR_EACH}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections. The client is of no use any more; a call in another thread ends with an error."""
        if self._is_inherited:  # the connections are in use in the other process
            return
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
        self._end()
        self._thread.join()

    def request(self, method: str, path: str, *, is_safe: bool | None = None, **options: Any) -> httpx.Response:  # noqa: ANN401
        """Send a request to a route of the service, such as `request("GET", "hello")`; return its answer."""
        return self._run(self._calls.request(method, path, is_safe=is_safe, **options))

    def me(self) -> dict[str, Any]:
        """Return what the Hub knows about whose token this is: `name`, `kind`, `groups`, `scopes` and more."""
        return self._run(self._calls.me())

    def deidentify(self, text: Note, **options: Unpack[Options]) -> Masked:
        """Mask a note."""
        return self._run(self._calls.deidentify(text, **options))

    def deidentify_many(
        self, notes: Iterable[Note], *, raise_errors: bool = True, **options: Unpack[Options]
    ) -> Iterator[Masked]:
        """Mask any number of notes; yield the answers in order, while more notes are read and sent."""
        check_options(options)
        pending: deque[Future[list[Masked]]] = deque()
        try:
            # Notes are read in the caller's thread: a cursor of sqlite3, for one, cannot be read in another.
            for window in windows(notes, options):
                if len(pending) == AT_ONCE:
                    yield from (checked(one, raise_errors=raise_errors) for one in self._result(pending.popleft()))
                pending.append(self._started(self._calls.send_window(window)))
            while pending:
                yield from (checked(one, raise_errors=raise_errors) for one in self._result(pending.popleft()))
        finally:
            if not self._is_inherited:
                for future in pending:
                    future.cancel()

    def deidentify_frame(
        self,
        frame: frames.Frame,
        columns: Iterable[str] = ("note",),
        *,
        patient_column: str | None = None,
        progress: bool | None = None,
        raise_errors: bool = True,
        **options: Unpack[Options],
    ) -> frames.Frame:
        """Return a new table of pandas or polars, in which the notes of `columns` are masked."""
        cells = frames.cells(frame, columns, patient_column=patient_column)
        texts: list[str | None] = []
        # The bar moves in the caller's thread: widgets of notebooks want that.
        with progress_of(len(cells.notes), wanted=progress) as bar:
            for one in self.deidentify_many(cells.notes, raise_errors=raise_errors, **options):
                texts.append(one.text)
                bar.update()
        return frames.replaced(frame, cells, texts)

    def tickets(self, **filters: str | int | bool) -> Iterator[dict[str, Any]]:
        """Yield all tickets of the support desk that match the filters, page by page."""
        return self._each(self._calls.tickets(**filters))

    def employees(self, **filters: str | int | bool) -> Iterator[dict[str, Any]]:
        """Yield all employees of the support desk that match the filters, page by page."""
        return self._each(self._calls.employees(**filters))

    def items(self, path: str, **filters: str | int | bool) -> Iterator[dict[str, Any]]:
        """Yield all items of a list whose answer is `{"items": […], "next": …}`, page by page."""
        return self._each(self._calls.items(path, **filters))

    @property
    def _is_inherited(self) -> bool:
        """Whether this is a fork of the client's process. The loop's thread does not run here: no call would end."""
        return os.getpid() != self._process

    def _started(self, call: Coroutine[Any, Any, T]) -> Future[T]:
        if self._is_inherited:  # before the lock, which a thread of the other process may hold
            call.close()
            raise RuntimeError(_INHERITED)
        with self._lock:
            if self._is_closed:
                call.close()
                raise RuntimeError(_CLOSED)
            return asyncio.run_coroutine_threadsafe(call, self._loop)

    def _run(self, call: Coroutine[Any, Any, T]) -> T:
        future = self._started(call)
        try:
            return self._result(future)
        except BaseException:  # such as KeyboardInterrupt: the call ends with it
            future.cancel()
            raise

    def _result(self, future: Future[T]) -> T:
        if self._is_inherited:
            raise RuntimeError(_INHERITED)
        try:
            return future.result()
        except CancelledError:
            if self._is_closed:
                raise RuntimeError(_CLOSED) from None
            raise

    def _each(self, many: AsyncGenerator[T, None]) -> Iterator[T]:
        # No `finally` ends `many`: this may be collected in any thread, and that of the loop cannot wait for itself.
        # `many` goes with this, and asyncio then closes it in the loop.
        while got := self._run(_next(many)):
            yield from got


async def _next(many: AsyncGenerator[T, None]) -> list[T]:
    """Return the next item in a list, which is empty at the end."""
    try:
        return [await anext(many)]
    except StopAsyncIteration:
        return []


def _serve(loop: asyncio.AbstractEventLoop, calls: AsyncClient) -> None:
    """Run the loop until it is stopped, and end it."""
    loop.run_forever()
    try:
        loop.run_until_complete(_ended(calls))
    finally:
        loop.close()


async def _ended(calls: AsyncClient) -> None:
    """Cancel what still runs, so that nobody waits for it for ever, and close all connections."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await calls.aclose()


def _end(loop: asyncio.AbstractEventLoop, process: int) -> None:
    """Stop the loop, whose thread then ends it.

    Nothing is waited for: a client is collected in any thread, also in the loop's own, or in one that holds a lock
    which the loop's thread needs to go on, such as that of an import.
    """
    if os.getpid() == process:  # a fork shares the loop's selector with the client's own process, where it goes on
        loop.call_soon_threadsafe(loop.stop)
