"""`python -m service deidentify`: its commands; what they do with notes is tested with `job` and `evaluation`."""

import csv
import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from service.apps.deidentify import manifest
from service.apps.deidentify.commands import commands, words
from service.apps.deidentify.engine import keys
from service.apps.deidentify.engine.engine import Engine

GOLD = '{"text": "Seen by Dr. Zebulon on 3/4/2019, no pain.", "spans": [[12, 19, "NAME"], [23, 31, "DATE"]]}\n'
RUNNER = CliRunner(env={"COLUMNS": "1000"})  # so wide that no message is broken into lines


def test_evaluate_measures_and_prints_no_text(tmp_path: Path) -> None:
    """Recall and the like, in each way of writing."""
    gold = tmp_path / "gold.jsonl"
    gold.write_text(GOLD * 3)

    result = RUNNER.invoke(commands, ["evaluate", str(gold)])

    assert result.exit_code == 0
    assert "3 notes, 6 identifiers" in result.output
    assert "in capitals" in result.output
    assert "Zebulon" not in result.output
    assert result.output.count("recall                      100.0") >= 3


def test_what_the_help_says_is_what_is_typed(tmp_path: Path) -> None:
    """The usage line of notes, at the options, as it is printed in the help and with an error."""
    note = tmp_path / "note.txt"
    note.write_text("No pain.")

    for asked in ["--help"], [str(tmp_path / "missing")]:
        printed = RUNNER.invoke(commands, asked, prog_name="deidentify").output
        (path,) = re.findall(r"Usage: (.*) \[OPTIONS\]", printed)
        typed = path.removeprefix("deidentify").split()
        result = RUNNER.invoke(commands, [*typed, str(note), "-o", str(tmp_path / asked[0].strip("-/"))])
        assert result.exit_code == 0, result.output


def test_rules_of_ones_own(tmp_path: Path) -> None:
    """Count for notes and for what is measured; a file with a mistake is refused before anything is done."""
    rules, gold, note = tmp_path / "rules.toml", tmp_path / "gold.jsonl", tmp_path / "note.txt"
    gold.write_text('{"text": "A lemon.", "spans": [[2, 7, "OTHER"]]}\n')
    note.write_text("A lemon.")
    rules.write_text('[mask]\nOTHER = ["lemon"]')
    run = [str(note), "-o", str(tmp_path / "out"), "--workers", "1", "--rules", str(rules)]

    measured = RUNNER.invoke(commands, ["evaluate", str(gold), "--rules", str(rules)])
    masked = RUNNER.invoke(commands, run)
    rules.write_text("[mask]\nOTHER = 3")
    refused = RUNNER.invoke(commands, [*run[:2], str(tmp_path / "other"), *run[3:]])

    assert "recall                      100.0" in measured.output
    assert (masked.exit_code, (tmp_path / "out/note.txt").read_text()) == (0, "A *****.")
    assert refused.exit_code == 2
    assert "line 2: `OTHER` is not a list" in refused.output
    assert not (tmp_path / "other").exists()


