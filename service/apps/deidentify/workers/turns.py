"""Queues of several callers who take turns: however much one of them has, the next turn is another's."""

from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

ItemT = TypeVar("ItemT")


class Turns(Generic[ItemT]):
    """What each caller has waiting, in the order in which it came. Callers take turns."""

    def __init__(self) -> None:
        self._queues: dict[str, deque[ItemT]] = {}  # in the order of turns; none is empty

    def __bool__(self) -> bool:
        return bool(self._queues)

    def add(self, caller: str, item: ItemT) -> None:
        """Append to a caller's queue. A caller who had nothing waiting gets the last turn."""
        self._queues.setdefault(caller, deque()).append(item)

    def next(self) -> ItemT:
        """Return what is next. Raises StopIteration if nothing waits."""
        return next(iter(self._queues.values()))[0]

    def pop(self) -> ItemT:
        """Remove what is next and return it. Its caller's next turn is after all others'."""
        caller, queue = next(iter(self._queues.items()))
        item = queue.popleft()
        del self._queues[caller]
        if queue:
            self._queues[caller] = queue
        return item

    def remove(self, caller: str, item: ItemT) -> bool:
        """Remove something from a caller's queue, and return whether it was there."""
        queue = self._queues.get(caller, deque())
        if item not in queue:
            return False
        queue.remove(item)
        if not queue:
            del self._queues[caller]
        return True

    def queues(self) -> Iterator[tuple[str, list[ItemT]]]:
        """Yield each caller with a copy of the queue."""
        return ((caller, list(queue)) for caller, queue in self._queues.items())
