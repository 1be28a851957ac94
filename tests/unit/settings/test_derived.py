"""Values that follow from the settings: URLs, access scopes, the folder for data."""

from pathlib import Path
from typing import Any

import pytest

from service.settings import Settings

PLAIN = {
    "JUPYTERHUB_API_TOKEN": "t",
    "JUPYTERHUB_SERVICE_NAME": "x",
    "JUPYTERHUB_CLIENT_ID": "service-x",
    "JUPYTERHUB_BASE_URL": "/",
    "JUPYTERHUB_SERVICE_PREFIX": "/services/x/",
    "JUPYTERHUB_OAUTH_CALLBACK_URL": "/services/x/oauth_callback",
    "JUPYTERHUB_OAUTH_ACCESS_SCOPES": '["access:services", "access:services!service=x"]',
    "JUPYTERHUB_OAUTH_SCOPES": '["access:services", "access:services!service=x"]',
}
ENCODED = PLAIN | {
    "JUPYTERHUB_BASE_URL": "/@/space%20word/",
    "JUPYTERHUB_SERVICE_PREFIX": "/@/space%20word/services/x/",
    "JUPYTERHUB_OAUTH_CALLBACK_URL": "/@/space%20word/services/x/oauth_callback",
}
PUBLIC_URL = PLAIN | {
    "JUPYTERHUB_HOST": "https://hub.example.org",
    "JUPYTERHUB_PUBLIC_URL": "https://hub.example.org/services/x/",
}
NAMED = PLAIN | {
    "JUPYTERHUB_SERVICE_NAME": "50% [of] Łódź",
    "JUPYTERHUB_SERVICE_PREFIX": "/%40/services/50% [of] Łódź/",
    "JUPYTERHUB_OAUTH_CALLBACK_URL": "/%40/services/50% [of] Łódź/oauth_callback",
}
SUBDOMAIN = PLAIN | {
    "JUPYTERHUB_HOST": "http://hub.example.org:8000",
    "JUPYTERHUB_PUBLIC_URL": "http://x--service.hub.example.org:8000/services/x/",
    "JUPYTERHUB_OAUTH_CALLBACK_URL": "http://x--service.hub.example.org:8000/services/x/oauth_callback",
}
HOST = {"PUBLIC_HOST": "https://hub.example.org"}

# As measured for each mode: prefix, redirect_uri, hub_url, public_origin.
MODES = [
    pytest.param(PLAIN, "/services/x/", "/services/x/oauth_callback", "/hub/", "", id="plain"),
    pytest.param(
        ENCODED,
        "/@/space%20word/services/x/",
        "/@/space%20word/services/x/oauth_callback",
        "/@/space%20word/hub/",
        "",
        id="encoded base_url",
    ),
    pytest.param(
        PUBLIC_URL,
        "/services/x/",
        "/services/x/oauth_callback",
        "https://hub.example.org/hub/",
        "https://hub.example.org",
        id="public_url",
    ),
    pytest.param(
        NAMED,
        "/%40/services/50%25%20[of]%20%C5%81%C3%B3d%C5%BA/",
        "/%40/services/50% [of] Łódź/oauth_callback",
        "/hub/",
        "",
        id="a name that the Hub does not encode",
    ),
    pytest.param(
        NAMED | HOST,
        "/%40/services/50%25%20[of]%20%C5%81%C3%B3d%C5%BA/",
        "https://hub.example.org/%40/services/50%25%20[of]%20%C5%81%C3%B3d%C5%BA/oauth_callback",
        "https://hub.example.org/hub/",
        "https://hub.example.org",
        id="PUBLIC_HOST, a name that the Hub does not encode",
    ),
    pytest.param(
        {"JUPYTERHUB_API_TOKEN": "t", "JUPYTERHUB_SERVICE_NAME": "my service"},
        "/services/my%20service/",
        "/services/my service/oauth_callback",
        "/hub/",
        "",
        id="external, told a name that the Hub does not encode",
    ),
    pytest.param(
        SUBDOMAIN,
        "/services/x/",
        "http://x--service.hub.example.org:8000/services/x/oauth_callback",
        "http://hub.example.org:8000/hub/",
        "http://x--service.hub.example.org:8000",
        id="subdomain_host",
    ),
    pytest.param(
        PLAIN | HOST,
        "/services/x/",
        "https://hub.example.org/services/x/oauth_callback",
        "https://hub.example.org/hub/",
        "https://hub.example.org",
        id="PUBLIC_HOST",
    ),
    pytest.param(
        ENCODED | HOST,
        "/@/space%20word/services/x/",
        "https://hub.example.org/@/space%20word/services/x/oauth_callback",
        "https://hub.example.org/@/space%20word/hub/",
        "https://hub.example.org",
        id="PUBLIC_HOST, encoded base_url",
    ),
    pytest.param(
        PUBLIC_URL | {"PUBLIC_HOST": "https://other.example.org"},
        "/services/x/",
        "https://other.example.org/services/x/oauth_callback",
        "https://hub.example.org/hub/",
        "https://other.example.org",
        id="PUBLIC_HOST beside public_url",
    ),
    pytest.param(
        {"JUPYTERHUB_API_TOKEN": "t", "JUPYTERHUB_SERVICE_NAME": "x", "JUPYTERHUB_BASE_URL": "/base/"},
        "/base/services/x/",
        "/base/services/x/oauth_callback",
        "/base/hub/",
        "",
        id="external, told its name and the base_url",
    ),
    pytest.param({"JUPYTERHUB_API_TOKEN": "t"}, "/", "/oauth_callback", "/hub/", "", id="external, told nothing"),
    pytest.param(
        PUBLIC_URL | {"JUPYTERHUB_PUBLIC_URL": "https://Hub.example.org:443/services/x/"},
        "/services/x/",
        "/services/x/oauth_callback",
        "https://hub.example.org/hub/",
        "https://hub.example.org",
        id="public_url with its default port",
    ),
    pytest.param(
        PUBLIC_URL | {"JUPYTERHUB_PUBLIC_URL": "https://[2001:DB8:0:0::1]/services/x/"},
        "/services/x/",
        "/services/x/oauth_callback",
        "https://hub.example.org/hub/",
        "https://[2001:db8::1]",
        id="public_url with IPv6",
    ),
]


