"""`login`, `token` and `logout`: what they say, send and keep. The service is one that answers as told."""

import io
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import pytest

from service.client import kept
from service.client.commands import run
from service.client.kept import Kept
from service.pkce import pkce_challenge

URL = "https://hub.example.org/services/fastapi/"
GOOD = {"access_token": "secret", "token_type": "Bearer", "expires_in": 3600, "user": "ada"}
WRONG = {"error": "invalid_grant", "error_description": "The code is wrong."}


class Terminal(io.StringIO):
    """What somebody types."""

    def isatty(self) -> bool:
        """It is a terminal."""
        return True


class Shell:
    """A user at a shell, and the service that answers them."""

    def __init__(self, home: Path) -> None:
        self.environment = {"HOME": str(home)}
        self.answers: list[httpx.Response] = []
        self.sent: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer with the next answer."""
        self.sent.append(request)
        return self.answers.pop(0)

    def run(self, *arguments: str) -> int:
        """Run a command."""
        return run(arguments, environment=self.environment, transport=httpx.MockTransport(self))

    def form(self, index: int = -1) -> dict[str, str]:
        """Return the form of a request."""
        return dict(parse_qsl(self.sent[index].content.decode()))


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Somebody who is not signed in."""
    monkeypatch.setitem(sys.modules, "keyring", None)
    return Shell(tmp_path)


@pytest.fixture
def types(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Have something typed at a terminal."""
    return lambda text: monkeypatch.setattr(sys, "stdin", Terminal(text))


Types = Callable[[str], None]


def test_login(shell: Shell, types: Types, capsys: pytest.CaptureFixture[str]) -> None:
    """It shows a link, takes the code however it was wrapped, and keeps the token; a wrong code may be pasted again."""
    types("shell.wrong\n  shell.ri ght  \n")
    shell.answers = [httpx.Response(400, json=WRONG), httpx.Response(200, json=GOOD)]
    status = shell.run("login", URL.rstrip("/"), "--days", "2", "--scope", "custom:a", "--scope", "custom:b")
    said = capsys.readouterr()
    [link] = [word for word in said.err.split() if "login/shell?" in word]
    query = {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}

    assert (status, said.out) == (0, "")
    assert link.startswith(f"{URL}login/shell?")
    assert (query["lifetime"], query["scope"]) == ("172800", "custom:a custom:b")
    assert query["challenge"] == pkce_challenge(shell.form()["code_verifier"])
    assert (shell.form()["grant_type"], shell.form()["code"]) == ("authorization_code", "shell.right")
    assert str(shell.sent[-1].url) == f"{URL}token"
    assert "The code is wrong." in said.err
    assert f"Signed in at {URL} as ada until" in said.err
    assert "secret" not in said.err
    assert shell.form()["code_verifier"] not in said.err
    assert (shell.run("token"), capsys.readouterr().out) == (0, "secret\n")


def test_a_part_of_the_code(shell: Shell, types: Types, capsys: pytest.CaptureFixture[str]) -> None:
    """What does not begin as a code does is not sent anywhere, as it may be a password. The whole code may follow."""
    types("right\npasswd\nshell.right\n")
    shell.answers = [httpx.Response(200, json=GOOD)]

    assert shell.run("login", URL) == 0
    assert capsys.readouterr().err.count('It begins with "shell.": copy the whole code.') == 2
    assert (len(shell.sent), shell.form()["code"]) == (1, "shell.right")


def test_a_service_that_is_busy(shell: Shell, types: Types, capsys: pytest.CaptureFixture[str]) -> None:
    """It says so in the endpoint's own words, and the code may be pasted again."""
    busy = {"error": "temporarily_unavailable", "error_description": "The Hub cannot be asked at the moment."}
    types("shell.code\nshell.code\n")
    shell.answers = [httpx.Response(503, json=busy), httpx.Response(200, json=GOOD)]

    assert shell.run("login", URL) == 0
    assert "The Hub cannot be asked at the moment." in capsys.readouterr().err


def test_again(shell: Shell, types: Types) -> None:
    """The address is remembered, and the token before is deleted."""
    kept.keep(shell.environment, Kept(URL, "former"))
    types("shell.code\n")
    shell.answers = [httpx.Response(200, json=GOOD), httpx.Response(204)]

    assert shell.run("login") == 0
    assert str(shell.sent[1].url) == f"{URL}logout"
    assert shell.sent[1].headers["Authorization"] == "Bearer former"
    found = kept.find(shell.environment, None)
    assert found is not None
    assert found.token == "secret"


def test_logout(shell: Shell, types: Types, capsys: pytest.CaptureFixture[str]) -> None:
    """The token is deleted at the Hub and here. The address stays."""
    kept.keep(shell.environment, Kept(URL, "secret"))
    shell.answers = [httpx.Response(204)]

    assert shell.run("logout") == 0
    assert shell.sent[0].headers["Authorization"] == "Bearer secret"
    assert shell.run("token") == 1
    assert "is over" in capsys.readouterr().err
    types("\n")
    assert shell.run("login") == 1
    assert f"{URL}login/shell?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("answer", "status", "is_kept"),
    [
        (httpx.Response(401, json={"code": "invalid_token"}), 0, False),
        (httpx.Response(401, text="<h1>Who are you?</h1>"), 1, False),
        (httpx.Response(403, json={"code": "revoke_refused", "detail": "It may not."}), 1, False),
        (httpx.Response(503, json={"code": "hub_unavailable", "detail": "Later."}), 1, True),
        (httpx.Response(302, headers={"Location": "https://evil.test/"}), 1, False),
    ],
    ids=["gone at the Hub", "a proxy's own sign-in", "refused", "the Hub is down", "led elsewhere"],
)
def test_a_logout_that_does_not_reach_the_hub(
    shell: Shell, answer: httpx.Response, status: int, *, is_kept: bool
) -> None:
    """The status tells if it may still be good. It is kept where a second attempt may help, and forgotten otherwise."""
    kept.keep(shell.environment, Kept(URL, "secret"))
    shell.answers = [answer]

    assert shell.run("logout") == status
    found = kept.find(shell.environment, URL)
    assert found is not None
    assert bool(found.token) is is_kept
    assert len(shell.sent) == 1, "no redirect is followed"


