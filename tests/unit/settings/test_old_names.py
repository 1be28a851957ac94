"""Variables with the names that fastapi-azure-auth's users know are not passed over without a word."""

import pytest

from service.errors import ConfigurationError
from service.settings import load_settings, old_names

GUID = "22222222-bbbb-4bbb-8bbb-222222222222"


def test_a_start_names_ours() -> None:
    """A start that fails names our variable for each of theirs that is set."""
    theirs = {
        "TENANT_ID": GUID,
        "APP_CLIENT_ID": GUID,
        "OPENAPI_CLIENT_ID": GUID,
        "BACKEND_CORS_ORIGINS": '["http://localhost:8000"]',
    }

    with pytest.raises(ConfigurationError) as caught:
        load_settings(theirs)

    first, *others = caught.value.problems
    assert first.startswith("JUPYTERHUB_API_TOKEN is not set")
    assert others == [
        "TENANT_ID is not read here: set ENTRA_TENANT_ID.",
        "APP_CLIENT_ID is not read here: set ENTRA_CLIENT_ID.",
        "OPENAPI_CLIENT_ID is not read here: set ENTRA_OPENAPI_CLIENT_ID.",
        "BACKEND_CORS_ORIGINS is not read here: set ALLOW_ORIGINS, origins separated by commas.",
    ]
    assert GUID not in str(caught.value)


@pytest.mark.parametrize(
    "variables",
    [
        pytest.param({"TENANT_ID": GUID, "ENTRA_TENANT_ID": GUID}, id="ours, too"),
        pytest.param({"TENANT_ID": ""}, id="empty"),
        pytest.param({}, id="none"),
    ],
)
def test_nothing_to_say(variables: dict[str, str]) -> None:
    """If ours is set, or theirs is empty, there is nothing to say."""
    assert old_names.found(variables) == []
