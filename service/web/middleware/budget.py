"""Limits how many bytes of bodies a process holds at once, in all and for each sender."""

from collections import Counter

from service.web.errors import BodiesFullError, TooManyBodiesError


class Budget:
    """`size` bytes in all, of which one sender may use `share`. A single body may use all of them, if there is room."""

    def __init__(self, size: int, *, share: int) -> None:
        self._size = size
        self._share = share
        self._by_sender = Counter[str]()
        self.held = 0

    def open(self, sender: str) -> "Holding":
        """Return a Holding for one body of a sender."""
        return Holding(self, sender)

    def take(self, sender: str, size: int, *, already: int) -> None:
        """Count `size` more bytes of a body of which `already` bytes are held.

        Raises:
            TooManyBodiesError: the sender has several bodies here, and together they exceed the share.
            BodiesFullError: the bodies of all senders together exceed the size.
        """
        others = self._by_sender[sender] - already
        if others and others + already + size > self._share:
            raise TooManyBodiesError(1)
        if self.held + size > self._size:
            raise BodiesFullError
        self.held += size
        self._by_sender[sender] += size

    def give_back(self, sender: str, size: int) -> None:
        """Count `size` bytes less."""
        self.held -= size
        self._by_sender[sender] -= size
        if not self._by_sender[sender]:
            del self._by_sender[sender]


class Holding:
    """The bytes that are held of one body."""

    __slots__ = ("_budget", "_sender", "size")

    def __init__(self, budget: Budget, sender: str) -> None:
        self._budget = budget
        self._sender = sender
        self.size = 0

    def take(self, size: int) -> None:
        """Count `size` more bytes. Raises as `Budget.take`."""
        self._budget.take(self._sender, size, already=self.size)
        self.size += size

    def release(self) -> None:
        """Count none of the body any more."""
        if self.size:
            self._budget.give_back(self._sender, self.size)
            self.size = 0