@pytest.mark.parametrize(("told", "prefix", "redirect_uri", "hub_url", "public_origin"), MODES)
def test_addresses_follow_from_what_the_hub_says(
    told: dict[str, Any], prefix: str, redirect_uri: str, hub_url: str, public_origin: str
) -> None:
    """The redirect URI is the one that the Hub has registered. PUBLIC_HOST has precedence."""
    settings = Settings.model_validate(told)

    assert settings.prefix == prefix
    assert settings.redirect_uri == redirect_uri
    assert settings.hub_url == hub_url
    assert settings.public_origin == public_origin


@pytest.mark.parametrize(
    ("prefix", "root_path"),
    [
        ("/services/x/", "/services/x"),
        ("services/x", "/services/x"),
        ("/@/space%20word/services/x/", "/@/space word/services/x"),
        ("/%40/%C3%A9/", "/@/é"),
        ("/services/50% [of] Łódź/", "/services/50% [of] Łódź"),
        ("/", ""),
        ("", ""),
    ],
)
def test_the_root_path_is_the_prefix_decoded(prefix: str, root_path: str) -> None:
    """The root path is decoded and has no slash at the end, as in ASGI."""
    told = {"JUPYTERHUB_API_TOKEN": "t", "JUPYTERHUB_SERVICE_PREFIX": prefix}

    assert Settings.model_validate(told).root_path == root_path


@pytest.mark.parametrize(
    ("told", "scopes"),
    [
        pytest.param(
            {"JUPYTERHUB_OAUTH_ACCESS_SCOPES": '["a"]', "JUPYTERHUB_OAUTH_SCOPES": '["b"]'}, ("a",), id="given"
        ),
        pytest.param({"JUPYTERHUB_OAUTH_SCOPES": '["b"]'}, ("b",), id="by the deprecated name"),
        pytest.param({"JUPYTERHUB_SERVICE_NAME": "x"}, ("access:services!service=x",), id="by the service's name"),
        pytest.param(
            {"JUPYTERHUB_SERVICE_NAME": "x", "JUPYTERHUB_OAUTH_ACCESS_SCOPES": "[]"},
            ("access:services!service=x",),
            id="an empty list is nothing said",
        ),
        pytest.param({}, (), id="nothing known is nobody"),
        pytest.param({"JUPYTERHUB_OAUTH_ACCESS_SCOPES": "[]"}, (), id="an empty list is nobody"),
    ],
)
def test_access_scopes_are_those_the_hub_names(told: dict[str, str], scopes: tuple[str, ...]) -> None:
    """If the Hub names no access scopes, the one of our name counts. Without a name nobody has access."""
    assert Settings.model_validate({"JUPYTERHUB_API_TOKEN": "t"} | told).access_scopes == scopes


@pytest.mark.parametrize(
    ("told", "client_id"),
    [
        ({"JUPYTERHUB_CLIENT_ID": "service-y", "JUPYTERHUB_SERVICE_NAME": "x"}, "service-y"),
        ({"JUPYTERHUB_SERVICE_NAME": "x"}, "service-x"),
        ({}, "service-fastapi"),
    ],
)
def test_the_client_id_is_the_hubs(told: dict[str, str], client_id: str) -> None:
    """The client id is `service-` and the name of the service, as at the Hub."""
    assert Settings.model_validate({"JUPYTERHUB_API_TOKEN": "t"} | told).client_id == client_id


STATES = {
    "told": ({"state_given": "/srv/state", "state_of_unit": "/var/lib/x"}, "/srv/state"),
    "the unit's": ({"state_of_unit": "/var/lib/x"}, "/var/lib/x"),
    "the first of the unit's": ({"state_of_unit": "/var/lib/x:/var/lib/y"}, "/var/lib/x"),
    "at home, by the client's name": ({"service_name": "x"}, "/home/somebody/.local/state/service-x"),
}


@pytest.mark.parametrize(("told", "folder"), STATES.values(), ids=STATES)
def test_the_state_folder(monkeypatch: pytest.MonkeyPatch, told: dict[str, str], folder: str) -> None:
    """The folder is the configured one, that of the systemd unit, or one in the home directory."""
    monkeypatch.setenv("HOME", "/home/somebody")
    settings = Settings.model_validate({"JUPYTERHUB_API_TOKEN": "t"} | told)

    assert settings.state == Path(folder)
