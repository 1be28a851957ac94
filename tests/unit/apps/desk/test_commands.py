"""The operator's commands for the desk; `integration/test_desk_roles.py` has `bootstrap`."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from service.apps.desk.domain.policy import GRANTS
from service.apps.desk.domain.policy_file import as_table, read_policy
from service.commands.app import app


@pytest.mark.parametrize("policy", ["", '[support]\ntake = ["tickets:delete"]\n', '[manager]\ngive = ["audit:read"]\n'])
def test_the_rights_are_printed(policy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table has the changes of the operator's file, if there is one."""
    path = tmp_path / "policy.toml"
    path.write_text(policy)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DESK_POLICY", str(path) if policy else "")
    done = CliRunner().invoke(app, ["desk", "rights"])

    assert (done.exit_code, done.stdout) == (0, as_table(read_policy(str(path)) if policy else GRANTS) + "\n")


def test_a_wrong_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command ends as the service would, and says why."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DESK_POLICY", str(tmp_path / "policy.toml"))
    done = CliRunner().invoke(app, ["desk", "rights"])

    assert done.exit_code == 2
    assert "DESK_POLICY: the file cannot be read: No such file or directory" in done.output
