"""What adopters do in tests of their own, and what importing costs them."""

import subprocess
import sys
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient

from service.auth import Hub, Identity


def test_overrides_in_the_tests_of_an_adopter() -> None:
    """`app.dependency_overrides[hub.user]` decides who calls, without a Hub; `require` judges that person's scopes."""
    hub = Hub.from_env()
    app = FastAPI()

    @app.get("/whoami")
    def whoami(user: Annotated[Identity, Depends(hub.user)]) -> str:
        return user.name

    @app.get("/notes")
    def notes(user: Annotated[Identity, Depends(hub.require("custom:notes:read"))]) -> str:
        return user.name

    @app.get("/admin", dependencies=[Depends(hub.admin)])
    def admin() -> str:
        return "admin"

    hub.install(app)
    client = TestClient(app)
    with pytest.raises(RuntimeError, match="lifespan was not run"):
        client.get("/whoami")
    app.dependency_overrides[hub.user] = lambda: Identity(name="alice", scopes=("custom:notes:read",))
    assert (client.get("/whoami").json(), client.get("/notes").json()) == ("alice", "alice")
    assert client.get("/admin").status_code == 403

    app.dependency_overrides[hub.user] = lambda: Identity(name="bob", admin=True)
    assert client.get("/admin").json() == "admin"
    refused = client.get("/notes")
    assert (refused.status_code, 'scope="custom:notes:read"' in refused.headers["WWW-Authenticate"]) == (403, True)


def test_overrides_while_the_lifespan_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that need the lifespan run it with any API token, and no Hub is asked."""
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "0" * 32)
    hub = Hub.from_env()
    app = FastAPI(lifespan=hub.lifespan)
    hub.install(app)
    app.get("/notes", dependencies=[Depends(hub.require("custom:notes:read"))])(lambda: "notes")
    app.dependency_overrides[hub.user] = lambda: Identity(name="alice", scopes=())
    with TestClient(app) as client:
        assert client.get("/notes").status_code == 403
        app.dependency_overrides[hub.user] = lambda: Identity(name="alice", scopes=("custom:notes:read",))
        assert client.get("/notes").json() == "notes"


def test_importing_it_is_cheap() -> None:
    """Importing `service.auth` loads no library that only our own service needs."""
    heavy = [
        "jinja2",
        "typer",
        "uvicorn",
        "prometheus_client",
        "trustme",
        "sqlalchemy",
        "jupyterhub",
        "fastapi_azure_auth",
    ]
    script = f"import sys, service.auth; print([name for name in {heavy} if name in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=240)

    assert ended.stdout.strip() == "[]"


def test_it_does_without_multipart() -> None:
    """A Hub can be installed without python-multipart, because it parses its own forms."""
    script = (
        "import sys; sys.modules['python_multipart'] = sys.modules['multipart'] = None\n"
        "from fastapi import FastAPI; from service.auth import Hub\n"
        "hub = Hub.from_env(); app = FastAPI(lifespan=hub.lifespan); hub.install(app); print('installed')"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=240)

    assert ended.stdout.strip() == "installed"
