"""Keys of jobs: from files, or by name."""

from pathlib import Path

import pytest

from service.apps.deidentify.errors import JobRefusedError
from service.apps.deidentify.key_files import named, read, write

SECRET = "0123456789abcdef" * 4


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator's, which is set."""
    monkeypatch.setenv("DEIDENTIFY_SECRET", SECRET)


def test_a_file_of_a_key(tmp_path: Path) -> None:
    """Is for its owner alone, is never overwritten, and has the key of that name."""
    path = tmp_path / "study.key"
    write("user:alice/study", path)

    assert path.stat().st_mode & 0o777 == 0o600
    assert read(path) == named("user:alice/study") != named("user:bob/study")
    assert SECRET not in path.read_text()
    with pytest.raises(JobRefusedError, match="File exists"):
        write("user:alice/study", path)


@pytest.mark.parametrize(
    "content", ["", "canary", "ab" * 32, SECRET[:-2], SECRET + "00", "0123456789abcdeg" * 4, "\ufeff" + SECRET]
)
def test_what_is_no_key(tmp_path: Path, content: str) -> None:
    """The message says how to make one, and nothing of what is there."""
    path = tmp_path / "study.key"
    path.write_text(content)

    with pytest.raises(JobRefusedError, match="openssl rand -hex 32") as caught:
        read(path)
    assert "canary" not in caught.value.detail
    assert SECRET[:8] not in caught.value.detail


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """Is named as the problem."""
    with pytest.raises(JobRefusedError, match="No such file"):
        read(tmp_path / "none")


def test_names_need_the_operators_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it, and with one that can be guessed, there are none."""
    monkeypatch.setenv("DEIDENTIFY_SECRET", "")
    with pytest.raises(JobRefusedError, match="--key-file"):
        named("user:alice/study")
    monkeypatch.setenv("DEIDENTIFY_SECRET", "canary")
    with pytest.raises(JobRefusedError, match="DEIDENTIFY_SECRET: ") as caught:
        named("user:alice/study")
    assert "canary" not in caught.value.detail


def test_a_name_without_an_owner() -> None:
    """Says what is missing."""
    with pytest.raises(JobRefusedError, match="user:alice/study"):
        named("study")