def test_a_logout_where_the_keyring_is_shut(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither command says that somebody is signed out whose token is still good. Nothing is forgotten."""
    kept.keep(shell.environment, Kept(URL, "", 4_000_000_000.0))

    for command in ("token", "logout"):
        assert shell.run(command) == 1
        assert "keyring" in capsys.readouterr().err
    found = kept.find(shell.environment, URL)
    assert found is not None
    assert found.is_shut


def test_nobody_answers(shell: Shell, types: Types, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is forgotten, and nothing kept, while the service does not answer."""
    kept.keep(shell.environment, Kept(URL, "secret"))

    def silent(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    types("shell.code\n")
    for command in ("logout", "login"):
        assert run([command], environment=shell.environment, transport=httpx.MockTransport(silent)) == 1
        assert "does not answer" in capsys.readouterr().err
    assert kept.find(shell.environment, URL) == Kept(URL, "secret")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["login"], "Where is the service?"),
        (["login", "http://hub.example.org/services/fastapi/"], "must go by https"),
        (["login", "http://127.0.0.1.evil.test/"], "must go by https"),
        (["login", "https://eve@hub.example.org/"], "user name"),
        (["login", "ftp://hub.example.org/"], "no address"),
        (["login", "https://[::1"], "no address"),
        (["login", "https://hub.example.org:port/"], "no address"),
        (["login", "https://hub.example.org/\x1b[2J/"], "no address"),
        (["login", "https://evil.test\\.hub.example.org/"], "no address"),
        (["token"], "Nobody is signed in."),
        (["token", URL], f"Nobody is signed in at {URL}."),
        (["logout"], "Nobody is signed in."),
    ],
)
def test_what_cannot_be_done(
    shell: Shell, types: Types, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    """A sentence says what is wrong, and nothing is sent."""
    types("shell.code\n")

    assert shell.run(*arguments) == 1
    assert said in capsys.readouterr().err
    assert shell.sent == []


@pytest.mark.parametrize("days", ["0", "-1", "nan", "inf", "soon", "1e9"])
def test_wrong_days(shell: Shell, days: str) -> None:
    """They are refused before anything else."""
    with pytest.raises(SystemExit) as ended:
        shell.run("login", URL, f"--days={days}")

    assert ended.value.code == 2


def test_no_terminal(shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A program that nobody sits at is told that it needs another token."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("shell.code\n"))

    assert shell.run("login", URL) == 1
    assert "needs a terminal" in capsys.readouterr().err


def test_a_token_that_cannot_be_kept(shell: Shell, types: Types, capsys: pytest.CaptureFixture[str]) -> None:
    """It is asked before, so that no token is made; and one that is made all the same is deleted again."""
    types("shell.code\n")
    path = kept.keep(shell.environment, Kept(URL, "former"))
    path.parent.chmod(0o770)
    assert shell.run("login") == 1
    assert "not yours alone" in capsys.readouterr().err
    assert shell.sent == []

    path.parent.chmod(0o700)

    def answer(request: httpx.Request) -> httpx.Response:
        path.parent.chmod(0o770)
        shell.sent.append(request)
        return httpx.Response(204) if request.url.path.endswith("logout") else httpx.Response(200, json=GOOD)

    assert run(["login"], environment=shell.environment, transport=httpx.MockTransport(answer)) == 1
    assert shell.sent[-1].headers["Authorization"] == "Bearer secret"


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(302, headers={"Location": "https://evil.test/token"}),
        httpx.Response(503, json={"code": "hub_unavailable", "detail": "Later."}),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json={"access_token": 1}),
        httpx.Response(200, json=GOOD | {"access_token": "two words"}),
        httpx.Response(200, json=GOOD | {"access_token": "\x1b[2J"}),
        httpx.Response(200, json=GOOD | {"expires_in": "3600"}),
        httpx.Response(200, json=GOOD | {"expires_in": -1}),
        httpx.Response(200, content=b'{"access_token": "secret", "expires_in": 1e400}'),
        httpx.Response(200, content=b'{"access_token": "secret", "expires_in": 100000000000000}'),
    ],
    ids=[
        "led elsewhere",
        "an outage",
        "no JSON",
        "no token",
        "two words",
        "what a terminal acts on",
        "a text for a time",
        "an end before now",
        "no end",
        "an end that no calendar has",
    ],
)
def test_another_answer(shell: Shell, types: Types, answer: httpx.Response) -> None:
    """Whatever it is, nobody is signed in, and the code goes to no other address."""
    types("shell.code\n")
    shell.answers = [answer]

    assert shell.run("login", URL) == 1
    assert len(shell.sent) == 1
    assert kept.load(shell.environment) == []


def test_words_that_a_terminal_would_act_on(shell: Shell, types: Types, capsys: pytest.CaptureFixture[str]) -> None:
    """What a service says is shown as text: it moves no cursor, and writes nothing over."""
    types("shell.code\n")
    said = "Wrong.\x1b]0;title\x07\x9b2J\r\u202eSigned in"
    shell.answers = [httpx.Response(400, json=WRONG | {"error_description": said})]
    shell.run("login", URL)

    shown = capsys.readouterr().err
    assert "Wrong.?]0;title??2J??Signed in" in shown
    assert all(character.isprintable() or character == "\n" for character in shown)
