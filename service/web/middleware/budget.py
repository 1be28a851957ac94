"""Limits how many bytes of bodies a process holds at once, in all and for each sender."""

from collections import Counter

from service.web.errors import BodiesFullError, TooManyBodiesError


class Budget:
    """`size` bytes in all, of which one sender may use `share`. A single body may use all of them, if there is room."""

    def __init__(self, size: int, *, share: int) -> None:
        self.size, self.share = size, share
        self.held = 0
        self.held_by = Counter[str]()

    def open(self, sender: str) -> "Holding":
        """Return a Holding for one body of a sender."""
        return Holding(self, sender)


class Holding:
    """The bytes that are held of one body."""

    __slots__ = ("_budget", "_sender", "size")

    def __init__(self, budget: Budget, sender: str) -> None:
        self._budget = budget
        self._sender = sender
        self.size = 0

    def take(self, size: int) -> None:
        """Count `size` more bytes of the body.

        Raises:
            TooManyBodiesError: the sender has several bodies here, and together they exceed the share.
            BodiesFullError: the bodies of all senders together exceed the size.
        """
        budget, held = self._budget, self._budget.held_by[self._sender]
        if held > self.size and held + size > budget.share:
            raise TooManyBodiesError(1)
        if budget.held + size > budget.size:
            raise BodiesFullError
        self._count(size)

    def release(self) -> None:
        """Count none of the body any more."""
        self._count(-self.size)

    def _count(self, size: int) -> None:
        self.size += size
        self._budget.held += size
        self._budget.held_by[self._sender] += size
        if not self._budget.held_by[self._sender]:
            del self._budget.held_by[self._sender]
