"""How long tokens for a password live."""

import pytest

from service.errors import ConfigurationError
from service.settings import load_settings

TOKEN = {"JUPYTERHUB_API_TOKEN": "0123456789abcdef" * 4, "JUPYTERHUB_SERVICE_NAME": "fastapi"}


def test_defaults() -> None:
    """An hour, and at most a year; passwords are not taken."""
    settings = load_settings(TOKEN)

    assert (settings.password_grant, settings.token_lifetime, settings.token_lifetime_max) == (False, 3600, 31_536_000)


@pytest.mark.parametrize(
    ("lifetime", "longest"),
    [("901", "900"), ("0", "900"), ("-1", ""), ("soon", ""), ("", "0")],
    ids=["more than the longest", "nothing", "less", "no number", "no longest"],
)
def test_what_is_refused(lifetime: str, longest: str) -> None:
    """The service does not start, and names the variable."""
    told = TOKEN | {"SERVICE_TOKEN_LIFETIME": lifetime, "SERVICE_TOKEN_LIFETIME_MAX": longest}

    with pytest.raises(ConfigurationError, match="SERVICE_TOKEN_LIFETIME"):
        load_settings(told)


def test_a_longest_life_below_the_default() -> None:
    """Who sets only the longest life gets it for the default, too."""
    assert load_settings(TOKEN | {"SERVICE_TOKEN_LIFETIME_MAX": "900"}).token_lifetime == 900
