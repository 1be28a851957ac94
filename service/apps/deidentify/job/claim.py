"""What a job's result depends on, for a later run, or another machine, to compare."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b

from service import __version__
from service.apps.deidentify.engine.engine import About, Options
from service.apps.deidentify.job.encodings import UTF8
from service.apps.deidentify.job.inputs import Source

# Plain data by the word for it.
Claim = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Terms:
    """How the notes of a job are to be done. `deadline`: seconds for a note; on it no text depends.

    `columns`: of tables, those that hold notes. `encoding` of the files that are read and written.
    """

    options: Options
    spans: bool
    deadline: float
    columns: Sequence[str] = ()
    encoding: str = UTF8


def claim_of(sources: Iterable[Source], about: About, terms: Terms) -> Claim:
    """What a folder is made from, and how. Nothing can be read from it but the engine.

    The words to allow and deny may be names: whoever would try some needs the files that they are about.
    """
    inputs = blake2b()
    for source in sources:
        inputs.update(json.dumps([source.name, source.size, source.changed]).encode())
    terms_of_text = [terms.options, terms.spans, list(terms.columns), terms.encoding]
    how = blake2b(json.dumps(terms_of_text, sort_keys=True).encode(), key=inputs.digest())
    return {"inputs": blake2b(inputs.digest()).hexdigest(), "options": how.hexdigest(), "engine": engine_of(about)}


def engine_of(about: About) -> dict[str, str]:
    """All that an answer depends on beside the note and the options: Python too, whose Unicode tables differ."""
    return asdict(about) | {"service": __version__, "python": "{}.{}".format(*sys.version_info)}
