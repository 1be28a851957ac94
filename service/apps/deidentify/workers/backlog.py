"""Limits the notes that wait for a worker or are being processed, and decides which note is next.

For use in one event loop. A single note is refused if there is no room. A note of a batch waits for room, and the notes
of batches get at most half of the room. If notes of both kinds wait for a worker, they take turns.
"""

import asyncio
import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from service.apps.deidentify.errors import QueueFullError

WorkerT = TypeVar("WorkerT")

_MEMORY = 0.9  # weight of the old average when a note is added to it
_SHORTEST, _LONGEST = 1, 60  # limits of `retry_after`, in seconds


@dataclass(eq=False, slots=True)
class _Note(Generic[WorkerT]):
    size: int
    patient: bool
    worker: "asyncio.Future[WorkerT]"


class Backlog(Generic[WorkerT]):
    """A queue for `workers`, with room for `notes` notes of `size` bytes in total, waiting or being processed.

    A note of a batch is called patient: it waits for room.
    """

    def __init__(self, workers: Iterable[WorkerT], *, notes: int, size: int) -> None:
        self._idle = deque(workers)
        self._workers = len(self._idle)
        self._most = {False: (notes, size), True: (max(1, notes // 2), size // 2)}  # by whether notes are patient
        self._taken = {False: [0, 0], True: [0, 0]}  # likewise
        self._outside: deque[_Note[WorkerT]] = deque()
        self._waiting: dict[bool, deque[_Note[WorkerT]]] = {False: deque(), True: deque()}
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

    async def enter(self, size: int, *, patient: bool = False) -> WorkerT:
        """Wait until it is the turn of a note of `size` bytes, and return its worker. Give it back with `leave`.

        `patient`: wait for room too.

        Raises:
            QueueFullError: there is no room, and the note is not patient.
        """
        note = _Note[WorkerT](size, patient, asyncio.get_running_loop().create_future())
        if patient:
            self._outside.append(note)
        elif self._fits(note):
            self._admit(note)
        else:
            raise QueueFullError(self.retry_after())
        self._move()
        try:
            return await note.worker
        except asyncio.CancelledError:
            self._withdraw(note)
            raise

    def leave(self, worker: WorkerT, size: int, *, patient: bool = False, seconds: float | None = None) -> None:
        """Free the room and the worker of a note, with the values that were given to `enter`.

        `seconds`: how long the note was being processed; None if it was not.
        """
        if seconds is not None:
            self._pace = _MEMORY * self._pace + (1 - _MEMORY) * seconds if self._pace else seconds
        self._take(-1, -size, patient=patient)
        self._idle.append(worker)
        self._move()

    def retry_after(self) -> int:
        """Estimate in how many seconds the present notes will be done, from how long recent notes took."""
        return min(max(math.ceil(self.notes * self._pace / self._workers), _SHORTEST), _LONGEST)

    def _fits(self, note: _Note[WorkerT]) -> bool:
        """Whether there is room for a note. A note that is alone always fits, as the size of a note is limited."""
        notes, size = (sum(taken) for taken in zip(*self._taken.values(), strict=True))
        if notes >= self._most[False][0] or (notes and size + note.size > self._most[False][1]):
            return False
        own_notes, own_size = self._taken[note.patient]
        most_notes, most_size = self._most[note.patient]
        return own_notes < most_notes and (not own_notes or own_size + note.size <= most_size)

    def _admit(self, note: _Note[WorkerT]) -> None:
        self._take(1, note.size, patient=note.patient)
        self._waiting[note.patient].append(note)

    def _take(self, notes: int, size: int, *, patient: bool) -> None:
        self._taken[patient][0] += notes
        self._taken[patient][1] += size

    def _move(self) -> None:
        """Admit the notes for which there is room now, and give idle workers to the notes that are next."""
        while self._outside and self._fits(self._outside[0]):
            self._admit(self._outside.popleft())
        while self._idle and any(self._waiting.values()):
            patient = self._patient_next if all(self._waiting.values()) else bool(self._waiting[True])
            self._patient_next = not patient
            note = self._waiting[patient].popleft()
            if note.worker.done():  # its caller was cancelled, and will call `_withdraw` soon
                self._take(-1, -note.size, patient=patient)
            else:
                note.worker.set_result(self._idle.popleft())

    def _withdraw(self, note: _Note[WorkerT]) -> None:
        """Remove a note whose caller was cancelled, wherever it is."""
        if note in self._outside:
            self._outside.remove(note)
        elif note in self._waiting[note.patient]:
            self._waiting[note.patient].remove(note)
            self._take(-1, -note.size, patient=note.patient)
        elif not note.worker.cancelled():  # it was given a worker at the same moment
            self.leave(note.worker.result(), note.size, patient=note.patient)
        self._move()
