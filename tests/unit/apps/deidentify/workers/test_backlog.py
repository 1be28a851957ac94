"""How many notes may wait, and whose turn is next; workers are letters here."""

import asyncio
from collections.abc import Sequence

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.apps.deidentify.errors import QueueFullError
from service.apps.deidentify.workers.backlog import Backlog, Entry


class Callers:
    """Those who call, by the name of their note: who has a worker, in the order of turns, and who was turned away."""

    def __init__(self, backlog: Backlog[str]) -> None:
        self.backlog = backlog
        self.turns: list[str] = []
        self.refused: list[str] = []
        self._workers: dict[str, str] = {}
        self._entries: dict[str, Entry] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def come(self, *names: str, size: int = 1, patient: bool = False, caller: str = "alice") -> None:
        """Bring notes of one caller, one after another."""
        for name in names:
            self._entries[name] = Entry(caller, size, patient)
            self._tasks[name] = asyncio.ensure_future(self._come(name))
            await anyio.wait_all_tasks_blocked()

    async def _come(self, name: str) -> None:
        try:
            self._workers[name] = await self.backlog.enter(self._entries[name])
        except QueueFullError:
            self.refused.append(name)
        else:
            self.turns.append(name)

    async def go(self, *names: str) -> None:
        """Be gone before the note's turn."""
        for name in names:
            self._tasks[name].cancel()
        await anyio.wait_all_tasks_blocked()

    async def finish(self, *names: str, seconds: float | None = None) -> None:
        """Get through with notes, one after another."""
        for name in names:
            self.backlog.leave(self._workers.pop(name), self._entries[name], seconds=seconds)
            await anyio.wait_all_tasks_blocked()


def made(*, workers: Sequence[str] = "A", notes: int = 8, size: int = 100) -> Callers:
    """Callers of a new backlog."""
    return Callers(Backlog(workers, notes=notes, size=size))


async def test_as_many_at_a_time_as_there_are_workers() -> None:
    """The others wait, and go in the order in which they came."""
    callers = made(workers="AB")
    await callers.come("1", "2", "3", "4")
    assert callers.turns == ["1", "2"]

    await callers.finish("2", "1")

    assert callers.turns == ["1", "2", "3", "4"]


async def test_too_many_notes() -> None:
    """Who finds no room is turned away; who comes after others have left is not."""
    callers = made(notes=2)
    await callers.come("1", "2", "3")
    await callers.finish("1")
    await callers.come("4")

    assert callers.refused == ["3"]
    assert callers.backlog.notes == 2


async def test_too_many_bytes() -> None:
    """Few large notes take as much room as many small ones; alone, one of any size has room."""
    callers = made(size=100)
    await callers.come("larger than all room", size=150)
    await callers.come("1")
    await callers.finish("larger than all room")
    await callers.come("2", size=60)
    await callers.come("3", size=41)
    await callers.come("4", size=40)

    assert callers.refused == ["1", "3"]


async def test_patience() -> None:
    """Notes of batches are never turned away: they wait for room, and come in in their order."""
    callers = made(notes=4)
    await callers.come(*"123456", patient=True)
    assert (callers.turns, callers.backlog.notes) == (["1"], 2)

    await callers.finish(*"12345")

    assert (callers.turns, callers.refused) == ([*"123456"], [])


@pytest.mark.parametrize(("size", "expected"), [(1, 4), (20, 2)], ids=["notes", "bytes"])
async def test_batches_get_half_of_the_room(size: int, expected: int) -> None:
    """So that there is some for single notes, whatever batches there are."""
    callers = made(notes=8, size=100)
    await callers.come(*"123456", size=size, patient=True)
    assert callers.backlog.notes == expected

    await callers.come("single")

    assert callers.refused == []


async def test_a_large_note_of_a_batch_is_not_overtaken_by_small_ones() -> None:
    """Else it might never come in."""
    callers = made(notes=10, size=100)
    await callers.come("1", size=30, patient=True)
    await callers.come("large", size=40, patient=True)
    await callers.come("small", size=1, patient=True)
    await callers.finish("1")

    assert callers.turns == ["1", "large"]
    assert callers.backlog.notes == 2


