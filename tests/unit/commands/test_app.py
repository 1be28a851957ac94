"""`python -m service deidentify`: what it says to what cannot be meant; and `python -m service` knows nothing of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from service.apps.deidentify.commands import words
from service.commands.app import app


def asked(*arguments: object, width: int = 300) -> Result:
    """Run a command in this process, with a terminal that is wide enough for every line."""
    runner = CliRunner(env={"COLUMNS": str(width), "TERM": "dumb", "NO_COLOR": "1"})
    return runner.invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def note(tmp_path: Path) -> Path:
    """A file with a note."""
    path = tmp_path / "note.txt"
    path.write_text("Zebulon")
    return path


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param([], "Missing option '-o' / '--out'", id="no OUT"),
        pytest.param(["--replacement", "x"], "'x' is not one of", id="replacement"),
        pytest.param(
            ["--date-shift-days", "36501"],
            "'--date-shift-days': Input should be less than or equal to 36500",
            id="shift",
        ),
        pytest.param(["--workers", "0"], "'--workers': Input should be greater than or equal to 1", id="workers"),
        pytest.param(["--deadline", "0"], "must be from 0.1 to 3600 seconds.", id="no time"),
        pytest.param(["--deadline", "nan"], "must be from 0.1 to 3600 seconds.", id="not a time"),
        pytest.param(["--deny", "gone"], "'gone' does not exist", id="no such words"),
        pytest.param(["--dask", "scheduler"], "takes the address of a scheduler", id="no address"),
        pytest.param(["--dask", "http://scheduler:8786"], "takes the address of a scheduler", id="another protocol"),
        pytest.param(["--dask", "tcp://scheduler:8786", "--workers", "2"], "leave out --workers", id="workers of Dask"),
        pytest.param(["--nonsense"], "No such option: --nonsense", id="no such option"),
    ],
)
def test_wrong_usage(note: Path, options: list[str], said: str) -> None:
    """Wrong usage ends with status 2 and a message on standard error. Nothing is written."""
    out = ["-o", note.parent / "out"] if options else []
    result = asked("deidentify", note, *out, *options)

    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert [path.name for path in note.parent.iterdir()] == ["note.txt"]


def test_a_job_that_is_refused(note: Path) -> None:
    """So does a job that is refused, with a sentence."""
    result = asked("deidentify", note.parent, "-o", note.parent / "out")

    said = f"{note.parent} and {note.parent / 'out'} lie in one another: write to a folder beside.\n"
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", said)


def test_words(tmp_path: Path) -> None:
    """The words are the lines of a file, without surrounding spaces."""
    path = tmp_path / "words.txt"
    path.write_bytes("\ufeffward 7\r\n\r\n  Zoë \n".encode())

    assert words(path) == ["ward 7", "Zoë"]
    assert words(None) == []


def test_words_in_another_encoding(note: Path) -> None:
    """Words in another encoding are refused, and not quoted."""
    path = note.parent / "words.txt"
    path.write_bytes(b"Zebulon\xe9")
    result = asked("deidentify", note, "-o", note.parent / "out", "--deny", path)

    assert result.exit_code == 2
    assert f"{path} is not in UTF-8." in result.stderr
    assert "Zebulon" not in result.output


def started(program: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program of one line in a new Python process."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, env=kept | environment, capture_output=True, text=True, timeout=240, check=False)


def test_serving_needs_no_commands() -> None:
    """Without arguments, nothing is loaded that only commands need."""
    program = (
        "import sys; from service.__main__ import main; status = main(); "
        "print(status, sorted({'typer', 'service.commands', 'service.apps.deidentify'} & set(sys.modules)))"
    )

    assert started(program).stdout == "2 []\n"


def test_without_the_extra(note: Path) -> None:
    """Without the package, the command says what to install."""
    program = (
        "import sys; sys.modules['re2'] = None; sys.argv[0] = 'service'; "
        "import importlib.util as util; find = util.find_spec; "
        "util.find_spec = lambda name: None if name == 're2' else find(name); "
        "from service.__main__ import main; main()"
    )
    ended = started(program, "deidentify", str(note), "-o", str(note.parent / "out"))

    assert ended.returncode == 2
    assert ended.stderr == "Not installed: re2. Run pip install '.[deidentify]' in a checkout of the service.\n"


def test_without_dask(note: Path) -> None:
    """So does the command without Dask."""
    program = "import sys; sys.modules['distributed'] = None; from service.__main__ import main; main()"
    options = ["--dask", "tcp://127.0.0.1:1"]
    ended = started(program, "deidentify", str(note), "-o", str(note.parent / "out"), *options)

    assert ended.returncode == 2
    assert ended.stderr == "Not installed: distributed. Run pip install '.[dask]' in a checkout of the service.\n"
