"""philter-lite itself, to compare with.

Its bundled notes, what is wrong to leave in them, and its own answer with a tagger of our choice.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any
from unittest.mock import patch
from xml.etree import ElementTree as ET

import nltk
import philter_lite

from service.apps.deidentify.engine.tagging import Tagger


@dataclass(frozen=True)
class Gold:
    """A bundled note, and the spans in it that identify somebody, as its annotators saw it."""

    name: str
    text: str
    spans: tuple[tuple[int, int], ...]


def bundled() -> Iterator[Gold]:
    """The notes that philter-lite carries. Their XML counts from the beginning of its own text."""
    folder = resources.files("philter_lite").joinpath("data", "i2b2_xml")
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        root = ET.fromstring(file.read_text(encoding="utf-8"))  # noqa: S314 - from an installed package
        marked = [tag for tag in root.iter() if tag.get("start") and tag.get("end")]
        text = root.findtext("TEXT") or ""
        yield Gold(file.name, text, tuple((int(tag.attrib["start"]), int(tag.attrib["end"])) for tag in marked))


@cache
def filters() -> Any:  # noqa: ANN401 - its own objects, untyped
    """Its stock configuration."""
    return philter_lite.load_filters(str(resources.files("philter_lite").joinpath("configs", "philter_delta.toml")))


def detect(text: str, rules: list[Any], tagger: Tagger) -> Any:  # noqa: ANN401 - its own objects, untyped
    """What it keeps, what it masks, and more of that, with this tagger where it would ask nltk's."""
    with patch.object(nltk, "pos_tag", lambda tokens: list(zip(tokens, tagger.tag(tokens), strict=True))):
        return philter_lite.detect_phi(text, rules)


def asterisks(text: str, tagger: Tagger) -> str:
    """What it makes of a note."""
    kept, _, _ = detect(text, filters(), tagger)
    return str(philter_lite.transform_text_asterisk(text, kept))
