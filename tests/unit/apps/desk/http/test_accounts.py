"""One's own account over HTTP; `test_routes` has the rest."""

from service.apps.desk.domain.policy import GRANTS, Permission, Role
from tests.support.desk import Desk


async def test_ones_own_contacts(desk: Desk) -> None:
    """Everybody changes their own phone and e-mail, and nothing else of their account."""
    await desk.account(phone="+442079460959")
    first = await desk.support.get("desk/accounts/me")
    tag = {"If-Match": first.headers["ETag"]}
    changed = await desk.support.patch("desk/accounts/me", json={"phone": "+442079460958"}, headers=tag)
    tag = {"If-Match": changed.headers["ETag"]}
    refused = [
        await desk.support.patch("desk/accounts/me", json=patch, headers=tag)
        for patch in ({"first_name": "X"}, {"disabled": False}, {"phone": "+442079460959"})
    ]
    (told, *_) = (await desk.admin.get("desk/audit?thing=account/support")).json()["items"]

    assert (changed.json()["phone"], changed.json()["role"]) == ("+442079460958", "support")
    assert [reply.status_code for reply in refused] == [422, 422, 409]
    assert (told["who"], told["after"]) == ("support", {"phone": "+442079460958"})


async def test_ones_own_contacts_need_their_permission(desk: Desk) -> None:
    """One's own contacts need their permission, which an operator can take away."""
    caller = desk.member(Role.SUPPORT, name="dave", scopes=GRANTS[Role.SUPPORT] - {Permission.ACCOUNTS_CONTACT_OWN})
    reply = await caller.patch("desk/accounts/me", json={"phone": None}, headers={"If-Match": '"1"'})

    assert (reply.status_code, reply.json()["scopes"]) == (403, [Permission.ACCOUNTS_CONTACT_OWN])
