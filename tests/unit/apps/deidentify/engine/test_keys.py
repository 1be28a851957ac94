"""What a key makes of a text is always the same, and tells nothing about what another key makes of it."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.apps.deidentify.engine import keys
from service.apps.deidentify.engine.rules import Kind

SECRET = bytes(range(32))
# Of SECRET, computed once.
DERIVED = "ae2ca3bb6cba23a86887dab9cccc4d04bc26a49792a6666ec1beda29827fba65"
NUMBER = 11225965801281704920
SHIFT = 90
SECRETS = st.binary(min_size=32, max_size=32)


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        (Kind.NAME, "Ann Roe", "ANN\n ROE"),
        (Kind.NAME, "José Núñez", "jose nun\u0303ez"),
        (Kind.NAME, "Ann\u200bRoe", "AnnRoe"),
        (Kind.NAME, "Straße", "STRASSE"),
        (Kind.NAME, "\uff33mith", "smith"),
        (Kind.ID, "123-45-6789", "123 45 6789"),
        (Kind.CONTACT, "(617) 555-0100", "617.555.0100"),
        (Kind.NAME, "SMITH'S", "Smith"),
        (Kind.NAME, "Smith\u2019s", "SMITH"),
    ],
)
def test_what_counts_as_the_same(kind: Kind, one: str, other: str) -> None:
    """Case, accents, spaces and invisible characters do not count, nor punctuation between digits."""
    assert keys.number(SECRET, kind, one) == keys.number(SECRET, kind, other)


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        (Kind.NAME, "Smith, John", "John Smith"),
        (Kind.NAME, "Ann Roe", "AnnRoe"),
        (Kind.NAME, "Иван", "Иова"),
        (Kind.NAME, "王伟", "李伟"),
        (Kind.DATE, "1/11/2019", "11/1/2019"),
        (Kind.CONTACT, "j.smith@x.org", "js.mith@x.org"),
        (Kind.CONTACT, "10.1.11.2", "10.11.1.2"),
        (Kind.CONTACT, "10.1.1.0/16", "10.1.10.1/6"),
        (Kind.NAME, "Smiths", "Smith"),
        (Kind.ID, "A1-2", "A12"),
    ],
)
def test_what_counts_as_different(kind: Kind, one: str, other: str) -> None:
    """The order of words, and letters of any script."""
    assert keys.number(SECRET, kind, one) != keys.number(SECRET, kind, other)


def test_marks_without_end() -> None:
    """Accents do not count, however many there are. Half a million would take hours if each were compared with each."""
    assert keys.normal("Smith" + "\u0315\u0300" * 250_000) == "smith"


def test_results_never_change() -> None:
    """Studies go on for years: these values are those of the first version."""
    assert keys.derived(SECRET, "user:alice", "study").hex() == DERIVED
    assert keys.number(SECRET, Kind.NAME, "Ann Roe") == NUMBER
    assert keys.shift(SECRET, "MRN 1234") == SHIFT


def test_another_process_gives_the_same() -> None:
    """Nothing of a process takes part, such as the seed of its hashes."""
    code = (
        "from service.apps.deidentify.engine import keys; from service.apps.deidentify.engine.rules import Kind;"
        "s = bytes(range(32)); print(keys.number(s, Kind.NAME, 'Ann Roe'), keys.shift(s, 'MRN 1234'))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert ended.stdout.split() == [str(NUMBER), str(SHIFT)]


@given(SECRETS, st.text(max_size=30))
def test_a_shift_is_up_to_a_year_and_never_none(secret: bytes, patient: str) -> None:
    """In both directions."""
    assert 1 <= abs(keys.shift(secret, patient)) <= 365


def test_shifts_are_spread_out() -> None:
    """Of 5,000 patients nearly all of the 730 shifts are used, and none often."""
    shifts = [keys.shift(SECRET, f"patient {number}") for number in range(5000)]

    assert len(set(shifts)) > 700
    assert max(map(shifts.count, set(shifts))) < 30


def test_two_keys_have_nothing_in_common() -> None:
    """No number, and no more shifts than chance gives, which is one in 730."""
    one, other = (keys.derived(SECRET, "user:alice", name) for name in ("study", "trial"))
    texts = [f"name {number}" for number in range(2000)]
    shared = sum(keys.shift(one, text) == keys.shift(other, text) for text in texts)

    assert not {keys.number(one, Kind.NAME, text) for text in texts} & {
        keys.number(other, Kind.NAME, text) for text in texts
    }
    assert shared < 15


@given(
    st.lists(st.tuples(st.text("ab:/", max_size=4), st.text("ab:/", max_size=4)), min_size=2, max_size=2, unique=True)
)
def test_each_owner_and_name_has_a_secret_of_its_own(pair: list[tuple[str, str]]) -> None:
    """However they are divided."""
    one, other = (keys.derived(SECRET, owner, name) for owner, name in pair)

    assert one != other


def test_numbers_have_64_bits() -> None:
    """Of 20,000 names no two have the same, and the highest bit is used."""
    numbers = {keys.number(SECRET, Kind.NAME, f"name {each}") for each in range(20_000)}

    assert len(numbers) == 20_000
    assert max(numbers).bit_length() == 64
