"""Where a job writes, and what it finds there after a stop."""

import json
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.apps.deidentify.errors import JobRefusedError
from service.apps.deidentify.job.notes import Outcome
from service.apps.deidentify.job.outputs import LinesTarget, NoteTarget, Tally, claimed, tally

CLAIM = {"inputs": "1", "options": "2", "engine": {"name": "engine", "version": "3"}}

REPLIES = st.lists(
    st.one_of(
        st.builds(lambda text: {"line": 1, "text": text}, st.text(st.characters(codec="utf-8"))),
        st.just({"line": 1, "error": {"code": "note_refused"}}),
    ),
    min_size=1,
    max_size=4,
)


@given(REPLIES)
def test_a_torn_file(replies: list[dict[str, object]]) -> None:
    """Counts up to its last line that is whole, at whichever byte of the line after that it was torn."""
    lines = [json.dumps(reply, ensure_ascii=False, separators=(",", ":")).encode() + b"\n" for reply in replies]
    *before, last = lines
    failed = sum("error" in reply for reply in replies[:-1])
    content = b"".join(lines)

    for place in range(len(content) - len(last), len(content)):
        assert tally(BytesIO(content[:place])) == Tally(len(before), failed, len(content) - len(last))
    assert tally(BytesIO(content)).lines == len(lines)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", Tally()),
        (b'{"line":1}\n\0\0\0\0', Tally(1, 0, 11)),
        (b'{"line":1}\n\0\0\0\0"}\n{"line":3}\n', Tally(1, 0, 11)),
        (b'{"line":1}\n{"line":\0\0\0}\n{"line":3}\n', Tally(1, 0, 11)),
    ],
    ids=["empty", "zeros at the end", "zeros at the front of a line", "zeros in a line"],
)
def test_after_a_power_cut(content: bytes, expected: Tally) -> None:
    """Zeros may stand where something was to be written: nothing from there on counts."""
    assert tally(BytesIO(content)) == expected


def written(target: LinesTarget | NoteTarget, *contents: bytes | None) -> None:
    """Write these, to the end."""
    with target.open() as write:
        for content in contents:
            write(Outcome(content))


def test_a_file_of_lines(tmp_path: Path) -> None:
    """Has its name when it is whole, and is nobody else's to read."""
    path = tmp_path / "a" / "b" / "x.ndjson"
    with LinesTarget(path).open() as write:
        write(Outcome(b'{"line":1}\n'))

        assert [each.name for each in path.parent.iterdir()] == ["x.ndjson.part"]

    assert [each.name for each in path.parent.iterdir()] == ["x.ndjson"]
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b'{"line":1}\n', 0o600)


def test_every_line_is_in_the_file_at_once(tmp_path: Path) -> None:
    """So that no more is lost with us than what was under way."""
    path = tmp_path / "x.ndjson"
    with LinesTarget(path).open() as write:
        write(Outcome(b'{"line":1}\n'))

        assert (tmp_path / "x.ndjson.part").read_bytes() == b'{"line":1}\n'


def test_a_file_of_lines_that_was_torn(tmp_path: Path) -> None:
    """Goes on behind its last whole line."""
    (tmp_path / "x.ndjson.part").write_bytes(b'{"line":1}\n{"line":2,"error":{}}\n{"line":3,"text":"lon')
    target = LinesTarget(tmp_path / "x.ndjson")

    assert (target.is_whole, target.done, target.errors) == (False, 2, 1)
    written(target, b'{"line":3}\n')
    assert (tmp_path / "x.ndjson").read_bytes() == b'{"line":1}\n{"line":2,"error":{}}\n{"line":3}\n'


def test_a_file_of_lines_that_is_whole(tmp_path: Path) -> None:
    """Is counted, and left as it is."""
    (tmp_path / "x.ndjson").write_bytes(b'{"line":1}\n{"line":2,"error":{}}\n')
    target = LinesTarget(tmp_path / "x.ndjson")

    assert (target.is_whole, target.done, target.errors) == (True, 2, 1)


def test_a_file_that_is_a_note(tmp_path: Path) -> None:
    """Has its name when it is whole; what a stop left under another name is written over."""
    path = tmp_path / "a" / "x.txt"
    path.parent.mkdir()
    path.with_name("x.txt.part").write_bytes(b"much longer, but torn")

    assert not NoteTarget(path).is_whole
    written(NoteTarget(path), b"note")

    assert path.read_bytes() == b"note"
    assert [each.name for each in path.parent.iterdir()] == ["x.txt"]
    assert NoteTarget(path).is_whole


