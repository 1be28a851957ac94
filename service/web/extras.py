"""What our own service has and an application with a Hub installed may have too: access log, metrics, Swagger UI.

    hub.install(app)
    extras.add_access_log(hub, app)
    extras.add_metrics(hub, app)
    extras.add_docs(app)  # for FastAPI(docs_url=None)

docs/adopt.md shows how. All are to be called before the application starts.
"""

from pathlib import Path
from typing import cast

from fastapi import FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

from service.auth.hub import Hub
from service.metrics import Metrics
from service.resources import Resources, open_resources
from service.web.middleware.access_log import AccessLog
from service.web.routes import metrics

_SWAGGER_UI = Path(__file__).parent / "static" / "swagger-ui"


def add_access_log(hub: Hub, app: FastAPI) -> None:
    """Give each request an id, write one line for it to the logger `service.request`, and count it for the metrics.

    `service.logs.log_config` makes lines of JSON of that, without queries. Call it after `hub.install`.
    """
    hub.opening = open_resources
    app.add_middleware(AccessLog, routes=app.routes, metrics=lambda: _metrics_of(hub))


def add_metrics(hub: Hub, app: FastAPI) -> None:
    """Serve `/metrics` to callers with the scope `custom:service:metrics`. The access log counts the requests."""
    hub.opening = open_resources
    app.include_router(metrics.router)


def add_docs(app: FastAPI, path: str = "/docs") -> None:
    """Serve Swagger UI at `path` from files of our own, so that browsers need no other host.

    Raises:
        ValueError: FastAPI serves its own, there is no document, or this checkout has no files of Swagger UI yet.
    """
    if app.docs_url is not None or app.openapi_url is None:
        raise ValueError("add_docs is for FastAPI(docs_url=None) with an openapi_url.")
    if not _SWAGGER_UI.is_dir():
        raise ValueError("Swagger UI's files are missing in this checkout. In its folder, run: python hatch_build.py")
    document = app.openapi_url

    @app.get(path, include_in_schema=False)
    async def docs(request: Request) -> HTMLResponse:
        root = request.scope.get("root_path", "")
        return get_swagger_ui_html(
            openapi_url=root + document,
            title=app.title,
            swagger_js_url=f"{root}{path}/files/swagger-ui-bundle.js",
            swagger_css_url=f"{root}{path}/files/swagger-ui.css",
            swagger_favicon_url="data:,",
            init_oauth=app.swagger_ui_init_oauth,
            swagger_ui_parameters=app.swagger_ui_parameters,
        )

    app.mount(f"{path}/files", StaticFiles(directory=_SWAGGER_UI))


def _metrics_of(hub: Hub) -> Metrics | None:
    """None where the application's lifespan was not run, as in tests that override `hub.user`."""
    return cast("Resources", hub.context).metrics if hub.is_open else None
