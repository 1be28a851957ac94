"""Accounts: the members of the team, and the status that each request looks up; on both databases."""

import sqlite3
from collections.abc import AsyncIterator

import anyio
import pytest

from service.apps.desk.domain.queries import AccountQuery, AuditQuery
from service.apps.desk.domain.values import Account, AccountNew, AccountStatus
from service.apps.desk.errors import (
    AccountExistsError,
    EmailTakenError,
    NotFoundError,
    PhoneTakenError,
    VersionConflictError,
)
from service.apps.desk.storage.accounts import Accounts
from service.apps.desk.storage.desk import Desk
from tests.unit.apps.desk.conftest import Clock

ADA = AccountNew(name="ada", first_name="Ada", last_name="Byron", phone="+442079460958", email="ada@example.com")


@pytest.fixture
async def ada(desk: Desk) -> Account:
    """A member of the team."""
    return await desk.accounts.create(ADA, by="admin")


async def test_an_account_is_created_once(desk: Desk, ada: Account) -> None:
    """An account is created under the Hub user's name, without flags, and only once."""
    assert ada.model_dump(exclude={"created", "updated"}) == {
        **ADA.model_dump(),
        "version": 1,
        "disabled": False,
        "login_denied": False,
    }
    assert await desk.accounts.get("ada") == ada
    with pytest.raises(AccountExistsError):
        await desk.accounts.create(AccountNew(name="ada", first_name="A", last_name="B"), by="admin")
    for contact, error in (({"phone": ADA.phone}, PhoneTakenError), ({"email": ADA.email}, EmailTakenError)):
        new = AccountNew.model_validate({"name": "eve", "first_name": "E", "last_name": "V", **contact})
        with pytest.raises(error):
            await desk.accounts.create(new, by="admin")


@pytest.mark.usefixtures("ada")
async def test_names_differ_by_case(desk: Desk) -> None:
    """An account belongs to the Hub's user of exactly this name."""
    await desk.accounts.create(AccountNew(name="ADA", first_name="A", last_name="B"), by="admin")
    with pytest.raises(NotFoundError):
        await desk.accounts.get("Ada")


@pytest.mark.parametrize("name", ["nobody", "", "a/b", "a\0b", "x" * 300, "\ud800"])
async def test_who_has_no_account_is_not_found(desk: Desk, name: str) -> None:
    """A name without an account is not found, even if no account could have that name."""
    with pytest.raises(NotFoundError):
        await desk.accounts.get(name)


async def test_the_flags_are_stored_with_their_times(desk: Desk, ada: Account, clock: Clock) -> None:
    """The time of `login_denied` is stored as long as the flag is set, and is new when it is set again."""
    denied = await desk.accounts.change("ada", {"login_denied": True, "disabled": True}, version=1, by="admin")
    first = await desk.accounts.status("ada")
    assert (denied.disabled, denied.login_denied) == (True, True)
    assert first is not None
    assert first.login_denied_at is not None
    assert ada.created < first.login_denied_at <= clock.time

    await desk.accounts.change("ada", {"phone": None}, version=2, by="admin")
    assert await desk.accounts.status("ada") == first

    await desk.accounts.change("ada", {"login_denied": False, "disabled": False}, version=3, by="admin")
    assert await desk.accounts.status("ada") == AccountStatus(
        disabled=False, login_denied=False, login_denied_at=None, rights_changed_at=first.rights_changed_at
    )
    with pytest.raises(VersionConflictError):
        await desk.accounts.change("ada", {"disabled": True}, version=3, by="admin")


@pytest.mark.parametrize("name", ["nobody", "", "Ada"])
async def test_a_person_without_an_account_has_no_status(desk: Desk, name: str) -> None:
    """A name without an account has no status."""
    assert await desk.accounts.status(name) is None


async def failing(_name: str) -> AccountStatus | None:
    """A look-up that fails."""
    raise sqlite3.OperationalError


@pytest.mark.usefixtures("ada")
async def test_the_status_is_found_if_the_fast_look_up_fails(desk: Desk, clock: Clock) -> None:
    """The pool's connections return the same status as the fast look-up."""
    await desk.accounts.change("ada", {"login_denied": True}, version=1, by="admin")
    usual = Accounts(desk.database, look_up=failing, now=clock)

    assert await usual.status("ada") == await desk.accounts.status("ada") is not None
    assert await usual.status("nobody") is None


async def test_an_account_is_made_at_the_first_visit(desk: Desk, ada: Account) -> None:
    """An account is made once, however many requests come together. An existing one stays as it is."""
    made: list[Account] = []

    async def visit() -> None:
        made.append(await desk.accounts.ensure("eve", by="eve"))

    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(visit)

    assert made == [made[0]] * 10
    assert (made[0].name, made[0].first_name, made[0].last_name) == ("eve", "", "")
    told = await desk.audit.find(AuditQuery(thing="account/eve"))
    assert [entry.what for entry in told.items] == ["account.created"]
    assert await desk.accounts.ensure("ada", by="ada") == ada


@pytest.mark.usefixtures("ada")
async def test_accounts_are_listed_by_name(desk: Desk) -> None:
    """Accounts are sorted by code point, page by page."""
    for name in ("Zed", "bob", "émile"):
        await desk.accounts.ensure(name, by=name)

    async def listed(sort: str) -> AsyncIterator[str]:
        async for account in desk.accounts.export(AccountQuery.model_validate({"sort": sort})):
            yield account.name

    names = ["Zed", "ada", "bob", "émile"]
    assert [name async for name in listed("name")] == names
    assert [name async for name in listed("-name")] == names[::-1]
    assert [account.name for account in (await desk.accounts.find(AccountQuery(text="BYRON"))).items] == ["ada"]


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("text", ["lovelace1", "ADA", "byron", "0958", "+44 20 7946", "new@", "Byron, Ada"])
async def test_an_account_is_found_by_name_and_contact(desk: Desk, text: str) -> None:
    """Search finds an account by its user's name, the person's name, phone and e-mail, in any order."""
    new = AccountNew(name="lovelace1", first_name="Ada", last_name="Byron", phone="+442079460958", email="new@x.org")
    await desk.accounts.delete("ada", version=1, by="admin")
    made = await desk.accounts.create(new, by="admin")
    await desk.accounts.ensure("bob", by="bob")

    assert (await desk.accounts.find(AccountQuery(text=text))).items == [made]
