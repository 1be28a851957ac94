"""What the Hub tells a service in its environment, and what is said where that is missing or wrong."""

import ssl
from pathlib import Path

import pytest
import trustme

from service.errors import ConfigurationError
from service.hub.auth import HubAuth
from service.hub.environment import read_environment
from service.hub.errors import HubUnavailableError
from tests.support.tls_hub import tls_hub

GIVEN = {
    "JUPYTERHUB_API_URL": "http://127.0.0.1:8081/hub/api",
    "JUPYTERHUB_API_TOKEN": "canary-token",
    "JUPYTERHUB_SERVICE_NAME": "notes",
}
ADDRESS = "must be an http:// or https:// address, without user name, query and fragment"
SCOPES = 'must be a JSON list of scopes, such as ["access:services"]'


def test_a_service_of_the_hub_has_all_it_needs() -> None:
    """Address, token, and the access scope of the service by its name."""
    told = read_environment(GIVEN)

    assert told.api_url == "http://127.0.0.1:8081/hub/api"
    assert told.api_token.get_secret_value() == "canary-token"
    assert told.access_scopes == ("access:services!service=notes",)
    assert "canary" not in repr(told)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"JUPYTERHUB_OAUTH_ACCESS_SCOPES": '["a", "b"]'}, ("a", "b")),
        ({"JUPYTERHUB_OAUTH_SCOPES": '["old"]'}, ("old",)),
        ({"JUPYTERHUB_OAUTH_ACCESS_SCOPES": '["a"]', "JUPYTERHUB_OAUTH_SCOPES": '["old"]'}, ("a",)),
        ({"JUPYTERHUB_OAUTH_ACCESS_SCOPES": "[]"}, ("access:services!service=notes",)),
        ({"JUPYTERHUB_OAUTH_ACCESS_SCOPES": ""}, ("access:services!service=notes",)),
        ({"JUPYTERHUB_SERVICE_NAME": ""}, ()),
    ],
    ids=["given", "by the old name", "both", "an empty list", "empty", "no name"],
)
def test_the_access_scopes(more: dict[str, str], expected: tuple[str, ...]) -> None:
    """They are those that the Hub names, else the service's own; where neither is known, nobody has access."""
    assert read_environment(GIVEN | more).access_scopes == expected


