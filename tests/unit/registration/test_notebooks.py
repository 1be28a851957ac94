"""Notebook servers learn where the service is, as the Hub's configuration and its command line have it."""

from collections.abc import Iterator
from typing import Any

import pytest
from jupyterhub.app import JupyterHub
from jupyterhub.spawner import SimpleLocalProcessSpawner, Spawner
from traitlets.config import Config

from service.registration import register
from service.registration.notebooks import address_of
from service.service_url import variable_for


@pytest.fixture(autouse=True)
def _no_hub() -> Iterator[None]:
    JupyterHub.clear_instance()
    yield
    JupyterHub.clear_instance()


@pytest.mark.parametrize(
    ("options", "origin", "expected"),
    [
        ({"bind_url": "http://:8000"}, "", "http://127.0.0.1:8000/services/fastapi/"),
        ({"bind_url": "http://0.0.0.0:8000/jupyter/"}, "", "http://127.0.0.1:8000/jupyter/services/fastapi/"),
        ({"bind_url": "http://[::]:8000"}, "", "http://127.0.0.1:8000/services/fastapi/"),
        ({"bind_url": "http://10.0.0.7:81"}, "", "http://10.0.0.7:81/services/fastapi/"),
        ({"ip": "127.0.0.1", "port": 8123, "base_url": "/x/"}, "", "http://127.0.0.1:8123/x/services/fastapi/"),
        (
            {"bind_url": "http://127.0.0.1:8000/x/"},
            "https://hub.example.org",
            "https://hub.example.org/x/services/fastapi/",
        ),
    ],
    ids=["all interfaces", "base_url", "IPv6", "one address", "ip, port and base_url", "public_host"],
)
def test_the_address(options: dict[str, Any], origin: str, expected: str) -> None:
    """It is the public one, or that of the Hub's proxy on this machine."""
    hub = JupyterHub.instance(**options)
    hub.base_url  # noqa: B018 (the Hub's own start reads it)

    assert address_of(name="fastapi", origin=origin)(SimpleLocalProcessSpawner()) == expected


@pytest.mark.parametrize(
    ("bind_url", "origin", "expected"),
    [
        ("http://:8000", "", ""),
        ("http://127.0.0.1:8000", "", ""),
        ("http://localhost:8000", "", ""),
        ("http://[::1]:8000", "", ""),
        ("http://10.0.0.7:81", "", "http://10.0.0.7:81/services/fastapi/"),
        ("http://:8000", "https://hub.example.org", "https://hub.example.org/services/fastapi/"),
    ],
)
def test_notebooks_on_another_machine(bind_url: str, origin: str, expected: str) -> None:
    """They are not told an address of the Hub's machine: at theirs, another user could listen, and get the token."""
    JupyterHub.instance(bind_url=bind_url)

    assert address_of(name="fastapi", origin=origin)(Spawner()) == expected


def test_without_a_hub_there_is_none() -> None:
    """A configuration that is read outside of a Hub gives nothing away, and makes no Hub."""
    assert address_of(name="fastapi", origin="")(object()) == ""
    assert not JupyterHub.initialized()


def test_register_tells_every_spawner() -> None:
    """What the operator has set in `environment` stays, and counts."""
    c = Config()
    c.Spawner.environment = {"LANG": "C"}
    c.KubeSpawner.environment = {"SERVICE_FASTAPI_URL": "http://proxy-public/services/fastapi/"}
    register(c)

    assert {*c.Spawner.environment} == {"LANG", "SERVICE_FASTAPI_URL"}
    assert callable(c.Spawner.environment["SERVICE_FASTAPI_URL"])
    assert c.KubeSpawner.environment == {"SERVICE_FASTAPI_URL": "http://proxy-public/services/fastapi/"}


def test_other_files_may_still_add_to_it() -> None:
    """An `environment` that nobody has set stays open for `update`."""
    c = Config()
    register(c, name="red-cells")
    c.Spawner.environment.update({"LANG": "C"})

    assert {*c.Spawner.environment.get_value({})} == {"LANG", variable_for("red-cells")}
