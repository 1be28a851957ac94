"""Describes what a job's result depends on, so that a later run or another machine can compare it."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import blake2b
from pathlib import Path

from service import __version__
from service.apps.deidentify import engine
from service.apps.deidentify.engine.engine import About, Options, Setup
from service.apps.deidentify.job.encodings import UTF8
from service.apps.deidentify.job.inputs import Source

# Plain data by name.
Claim = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Terms:
    """How to process the notes of a job.

    `options`: with the secret of the key. `deadline`: seconds for a note; it does not change any text. `columns`: the
    columns of tables that hold notes. `encoding`: of the files that are read and written. `patient_column`: the column
    that says whose the notes of a row are; empty if none does. `setup`: of the engines; their answers name what is in
    it. `model`: what they ask beside the rules; empty for none.
    """

    options: Options = field(repr=False)
    spans: bool
    deadline: float
    columns: Sequence[str] = ()
    encoding: str = UTF8
    patient_column: str = ""
    setup: Setup = field(default_factory=Setup)
    model: str = ""


def claim_of(sources: Iterable[Source], about: About, terms: Terms) -> Claim:
    """Describe from what an output folder is made, and how. Everything but the engine is hashed.

    The words to allow and deny may be names. The hash of the options is keyed with that of the files, so guessing the
    words requires the files. The secret of a key is in that hash too: it is drawn by chance, and cannot be guessed.
    """
    inputs = blake2b()
    for source in sources:
        inputs.update(json.dumps([source.name, source.size, source.changed]).encode())
    terms_of_text = [terms.options, terms.spans, list(terms.columns), terms.encoding, terms.patient_column]
    how = blake2b(json.dumps(terms_of_text, sort_keys=True).encode(), key=inputs.digest())
    return {"inputs": blake2b(inputs.digest()).hexdigest(), "options": how.hexdigest(), "engine": engine_of(about)}


def engine_of(about: About) -> dict[str, str]:
    """Return all that a result depends on besides the note and the options.

    That includes the version of Python, because Unicode tables differ between versions.
    """
    python = "{}.{}".format(*sys.version_info)
    return about.told() | {"service": __version__, "files": hash_of(Path(engine.__path__[0])), "python": python}


@cache
def hash_of(package: Path) -> str:
    """The hash of the files of a package. In a checkout, rules change without a new version."""
    files = sorted(path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    found = blake2b(digest_size=8)
    for path in files:
        content = path.read_bytes()
        found.update(f"{path.relative_to(package).as_posix()}\0{len(content)}\0".encode() + content)
    return found.hexdigest()
