"""Settings as environment variables: what was given comes back."""

from pathlib import Path
from typing import Any

import pytest

from service.settings import load_settings
from service.testing import make_settings
from service.testing.environment import environment, environment_of

CHANGED: dict[str, dict[str, Any]] = {
    "those of a test": {},
    "addresses": {"public_host": "https://hub.example.org", "service_prefix": "/a b/", "base_url": "/x/"},
    "scopes": {"access_scopes_given": ("access:services", "custom:x:read")},
    "flags": {"allow_token_in_url": True, "allow_websocket_cookie": False, "password_grant": True},
    "lists": {"apps": ("a", "b"), "allow_origins": ("https://a.example", "https://b.example")},
    "an object": {"cookie_options": {"samesite": "strict", "partitioned": True}},
    "numbers": {"cache_ttl": 0.5, "stale_grace": 0, "workers": 3},
    "Entra ID": {
        "entra_tenant_id": "0" * 8 + "-0000-0000-0000-" + "0" * 12,
        "entra_client_id": "1" * 8 + "-1111-1111-1111-" + "1" * 12,
        "entra_grants": {"reader": ("access:services", "custom:x:read")},
    },
}


@pytest.mark.parametrize("changed", CHANGED.values(), ids=CHANGED)
def test_what_was_given_comes_back(changed: dict[str, Any]) -> None:
    """Reading the variables gives the same settings."""
    given = make_settings(**changed)
    read = load_settings(environment_of(given))

    assert read.model_dump() == given.model_dump()


def test_a_file_in_the_working_folder_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever keeps a `.env` beside the tests gets the settings of the test. Afterwards it counts again."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("VISITS_AT_MOST=3\nPUBLIC_HOST=https://elsewhere.example\n")
    variables = environment_of(make_settings())

    with environment(variables):
        read = load_settings()

    assert "VISITS_AT_MOST" not in read.variables
    assert read.public_host == ""
    assert load_settings(variables).variables["VISITS_AT_MOST"] == "3"


def test_other_variables_are_kept() -> None:
    """What applications read of the environment is there, too."""
    variables = environment_of(make_settings(variables={"VISITS_AT_MOST": "2"}))

    assert variables["VISITS_AT_MOST"] == "2"
    assert load_settings(variables).variables["VISITS_AT_MOST"] == "2"
