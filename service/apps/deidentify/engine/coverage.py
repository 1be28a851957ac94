"""philter-lite's CoordinateMap, with the same results, but without its quadratic time.

Two ranges meet even if one only ends where the other begins. How a new range is joined with the ranges that it meets
shows in the output, so CoordinateMap's quirks are kept: if the new range meets several, the one entered first gives the
end and the one entered last gives the beginning. A new range that encloses an old one does not meet it.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator

Span = tuple[int, int]

SHORT = 128  # characters; longer ranges are few, and are searched one by one if shorter ones do not explain a count
FULL = 255  # a count that has reached this stays there; the ranges themselves are then searched
MORE = bytes([*range(1, FULL + 1), FULL])
LESS = bytes([0, *range(FULL - 1), FULL])


class Coverage:
    """Ranges of a text of `length` characters, in code points.

    A range covers its characters half-open. Whether ranges meet is decided as if they were closed.
    """

    def __init__(self, length: int) -> None:
        self.ends: dict[int, int] = {}
        self._starts: list[int] = []
        self._long: list[int] = []
        self._entered: dict[int, int] = {}
        self._clock = 0
        self._counts = bytearray(length + 1)

    def __iter__(self) -> Iterator[Span]:
        """Yield the ranges in the order of their beginnings."""
        return ((start, self.ends[start]) for start in self._starts)

    def touches(self, start: int, stop: int) -> bool:
        """Whether any range has a position in common with this one, both taken as closed."""
        counts = self._counts[start : stop + 1].strip(b"\0")
        if FULL not in counts:
            return bool(counts)
        return any(begin <= stop and end >= start for begin, end in self.ends.items())

    def add(self, start: int, stop: int) -> None:
        """Enter a range and join it with the ranges that it meets (CoordinateMap.add_extend)."""
        met = self._met(start, stop) if self._counts[start] or self._counts[stop] else []
        if not met:
            self._count(start, stop, MORE)
            self._enter(start, stop)
            return
        start, stop = min(met[-1], start), max(self.ends[met[0]], stop)
        longest = max(met, key=lambda begin: self.ends[begin] - begin)
        for begin in met:
            if begin != longest:
                self.remove(begin)
        self._recount((longest, self.ends[longest]), (start, stop))
        self._forget(longest)
        self._enter(start, stop)

    def remove(self, start: int) -> None:
        """Remove the range that begins at `start`, if there is one (CoordinateMap.remove)."""
        if start in self.ends:
            self._count(start, self.ends[start], LESS)
            self._forget(start)

    def _met(self, start: int, stop: int) -> list[int]:
        """Return the beginnings of the ranges that contain `start` or `stop`, in the order of their entry."""
        ends, starts = self.ends, self._starts
        place = bisect_left(starts, start - SHORT)
        met = []
        while place < len(starts) and (begin := starts[place]) <= stop:
            if ends[begin] >= stop or begin <= start <= ends[begin]:
                met.append(begin)
            place += 1
        if self._counts[start] > sum(begin <= start <= ends[begin] for begin in met):
            met += [begin for begin in self._long[: bisect_left(self._long, start - SHORT)] if ends[begin] >= start]
        met.sort(key=self._entered.__getitem__)
        return met

    def _enter(self, start: int, stop: int) -> None:
        insort(self._starts, start)
        if stop - start > SHORT:
            insort(self._long, start)
        self._clock += 1
        self._entered[start] = self._clock
        self.ends[start] = stop

    def _forget(self, start: int) -> None:
        del self._starts[bisect_left(self._starts, start)]
        if self.ends[start] - start > SHORT:
            del self._long[bisect_left(self._long, start)]
        del self.ends[start], self._entered[start]

    def _recount(self, old: Span, new: Span) -> None:
        """Replace one range by another in the counts. They overlap, and counts of shared positions do not change."""
        self._count(old[0], new[0] - 1, LESS)
        self._count(new[1] + 1, old[1], LESS)
        self._count(new[0], old[0] - 1, MORE)
        self._count(old[1] + 1, new[1], MORE)

    def _count(self, first: int, last: int, change: bytes) -> None:
        if first <= last:
            self._counts[first : last + 1] = self._counts[first : last + 1].translate(change)


def joined(spans: Iterable[Span]) -> list[Span]:
    """Join ranges of which one begins where the one before it ends.

    `spans`: in the order of the text, without overlaps.
    """
    result: list[Span] = []
    for start, stop in spans:
        if result and result[-1][1] == start:
            result[-1] = (result[-1][0], stop)
        else:
            result.append((start, stop))
    return result
