"""The key of a job: from a file, or by its name from the operator's secret. It is never an argument of a process."""

import os
import re
from pathlib import Path

from service.apps.deidentify.engine.keys import SIZE
from service.apps.deidentify.errors import JobRefusedError, KeysUnavailableError
from service.apps.deidentify.owners import problem_with, secret_for
from service.apps.deidentify.settings import DeidentifySettings
from service.errors import ConfigurationError
from service.settings import read_settings, read_variables

_FORM = re.compile(rf"[0-9a-f]{{{2 * SIZE}}}")
_HOW = f"make one with `openssl rand -hex {SIZE}`, or have the operator write it with `deidentify key`"


def read(path: Path) -> str:
    """Return the secret of the key in a file, in hexadecimal.

    Raises:
        JobRefusedError: the file cannot be read, or has no such key. The message says nothing of what it has.
    """
    try:
        text = path.read_bytes()[: 4 * SIZE].decode("ascii", "replace").strip().lower()
    except OSError as error:
        raise JobRefusedError(f"The file of the key cannot be read: {error.strerror}.") from None
    if not _FORM.fullmatch(text) or problem_with(text):
        raise JobRefusedError(f"The file of the key does not hold {2 * SIZE} hexadecimal digits: {_HOW}.")
    return text


def named(key: str) -> str:
    """Return the secret of a key by its name, such as `user:alice/study`, in hexadecimal.

    Raises:
        JobRefusedError: this is no name of a key, or DEIDENTIFY_SECRET is not set or no secret.
    """
    try:
        settings = read_settings(DeidentifySettings, read_variables())
        return secret_for(key, settings.secret).hex()
    except ConfigurationError as error:
        raise JobRefusedError(" ".join(error.problems)) from None
    except KeysUnavailableError:
        raise JobRefusedError("A key has a name only where DEIDENTIFY_SECRET is set. Use --key-file.") from None
    except ValueError:
        raise JobRefusedError("Name the owner of the key, too: user:alice/study or group:lab/study.") from None


def write(key: str, path: Path) -> None:
    """Write the secret of a key to a new file that only we can read.

    Raises:
        JobRefusedError: as for `named`; or the file cannot be written, or exists.
    """
    secret = named(key)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(secret + "\n")
    except OSError as error:
        raise JobRefusedError(f"The key cannot be written there: {error.strerror}.") from None
