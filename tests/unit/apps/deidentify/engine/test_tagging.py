"""Names and numbers, by rules or by nltk."""

import os
import subprocess
import sys
from pathlib import Path

import nltk.data
import pytest
from nltk.tag import perceptron

from service.apps.deidentify.engine.tagging import PerceptronTagger, RuleTagger, installed, places


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


# Enough for a perceptron to learn that names begin with a capital letter, though `He` does, and numbers with a digit.
SENTENCES = [
    [("He", "PRP"), ("saw", "VBD"), ("Smith", "NNP"), ("in", "IN"), ("2019", "CD")],
    [("Jones", "NNP"), ("took", "VBD"), ("20", "CD"), ("tablets", "NNS")],
    [("She", "PRP"), ("saw", "VBD"), ("Miller", "NNP"), ("and", "CC"), ("Jones", "NNP"), ("in", "IN"), ("1999", "CD")],
    [("He", "PRP"), ("took", "VBD"), ("5", "CD"), ("tablets", "NNS"), ("in", "IN"), ("Boston", "NNP")],
]


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a small model that nltk trained and saved, where it looks for its own."""
    folder = tmp_path / "nltk_data"
    (folder / "taggers").mkdir(parents=True)
    monkeypatch.setattr(nltk.data, "path", [str(folder)])
    monkeypatch.setenv("NLTK_DATA", str(folder))
    tagger = perceptron.PerceptronTagger(load=False)
    tagger.train(SENTENCES, nr_iter=10)
    tagger.save_to_json("eng", str(folder / "taggers" / "averaged_perceptron_tagger_eng"))
    return folder


@pytest.mark.usefixtures("model")
def test_nltks_tagger_serves_where_its_data_is_installed() -> None:
    """It tags as nltk would."""
    tagger = installed()

    assert isinstance(tagger, PerceptronTagger)
    assert tagger.tag(["He", "saw", "Jones", "in", "1999"]) == ["PRP", "VBD", "NNP", "IN", "CD"]


def test_answers_say_that_nltks_tagger_served(model: Path) -> None:
    """Found by NLTK_DATA, as an operator would install it."""
    program = (
        "from service.apps.deidentify.engine.engine import Engine\n"
        "engine = Engine.load()\n"
        "print(engine.about.tagger, engine.deidentify('He saw Jones in 1999').text, sep='; ')"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "NLTK_DATA": str(model)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout == "averaged_perceptron_tagger_eng; He saw ***** in 1999\n", done.stderr


def test_without_data_the_rules_serve(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is fetched."""
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])
    monkeypatch.setenv("NLTK_DATA", str(tmp_path))

    assert isinstance(installed(), RuleTagger)


def test_it_is_looked_for_where_nltk_looks() -> None:
    """Without importing nltk, which takes a second."""
    assert {str(place) for place in places()} >= set(nltk.data.path)
