"""Limits the notes that wait for a worker or are being processed, and decides which note is next.

For use in one event loop. Callers take turns. A single note finds room while there is some; when there is none, a
waiting note of the caller who takes up most room is turned away for the note of a caller who takes up less. So nobody
can fill the queue for all others, and a caller who is alone may use all of it. A note of a batch waits for room, and
the notes of batches get at most half of the room. The next one waits for no more than the notes that are there: single
notes leave its room free. If notes of both kinds wait for a worker, they take turns.
"""

import asyncio
import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from service.apps.deidentify.errors import QueueFullError
from service.apps.deidentify.workers.turns import Turns

WorkerT = TypeVar("WorkerT")

_MEMORY = 0.9  # weight of the old average when a note is added to it
_SHORTEST, _LONGEST = 1, 60  # limits of `retry_after`, in seconds


@dataclass(frozen=True, slots=True)
class Entry:
    """What the queue knows of a note. `size` in bytes; a note of a batch is `patient`: it waits for room."""

    caller: str
    size: int
    patient: bool = False


@dataclass(eq=False, slots=True)
class _Note(Generic[WorkerT]):
    entry: Entry
    worker: "asyncio.Future[WorkerT]"


class Backlog(Generic[WorkerT]):
    """A queue for `workers`, with room for `notes` notes of `size` bytes in total, waiting or being processed."""

    def __init__(self, workers: Iterable[WorkerT], *, notes: int, size: int) -> None:
        self._idle = deque(workers)
        self._workers = len(self._idle)
        self._most = {False: (notes, size), True: (max(1, notes // 2), size // 2)}  # by whether notes are patient
        self._taken = {False: (0, 0), True: (0, 0)}  # likewise: notes, bytes
        self._taken_by: dict[str, tuple[int, int]] = {}  # likewise by caller, of both kinds
        self._outside = Turns[_Note[WorkerT]]()
        self._waiting = {False: Turns[_Note[WorkerT]](), True: Turns[_Note[WorkerT]]()}
        self._patient_next = False
        self._pace = 0.0  # moving average of the seconds that a note takes

    @property
    def notes(self) -> int:
        """The number of notes that have room: those waiting for a worker and those being processed."""
        return self._taken[False][0] + self._taken[True][0]

    @property
    def busy(self) -> int:
        """The number of workers that have a note."""
        return self._workers - len(self._idle)

    async def enter(self, entry: Entry) -> WorkerT:
        """Wait until it is the turn of a note, and return its worker. Give it back with `leave`.

        Raises:
            QueueFullError: there is no room, or no longer, and the note is not patient.
        """
        note = _Note[WorkerT](entry, asyncio.get_running_loop().create_future())
        if entry.patient:
            self._outside.add(entry.caller, note)
        else:
            self._make_way(entry)
            self._admit(note)
        self._move()
        try:
            return await note.worker
        except asyncio.CancelledError:
            self._withdraw(note)
            raise

    def leave(self, worker: WorkerT, entry: Entry, *, seconds: float | None = None) -> None:
        """Free the room and the worker of a note. `seconds`: how long it was being processed; None if it was not."""
        if seconds is not None:
            self._pace = _MEMORY * self._pace + (1 - _MEMORY) * seconds if self._pace else seconds
        self._free(entry)
        self._idle.append(worker)
        self._move()

    def retry_after(self) -> int:
        """Estimate in how many seconds the present notes will be done, from how long recent notes took."""
        return min(max(math.ceil(self.notes * self._pace / self._workers), _SHORTEST), _LONGEST)

    def _fits(self, entry: Entry, *, freed: tuple[int, int] = (0, 0)) -> bool:
        """Whether there is room for a note, if that much more were free.

        A note that is alone always fits, as the size of a note is limited.
        """
        notes, size = (sum(taken) for taken in zip(*self._taken.values(), strict=True))
        notes, size = notes - freed[0], size - freed[1]
        kept = 0 if entry.patient else self._kept()
        if notes >= self._most[False][0] or (notes and size + kept + entry.size > self._most[False][1]):
            return False
        return not entry.patient or self._fits_half(entry)

    def _fits_half(self, entry: Entry) -> bool:
        """Whether the half for batches has room for a note."""
        notes, size = self._taken[True]
        most_notes, most_size = self._most[True]
        return notes < most_notes and (not notes or size + entry.size <= most_size)

    def _kept(self) -> int:
        """The bytes that single notes leave free for the next note of a batch. Else a large one might never come in."""
        entry = self._outside.next().entry if self._outside else None
        return entry.size if entry and self._fits_half(entry) else 0

    def _make_way(self, entry: Entry) -> None:
        """Turn away waiting notes of those who have most, the youngest first, if there is no room for a single note.

        Raises:
            QueueFullError: the note's caller would then have more than they.
        """
        if self._fits(entry):
            return
        waiting = dict(self._waiting[False].queues())
        waiting.pop(entry.caller, None)
        taken = {caller: self._taken_by[caller] for caller in waiting}
        own = self._share(_sum(self._taken_by.get(entry.caller, (0, 0)), (1, entry.size)))
        leaving: list[_Note[WorkerT]] = []
        freed = (0, 0)
        while not self._fits(entry, freed=freed):
            caller = max(waiting, key=lambda caller: self._share(taken[caller]), default=None)
            if caller is None:
                raise QueueFullError(self.retry_after())
            last = waiting[caller].pop()
            taken[caller] = _sum(taken[caller], (-1, -last.entry.size))
            if self._share(taken[caller]) < own:
                raise QueueFullError(self.retry_after())
            if not waiting[caller]:
                del waiting[caller]
            freed = _sum(freed, (1, last.entry.size))
            leaving.append(last)
        for note in leaving:
            self._waiting[False].remove(note.entry.caller, note)
            self._free(note.entry)
            if not note.worker.done():
                note.worker.set_exception(QueueFullError(self.retry_after()))

    def _share(self, taken: tuple[int, int]) -> float:
        """The share of the room that so many notes and bytes take up."""
        notes, size = self._most[False]
        return max(taken[0] / notes, taken[1] / size)

    def _admit(self, note: _Note[WorkerT]) -> None:
        self._take(note.entry, 1)
        self._waiting[note.entry.patient].add(note.entry.caller, note)

    def _free(self, entry: Entry) -> None:
        self._take(entry, -1)

    def _take(self, entry: Entry, notes: int) -> None:
        room = (notes, notes * entry.size)
        self._taken[entry.patient] = _sum(self._taken[entry.patient], room)
        self._taken_by[entry.caller] = _sum(self._taken_by.get(entry.caller, (0, 0)), room)
        if not self._taken_by[entry.caller][0]:
            del self._taken_by[entry.caller]

    def _move(self) -> None:
        """Admit the notes for which there is room now, and give idle workers to the notes that are next."""
        while self._outside and self._fits(self._outside.next().entry):
            self._admit(self._outside.pop())
        while self._idle and any(self._waiting.values()):
            patient = self._patient_next if all(self._waiting.values()) else bool(self._waiting[True])
            self._patient_next = not patient
            note = self._waiting[patient].pop()
            if note.worker.done():  # its caller was cancelled, and will call `_withdraw` soon
                self._free(note.entry)
            else:
                note.worker.set_result(self._idle.popleft())

    def _withdraw(self, note: _Note[WorkerT]) -> None:
        """Remove a note whose caller was cancelled, wherever it is."""
        entry = note.entry
        if self._waiting[entry.patient].remove(entry.caller, note):
            self._free(entry)
        elif not self._outside.remove(entry.caller, note) and _has_worker(note.worker):
            self.leave(note.worker.result(), entry)  # it was given a worker at the same moment
        self._move()


def _has_worker(worker: "asyncio.Future[WorkerT]") -> bool:
    return worker.done() and not worker.cancelled() and worker.exception() is None


def _sum(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return one[0] + other[0], one[1] + other[1]
