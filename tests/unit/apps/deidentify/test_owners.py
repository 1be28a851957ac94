"""A key is for its owner alone."""

import pytest
from pydantic import SecretStr

from service.apps.deidentify.errors import KeyForbiddenError, KeysUnavailableError
from service.apps.deidentify.owners import problem_with, secret_for, secret_of
from service.hub.models import Identity

SECRET = SecretStr("0123456789abcdef" * 4)
ALICE = Identity(name="alice", groups=("lab", "a/b"))


def test_two_owners_of_keys_of_one_name() -> None:
    """Have different secrets: users, services, groups, and names that look like those of others."""
    bob, service = Identity(name="bob", groups=("lab",)), Identity(name="alice", kind="service")
    secrets = [
        secret_of("study", ALICE, SECRET),
        secret_of("trial", ALICE, SECRET),
        secret_of("study", bob, SECRET),
        secret_of("study", service, SECRET),
        secret_of("group:lab/study", ALICE, SECRET),
        secret_of("study", Identity(name="group:lab"), SECRET),
        secret_of("study", ALICE, SecretStr("fedcba9876543210" * 4)),
    ]

    assert len(set(secrets)) == len(secrets)
    assert {len(secret) for secret in secrets} == {32}
    assert secret_of("group:lab/study", bob, SECRET) == secrets[4]


@pytest.mark.parametrize(
    ("owner", "key"),
    [("user:alice/study", "study"), ("group:lab/study", "group:lab/study"), ("group:a/b/study", "group:a/b/study")],
)
def test_an_operator_names_the_owner(owner: str, key: str) -> None:
    """And gets the same secret as the owner."""
    assert secret_for(owner, SECRET) == secret_of(key, ALICE, SECRET)


@pytest.mark.parametrize("key", ["study", "/study", "user:/study", "user:alice/", "hub:alice/study", "user:alice/a b"])
def test_what_names_no_owner(key: str) -> None:
    """Is no key of an operator."""
    with pytest.raises(ValueError):  # noqa: PT011 - it has no text
        secret_for(key, SECRET)


@pytest.mark.parametrize("key", ["group:ward/study", "group:LAB/study", "group:la/b/study", "group:a/study"])
def test_a_group_of_others(key: str) -> None:
    """Is closed, whether or not it exists."""
    with pytest.raises(KeyForbiddenError):
        secret_of(key, ALICE, SECRET)


def test_nobody_has_no_key() -> None:
    """Nor are there keys without the operator's secret."""
    with pytest.raises(KeyForbiddenError):
        secret_of("study", None, SECRET)
    with pytest.raises(KeysUnavailableError, match="DEIDENTIFY_SECRET"):
        secret_of("study", ALICE, None)


@pytest.mark.parametrize("secret", ["", "a" * 64, "0123456789abcdef" * 2 + "", "abcabcabc" * 9, "password"])
def test_what_is_no_secret(secret: str) -> None:
    """Too short, or of too few different characters."""
    is_good = len(secret) == 32

    assert bool(problem_with(secret)) is not is_good
