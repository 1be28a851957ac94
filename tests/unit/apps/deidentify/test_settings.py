"""How much de-identification takes, and by how many engines."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from service.apps.deidentify import manifest
from service.apps.deidentify.settings import DeidentifySettings
from service.errors import ConfigurationError
from service.settings import read_settings

SECRET = "0123456789abcdef" * 4
VARIABLES = {
    "DEIDENTIFY_WORKERS": ("3", "workers", 3),
    "DEIDENTIFY_DEADLINE": ("0.5", "deadline", 0.5),
    "DEIDENTIFY_NOTE_SIZE": ("10000000", "note_size", 10_000_000),
    "DEIDENTIFY_QUEUE": ("1", "queue", 1),
    "DEIDENTIFY_QUEUE_SIZE": ("1", "queue_size", 1),
    "DEIDENTIFY_BATCHES": ("1", "batches", 1),
    "DEIDENTIFY_NER": ("rampart", "ner", "rampart"),
    "DEIDENTIFY_NER_USE": ("on_request", "ner_use", "on_request"),
    "DEIDENTIFY_SECRET": (SECRET, "secret", SecretStr(SECRET)),
}


@pytest.mark.parametrize(
    ("variable", "text", "field", "value"), [(name, *case) for name, case in VARIABLES.items()], ids=list(VARIABLES)
)
def test_each_variable_sets_its_field(variable: str, text: str, field: str, value: object) -> None:
    """Every variable is read, and changes one field only; an empty one is as good as none."""
    defaults, changed = DeidentifySettings(), read_settings(DeidentifySettings, {variable: text})

    assert getattr(changed, field) == value != getattr(defaults, field)
    assert changed.model_dump(exclude={field}) == defaults.model_dump(exclude={field})
    assert read_settings(DeidentifySettings, {variable: ""}) == defaults


def test_there_is_no_other_variable() -> None:
    """The table above is complete, but for the file of rules."""
    found = {str(field.validation_alias) for field in DeidentifySettings.model_fields.values()}
    assert found == {*VARIABLES, "DEIDENTIFY_RULES"}


def test_a_model_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Is named at the start, with the command that installs it; of somebody else's nothing is known before."""
    monkeypatch.setattr(manifest, "NEEDS_RAMPART", ("numpy", "no_such_module"))
    with pytest.raises(
        ConfigurationError, match=r"DEIDENTIFY_NER: .*needs no_such_module: run pip .*\[deidentify,ner\]"
    ):
        read_settings(DeidentifySettings, {"DEIDENTIFY_NER": "rampart"})

    assert read_settings(DeidentifySettings, {"DEIDENTIFY_NER": "mine.too:load"}).setup == {"with_model": True}


def test_a_file_of_rules_is_read_and_checked(tmp_path: Path) -> None:
    """Before anything serves; what is wrong is said with its line, and nothing of what stands there."""
    path = tmp_path / "rules.toml"
    path.write_text('keep = ["canary"]', encoding="utf-8")
    read = read_settings(DeidentifySettings, {"DEIDENTIFY_RULES": str(path)})
    assert read.setup == {"own_rules": 'keep = ["canary"]'}
    assert "canary" not in repr(read)

    path.write_text('keep = ["x"]\nmask = ["canary"]', encoding="utf-8")
    for given, said in [(path, "line 2: `mask` is not a table"), (tmp_path, "cannot be read: Is a directory")]:
        with pytest.raises(ConfigurationError, match=f"DEIDENTIFY_RULES: .*{said}") as caught:
            read_settings(DeidentifySettings, {"DEIDENTIFY_RULES": str(given)})
        assert "canary" not in str(caught.value)


WRONG = [
    *(("DEIDENTIFY_SECRET", text) for text in ("canary", "canary" * 20)),
    *(("DEIDENTIFY_WORKERS", text) for text in ("canary", "-1", "1.5", "1025")),
    *(("DEIDENTIFY_DEADLINE", text) for text in ("canary", "0", "-1", "nan", "inf", "3601")),
    *(("DEIDENTIFY_NOTE_SIZE", text) for text in ("canary", "0", "-1", "100kB", "10000001")),
    *(
        (name, text)
        for name in ("DEIDENTIFY_QUEUE", "DEIDENTIFY_QUEUE_SIZE", "DEIDENTIFY_BATCHES")
        for text in ("canary", "0", "-1", "1.5")
    ),
    *(("DEIDENTIFY_NER", text) for text in ("a canary", "canary:", "/canary", "canary;")),
    ("DEIDENTIFY_NER_USE", "canary"),
]


@pytest.mark.parametrize(("variable", "text"), WRONG)
def test_a_wrong_value_is_named(variable: str, text: str) -> None:
    """One line says which variable and what it must be, without the value."""
    with pytest.raises(ConfigurationError) as caught:
        read_settings(DeidentifySettings, {variable: text})

    [problem] = caught.value.problems
    assert problem.startswith(f"{variable}: ")
    assert "canary" not in problem


def test_the_secret_is_not_shown() -> None:
    """In no text of the settings."""
    settings = read_settings(DeidentifySettings, {"DEIDENTIFY_SECRET": SECRET})

    assert SECRET not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
