"""The cache keeps its promises for any sequence of events. Results are compared with all that the Hub has said."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from service.hub.errors import HubUnavailableError, HubUnreachableError, InvalidTokenError
from tests.unit.hub.conftest import DOWN, NO, SLOW, World, settle

T = TypeVar("T")
TTL, GRACE = 100, 50  # those of World
SIZE = 1
KEYS = st.sampled_from("aaab")


@dataclass
class Said:
    """What the Hub said about a key, and when. Forgetting a key is recorded in the same way."""

    when: float
    key: str
    what: "str | Exception | None"


class History(RuleBasedStateMachine):
    """Callers ask one after another, time passes, and each answer of the Hub is different."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.world = self.run(self.make_world)
        self.history: list[Said] = []
        self.count = 0

    @staticmethod
    async def make_world() -> World:
        """Make a cache for one answer only."""
        return World(grace=GRACE, size=SIZE)

    def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine until it is done."""
        return self.runner.run(work())

    def teardown(self) -> None:
        """Close the cache and the event loop."""
        self.run(self.world.cache.aclose)
        self.runner.close()

    @rule(
        after=st.sampled_from([0, 0.75, 1, 4.75, 5, 30, 80, 80, 101]),
        key=KEYS,
        mood=st.sampled_from(["yes", "yes", NO, SLOW, DOWN]),
        since=st.sampled_from([None, None, None, None, 0, 30]),
    )
    def somebody_comes(self, after: float, key: str, mood: str | Exception, since: int | None) -> None:
        """Ask about a key some time later, if given for an answer that is not older than `since` seconds."""
        self.world.clock.seconds += after
        self.count += 1
        self.world.says = f"answer {self.count}" if mood == "yes" else mood
        before = [said for said in self.history if said.key == key]
        heard, questions = self.run(lambda: self.ask(key, since))
        self.history += [Said(self.now, asked, self.world.says) for asked in questions]

        assert set(questions) <= {key}
        assert len(questions) <= 1
        if isinstance(heard, str):
            self.check_answer(heard, before, since, questions)
        else:
            self.check_refusal(heard, before, questions)

    @rule(key=KEYS)
    def somebody_leaves(self, key: str) -> None:
        """Forget everything that is known of a key."""
        self.world.cache.forget(lambda each: each == key)
        self.history.append(Said(self.now, key, None))

    @invariant()
    def is_bounded(self) -> None:
        """The cache never has more answers than its size."""
        assert len(self.world.cache) <= SIZE

    @property
    def now(self) -> float:
        """Return the time in seconds."""
        return self.world.clock.seconds

    async def ask(self, key: str, since: int | None) -> "tuple[str | Exception, list[str]]":
        """Return the result, and the questions that this caused."""
        self.world.asked.clear()
        not_before = None if since is None else self.world.clock.now_minus(since)
        [heard] = await asyncio.gather(self.world.start(key, not_before=not_before), return_exceptions=True)
        await settle()
        assert not isinstance(heard, BaseException) or isinstance(heard, Exception)
        return heard, list(self.world.asked)

    def check_answer(self, heard: str, before: list[Said], since: int | None, questions: list[str]) -> None:
        """An answer is the last one about the key, not forgotten and not too old. It is stale only in an outage."""
        if questions and heard == self.world.says:
            return
        final = [said for said in before if not isinstance(said.what, HubUnavailableError)]
        assert final
        assert final[-1].what == heard
        age = self.now - final[-1].when
        assert age < TTL + GRACE
        assert since is None or age <= since
        if age >= TTL:
            assert self.could_not_be_asked(before, questions)
        if questions and age < TTL:
            assert age >= 0.8 * TTL

    def check_refusal(self, heard: Exception, before: list[Said], questions: list[str]) -> None:
        """A refusal was made within five seconds and not revoked. An outage is one now, or was one within a second."""
        if questions:
            assert type(heard) is type(self.world.says)
        elif isinstance(heard, InvalidTokenError):
            final = [said for said in before if not isinstance(said.what, HubUnavailableError)]
            assert isinstance(final[-1].what, InvalidTokenError)
            assert self.now - final[-1].when < 5
        else:
            assert self.could_not_be_asked(before, questions)

    def could_not_be_asked(self, before: list[Said], questions: list[str]) -> bool:
        """Return whether the Hub failed now, or so recently that it is not asked again.

        About one key for a second; about all while nobody has had an answer since it took no connection.
        """
        if questions:
            return isinstance(self.world.says, HubUnavailableError)
        of_key = any(isinstance(said.what, HubUnavailableError) and self.now - said.when < 1 for said in before)
        since_an_answer = [*takewhile(is_failure, (said for said in reversed(self.history) if said.what is not None))]
        is_down = any(isinstance(said.what, HubUnreachableError) for said in since_an_answer)
        return of_key or (is_down and self.now - since_an_answer[0].when < 1)


def is_failure(said: Said) -> bool:
    """Return whether the Hub said neither yes nor no."""
    return isinstance(said.what, HubUnavailableError)


TestHistory = History.TestCase
TestHistory.settings = settings(max_examples=50, stateful_step_count=20)
