"""Readings that look like dates, and are known by the words before them."""

import pytest

from service.apps.deidentify.engine.blood_pressure import places
from service.apps.deidentify.engine.engine import Engine


@pytest.mark.parametrize(
    "text",
    [
        "Blood pressure 142/74.",
        "BLOOD PRESSURE   132/60",
        "BP=98/60",
        "b/p: 142/74 mmHg",
        "blood pressure was 120/80, and",
        "BP (210/110)",
    ],
)
def test_blood_pressure_stays(engine: Engine, text: str) -> None:
    """However it is written."""
    assert len(list(places(text))) == 1
    assert engine.deidentify(text).text == text


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("142/74", id="nothing before it"),
        pytest.param("blood pressure 12/80", id="a month"),
        pytest.param("blood pressure 31/12", id="a day"),
        pytest.param("blood pressure 110/2019", id="a year"),
        pytest.param("blood pressure 1999/12", id="a year first"),
        pytest.param("blood pressure 142/74/3", id="more of it"),
        pytest.param("blood pressure 142/74-1234", id="an identifier"),
        pytest.param("blood pressure 142/74.5", id="a decimal"),
        pytest.param("blood pressure 142/74A", id="a letter at it"),
        pytest.param("blood pressure on 142/74", id="other words between"),
        pytest.param("blood pressure\n142/74", id="another line"),
        pytest.param("ABP 142/74", id="another word"),
    ],
)
def test_what_might_be_something_else_is_none(text: str) -> None:
    """Then the rules decide."""
    assert list(places(text)) == []


def test_compat_masks_it_as_philter_lite_does(engine: Engine) -> None:
    """Which takes it for a date."""
    assert engine.deidentify("Blood pressure 142/74.", compat=True).text == "Blood pressure ***/**."


def test_a_caller_may_deny_it(engine: Engine) -> None:
    """What is denied is masked."""
    assert engine.deidentify("Blood pressure 142/74.", deny=["142/74"]).text == "Blood pressure ***/**."
