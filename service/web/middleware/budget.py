"""How many bytes of bodies a process holds at once, and whose they are."""

from collections import Counter

from service.web.errors import BodiesFullError, TooManyBodiesError


class Budget:
    """`size` bytes in all, of which one holder may have `share`; a single body may have all, if there is room."""

    def __init__(self, size: int, *, share: int) -> None:
        self._size = size
        self._share = share
        self._by_holder = Counter[str]()
        self.held = 0

    def open(self, holder: str) -> "Holding":
        """Begin to hold one body."""
        return Holding(self, holder)

    def take(self, holder: str, size: int, *, already: int) -> None:
        """Hold `size` bytes more of a body of which `already` bytes are held.

        Raises:
            TooManyBodiesError: the holder has other bodies here, and all together are more than the share.
            BodiesFullError: all holders together have more than the size.
        """
        others = self._by_holder[holder] - already
        if others and others + already + size > self._share:
            raise TooManyBodiesError(1)
        if self.held + size > self._size:
            raise BodiesFullError
        self.held += size
        self._by_holder[holder] += size

    def give_back(self, holder: str, size: int) -> None:
        """Hold `size` bytes less."""
        self.held -= size
        self._by_holder[holder] -= size
        if not self._by_holder[holder]:
            del self._by_holder[holder]


class Holding:
    """What is held of one body."""

    __slots__ = ("_budget", "_holder", "size")

    def __init__(self, budget: Budget, holder: str) -> None:
        self._budget = budget
        self._holder = holder
        self.size = 0

    def take(self, size: int) -> None:
        """Hold `size` bytes more. Raises as `Budget.take`."""
        self._budget.take(self._holder, size, already=self.size)
        self.size += size

    def release(self) -> None:
        """Hold nothing any more."""
        if self.size:
            self._budget.give_back(self._holder, self.size)
            self.size = 0
