"""The file `.env` of the working directory: settings for those who would rather not export them."""

import os
import stat
from collections.abc import Mapping
from io import StringIO

from dotenv.parser import parse_stream

from service.errors import ConfigurationError

NAME = ".env"


def read_env_file() -> Mapping[str, str]:
    """Return what the file says, each value as it stands there, without interpolation; nothing where there is none.

    Raises:
        ConfigurationError: it cannot be read or understood, or others than we and root may have written it.
    """
    try:
        link = os.lstat(NAME)
    except FileNotFoundError:
        return {}
    except OSError:
        raise _refused("cannot be looked for: start the service in a folder that its user may enter") from None
    try:
        text = _text(link)
    except (OSError, UnicodeError):
        raise _refused("must be a text in UTF-8 that the user whom the service runs as can read") from None
    told = {}
    for key, value, (source, line), is_wrong in parse_stream(StringIO(text)):
        if is_wrong or (key and value is None):
            number = line + source.rstrip("\r\n").count("\n")  # blank lines before it are part of it
            raise _refused(f"line {number} must be NAME=value, with a closing quote for each opening one")
        if key and value:
            told[key] = value
    return told


def _text(link: os.stat_result) -> str:
    with open(NAME, encoding="utf-8", opener=_open) as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise _refused("must be a file")
        # The link too: where others may write, theirs may lead to another file of ours.
        if not {found.st_uid, link.st_uid} <= {0, os.geteuid()}:
            raise _refused("must belong to the user whom the service runs as, or to root")
        if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise _refused("nobody but its owner may have the right to write to it: chmod go-w .env")
        text = file.read()
    if "\0" in text:
        raise UnicodeError
    return text


def _open(name: str, flags: int) -> int:
    return os.open(name, flags | os.O_NONBLOCK)  # not to wait for whoever writes into a pipe


def _refused(flaw: str) -> ConfigurationError:
    return ConfigurationError([f"{NAME}: {flaw}"])
