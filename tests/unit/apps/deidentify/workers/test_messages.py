"""What goes to and fro between the service and its engines' processes."""

import json
import socket
import struct
from collections.abc import Iterator
from time import monotonic
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.apps.deidentify.engine.engine import About, Result
from service.apps.deidentify.engine.explanation import Contents, Figures
from service.apps.deidentify.engine.finding import RuleInfo
from service.apps.deidentify.engine.rules import Kind
from service.apps.deidentify.engine.spans import Span
from service.apps.deidentify.workers import messages
from service.apps.deidentify.workers.messages import Failure, Loaded, Refusal

NOTE = "Zoë, 3/4"
RESULT = Result(
    "[NAME_1], 4/4",
    (Span(0, 3, Kind.NAME, 0, 8, "name.list"), Span(5, 8, Kind.DATE, 10, 13, "date.numeric")),
    {Kind.NAME: 1, Kind.DATE: 1},
    len(NOTE),
    {Kind.NAME: ["00ff"]},
)
LOADED = Loaded(
    About("a", "b", "c", "d"),
    Contents({Kind.NAME: Figures(1, 2)}, Figures(3, 4), (RuleInfo("name.list", Kind.NAME, "A name."),)),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(
                ["text", "spans", "counts", "length", "names", "failure", "refusal", "problem", "about", "contents"]
            )
            | st.text(),
            inner,
        )
    ),
)

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Two ends of a connection."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def sent(message: Any) -> Any:  # noqa: ANN401 - whatever JSON says
    """What the other side gets."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        messages.send(ours, message)
        return messages.receive(theirs)


@pytest.mark.parametrize(
    "result", [RESULT, Refusal("German"), Failure("ValueError", "a.py:1 f")], ids=["result", "refusal", "failure"]
)
def test_a_reply_arrives_as_it_was_sent(result: Result | Refusal | Failure) -> None:
    """With its spans, their types, and what was numbered."""
    assert messages.result_of(sent(messages.reply(result)), of=NOTE) == result


@pytest.mark.parametrize("loaded", [LOADED, "no data"], ids=["loaded", "problem"])
def test_an_introduction_arrives_as_it_was_sent(loaded: Loaded | str) -> None:
    """Which engine there is and what its rules hold, or why there is none."""
    assert messages.loaded_of(sent(messages.introduction(loaded))) == loaded


def test_a_reply_about_another_note_is_none() -> None:
    """Nobody gets what is somebody else's."""
    with pytest.raises(ValueError, match="about another note"):
        messages.result_of(messages.reply(RESULT), of="another")


@given(JSON)
def test_any_json_is_a_reply_or_a_value_error(message: object) -> None:
    """And so it is with introductions."""
    for read in (lambda: messages.result_of(message, of=NOTE), lambda: messages.loaded_of(message)):
        try:
            assert isinstance(read(), Result | Refusal | Failure | Loaded | str)
        except ValueError:
            continue


@given(st.binary(max_size=64))
def test_any_bytes_are_a_message_or_an_error(data: bytes) -> None:
    """None of them is run, and nothing is waited for that does not come."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data)
        theirs.close()
        try:
            json.dumps(messages.receive(ours, until=monotonic() + 10))
        except (ValueError, EOFError):
            return


def test_a_message_of_any_length_is_not_waited_for(pair: Pair) -> None:
    """A length that nobody of ours would send is refused before anything is read."""
    ours, theirs = pair
    theirs.sendall(struct.pack("!I", 2**32 - 1))

    with pytest.raises(ValueError, match="too long"):
        messages.receive(ours, until=monotonic() + 10)


@pytest.mark.parametrize("data", [b"", b"\0\0", struct.pack("!I", 5) + b'"x'], ids=["nothing", "half a length", "half"])
def test_waiting_has_an_end(pair: Pair, data: bytes) -> None:
    """Also in the middle of a message."""
    ours, theirs = pair
    theirs.sendall(data)

    with pytest.raises(TimeoutError):
        messages.receive(ours, until=monotonic() + 0.05)


def test_sending_has_an_end(pair: Pair) -> None:
    """Where nobody reads."""
    with pytest.raises(TimeoutError):
        messages.send(pair[0], {"text": "x" * 10_000_000}, until=monotonic() + 0.05)
