"""What a Dask worker says to a batch of notes: outcomes, or why there are none, in no case an error that quotes one."""

import hashlib
from collections.abc import Iterator

import pytest

from service.apps.deidentify.job import remote
from service.apps.deidentify.job.claim import engine_of
from service.apps.deidentify.job.local import Engines
from service.apps.deidentify.job.remote import Batch, packed, treat

CANARY = "Zebulon"


@pytest.fixture(scope="module", autouse=True)
def _end() -> Iterator[None]:
    yield
    remote.close()


@pytest.fixture(scope="module")
def engine() -> dict[str, str]:
    """Which engine is installed here."""
    with Engines(60) as engines:
        return engine_of(engines.load())


def batch(engine: dict[str, str], **changes: object) -> Batch:
    """Notes of a file of lines, as a file, and of a row of a table."""
    notes = [
        (3, b'{"text": "Dr. Smith", "id": 1}', False),
        (0, b"Dr. Zebulon", False),
        (0, "Dr. Zebulon".encode("utf-16"), False),
        (7, b'[["note", "Dr. Zebulon"], ["more", null]]', True),
    ]
    plain: dict[str, object] = {"engine": engine, "options": {}, "spans": False, "deadline": 60, "notes": notes}
    plain |= {"encoding": "utf-8", "setup": {}}
    return plain | changes  # type: ignore[return-value] # a TypedDict is a dict


def test_outcomes(engine: dict[str, str]) -> None:
    """Are plain data, for a client to make its own of."""
    outcomes = treat(packed(batch(engine, options={"replacement": "tag"})))["outcomes"]

    assert (outcomes[0][0] or b"").startswith(b'{"line":3,"id":1,"text":"Dr. [NAME]",')
    assert outcomes[1] == (b"Dr. [NAME]", "", "")
    assert outcomes[2][:2] == (None, "note_refused")
    assert outcomes[2][2].startswith("This looks like UTF-16LE")
    assert outcomes[3] == (b'{"line":7,"texts":["Dr. [NAME]",null]}\n', "", "")


def test_another_engine(engine: dict[str, str]) -> None:
    """Does nothing, and says which it is."""
    assert treat(packed(batch(engine | {"service": "0.0.0"}))) == {"engine": engine}


def test_the_operators_own_rules(engine: dict[str, str]) -> None:
    """Come with the notes; the answer names them by their hash, and those of another file are another engine."""
    setup = {"own_rules": '[mask]\nNAME = ["smith", "lemon"]'}
    note = [(0, b"A lemon for Dr. Smith", False)]
    named = treat(packed(batch(engine, setup=setup)))["engine"]

    assert named["rules"] == engine["rules"] + "+" + hashlib.sha256(setup["own_rules"].encode()).hexdigest()[:16]
    reply = treat(packed(batch(dict(named), setup=setup, notes=note)))
    assert reply["outcomes"] == [(b"A ***** for Dr. *****", "", "")]
    assert treat(packed(batch(dict(named)))) == {"engine": engine}


def test_an_engine_of_a_version_that_sends_less(engine: dict[str, str]) -> None:
    """Is compared before anything else of the batch is read."""
    sent: Batch = {"engine": engine | {"service": "0.0.0"}, "deadline": 60, "notes": []}  # type: ignore[typeddict-item] # such as another version sends

    assert treat(packed(sent)) == {"engine": engine}


@pytest.mark.parametrize("given", [CANARY.encode(), b"", packed({})], ids=["garbage", "nothing", "another version"])  # type: ignore[typeddict-item] # such as another version sends
def test_what_cannot_be_read(given: bytes) -> None:
    """Is told by where it happened alone."""
    reply = treat(given)

    assert list(reply) == ["problem"]
    assert " at remote.py:" in reply["problem"]
    assert CANARY not in reply["problem"]


def test_what_goes_over_the_wire(engine: dict[str, str]) -> None:
    """Cannot be read in a log that shows its bytes."""
    assert CANARY.encode() not in packed(batch(engine))
