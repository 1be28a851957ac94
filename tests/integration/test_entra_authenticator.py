"""What the Hub believes of an id_token: nothing that Entra ID has not signed for it."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tornado.web import HTTPError
from traitlets import TraitError

pytest.importorskip("oauthenticator", reason="no oauthenticator installed: pip install '.[hub]'")

from service.authenticators.entra import EntraAuthenticator
from tests.support.entra import ADMINS, ALICE, API_CLIENT, HUB_CLIENT, TENANT, EntraIssuer, new_key

GUEST_OF = "https://sts.windows.net/99999999-ffff-4fff-8fff-999999999999/"
Flawed = Callable[[EntraIssuer, dict[str, Any]], str]


@pytest.fixture(scope="module")
def issuer() -> Iterator[EntraIssuer]:
    """An issuer; Alice is in a group."""
    with EntraIssuer() as running:
        running.groups = {ALICE: [ADMINS, "other"]}
        yield running


@pytest.fixture
def authenticator(issuer: EntraIssuer, monkeypatch: pytest.MonkeyPatch) -> EntraAuthenticator:
    """The Hub's."""
    monkeypatch.setenv("SSL_CERT_FILE", str(issuer.ca))
    return EntraAuthenticator(
        tenant_id=TENANT, authority=issuer.url, client_id=HUB_CLIENT, groups={ADMINS: "desk-admin"}, allow_all=True
    )


async def test_a_good_one_says_who_and_which_groups(issuer: EntraIssuer, authenticator: EntraAuthenticator) -> None:
    """The user principal name is the name; of the groups those that are mapped."""
    claims = await authenticator.token_to_user({"id_token": issuer.id_token(ALICE, HUB_CLIENT)})
    assert authenticator.user_info_to_username(claims) == ALICE
    assert authenticator.groups_of(claims) == {"desk-admin"}


