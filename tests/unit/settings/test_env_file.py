"""The file `.env`: the environment has precedence, and nobody else may be able to write to it."""

import contextlib
import os
import re
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service.errors import ConfigurationError
from service.settings import Settings, load_settings

TOKEN = "canary-api-token-0123456789abcdef"
SOMEBODY = 12345  # a user id that is neither ours nor root's


@pytest.fixture(autouse=True)
def _nothing_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty working directory and an empty environment."""
    for field in Settings.model_fields.values():
        monkeypatch.delenv(str(field.validation_alias), raising=False)
    monkeypatch.chdir(tmp_path)


def write(text: str | bytes, *, mode: int = 0o600) -> Path:
    """Write `.env`."""
    path = Path(".env")
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(mode)
    return path


def refusal() -> str:
    """Return the only problem, after checking that it quotes nothing of the file."""
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    [problem] = caught.value.problems
    assert "canary" not in "".join(traceback.format_exception(caught.value))
    return problem


def test_it_is_read_and_stays_where_it_is() -> None:
    """Every setting may be in the file. Nothing of it is put into the environment."""
    write(
        f"# ours\n\nexport JUPYTERHUB_API_TOKEN={TOKEN}  # the token\nALLOW_ORIGINS='https://a.example, https://b.example'\n"
        'JUPYTERHUB_COOKIE_OPTIONS="{\\"samesite\\": \\"strict\\"}"\nSERVICE_WORKERS=\nPOSTGRES_PASSWORD=of-compose\n'
    )
    before = dict(os.environ)
    settings = load_settings()

    assert settings.api_token.get_secret_value() == TOKEN
    assert settings.allow_origins == ("https://a.example", "https://b.example")
    assert settings.cookie_options == {"samesite": "strict"}
    assert settings.workers == 1
    assert os.environ == before


def test_the_environment_overrules_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment has precedence. An empty value turns off a setting of the file."""
    write(f"JUPYTERHUB_API_TOKEN={TOKEN}\nALLOW_ORIGINS=https://a.example\nHUB_CACHE_TTL=7\nSERVICE_WORKERS=7\n")
    monkeypatch.setenv("ALLOW_ORIGINS", "")
    monkeypatch.setenv("SERVICE_WORKERS", "3")
    settings = load_settings()

    assert (settings.allow_origins, settings.workers, settings.cache_ttl) == ((), 3, 7)


def test_nothing_is_interpolated(monkeypatch: pytest.MonkeyPatch) -> None:
    """A `$` in a value is kept."""
    monkeypatch.setenv("HOME", "/home/somebody")
    write(f"JUPYTERHUB_API_TOKEN={TOKEN}$HOME${{HOME}}`id`\n")

    assert load_settings().api_token.get_secret_value() == f"{TOKEN}$HOME${{HOME}}`id`"


