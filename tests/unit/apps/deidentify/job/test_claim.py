"""What a job's result depends on."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from service.apps.deidentify import engine
from service.apps.deidentify.engine.engine import About
from service.apps.deidentify.job.claim import Terms, claim_of, engine_of, hash_of
from service.apps.deidentify.job.inputs import Source

ABOUT = About("engine", "1", "rules", "tagger")
SOURCES = [Source("/in/a.txt", "a.txt", 10, 1), Source("/in/b.txt", "b.txt", 20, 2)]
TERMS = Terms({"replacement": "tag", "deny": ["Zebulon"]}, spans=False, deadline=5)
CLAIM = claim_of(SOURCES, ABOUT, TERMS)


@pytest.mark.parametrize(
    "sources",
    [
        pytest.param(SOURCES[:1], id="fewer"),
        pytest.param([SOURCES[0], replace(SOURCES[1], size=21)], id="larger"),
        pytest.param([SOURCES[0], replace(SOURCES[1], changed=3)], id="changed"),
        pytest.param([SOURCES[0], replace(SOURCES[1], name="c.txt")], id="of another name"),
    ],
)
def test_other_files(sources: list[Source]) -> None:
    """Make another claim."""
    assert claim_of(sources, ABOUT, TERMS)["inputs"] != CLAIM["inputs"]


@pytest.mark.parametrize(
    "terms",
    [
        pytest.param(replace(TERMS, options={**TERMS.options, "secret": "ab" * 32}), id="key"),
        pytest.param(replace(TERMS, options={**TERMS.options, "date_order": "mdy"}), id="order of dates"),
        pytest.param(replace(TERMS, patient_column="mrn"), id="column of patients"),
        pytest.param(replace(TERMS, options={"replacement": "remove", "deny": ["Zebulon"]}), id="replacement"),
        pytest.param(replace(TERMS, options={"replacement": "tag", "deny": ["zebulon"]}), id="words"),
        pytest.param(replace(TERMS, spans=True), id="spans"),
        pytest.param(replace(TERMS, columns=("note",)), id="columns"),
        pytest.param(replace(TERMS, encoding="cp1252"), id="encoding"),
    ],
)
def test_other_options(terms: Terms) -> None:
    """Make another claim on the same files."""
    other = claim_of(SOURCES, ABOUT, terms)

    assert [word for word in CLAIM if other[word] != CLAIM[word]] == ["options"]


@pytest.mark.parametrize("field", ["name", "version", "rules", "tagger"])
def test_another_engine(field: str) -> None:
    """Makes another claim."""
    assert claim_of(SOURCES, replace(ABOUT, **{field: "x"}), TERMS)["engine"] != CLAIM["engine"]


def test_other_files_of_the_engine(tmp_path: Path) -> None:
    """Are another engine, whatever its version: in a checkout, rules change without a new one."""
    packages = [tmp_path / name for name in "abcd"]
    for package, name, content in zip(packages, ["x.txt", "x.txt", "y.txt", "x.txt"], "1121", strict=True):
        package.mkdir()
        (package / name).write_text(content)
    (packages[3] / "__pycache__").mkdir()
    (packages[3] / "__pycache__" / "x.pyc").write_text("compiled")

    first, same, *others = map(hash_of, packages)

    assert first == same == others[-1]
    assert len({first, *others}) == 2
    assert engine_of(ABOUT)["files"] == hash_of(Path(engine.__path__[0]))


def test_what_does_not_count() -> None:
    """Where the files lie, and how long a note may take."""
    moved = [replace(source, path=f"/elsewhere/{source.name}") for source in SOURCES]

    assert claim_of(moved, ABOUT, replace(TERMS, deadline=60)) == CLAIM


def test_nothing_can_be_read_from_it() -> None:
    """Neither names of files nor words; equal words do not look equal, or one could try them without the files."""
    other = claim_of(SOURCES[:1], ABOUT, TERMS)

    assert not {"Zebulon", "a.txt"} & set(json.dumps(CLAIM).replace('"', " ").split())
    assert other["options"] != CLAIM["options"]
