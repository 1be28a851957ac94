"""Names and numbers, by rules or by nltk."""

import json
from collections.abc import Iterator
from pathlib import Path

import nltk.data
import pytest

from service.deidentify import Engine
from service.deidentify.tagging import PerceptronTagger, RuleTagger, installed


@pytest.mark.parametrize(
    ("word", "tag"),
    [
        ("Smith", "NNP"),
        ("SMITH", "NNP"),
        ("The", "FW"),
        ("smith", "FW"),
        ("12", "CD"),
        ("200mg", "CD"),
        ("four", "CD"),
        ("12AB34", "FW"),
        (" ", "FW"),
    ],
)
def test_rules_know_names_and_numbers(word: str, tag: str) -> None:
    """By capital letter, but for closed classes; by digits, a unit at them included."""
    assert RuleTagger().tag([word]) == [tag]


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A model in nltk's format, where nltk looks for it: capital S for names."""
    folder = tmp_path / "taggers" / "averaged_perceptron_tagger_eng"
    folder.mkdir(parents=True)
    parts = {
        "weights": {"i pref1 S": {"NNP": 1.0}, "bias": {"FW": 0.1}},
        "tagdict": {"the": "FW"},
        "classes": ["FW", "NNP"],
    }
    for part, value in parts.items():
        (folder / f"averaged_perceptron_tagger_eng.{part}.json").write_text(json.dumps(value), encoding="utf-8")
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])
    return iter(())


@pytest.mark.usefixtures("model")
def test_nltks_tagger_serves_where_its_data_is_installed() -> None:
    """And the engine says so."""
    tagger = installed()

    assert isinstance(tagger, PerceptronTagger)
    assert list(tagger.tag(["Smith", " ", "saw", " ", "the"])) == ["NNP", "FW", "FW", "FW", "FW"]
    assert Engine.load().about.tagger == "averaged_perceptron_tagger_eng"


def test_without_data_the_rules_serve(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is fetched."""
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])

    assert isinstance(installed(), RuleTagger)
