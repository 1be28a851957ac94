"""Numbers that identify by their form."""

import pytest

from service.apps.deidentify.engine.engine import Engine
from service.apps.deidentify.engine.finders.numbers import iban, luhn, nhs
from tests.unit.apps.deidentify.engine.finders.masked import problem


@pytest.mark.parametrize(
    ("number", "expected"),
    [("4111 1111 1111 1111", True), ("4111 1111 1111 1112", False), ("0000 0000 0000 0000", False), ("18", False)],
)
def test_the_check_digit_of_a_card(number: str, expected: bool) -> None:  # noqa: FBT001
    """By Luhn's rule."""
    assert luhn(number, 0, len(number)) is expected


@pytest.mark.parametrize(
    ("number", "expected"), [("DE89 3704 0044 0532 0130 00", True), ("DE88 3704 0044 0532 0130 00", False)]
)
def test_the_check_digits_of_an_account(number: str, expected: bool) -> None:  # noqa: FBT001
    """By the rest of 97."""
    assert iban(number, 0, len(number)) is expected


@pytest.mark.parametrize(("number", "expected"), [("943 476 5919", True), ("943 476 5918", False)])
def test_the_check_digit_of_a_patient(number: str, expected: bool) -> None:  # noqa: FBT001
    """Of the National Health Service."""
    assert nhs(number, 0, len(number)) is expected


@pytest.mark.parametrize(
    "line",
    [
        "Number [[123-45-6789]] and [[123 45 6789]].",
        "Card [[4111 1111 1111 1111]], account [[DE89 3704 0044 0532 0130 00]].",
        "Seen, [[943 476 5919]].",
        "Group [[2345 6789 0123]].",
        "WBC 12500, platelets 250000, BNP 35000. Na 138 K 4.1 Cl 101.",
    ],
)
def test_a_number(engine: Engine, line: str) -> None:
    """With or without a label; a value of a laboratory is none."""
    assert problem(engine, line) == ""