async def test_single_notes_leave_room_for_the_next_note_of_a_batch() -> None:
    """Else a large one might never come in, nor what waits behind it."""
    callers = made(workers="ABC", size=100)
    await callers.come("1", "2", size=40)
    await callers.come("large", size=49, patient=True)
    await callers.come("small", patient=True, caller="bob")
    await callers.come("3", size=20, caller="carol")
    assert callers.refused == ["3"]

    await callers.finish("1")
    await callers.come("4", size=10, caller="carol")
    await callers.finish("2", "large")

    assert (callers.turns, callers.refused) == (["1", "2", "large", "small", "4"], ["3"])


async def test_single_notes_and_those_of_batches_take_turns() -> None:
    """Neither a large batch nor many callers keep the others waiting."""
    callers = made(notes=20)
    await callers.come(*"1234", patient=True)
    await callers.come(*"abcd")
    await callers.finish(*"1a2b3c4")

    assert callers.turns == [*"1a2b3c4d"]


async def test_who_goes_gives_room_back_at_once() -> None:
    """Whether the note waited for room or for a worker, or had got one just then."""
    callers = made(notes=4)
    await callers.come(*"1ab")
    await callers.come(*"234", patient=True)
    await callers.go("a", "3", "4")
    await callers.finish("1")
    assert (callers.turns, callers.backlog.notes) == ([*"12"], 2)

    callers.backlog.leave("A", Entry("alice", 1, patient=True))
    await callers.go("b")  # its turn has come, and it does not know yet

    assert (callers.turns, callers.backlog.notes) == ([*"12"], 0)
    await callers.come("5")
    assert callers.turns == [*"125"]


async def test_a_turn_that_comes_for_somebody_about_to_go_is_the_next_ones() -> None:
    """No room and no worker is lost between the two."""
    callers = made()
    await callers.come(*"123")
    callers._tasks["2"].cancel()  # noqa: SLF001 - it does not know before the loop goes on
    await callers.finish("1")

    assert (callers.turns, callers.backlog.notes) == ([*"13"], 1)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(None, 1), (0.001, 1), (2.0, 3), (1000.0, 60)],
    ids=["nothing known", "quick notes", "three notes, two workers", "never beyond a minute"],
)
async def test_when_to_try_again(seconds: float | None, expected: int) -> None:
    """From how long notes took lately and how many are here."""
    callers = made(workers="AB")
    await callers.come("1")
    await callers.finish("1", seconds=seconds)
    await callers.come("2", "3", "4")

    assert callers.backlog.retry_after() == expected


# Several callers


async def test_callers_take_turns() -> None:
    """Who has many notes waiting does not keep the others waiting."""
    callers = made(notes=20)
    await callers.come(*"12345")
    await callers.come("a", "b", caller="bob")
    await callers.come("x", caller="carol")
    await callers.finish(*"12ax3b4")

    assert callers.turns == [*"12ax3b45"]


async def test_notes_of_batches_take_turns_too() -> None:
    """For room and for a worker: a second batch goes as fast as the first, whatever waits there."""
    callers = made(notes=4)
    await callers.come(*"123456", patient=True)
    await callers.come(*"ab", caller="bob", patient=True)
    await callers.finish(*"123a4b5")

    assert callers.turns == [*"123a4b56"]


async def test_who_fills_the_queue_gives_way() -> None:
    """The youngest note of who has most is turned away for somebody who has less; whoever has as much gets no room."""
    callers = made(notes=4)
    await callers.come(*"1234")
    await callers.come("a", caller="bob")
    assert (callers.refused, callers.backlog.notes) == (["4"], 4)

    await callers.come("b", caller="bob")
    assert callers.refused == [*"43"]
    await callers.come("c", caller="bob")
    await callers.come("5")
    assert callers.refused == [*"43c5"]

    await callers.finish(*"12a")
    assert callers.turns == [*"12ab"]


