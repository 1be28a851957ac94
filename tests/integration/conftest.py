"""A Hub that differs from the shared one in address and speed, and has services that are not as they should be."""

import secrets
from typing import Final

import pytest

from tests.conftest import MakeHub
from tests.support.hub import RealHub
from tests.support.ports import free_ports
from tests.support.tls_front import TlsFront

PUBLIC: Final = "public"  # knows its public address: TLS ends before the Hub
MIGHTY: Final = "mighty"  # may make tokens for anybody, takes passwords and tokens in addresses, and has more routes
MISTAKEN: Final = "mistaken"  # has another API token than the Hub thinks
BROKEN: Final = "broken"  # has a router that is nowhere, and cannot start
MIGHTY_TOKEN: Final = secrets.token_hex(32)


@pytest.fixture(scope="session")
def front() -> TlsFront:
    """Where TLS ends for `varied_hub`; a test starts it with `front.before(varied_hub.url)`."""
    return TlsFront()


@pytest.fixture(scope="session")
def varied_hub(make_lasting_hub: MakeHub, front: TlsFront) -> RealHub:
    """A Hub under a percent-encoded base_url; its service has all options off, and asks the Hub at every request.

    That service asks by `varied_hub.gate`. Beside it: PUBLIC, MIGHTY, MISTAKEN and BROKEN. The Hub insists on PKCE.
    """
    urls = [f"http://127.0.0.1:{port}" for port in free_ports(4)]
    others = {
        PUBLIC: {"url": urls[0], "public_host": front.origin},
        MIGHTY: {
            "url": urls[1],
            "password_grant": True,
            "allow_token_in_url": True,
            "api_token": MIGHTY_TOKEN,
            "routers": ["tests.support.mistakes:router"],
        },
        MISTAKEN: {"url": urls[2], "environment": {"JUPYTERHUB_API_TOKEN": secrets.token_hex(32)}},
        BROKEN: {"url": urls[3], "routers": ["nowhere.api:router"]},
    }
    config = [f"register(c, name={name!r}, **{arguments!r})" for name, arguments in others.items()]
    role = {"name": "too-much", "scopes": ["tokens"], "services": [MIGHTY]}
    return make_lasting_hub(
        base_url="/@/space%20word/",
        gated=True,
        register={"environment": {"HUB_CACHE_TTL": "0.001", "HUB_TIMEOUT": "1.5"}},
        config="\n".join(
            [
                "c.JupyterHub.oauth_require_pkce = True",
                "c.Authenticator.allow_all = True",
                f"c.JupyterHub.load_roles.append({role!r})",
                "from service.registration import register",
                *config,
            ]
        ),
    )
