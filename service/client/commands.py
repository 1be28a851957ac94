"""`python -P -m service login`, `token` and `logout`: signing in at a shell. They need httpx, and no extra."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime

import httpx

from service.client import kept, retry, sign_in
from service.client.address import with_slash
from service.client.errors import ClientError, ProblemError

COMMANDS = {
    "login": "Sign in at a shell by way of a browser, and keep the token.",
    "token": "Print the token that login has kept.",
    "logout": "Delete that token, here and at the Hub.",
}
_DAY = 24 * 3600
_NOT_KEPT = "Nobody is signed in{}. Sign in: python -P -m service login URL"


def run(
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    transport: httpx.BaseTransport | None = None,
) -> int:
    """Run a command, such as `["login", URL]`. Returns an exit status: 1 after a message on standard error."""
    chosen = _parser().parse_args(arguments)
    environment = os.environ if environment is None else environment
    try:
        if chosen.command == "login":
            return _login(chosen, environment, transport)
        found = kept.find(environment, with_slash(chosen.url) if chosen.url else None)
        if found is None:
            return _failed(_NOT_KEPT.format(f" at {chosen.url}" if chosen.url else ""))
        if found.is_shut:
            return _failed(f"The keyring with the token for {found.url} cannot be opened here. Nothing has changed.")
        return _token(found) if chosen.command == "token" else _logout(found, environment, transport)
    except ClientError as error:
        return _failed(str(error))
    except KeyboardInterrupt:
        return _failed("")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -P -m service")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, purpose in COMMANDS.items():
        command = commands.add_parser(name, help=purpose, description=purpose)
        command.add_argument(
            "url", nargs="?", metavar="URL", help="the address of the service; without it, that of the latest sign-in"
        )
        if name == "login":
            command.add_argument("--days", type=_days, default=30, help="how long the token is to live (30)")
            command.add_argument("--scope", action="append", default=[], help="one of the scopes that it is to have")
    return parser


def _days(text: str) -> float:
    days = float(text)
    if not 1 / _DAY <= days <= 36_500:  # noqa: PLR2004 - a century
        raise ValueError
    return days


def _login(chosen: argparse.Namespace, environment: Mapping[str, str], transport: httpx.BaseTransport | None) -> int:
    before = kept.find(environment, with_slash(chosen.url) if chosen.url else None)
    if not chosen.url and before is None:
        return _failed("Where is the service? python -P -m service login https://hub.example.org/services/fastapi/")
    attempt = sign_in.begin(
        sign_in.checked(chosen.url or (before.url if before else "")),
        lifetime=int(chosen.days * _DAY),
        scopes=chosen.scope,
    )
    if not sys.stdin.isatty():
        return _failed(
            "Signing in needs a terminal, to paste a code into. A program without one takes a token of its own, such as"
            " one of the Hub's page /hub/token."
        )
    kept.check_place(environment)  # before a token is made that could not be kept
    _say(f"Open this link in your browser, in a tab of its own:\n\n  {attempt.link}\n")
    finished = _finished(attempt, transport)
    if finished is None:
        return _failed("Nobody was signed in.")
    found, user = finished
    try:
        path = kept.keep(environment, found)
    except ClientError:
        sign_in.end(found, transport=transport)
        raise
    if before is not None and before.token:
        with suppress(ClientError):  # it expires by itself
            sign_in.end(before, transport=transport)
    # Whose account it is: a page that only looks like the service's may have shown the code of somebody else's sign-in.
    _say(f"Signed in at {found.url}{f' as {user}' if user else ''}{_until(found)}. The token is kept for you: {path}")
    return 0


def _finished(attempt: sign_in.Attempt, transport: httpx.BaseTransport | None) -> tuple[kept.Kept, str] | None:
    """Ask for the code until one is accepted; None if nothing is given."""
    while True:
        print("Paste the code that it shows: ", end="", file=sys.stderr, flush=True)  # noqa: T201 - to a terminal
        if not (code := "".join(sys.stdin.readline().split())):
            return None
        try:
            return sign_in.finish(attempt, code, transport=transport)
        except sign_in.CodeError as error:
            _say(f"{error}")
        except ProblemError as error:
            if not retry.may_repeat(error.status, is_safe=True):
                raise
            _say(f"{error.detail}")


def _token(found: kept.Kept) -> int:
    if found.is_over:
        return _failed(f"The sign-in at {found.url} is over. Sign in again: python -P -m service login {found.url}")
    print(found.token)  # noqa: T201 - for `TOKEN=$(…)`
    return 0


def _logout(found: kept.Kept, environment: Mapping[str, str], transport: httpx.BaseTransport | None) -> int:
    problem = ""
    if found.token:
        try:
            sign_in.end(found, transport=transport)
        except ProblemError as error:  # such as a service that signs in no shells any more
            if retry.may_repeat(error.status, is_safe=True):
                raise  # it is kept, so that it can still be deleted later
            problem = f"The Hub has not deleted the token, and it stays good{_until(found)}: {error.detail}"
    kept.forget(environment, found.url)
    if problem:
        return _failed(problem)
    _say(f"Signed out at {found.url}")
    return 0


def _until(found: kept.Kept) -> str:
    if found.expires_at is None:
        return ""
    return f" until {datetime.fromtimestamp(found.expires_at, UTC).astimezone():%Y-%m-%d %H:%M}"


def _say(text: str) -> None:
    """Write to the terminal. Part of it may be what a server says, so nothing in it gets to move the cursor."""
    shown = "".join(each if each.isprintable() or each == "\n" else "?" for each in text)
    print(shown, file=sys.stderr)  # noqa: T201 - to a terminal


def _failed(text: str) -> int:
    _say(text)
    return 1