async def test_bytes_count_as_notes_do() -> None:
    """Few large notes give way to small ones, as many as are needed; a note too many turns nobody away for nothing."""
    callers = made(notes=100, size=100)
    await callers.come(*"1234", size=25)
    await callers.come("a", size=30, caller="bob")
    assert callers.refused == [*"43"]

    await callers.come("b", size=40, caller="bob")
    await callers.come("c", size=5, caller="bob")

    assert callers.refused == [*"43b"]
    assert callers.backlog.notes == 4


async def test_a_note_in_work_is_never_taken_back() -> None:
    """Who comes when all room is in work is turned away, and told when to come again."""
    callers = made(workers="AB", notes=2)
    await callers.come("1", "2")
    await callers.come("a", caller="bob")

    assert (callers.turns, callers.refused) == ([*"12"], ["a"])


async def test_any_number_of_callers_who_want_all() -> None:
    """Each of them has about as much as the others, and the next to come is served."""
    callers = made(notes=12)
    for caller in "abc":
        await callers.come(*(f"{caller}{number}" for number in range(20)), caller=caller)
    await callers.come("d0", caller="d")

    assert "d0" not in callers.refused
    left = [name for name in callers._entries if name not in callers.refused]  # noqa: SLF001 - as the test wrote them
    assert sorted(sum(name.startswith(caller) for name in left) for caller in "abcd") == [1, 3, 4, 4]


async def test_who_goes_just_when_turned_away() -> None:
    """Nothing is freed twice."""
    callers = made(notes=2)
    await callers.come("1", "2")
    callers._tasks["2"].cancel()  # noqa: SLF001 - it does not know before the loop goes on
    await callers.come("a", caller="bob")
    await callers.finish("1", "a")

    assert (callers.turns, callers.backlog.notes) == (["1", "a"], 0)


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["single", "patient", "finish", "go"]),
        st.integers(0, 20),
        st.integers(1, 60),
        st.sampled_from("abc"),
    ),
    max_size=40,
)


@given(EVENTS)
@settings(max_examples=200)
def test_whatever_happens(events: list[tuple[str, int, int, str]]) -> None:
    """The bounds hold, no worker is lost or given twice, and in the end all room is free."""
    asyncio.run(history(events))


async def history(events: list[tuple[str, int, int, str]]) -> None:
    """Play it, and look at each step."""
    backlog = Backlog("AB", notes=6, size=100)
    waiting: list[tuple[asyncio.Task[str], Entry]] = []
    working: list[tuple[str, Entry]] = []
    for event, which, size, caller in events:
        if event in {"single", "patient"}:
            entry = Entry(caller, size, event == "patient")
            waiting.append((asyncio.ensure_future(backlog.enter(entry)), entry))
        elif event == "finish" and working:
            backlog.leave(*working.pop(which % len(working)))
        elif event == "go" and waiting:
            waiting[which % len(waiting)][0].cancel()
        if which % 3:
            await anyio.wait_all_tasks_blocked()
            waiting, working = settled(waiting, working)
        assert 0 <= backlog.notes <= 6
    while waiting or working:
        await anyio.wait_all_tasks_blocked()
        waiting, working = settled(waiting, working)
        for worker, entry in working:
            backlog.leave(worker, entry)
        working = []
    assert backlog.notes == 0
    assert sorted([await backlog.enter(Entry("a", 1)), await backlog.enter(Entry("a", 1))]) == ["A", "B"]


def settled(
    waiting: list[tuple[asyncio.Task[str], Entry]], working: list[tuple[str, Entry]]
) -> tuple[list[tuple[asyncio.Task[str], Entry]], list[tuple[str, Entry]]]:
    """Who waits still, and who has a worker now."""
    for task, entry in waiting:
        if task.done() and not task.cancelled() and task.exception() is None:
            working = [*working, (task.result(), entry)]
    workers = [worker for worker, _ in working]
    assert len(set(workers)) == len(workers)
    return [entry for entry in waiting if not entry[0].done()], working
