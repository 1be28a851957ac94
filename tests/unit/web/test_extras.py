"""What an application with a Hub installed may have of our own service's: access log, metrics, Swagger UI."""

from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from service.auth import Hub, Identity
from service.settings import Settings
from service.web import extras
from tests.support.shop import shop
from tests.unit.conftest import PREFIX, Serve


def watched(app: FastAPI, hub: Hub) -> None:
    """Add all of them."""
    extras.add_access_log(hub, app)
    extras.add_metrics(hub, app)


async def test_what_is_counted(serve: Serve) -> None:
    """Refusals and sign-ins are counted too, by the words of our own metrics; each answer has its id."""
    service = await serve(app={"create": lambda settings: shop(settings, add=watched)})
    await service.signed_in()
    refused = await service.api().get("whoami")
    text = (await service.user("prometheus", scopes=["custom:service:metrics"]).get("metrics")).text

    assert len(refused.headers["X-Request-ID"]) == 32
    assert 'service_request_duration_seconds_count{method="GET",route="/whoami",status="4xx"} 1.0' in text
    assert 'service_problems_total{code="not_signed_in"} 1.0' in text
    assert 'service_sign_ins_total{way="browser"} 1.0' in text


async def test_who_may_read_metrics(serve: Serve) -> None:
    """The scope is demanded, in the application's own way of refusing."""
    service = await serve(app={"create": lambda settings: shop(settings, add=watched)})
    refused = await service.api(service.hub.issue("testuser")).get("metrics")

    assert (refused.status_code, refused.json()["scopes"]) == (403, ["custom:service:metrics"])


def test_tests_without_a_hub() -> None:
    """Where the lifespan is not run, the access log is silent and in nobody's way."""
    hub = Hub.from_env()
    app = FastAPI()
    hub.install(app)
    watched(app, hub)
    app.dependency_overrides[hub.user] = lambda: Identity(name="alice")
    app.get("/open")(lambda: "open")

    assert TestClient(app).get("/open").json() == "open"


@pytest.mark.parametrize("options", [{}, {"docs_url": None, "openapi_url": None}])
def test_docs_beside_docs(options: dict[str, None]) -> None:
    """Two pages of documentation are a mistake, and so is one without a document."""
    with pytest.raises(ValueError, match="docs_url=None"):
        extras.add_docs(FastAPI(**options))  # type: ignore[arg-type]


def test_docs_without_their_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A checkout in which they are not made yet says how to make them."""
    monkeypatch.setattr(extras, "_SWAGGER_UI", tmp_path / "none")

    with pytest.raises(ValueError, match=r"python hatch_build\.py"):
        extras.add_docs(FastAPI(docs_url=None))


async def test_docs_sign_in(serve: Serve) -> None:
    """They sign in as FastAPI's own do, wherever they are."""

    def build(settings: Settings) -> FastAPI:
        return shop(settings, add=lambda app, _hub: extras.add_docs(app, "/help"), docs_url=None)

    page = (await (await serve(app={"create": build})).api().get("help")).text

    assert f"{PREFIX}oauth_callback" in page
    assert '"clientId": "service-fastapi"' in page
