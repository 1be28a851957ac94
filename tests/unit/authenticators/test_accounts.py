"""Several requests that change an account at the same time."""

import asyncio
from collections.abc import Iterator
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("nativeauthenticator", reason="no JupyterHub installed: pip install '.[hub]'")

from jupyterhub import orm
from sqlalchemy.orm import Session
from tornado.httputil import HTTPHeaders
from tornado.web import HTTPError

from service.authenticators import PasswordAuthenticator, passwords

FIRST, SECOND, THIRD = "first of all passwords", "second to none of them", "third time is the charm"


@pytest.fixture
def database() -> Iterator[Session]:
    """The database of the Hub, in memory."""
    with orm.new_session_factory("sqlite:///:memory:")() as session:
        yield session


@pytest.fixture
def authenticator(database: Session) -> PasswordAuthenticator:
    """An authenticator with one account, ada."""
    return PasswordAuthenticator(db=database, first_users={"ada": FIRST})


def is_right(authenticator: PasswordAuthenticator, name: str, password: str) -> bool:
    """Whether the password is the stored one."""
    return passwords.matches(bytes(authenticator.get_user(name).password), password)


async def test_a_change_that_waits_does_not_undo_another(authenticator: PasswordAuthenticator) -> None:
    """Of two changes at once, the first one that is stored stays: a thief cannot undo the owner's."""
    changes = (authenticator.set_password("ada", new, by="ada") for new in (SECOND, THIRD))
    first, second = await asyncio.gather(*changes, return_exceptions=True)

    (refused,) = [outcome for outcome in (first, second) if outcome is not None]
    assert isinstance(refused, HTTPError)
    assert refused.status_code == HTTPStatus.CONFLICT
    assert is_right(authenticator, "ada", SECOND if first is None else THIRD)


async def test_a_deleted_account_does_not_come_back(authenticator: PasswordAuthenticator, database: Session) -> None:
    """A change does not restore an account that an administrator deletes meanwhile."""
    change = asyncio.create_task(authenticator.set_password("ada", SECOND, by="ada"))
    await asyncio.sleep(0)
    database.delete(authenticator.get_user("ada"))
    database.commit()

    with pytest.raises(HTTPError, match="409"):
        await change
    assert not authenticator.user_exists("ada")


async def test_somebody_without_a_password_gets_one(authenticator: PasswordAuthenticator) -> None:
    """An administrator can set a first password for a user without an account."""
    await authenticator.set_password("grace", SECOND, by="admin")

    assert is_right(authenticator, "grace", SECOND)


@pytest.mark.parametrize("authorize", [False, True])
async def test_only_an_invitation_authorizes(
    authenticator: PasswordAuthenticator, database: Session, *, authorize: bool
) -> None:
    """A new password leaves an account unauthorized, unless it comes by an invitation."""
    account = authenticator.get_user("ada")
    account.is_authorized = False
    database.commit()
    await authenticator.set_password("ada", SECOND, by="ada", authorize=authorize)

    assert authenticator.get_user("ada").is_authorized is authorize


async def test_a_user_who_is_made_during_a_sign_up(authenticator: PasswordAuthenticator, database: Session) -> None:
    """A stranger does not get the name of a user whom an administrator makes meanwhile."""
    connection = SimpleNamespace(context=SimpleNamespace(address=("192.0.2.1", 1)))
    handler: Any = SimpleNamespace(request=SimpleNamespace(connection=connection, headers=HTTPHeaders()))
    sign_up = asyncio.create_task(authenticator.sign_up(handler, "grace", SECOND))
    await asyncio.sleep(0)
    database.add(orm.User(name="grace"))
    database.commit()

    assert not await sign_up
    assert not authenticator.user_exists("grace")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param({}, "There is no account with a password, so nobody could sign in", id="nobody"),
        pytest.param({"enable_signup": True}, "There is no account with a password", id="nobody to authorize"),
        pytest.param({"first_users": {"ada": "weak"}}, "The first password of ada: A password must", id="weak"),
        pytest.param(
            {"first_users": {"ada": "Abcdefg1! and more"}, "maximum_password_length": 16},
            "have 12 to 16 characters",
            id="long",
        ),
    ],
)
def test_a_hub_that_nobody_could_enter(database: Session, options: dict[str, Any], said: str) -> None:
    """A Hub without a first password, or with one that the rules do not allow, ends with one sentence."""
    with pytest.raises(SystemExit, match=said):
        PasswordAuthenticator(db=database, **options)


def test_a_hub_with_accounts_needs_no_first_password(authenticator: PasswordAuthenticator, database: Session) -> None:
    """First passwords are for the first start. Where anybody may sign up, none are needed."""
    assert authenticator.user_exists("ada")
    PasswordAuthenticator(db=database)
    database.delete(authenticator.get_user("ada"))
    database.commit()
    PasswordAuthenticator(db=database, enable_signup=True, open_signup=True)