def test_a_model_beside_the_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is asked about each note and named in answers; not with --compat, nor where it is not installed."""
    gold, notes = tmp_path / "gold.jsonl", tmp_path / "notes.ndjson"
    gold.write_text('{"text": "asked zzword.", "spans": [[6, 12, "NAME"]]}\n')
    notes.write_text('{"text": "asked pain zzword."}\n')
    model = ["--ner", "tests.support.seeing:load"]
    run = [str(notes), "-o", str(tmp_path / "out"), "--workers", "1", "--replacement", "tag"]

    measured = RUNNER.invoke(commands, ["evaluate", str(gold), *model])
    masked = RUNNER.invoke(commands, [*run, *model])
    refused = RUNNER.invoke(commands, [*run, *model, "--compat"])
    monkeypatch.setattr(manifest, "NEEDS_RAMPART", ("no_such_module",))
    missing = RUNNER.invoke(commands, [*run, "--ner", "rampart"])

    assert "recall                      100.0" in measured.output
    (line,) = (tmp_path / "out/notes.ndjson").read_text().splitlines()
    assert (masked.exit_code, json.loads(line)["text"]) == (0, "asked pain [NAME].")
    assert json.loads(line)["engine"]["model"] == "seeing 1"
    assert (refused.exit_code, missing.exit_code) == (2, 2)
    assert "leave out --ner" in refused.output
    assert "Not installed: no_such_module." in missing.output


def test_a_file_that_is_no_gold_is_refused(tmp_path: Path) -> None:
    """By the number of its line."""
    gold = tmp_path / "gold.jsonl"
    gold.write_text("Zebulon")

    result = RUNNER.invoke(commands, ["evaluate", str(gold)])

    assert result.exit_code == 2
    assert "Line 1" in result.output
    assert "Zebulon" not in result.output


@pytest.mark.parametrize("named", [[], ["notes"]], ids=["by default", "named"])
def test_notes_need_not_be_named(tmp_path: Path, named: list[str]) -> None:
    """What is no command is a file or folder with notes."""
    result = RUNNER.invoke(commands, [*named, str(tmp_path / "nothing"), "-o", str(tmp_path / "out")])

    assert result.exit_code == 2
    assert "does not exist" in result.output


def test_words_of_a_file(tmp_path: Path) -> None:
    """One a line; blank lines are none, and no file has none."""
    path = tmp_path / "words"
    path.write_text("ward 7\n\n Roe \n")

    assert words(path) == ["ward 7", "Roe"]
    assert words(None) == []


SECRET = "0123456789abcdef" * 4
VISITS = "mrn,note\n1,Dr. Zebulon saw him on 2019-03-12.\n2,Dr. Zebulon on 2019-03-12.\n1,DR. ZEBULON on 2019-04-01.\n"


def masked(folder: Path, *options: str, out: str) -> list[list[str]]:
    """The rows of a table after the command."""
    result = RUNNER.invoke(
        commands, [str(folder / "visits.csv"), "-o", str(folder / out), "--column", "note", "--workers", "1", *options]
    )
    assert result.exit_code == 0, result.output
    return list(csv.reader((folder / out / "visits.csv").read_text().splitlines()))


def test_a_key_gives_what_the_engine_gives_elsewhere(
    tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By name or by file: the same stand-ins and shifts, in other processes. The key is in no file that is written."""
    (tmp_path / "visits.csv").write_text(VISITS)
    monkeypatch.setenv("DEIDENTIFY_SECRET", SECRET)
    assert RUNNER.invoke(commands, ["key", "user:alice/study", str(tmp_path / "study.key")]).exit_code == 0
    by_name = masked(
        tmp_path, "--key", "user:alice/study", "--patient-column", "mrn", "--replacement", "surrogate", out="a"
    )
    monkeypatch.delenv("DEIDENTIFY_SECRET")
    by_file = masked(
        tmp_path,
        "--key-file",
        str(tmp_path / "study.key"),
        "--patient-column",
        "mrn",
        "--replacement",
        "surrogate",
        out="b",
    )
    secret = keys.derived(SECRET.encode(), "user:alice", "study")
    expected = [
        engine.deidentify(
            note, replacement="surrogate", secret=secret.hex(), date_shift_days=keys.shift(secret, patient)
        ).text
        for patient, note in csv.reader(VISITS.splitlines()[1:])
    ]

    assert [note for _, note in by_name[1:]] == expected
    assert by_file == by_name
    assert "2019-03-12" not in str(by_name)
    written = b"".join(path.read_bytes() for path in tmp_path.glob("[ab]/*") if path.is_file())
    assert secret.hex().encode() not in written
    assert SECRET.encode() not in written


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--key", "study"], "user:alice/study"),
        (["--key", "user:alice/study"], "DEIDENTIFY_SECRET"),
        (["--key", "user:a/b", "--key-file", "{key}"], "not both"),
        (["--patient-column", "mrn"], "--patient-column needs"),
        (["--patient-column", "mrn", "--key-file", "{key}", "--date-shift-days", "3"], "both move dates"),
        (["--key-file", "{visits}"], "openssl"),
        (["--date-order", "dym"], "'dym' is not one of"),
        (["--date-shift-days", "0"], "0 would leave dates as they are"),
    ],
)
def test_keys_that_do_not_fit(tmp_path: Path, options: list[str], problem: str) -> None:
    """The command ends before anything is done, and says why."""
    names = {"key": tmp_path / "study.key", "visits": tmp_path / "visits.csv"}
    names["key"].write_text(SECRET)
    names["visits"].write_text(VISITS)
    given = [option.format(**names) for option in options]

    result = RUNNER.invoke(commands, [str(names["visits"]), "-o", str(tmp_path / "out"), "--column", "note", *given])

    assert result.exit_code == 2
    assert problem in re.sub(r"\s*│?\n│?\s*", " ", result.output)
    assert not (tmp_path / "out").exists()
