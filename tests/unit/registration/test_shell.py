"""Where people sign in at a shell, the Hub gets a handler for it, beside those that it has."""

from typing import Any

import pytest
from traitlets.config import Config

from service.registration import register
from service.registration.shell_tokens import ShellTokens

MINE = ("/mine", object)


def handlers(c: Config) -> list[Any]:
    """Return the handlers that a Hub with this configuration adds."""
    found = c.JupyterHub.extra_handlers
    return list(found.get_value([]) if hasattr(found, "get_value") else found)


def test_off_by_default() -> None:
    """Nothing is added to the Hub, and the service is not told to."""
    c = Config()
    entry = register(c)

    assert "extra_handlers" not in c.JupyterHub
    assert "SERVICE_SHELL_SIGN_IN" not in entry["environment"]


@pytest.mark.parametrize("is_lazy", [True, False], ids=["appended", "assigned"])
def test_beside_others(*, is_lazy: bool) -> None:
    """Handlers of the operator's stay. Each service has one of its own, for the codes of its own client."""
    c = Config()
    if is_lazy:
        c.JupyterHub.extra_handlers.append(MINE)
    else:
        c.JupyterHub.extra_handlers = [MINE]
    register(c, shell_sign_in=True)
    register(
        c,
        name="second.one",
        url="http://127.0.0.1:10102",
        managed=False,
        api_token="x" * 64,
        shell_sign_in=True,
        oauth_client_id="service-2",
    )

    assert handlers(c) == [
        MINE,
        ("/api/services/fastapi/shell-tokens", ShellTokens, {"service": "fastapi", "client_id": "service-fastapi"}),
        (r"/api/services/second\.one/shell-tokens", ShellTokens, {"service": "second.one", "client_id": "service-2"}),
    ]