@pytest.mark.parametrize(
    ("more", "problems"),
    [
        (
            {"JUPYTERHUB_API_URL": "", "JUPYTERHUB_API_TOKEN": ""},
            [
                "JUPYTERHUB_API_URL is not set; the Hub sets it for its services",
                "JUPYTERHUB_API_TOKEN is not set; the Hub sets it for its services",
            ],
        ),
        ({"JUPYTERHUB_API_URL": "canary"}, [f"JUPYTERHUB_API_URL: {ADDRESS}"]),
        ({"JUPYTERHUB_API_URL": "http://canary:pw@hub/api"}, [f"JUPYTERHUB_API_URL: {ADDRESS}"]),
        ({"JUPYTERHUB_API_URL": "http://hub/api?canary"}, [f"JUPYTERHUB_API_URL: {ADDRESS}"]),
        ({"JUPYTERHUB_API_URL": "ftp://hub/canary"}, [f"JUPYTERHUB_API_URL: {ADDRESS}"]),
        ({"JUPYTERHUB_API_URL": "http://[canary"}, [f"JUPYTERHUB_API_URL: {ADDRESS}"]),
        ({"JUPYTERHUB_API_URL": "http://hub:canary/"}, [f"JUPYTERHUB_API_URL: {ADDRESS}"]),
        (
            {"JUPYTERHUB_API_TOKEN": "canary\n"},
            ["JUPYTERHUB_API_TOKEN: must be one word of printable ASCII, without a line end"],
        ),
        ({"JUPYTERHUB_OAUTH_ACCESS_SCOPES": "canary"}, [f"JUPYTERHUB_OAUTH_ACCESS_SCOPES: {SCOPES}"]),
        ({"JUPYTERHUB_OAUTH_ACCESS_SCOPES": '"canary"'}, [f"JUPYTERHUB_OAUTH_ACCESS_SCOPES: {SCOPES}"]),
        ({"JUPYTERHUB_OAUTH_ACCESS_SCOPES": '[{"canary": 1}]'}, [f"JUPYTERHUB_OAUTH_ACCESS_SCOPES: {SCOPES}"]),
        (
            {"JUPYTERHUB_API_URL": "", "JUPYTERHUB_OAUTH_ACCESS_SCOPES": "canary"},
            [
                "JUPYTERHUB_API_URL is not set; the Hub sets it for its services",
                f"JUPYTERHUB_OAUTH_ACCESS_SCOPES: {SCOPES}",
            ],
        ),
        (
            {"JUPYTERHUB_SSL_CLIENT_CA": "/canary/ca.crt"},
            ["JUPYTERHUB_SSL_CLIENT_CA: not readable, or not matching PEM files"],
        ),
        (
            {"JUPYTERHUB_SSL_CERTFILE": "/canary/x.crt", "JUPYTERHUB_SSL_KEYFILE": "/canary/x.key"},
            [
                "JUPYTERHUB_SSL_CERTFILE and JUPYTERHUB_SSL_KEYFILE: not readable, or not matching PEM files",
            ],
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_every_problem_is_named_and_no_value_shown(more: dict[str, str], problems: list[str]) -> None:
    """One error names all the variables that are missing or wrong."""
    with pytest.raises(ConfigurationError) as caught:
        HubAuth.from_env(GIVEN | more)

    assert list(caught.value.problems) == problems
    assert "canary" not in f"{caught.value} {caught.value!r} {caught.value.__cause__!r}"


async def test_the_programs_own_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing has to be passed where the Hub starts the program."""
    for name, value in GIVEN.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("JUPYTERHUB_OAUTH_ACCESS_SCOPES", raising=False)

    async with HubAuth.from_env() as auth:
        assert auth.access_scopes == ("access:services!service=notes",)


async def test_from_env_speaks_internal_ssl(tmp_path: Path) -> None:
    """The Hub demands our certificate, and only its own CA is trusted."""
    authority = trustme.CA()
    ours = authority.issue_cert("notes")
    paths = {name: tmp_path / name for name in ("KEYFILE", "CERTFILE", "CLIENT_CA")}
    ours.private_key_pem.write_to_path(paths["KEYFILE"])
    ours.cert_chain_pems[0].write_to_path(paths["CERTFILE"])
    authority.cert_pem.write_to_path(paths["CLIENT_CA"])
    files = {f"JUPYTERHUB_SSL_{name}": str(path) for name, path in paths.items()}

    async with tls_hub(authority, demands_certificate=True) as api_url:
        async with HubAuth.from_env(GIVEN | files | {"JUPYTERHUB_API_URL": api_url}) as auth:
            assert await auth.call("GET") == {"version": "6.1.1"}
        async with HubAuth.from_env(GIVEN | {"JUPYTERHUB_API_URL": api_url}) as auth:
            with pytest.raises(HubUnavailableError):
                await auth.call("GET")


def test_internal_ssl(tmp_path: Path) -> None:
    """The Hub's CA is trusted and nobody else's; over plain HTTP nobody is."""
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.crt")
    files = {"JUPYTERHUB_API_URL": "https://hub/hub/api", "JUPYTERHUB_SSL_CLIENT_CA": str(tmp_path / "ca.crt")}

    secure, plain = read_environment(GIVEN | files).tls, read_environment(GIVEN).tls

    assert secure is not None
    assert len(secure.get_ca_certs()) == 1
    assert secure.verify_mode is ssl.CERT_REQUIRED
    assert plain is not None
    assert plain.get_ca_certs() == []


def test_a_scheme_in_capitals() -> None:
    """Is the same scheme: for https a context is made."""
    found = read_environment(GIVEN | {"JUPYTERHUB_API_URL": "HTTPS://Hub.test/hub/api/"})

    assert (found.api_url, found.tls is not None) == ("https://Hub.test/hub/api", True)
