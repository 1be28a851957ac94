"""Reads settings from the file `.env` in the working directory."""

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from io import StringIO

from service.errors import ConfigurationError

NAME = ".env"
# Libraries read these, from the environment alone.
_OF_LIBRARIES = {"PROMETHEUS_MULTIPROC_DIR", "SSL_CERT_DIR", "SSL_CERT_FILE"}
_is_ignored: ContextVar[bool] = ContextVar("is_ignored", default=False)


@contextmanager
def ignored() -> Iterator[None]:
    """Take the file for missing for as long as this is open: a test must not depend on the folder where it runs."""
    before = _is_ignored.set(True)
    try:
        yield
    finally:
        _is_ignored.reset(before)


def read_env_file() -> Mapping[str, str]:
    """Return the variables in the file, without interpolation; none if there is no file.

    Raises:
        ConfigurationError: the file cannot be read or parsed, has a variable that would do nothing there, or somebody
            other than us and root could have written it.
    """
    if _is_ignored.get():
        return {}
    try:
        link = os.lstat(NAME)
    except FileNotFoundError:
        return {}
    except OSError:
        raise _refused("cannot be opened: start the service in a folder that its user may enter") from None
    try:
        text = _text(link)
    except (OSError, UnicodeError):
        raise _refused("must be text in UTF-8, and readable for the user that the service runs as") from None
    variables = {}
    try:
        # Only the service itself needs it; whoever takes `service.auth` mostly has no such file.
        from dotenv.parser import parse_stream  # noqa: PLC0415
    except ModuleNotFoundError:
        raise _refused("cannot be read without python-dotenv: pip install python-dotenv") from None
    for key, value, (source, line), is_wrong in parse_stream(StringIO(text)):
        if is_wrong or (key and value is None):
            number = line + source.rstrip("\r\n").count("\n")  # blank lines before it are part of it
            raise _refused(f"line {number} must be NAME=value, with a closing quote for each opening one")
        if key in _OF_LIBRARIES:
            raise _refused(f"{key} must be in the environment of the service instead: a library reads it there")
        if key and value:
            variables[key] = value
    return variables


def _text(link: os.stat_result) -> str:
    with open(NAME, encoding="utf-8", opener=_open) as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise _refused("must be a regular file")
        # The link must be ours, too: in a folder where others may write, their link could lead to another file of ours.
        if not {found.st_uid, link.st_uid} <= {0, os.geteuid()}:
            raise _refused("must belong to root or to the user that the service runs as")
        if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise _refused("only its owner may be able to write to it: chmod go-w .env")
        text = file.read()
    if "\0" in text:
        raise UnicodeError
    return text


def _open(name: str, flags: int) -> int:
    return os.open(name, flags | os.O_NONBLOCK)  # opening a named pipe must not block


def _refused(problem: str) -> ConfigurationError:
    return ConfigurationError([f"{NAME}: {problem}"])