def test_a_note_is_for_nobody_else(tmp_path: Path) -> None:
    """To read, masked as it is."""
    written(NoteTarget(tmp_path / "x.txt"), b"note")

    assert (tmp_path / "x.txt").stat().st_mode & 0o777 == 0o600


def test_a_note_that_failed(tmp_path: Path) -> None:
    """Leaves no file, so that the next run tries again; nothing of an earlier run stays either."""
    path = tmp_path / "x.txt"
    path.with_name("x.txt.part").write_bytes(b"torn")

    written(NoteTarget(path), None)

    assert list(tmp_path.iterdir()) == []


def test_a_link_in_the_place_of_a_file(tmp_path: Path) -> None:
    """Is not followed: what it points to is somebody's."""
    other = tmp_path / "other"
    other.write_text("kept")
    (tmp_path / "x.txt.part").symlink_to(other)

    with pytest.raises(OSError, match="symbolic links"):
        written(NoteTarget(tmp_path / "x.txt"), b"note")

    assert other.read_text() == "kept"


def test_a_new_folder(tmp_path: Path) -> None:
    """Is made, for nobody else to read, and says what it was made from."""
    out = tmp_path / "a" / "out"
    with claimed(out, CLAIM):
        assert json.loads((out / ".deidentify.json").read_text()) == CLAIM

    assert out.stat().st_mode & 0o777 == 0o700
    assert (out / ".deidentify.json").stat().st_mode & 0o777 == 0o600


def test_the_same_job_again(tmp_path: Path) -> None:
    """Is let in, whatever it has written."""
    with claimed(tmp_path, CLAIM):
        (tmp_path / "x.ndjson.part").touch()
    with claimed(tmp_path, CLAIM):
        pass


@pytest.mark.parametrize("content", [b"", b"\0\0\0"], ids=["empty", "zeros"])
def test_a_job_that_ended_before_it_began(tmp_path: Path, content: bytes) -> None:
    """Is as if there had been none."""
    (tmp_path / ".deidentify.json").write_bytes(content)
    with claimed(tmp_path, CLAIM):
        assert json.loads((tmp_path / ".deidentify.json").read_text()) == CLAIM


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"inputs": "x"}, "from other files than these, or one of them has changed since"),
        ({"options": "x"}, "with other options"),
        ({"engine": {"name": "engine", "version": "4"}}, "by another engine or version"),
        ({"inputs": "x", "options": "x"}, "from other files than these, or one of them has changed since"),
    ],
    ids=["inputs", "options", "engine", "both"],
)
def test_another_job(tmp_path: Path, other: dict[str, object], said: str) -> None:
    """Is told in a sentence that the folder is not for it."""
    with claimed(tmp_path, CLAIM):
        pass

    with pytest.raises(JobRefusedError) as refused, claimed(tmp_path, CLAIM | other):
        pass

    assert refused.value.detail == f"{tmp_path} was made {said}. Delete it, or choose another folder."
    assert json.loads((tmp_path / ".deidentify.json").read_text()) == CLAIM


@pytest.mark.parametrize("content", ["{", "[]", "null"])
def test_a_damaged_folder(tmp_path: Path, content: str) -> None:
    """Is left alone."""
    (tmp_path / ".deidentify.json").write_text(content)

    with pytest.raises(JobRefusedError) as refused, claimed(tmp_path, CLAIM):
        pass

    said = f"{tmp_path / '.deidentify.json'} is damaged. Delete {tmp_path}, or choose another folder."
    assert refused.value.detail == said


def test_a_folder_of_somebody_elses(tmp_path: Path) -> None:
    """Is left as it is."""
    (tmp_path / "thesis.txt").touch()

    with pytest.raises(JobRefusedError) as refused, claimed(tmp_path, CLAIM):
        pass

    said = f"{tmp_path} has files in it that this command did not write. Choose another folder."
    assert refused.value.detail == said
    assert [each.name for each in tmp_path.iterdir()] == ["thesis.txt"]


def test_two_at_once(tmp_path: Path) -> None:
    """One of them is told."""
    with claimed(tmp_path, CLAIM), pytest.raises(JobRefusedError) as refused, claimed(tmp_path, CLAIM):
        pass

    assert refused.value.detail == f"Another run is writing to {tmp_path}."


def test_one_after_the_other(tmp_path: Path) -> None:
    """Is let in, however the first ended."""
    with pytest.raises(KeyboardInterrupt), claimed(tmp_path, CLAIM):
        raise KeyboardInterrupt

    with claimed(tmp_path, CLAIM):
        pass