def test_its_mistakes_are_named_with_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong values in the file are named together with those in the environment."""
    write("PUBLIC_HOST=canary\nJUPYTERHUB_API_TOKEN=\n")
    monkeypatch.setenv("HUB_CACHE_TTL", "canary")
    with pytest.raises(ConfigurationError) as caught:
        load_settings()

    named = {re.split("[: ]", problem)[0] for problem in caught.value.problems}
    assert named == {"PUBLIC_HOST", "HUB_CACHE_TTL", "JUPYTERHUB_API_TOKEN"}


def test_settings_made_by_hand_do_not_read_it() -> None:
    """`Settings(…)` does not read the file."""
    write("ALLOW_ORIGINS=*\n")

    assert Settings.model_validate({"JUPYTERHUB_API_TOKEN": TOKEN}).allow_origins == ()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("ALLOW_ORIGINS https://canary\n", 1),
        ("A=1\n\n\nPUBLIC_HOST='https://canary\nB=2\n", 4),
        ("A=1\r\n\r\ncanary", 3),
        ('A="\n\n"\ncanary\n', 4),
        ("A='canary' x\n", 1),
    ],
    ids=["no =", "an open quote", "a word", "after a long value", "more behind a quote"],
)
def test_a_line_that_makes_no_sense(text: str, line: int) -> None:
    """A line that cannot be parsed is an error, because a setting could be lost."""
    write(text)

    assert refusal() == f".env: line {line} must be NAME=value, with a closing quote for each opening one"


@pytest.mark.parametrize("name", ["PROMETHEUS_MULTIPROC_DIR", "SSL_CERT_FILE"])
def test_what_a_library_reads(name: str) -> None:
    """A variable that would do nothing there is an error: metrics would be empty, and a Hub not trusted."""
    write(f"{name}=/canary\n")

    assert refusal() == f".env: {name} must be in the environment of the service instead: a library reads it there"


@pytest.mark.parametrize("text", [b"A=\xff", b"A=\0", "A=ä".encode("utf-16")], ids=["Latin-1", "zero", "UTF-16"])
def test_what_is_no_text(text: bytes) -> None:
    """A file that is not text is an error."""
    write(text)

    assert refusal() == ".env: must be text in UTF-8, and readable for the user that the service runs as"


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666, 0o664], ids=oct)
def test_others_may_write(mode: int) -> None:
    """A file that others can write to is refused: they could take over the service."""
    write(f"JUPYTERHUB_API_TOKEN={TOKEN}\n", mode=mode)

    assert refusal() == ".env: only its owner may be able to write to it: chmod go-w .env"


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o644], ids=oct)
def test_others_may_read(mode: int) -> None:
    """A file that others can read is accepted, because it may have no secrets."""
    write(f"JUPYTERHUB_API_TOKEN={TOKEN}\n", mode=mode)

    assert load_settings().api_token.get_secret_value() == TOKEN


def is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Act as a user who did not write the file and is not root."""
    if os.geteuid() == 0:
        os.chown(".env", SOMEBODY, -1, follow_symlinks=False)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: SOMEBODY)


def test_somebody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of another user is refused: in a folder like /tmp, anybody can create one."""
    write(f"JUPYTERHUB_API_TOKEN={TOKEN}\n")
    is_another(monkeypatch)

    assert refusal() == ".env: must belong to root or to the user that the service runs as"


def test_somebody_elses_link(monkeypatch: pytest.MonkeyPatch) -> None:
    """A link of another user to a file of ours is refused. Our own link is followed."""
    write(f"JUPYTERHUB_API_TOKEN={TOKEN}\n").rename("other")
    Path(".env").symlink_to("other")
    assert load_settings().api_token.get_secret_value() == TOKEN

    is_another(monkeypatch)
    assert refusal() == ".env: must belong to root or to the user that the service runs as"


@pytest.mark.parametrize(
    "make", [lambda: Path(".env").mkdir(), lambda: os.mkfifo(".env", 0o600)], ids=["folder", "pipe"]
)
def test_what_is_no_file(make: Callable[[], None]) -> None:
    """A folder is refused, which container runtimes create for a missing file. Opening a pipe does not block."""
    make()

    assert re.fullmatch(r"\.env: must be (a regular file|text in UTF-8, .*)", refusal())


@pytest.mark.parametrize("target", [".env", "nowhere"], ids=["a loop", "nowhere"])
def test_a_link_that_leads_nowhere(target: str) -> None:
    """A broken link is an error, and does not count as a missing file."""
    Path(".env").symlink_to(target)

    assert refusal() == ".env: must be text in UTF-8, and readable for the user that the service runs as"


@contextlib.contextmanager
def closed(path: Path) -> Iterator[None]:
    """Remove all permissions of a file or folder. Root, who needs none, becomes another user meanwhile."""
    mode, user = path.stat().st_mode, os.geteuid()
    path.chmod(0)
    os.seteuid(user or SOMEBODY)
    try:
        yield
    finally:
        os.seteuid(user)
        path.chmod(mode)


def test_unreadable(tmp_path: Path) -> None:
    """A file that cannot be read is an error."""
    tmp_path.chmod(0o755)
    with closed(write("ALLOW_ORIGINS=*\n")):
        problem = refusal()

    assert problem == ".env: must be text in UTF-8, and readable for the user that the service runs as"


def test_a_folder_that_we_may_not_enter(tmp_path: Path) -> None:
    """A working directory that cannot be entered is an error, such as /root for another user."""
    with closed(tmp_path):
        problem = refusal()

    assert problem == ".env: cannot be opened: start the service in a folder that its user may enter"
