"""De-identification, as an application of the service."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from fastapi import APIRouter

from service.application import Application, Link
from service.apps.deidentify.manifest import NEEDS, USER_SCOPES
from service.apps.deidentify.settings import DeidentifySettings
from service.metrics import Metrics
from service.resources import Resources

if TYPE_CHECKING:
    import typer

    from service.apps.deidentify.workers.pool import Pool


class Deidentify(Application):
    """Masks what identifies a person in medical notes; keeps none."""

    name = "deidentify"
    title = "de-identification"
    needs = NEEDS
    keeps_nothing = True
    settings_model = DeidentifySettings
    templates = Path(__file__).parent / "templates"
    static = Path(__file__).parent / "static"
    response_headers = ("Deidentify-Engine",)
    navigation: ClassVar[Sequence[Link]] = [
        Link(
            path="deidentify/try",
            label="De-identify",
            purpose="Mask what identifies a person in a medical note.",
            scopes=USER_SCOPES,
        )
    ]

    def routers(self) -> Sequence[APIRouter]:
        """Return the API and the page."""
        from service.apps.deidentify.http.routes import router  # noqa: PLC0415 - its extra may not be installed

        return [router]

    def open(self, resources: Resources, settings: DeidentifySettings) -> AbstractAsyncContextManager["Pool"]:
        """Open this process's share of the engines."""
        from service.apps.deidentify.workers import pool  # noqa: PLC0415 - likewise

        return pool.open_pool(
            workers=max(1, (settings.workers or pool.cores()) // resources.settings.workers),
            deadline=settings.deadline,
            note_size=settings.note_size,
            notes=settings.queue,
            size=max(settings.queue_size, 2 * settings.note_size),  # half of it is for batches
            batches=settings.batches,
            setup=settings.setup,
            model=settings.ner,
            always_ner=settings.ner_use == "always",
            secret=settings.secret,
        )

    def measure(self, metrics: Metrics, opened: "Pool") -> None:
        """Count notes by their end, and show the load."""
        metrics.sample_counts("service_deidentify_notes_total", "Notes by their end.", "result", lambda: opened.results)
        metrics.sample_gauge("service_deidentify_load", "Notes and workers just now.", "what", opened.load)

    async def problem(self, opened: "Pool") -> str:
        """Say that no engine is loaded."""
        return opened.problem or ""

    def debug(self, opened: "Pool", settings: DeidentifySettings) -> Mapping[str, Any]:
        """Show the engine and its limits."""
        return {
            "engine": asdict(opened.about) if opened.about else None,
            "model": opened.model,
            "problem": opened.problem or "",
            **settings.model_dump(exclude={"own_rules", "secret"}),
            "keys": settings.secret is not None,
            "workers": opened.workers,
        }

    def add_commands(self, commands: "typer.Typer") -> None:
        """Add `deidentify`, with `evaluate` below it."""
        from service.apps.deidentify import commands as ours  # noqa: PLC0415 - serving needs none of it

        commands.add_typer(ours.commands, name="deidentify")


application = Deidentify()
