"""Whose a key is: a user's, a service's or a group's of the Hub. Two owners may give their keys the same name."""

import re

from pydantic import SecretStr

from service.apps.deidentify.engine import keys
from service.apps.deidentify.errors import KeyForbiddenError, KeysUnavailableError
from service.hub.models import Identity

NAME = r"[A-Za-z0-9._-]{1,100}"
# As a caller of the service writes a key: `study` is their own, `group:lab/study` that of a group.
PATTERN = rf"^(group:[^\u0000-\u001f]{{1,255}}/)?{NAME}$"
_SHORTEST, _DIFFERENT = 32, 10  # characters; `openssl rand -hex 32` gives 64, nearly always all 16 hexadecimal digits


def problem_with(secret: str) -> str:
    """Return what is wrong with the operator's secret; an empty string if it can be one."""
    if len(secret) >= _SHORTEST and len(set(secret)) >= _DIFFERENT:
        return ""
    return f"must have {_SHORTEST} characters or more, drawn by chance; make one with `openssl rand -hex 32`"


def secret_of(key: str, identity: Identity | None, secret: SecretStr | None) -> bytes:
    """Return the secret of a key. `key`: as PATTERN has it. `secret`: the operator's.

    Raises:
        KeyForbiddenError: the key belongs to a group of which the caller is no member, or nobody is signed in.
        KeysUnavailableError: the operator has set no secret.
    """
    group, _, name = key.rpartition("/")
    if identity is None or (group and group.removeprefix("group:") not in identity.groups):
        raise KeyForbiddenError
    return derived(group or f"{identity.kind}:{identity.name}", name, secret)


def secret_for(key: str, secret: SecretStr | None) -> bytes:
    """Return the secret of a key whose owner is named: `user:alice/study`, `service:etl/study`, `group:lab/study`.

    Raises:
        ValueError: this is no such key.
        KeysUnavailableError: the operator has set no secret.
    """
    owner, _, name = key.rpartition("/")
    if not re.fullmatch(r"(user|service|group):[^\u0000-\u001f]+", owner) or not re.fullmatch(NAME, name):
        raise ValueError
    return derived(owner, name, secret)


def derived(owner: str, name: str, secret: SecretStr | None) -> bytes:
    """Return the secret of the key of this name that belongs to this owner. Raises KeysUnavailableError."""
    if secret is None:
        raise KeysUnavailableError
    return keys.derived(secret.get_secret_value().encode(), owner, name)
