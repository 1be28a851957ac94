"""Counts visits. It uses most of what an application can add to the service."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, ClassVar

import typer
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field
from starlette.requests import HTTPConnection

from service.application import Application, Link, opened
from service.auth.errors import NotAdmittedError
from service.auth.guard import CurrentUser, Veto, require
from service.doctor_finding import Finding, ok
from service.hub.models import Identity
from service.metrics import Metrics
from service.resources import Resources
from service.settings import Settings
from service.web import pages

router = APIRouter(prefix="/visits")


@router.get("", dependencies=[require("custom:visits:read")])
async def visits(request: Request, user: CurrentUser) -> dict[str, int]:
    """Count a visit. Returns all visits by user."""
    found: Counter[str] = opened(request, "visits")
    found[user.name] += 1
    return found


@router.get("/page", dependencies=[require("custom:visits:read")])
async def page(request: Request) -> Response:
    """Show the number of visits."""
    return pages.render(request, "visits.html", identity=None)


class VisitSettings(BaseModel):
    """How many visits a user has."""

    at_most: Annotated[int, Field(ge=1)] = Field(default=3, validation_alias="VISITS_AT_MOST")


class Visits(Application):
    """Lets everybody come a limited number of times."""

    name = "visits"
    title = "the visitors' book"
    contact = "the front desk"
    settings_model = VisitSettings
    templates = Path(__file__).parent / "templates"
    static = Path(__file__).parent / "static"
    navigation: ClassVar[Sequence[Link]] = [
        Link("visits/page", "Visits", "How often you came.", scopes=["custom:visits:read"]),
        Link("visits/hours", "Opening hours", "When to come."),
    ]

    def routers(self) -> Sequence[APIRouter]:
        """Return the routes."""
        return [router]

    def vetoes(self) -> Sequence[Veto]:
        """Refuse users who came too often."""
        return [admit]

    @asynccontextmanager
    async def open(self, resources: Resources, settings: VisitSettings) -> AsyncIterator[Counter[str]]:  # noqa: ARG002
        """Start counting."""
        counter = Counter[str]({"nobody": settings.at_most})
        yield counter
        counter.clear()

    def measure(self, metrics: Metrics, opened: Counter[str]) -> None:
        """Register the number of visits."""
        metrics.sample_gauge("visits", "Visits.", "user", lambda: opened)

    async def problem(self, opened: Counter[str]) -> str:
        """Report too many visits."""
        return "There were too many visits." if opened.total() > opened["nobody"] + 2 else ""

    def debug(self, opened: Counter[str], settings: VisitSettings) -> Mapping[str, int]:
        """Show how many visits are allowed."""
        return {"at_most": settings.at_most, "visitors": len(opened)}

    async def diagnose(self, core: Settings, settings: VisitSettings) -> AsyncIterator[Finding]:  # noqa: ARG002
        """Report how many visits are allowed."""
        yield ok("visits", f"{settings.at_most} at most")

    def add_commands(self, commands: typer.Typer) -> None:
        """Add `visits`."""
        commands.command(name="visits")(lambda: typer.echo("none"))


async def admit(identity: Identity, conn: HTTPConnection) -> datetime | None:
    """Raise NotAdmittedError for a user who came too often."""
    found: Counter[str] = opened(conn, "visits")
    if found[identity.name] >= found["nobody"]:
        raise NotAdmittedError
    return None


application = Visits()
