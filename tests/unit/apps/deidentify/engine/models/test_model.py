"""How a model is named."""

from importlib import metadata

import pytest

from service.apps.deidentify.engine.models import model
from tests.support import seeing


def test_by_module_and_function() -> None:
    """Whatever package it is in."""
    assert model.load("tests.support.seeing:load").name == seeing.NAME


def test_by_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an installed package."""
    entry = metadata.EntryPoint("mine", "tests.support.seeing:load", model.GROUP)
    monkeypatch.setattr(
        metadata, "entry_points", lambda *, group, name: [entry] * (entry.matches(group=group, name=name))
    )

    assert model.load("mine").name == seeing.NAME


def test_there_is_none() -> None:
    """The error says so."""
    with pytest.raises(ValueError, match="there is no model mine"):
        model.load("mine")