async def test_settings_in_other_spellings(issuer: EntraIssuer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service takes GUIDs in capitals and an address with a slash at its end. So does the Hub."""
    monkeypatch.setenv("SSL_CERT_FILE", str(issuer.ca))
    spelt = EntraAuthenticator(
        tenant_id=TENANT.upper(),
        authority=f"{issuer.url}/",
        client_id=HUB_CLIENT,
        groups={ADMINS.upper(): "desk-admin"},
    )

    claims = await spelt.token_to_user({"id_token": issuer.id_token(ALICE, HUB_CLIENT)})

    assert spelt.groups_of(claims) == {"desk-admin"}
    assert spelt.authorize_url == f"{issuer.url}/{TENANT}/oauth2/v2.0/authorize"


def test_a_tenant_that_is_no_guid() -> None:
    """Is named at the start, not when somebody signs in."""
    with pytest.raises(TraitError, match="tenant_id must be a GUID"):
        EntraAuthenticator(tenant_id="contoso.onmicrosoft.com", client_id=HUB_CLIENT)


@pytest.mark.parametrize("groups", [None, "desk-admin", [], ["other"], [17, None]])
def test_groups_that_are_none(authenticator: EntraAuthenticator, groups: object) -> None:
    """Whatever else the claim holds puts nobody into a group."""
    assert authenticator.groups_of({"groups": groups}) == set()


class _Known:
    """A user of the Hub whose auth_state it keeps."""

    name = ALICE

    def __init__(self, **tokens: str) -> None:
        self._tokens = tokens

    async def get_auth_state(self) -> dict[str, object]:
        """What Entra ID said at the sign-in."""
        return {"token_response": {"access_token": "x", **self._tokens}}


async def test_an_old_sign_in_is_to_be_made_anew(issuer: EntraIssuer, authenticator: EntraAuthenticator) -> None:
    """Where the Hub keeps auth_state: as long as the id_token is good, and then by another sign-in, not by an error."""
    authenticator.enable_auth_state = True
    claims = issuer.id_claims(ALICE, HUB_CLIENT)
    good = await authenticator.refresh_user(_Known(id_token=issuer.sign(claims)))
    assert good["groups"] == ["desk-admin"]
    assert await authenticator.refresh_user(_Known(id_token=issuer.sign(claims | {"exp": 1}))) is False


async def test_keys_of_its_own(
    issuer: EntraIssuer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With `own_keys` the Hub asks for the keys of its registration. Without it, the log says what to set."""
    monkeypatch.setenv("SSL_CERT_FILE", str(issuer.ca))
    monkeypatch.setattr(issuer, "own_keys", {"own": new_key()})
    token = issuer.sign(issuer.id_claims(ALICE, HUB_CLIENT), key=issuer.own_keys["own"], kid="own")
    options = {"tenant_id": TENANT, "authority": issuer.url, "client_id": HUB_CLIENT, "allow_all": True}

    assert (await EntraAuthenticator(own_keys=True, **options).token_to_user({"id_token": token}))["oid"]
    with pytest.raises(HTTPError), caplog.at_level("ERROR"):
        await EntraAuthenticator(**options).token_to_user({"id_token": token})
    assert "own_keys" in caplog.text
    assert token not in caplog.text


@pytest.mark.parametrize("name", ["contoso.ciamlogin.com", "contoso.b2clogin.com"])
def test_directories_of_customers(name: str) -> None:
    """Where anybody can make an account, everybody could sign in: it is refused in a sentence."""
    with pytest.raises(TraitError, match="External ID and Azure AD B2C are not supported"):
        EntraAuthenticator(tenant_id=TENANT, authority=f"https://{name}", client_id=HUB_CLIENT)


FLAWS: dict[str, tuple[Flawed, int]] = {
    "signed by a stranger": (lambda it, claims: it.sign(claims, key=new_key()), 500),
    "of a key nobody has": (lambda it, claims: it.sign(claims, kid="other"), 500),
    "by HS256": (lambda it, claims: it.sign(claims, key="k" * 32, algorithm="HS256"), 500),
    "for another client": (lambda it, claims: it.sign(claims | {"aud": API_CLIENT}), 500),
    "of another issuer": (lambda it, claims: it.sign(claims | {"iss": GUEST_OF}), 500),
    "of another tenant": (lambda it, claims: it.sign(claims | {"tid": API_CLIENT}), 500),
    "expired": (lambda it, claims: it.sign(claims | {"exp": int(time.time()) - 1}), 500),
    "of nobody": (lambda it, claims: it.sign(claims | {"preferred_username": None}), 500),
    "of a name without @": (lambda it, claims: it.sign(claims | {"preferred_username": "admin"}), 500),
    "of a guest by idp": (lambda it, claims: it.sign(claims | {"idp": GUEST_OF}), 403),
    "of a guest by acct": (lambda it, claims: it.sign(claims | {"acct": 1}), 403),
    "junk": (lambda *_: "canary", 500),
    "none": (lambda *_: "", 500),
}


@pytest.mark.parametrize("flaw", FLAWS)
async def test_others_are_refused(issuer: EntraIssuer, authenticator: EntraAuthenticator, flaw: str) -> None:
    """In a sentence that does not show the token, which oauthenticator's own would."""
    make, status = FLAWS[flaw]
    token = make(issuer, issuer.id_claims(ALICE, HUB_CLIENT))
    with pytest.raises(HTTPError) as caught:
        await authenticator.token_to_user({"id_token": token})
    assert caught.value.status_code == status
    assert not token or token not in str(caught.value)


@pytest.mark.parametrize(
    "authority",
    [
        "https://contoso.CIAMLOGIN.com",
        "https://contoso.ciamlogin.com:443",
        "https://contoso.ciamlogin.com.",
        "https://contoso.b2clogin.com/contoso.onmicrosoft.com",
    ],
    ids=["capitals", "with a port", "with a dot", "with a path"],
)
def test_directories_of_customers_in_other_spellings(authority: str) -> None:
    """They are refused however their address is written, as by the service itself."""
    with pytest.raises(TraitError, match="External ID and Azure AD B2C are not supported"):
        EntraAuthenticator(tenant_id=TENANT, authority=authority, client_id=HUB_CLIENT)
