"""What `service.hub` exports, and what importing it loads."""

import json
import subprocess
import sys
from importlib import import_module

import pytest

import service.hub
from service.hub.auth import HubAuth
from service.hub.errors import InvalidTokenError
from service.hub.models import Identity

FRAMEWORKS = {"fastapi", "starlette", "uvicorn", "jinja2", "typer", "trustme", "prometheus_client", "sqlalchemy"}
FRAMEWORKS |= {"tornado", "jupyterhub", "service.settings"}


def loaded_by(code: str) -> set[str]:
    """Run code in a new interpreter; return the names of all modules loaded afterwards."""
    program = f"{code}\nimport json, sys; print(json.dumps(sorted(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(ran.stdout))


def test_every_exported_name_is_there() -> None:
    """The names are the same objects as in the modules that define them."""
    found = {name: getattr(service.hub, name) for name in service.hub.__all__}

    assert found["HubAuth"] is HubAuth
    assert found["Identity"] is Identity
    assert found["InvalidTokenError"] is InvalidTokenError
    assert sorted(found) == service.hub.__all__


def test_a_name_that_is_not_exported_is_an_error() -> None:
    """A misspelt name does not pass for something."""
    with pytest.raises(AttributeError, match="no attribute 'HubOAuth'"):
        import_module("service.hub").HubOAuth  # noqa: B018 - reading it is the test


def test_no_web_framework_is_loaded() -> None:
    """A program of any framework gets HubAuth and everything else here, and no other framework."""
    loaded = loaded_by("from service.hub import *")

    assert "service.hub.auth" in loaded
    assert loaded & FRAMEWORKS == set()


def test_importing_the_package_alone_loads_nothing() -> None:
    """The Hub's process imports modules of this package, and does not pay for the HTTP client."""
    loaded = loaded_by("import service.hub, service.hub.password_attempts")

    assert loaded & {"httpx", "pydantic", "service.hub.auth", "service.hub.client"} == set()
