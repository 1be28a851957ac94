"""The sign-ins that `python -P -m service login` keeps for this user of this machine.

The token is in the keyring, if the package keyring is installed and has a place for it. Otherwise it is in the file
that names the addresses: `service-fastapi/sign-ins.json` below `$XDG_CONFIG_HOME` or `~/.config`. Only its owner may
read that; on Windows, only those who may read its owner's profile. Needs nothing but the standard library.
"""

import contextlib
import importlib
import json
import os
import secrets
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from service.client.errors import ClientError

_KEYRING = "service-fastapi"  # what our entries are called there
_OTHERS_MAY = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


class KeptError(ClientError):
    """The file with the sign-ins cannot be used. The message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A sign-in: the address of the service, the token, and when that ends, in seconds since the epoch.

    The token is empty after signing out. It then ended in 1970, so that none is looked for in the keyring.
    """

    url: str
    token: str = field(repr=False)
    expires_at: float | None = None

    @property
    def is_over(self) -> bool:
        """Whether the token is gone or has expired."""
        return not self.token or self._has_expired

    @property
    def is_shut(self) -> bool:
        """Whether there is a token that cannot be had now: it is in a keyring, and that is not open."""
        return not self.token and not self._has_expired

    @property
    def _has_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= time.time()


def place(environment: Mapping[str, str]) -> Path | None:
    """Return the path of the file; None where there is no home to keep it in."""
    folder = Path(environment.get("XDG_CONFIG_HOME", ""))
    if not folder.is_absolute():  # an empty or a relative one counts as none (XDG Base Directory Specification)
        if not (home := environment.get("HOME") or environment.get("USERPROFILE")):  # the latter on Windows
            return None
        folder = Path(home) / ".config"
    return folder / "service-fastapi" / "sign-ins.json"


def load(environment: Mapping[str, str]) -> list[Kept]:
    """Return all sign-ins, the latest first. Tokens that are in the keyring are empty here: `find` gets them.

    Raises:
        KeptError: the file is another user's, or others may read it, or it is none of ours.
    """
    path = place(environment)
    if path is None:
        return []
    try:
        with path.open(encoding="utf-8") as file:
            _check_owner(os.fstat(file.fileno()), path, forbidden=_OTHERS_MAY)
            return [Kept(each["url"], each["token"], each["expires_at"]) for each in json.load(file)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise KeptError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, TypeError, LookupError):
        raise KeptError(f"{path} is no file of sign-ins. Delete it, and sign in again.") from None


def find(environment: Mapping[str, str], url: str | None, *, service: str | None = None) -> Kept | None:
    """Return the sign-in at `url`, or the latest one (at a service of this name), with its token; None without one.

    Raises:
        KeptError: as `load`.
    """
    ending = f"/services/{service}/" if service else ""
    found = (each for each in load(environment) if each.url == url or (url is None and each.url.endswith(ending)))
    kept = next(found, None)
    return replace(kept, token=_from_keyring(kept.url)) if kept is not None and kept.is_shut else kept


def keep(environment: Mapping[str, str], kept: Kept) -> Path:
    """Keep a sign-in as the latest, in the place of an earlier one at the same address. Return the path of the file.

    Raises:
        KeptError: there is no home, or the file cannot be written, or others could write there.
    """
    others = [each for each in load(environment) if each.url != kept.url]
    is_in_keyring = _to_keyring(kept.url, kept.token)
    return _write(environment, [replace(kept, token="") if is_in_keyring else kept, *others])


def check_place(environment: Mapping[str, str]) -> None:
    """Raise KeptError if no sign-in could be kept, as `keep` does. Nothing changes but that the file is there."""
    _write(environment, load(environment))


def forget(environment: Mapping[str, str], url: str) -> None:
    """Forget the token of a sign-in, but not the address. Raises KeptError."""
    sign_ins = load(environment)
    _delete_from_keyring(url)
    _write(environment, [Kept(url, "", 0.0) if each.url == url else each for each in sign_ins])


def _write(environment: Mapping[str, str], sign_ins: Sequence[Kept]) -> Path:
    path = place(environment)
    if path is None:
        raise KeptError("There is no home directory to keep a sign-in in: set HOME or XDG_CONFIG_HOME.")
    text = json.dumps([{"url": each.url, "token": each.token, "expires_at": each.expires_at} for each in sign_ins])
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_owner(path.parent.stat(), path.parent, forbidden=_OTHERS_MAY_WRITE)
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        temporary.replace(path)  # at once: nobody finds half a file
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise KeptError(f"{path} cannot be written: {error.strerror}.") from None
    return path


def _check_owner(found: os.stat_result, path: Path, *, forbidden: int) -> None:
    if not hasattr(os, "geteuid"):  # Windows, which has no owners and modes, but a profile for each user
        return
    if found.st_uid != os.geteuid() or found.st_mode & forbidden:
        raise KeptError(f"{path} is not yours alone. Look who has changed it; then chmod go= {path}")


@contextlib.contextmanager
def _keyring() -> Iterator[Any]:
    """Give the package keyring, or None. Its backends raise errors of any kind where no desktop runs."""
    try:
        keyring = importlib.import_module("keyring")
    except ImportError:
        yield None
        return
    with contextlib.suppress(Exception):
        yield keyring


def _to_keyring(url: str, token: str) -> bool:
    """Put a token into the keyring. Return whether it is there: some backends lose what they are given."""
    with _keyring() as keyring:
        if keyring is not None:
            keyring.set_password(_KEYRING, url, token)
            return bool(keyring.get_password(_KEYRING, url) == token)
    return False


def _from_keyring(url: str) -> str:
    with _keyring() as keyring:
        if keyring is not None:
            return str(keyring.get_password(_KEYRING, url) or "")
    return ""


def _delete_from_keyring(url: str) -> None:
    with _keyring() as keyring:
        if keyring is not None:
            keyring.delete_password(_KEYRING, url)
