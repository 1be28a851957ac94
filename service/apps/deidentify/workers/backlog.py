"""The notes that wait for a worker or are in work: how many there may be, and whose turn is next.

For one event loop. Single notes are turned away when all room is taken. Notes of batches wait for room, and get half
of it at most; where notes of both kinds wait for a worker, they take turns.
"""

import asyncio
import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from service.apps.deidentify.errors import QueueFullError

WorkerT = TypeVar("WorkerT")

_MEMORY = 0.9  # of the pace so far, at each further note
_SHORTEST, _LONGEST = 1, 60  # seconds after which to try again


@dataclass(eq=False, slots=True)
class _Note(Generic[WorkerT]):
    size: int
    patient: bool
    worker: "asyncio.Future[WorkerT]"


class Backlog(Generic[WorkerT]):
    """Room for `notes` notes of `size` bytes together, waiting or in work; `workers` do them."""

    def __init__(self, workers: Iterable[WorkerT], *, notes: int, size: int) -> None:
        self._idle = deque(workers)
        self._workers = len(self._idle)
        self._most = {False: (notes, size), True: (max(1, notes // 2), size // 2)}  # by patience
        self._taken = {False: [0, 0], True: [0, 0]}  # likewise
        self._outside: deque[_Note[WorkerT]] = deque()
        self._waiting: dict[bool, deque[_Note[WorkerT]]] = {False: deque(), True: deque()}
        self._patient_next = False
        self._pace = 0.0  # seconds that a note took lately

    @property
    def notes(self) -> int:
        """How many have room."""
        return self._taken[False][0] + self._taken[True][0]

    @property
    def busy(self) -> int:
        """How many workers have a note."""
        return self._workers - len(self._idle)

    async def enter(self, size: int, *, patient: bool = False) -> WorkerT:
        """Return a worker for a note of so many bytes, when it is its turn. Bring it back with `leave`.

        Raises:
            QueueFullError: there is no room, and it is not `patient`.
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
        """A note is through, after so many seconds of work: its room and its worker are free."""
        if seconds is not None:
            self._pace = _MEMORY * self._pace + (1 - _MEMORY) * seconds if self._pace else seconds
        self._take(-1, -size, patient=patient)
        self._idle.append(worker)
        self._move()

    def retry_after(self) -> int:
        """After how many seconds what is here now should be done, from how long notes took lately."""
        return min(max(math.ceil(self.notes * self._pace / self._workers), _SHORTEST), _LONGEST)

    def _fits(self, note: _Note[WorkerT]) -> bool:
        """Whether there is room. Alone, a note always fits: it is no larger than a note may be."""
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
        """Let in who has room now, and give workers to whose turn it is."""
        while self._outside and self._fits(self._outside[0]):
            self._admit(self._outside.popleft())
        while self._idle and any(self._waiting.values()):
            patient = self._patient_next if all(self._waiting.values()) else bool(self._waiting[True])
            self._patient_next = not patient
            note = self._waiting[patient].popleft()
            if note.worker.done():  # its caller is gone, and about to say so
                self._take(-1, -note.size, patient=patient)
            else:
                note.worker.set_result(self._idle.popleft())

    def _withdraw(self, note: _Note[WorkerT]) -> None:
        """Forget a note whose caller is gone, wherever it is."""
        if note in self._outside:
            self._outside.remove(note)
        elif note in self._waiting[note.patient]:
            self._waiting[note.patient].remove(note)
            self._take(-1, -note.size, patient=note.patient)
        elif not note.worker.cancelled():  # it got its turn just then
            self.leave(note.worker.result(), note.size, patient=note.patient)
        self._move()
