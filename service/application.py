"""What an application brings to the service. This is the only way that the core knows one.

An application is an instance of a subclass of `Application`. `service.registration.applications` says how it is found
by its name, and where its manifest is: plain data about scopes, roles and groups, which the Hub's process reads.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import HTTPConnection

from service.auth.guard import Entitlement, SignInVeto, Veto
from service.errors import HOW_TO_INSTALL, ConfigurationError
from service.registration.applications import address_of, manifest_of
from service.resources import Resources
from service.settings import Settings, read_settings

if TYPE_CHECKING:
    import typer

    from service.finding import Finding
    from service.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Link:
    """An entry of the navigation: a path below the service's prefix, its label, and a sentence for the start page."""

    path: str
    label: str
    purpose: str


class Application:
    """An application. Override what yours has; the rest does nothing.

    `opened` is what the application's `open` yielded in this process, `settings` an instance of its `settings_model`,
    `core` the settings of the service itself.
    """

    name: ClassVar[str]
    """Its name in SERVICE_APPS, in `/debug` and in `service.application.opened`."""

    needs: ClassVar[Sequence[str]] = ()
    """The modules that must be installed for it, beyond those of the service."""

    needs_hub: ClassVar[bool] = False
    """Whether it refuses to run without a Hub. Its scopes cannot be granted to tokens of anybody else then."""

    settings_model: ClassVar[type[BaseModel]] = BaseModel
    """Its settings: each field has a `validation_alias`, the name of its environment variable."""

    templates: ClassVar[Path | None] = None
    """The folder of its Jinja templates, beside ours; names of templates must not collide."""

    static: ClassVar[Path | None] = None
    """The folder of files that are served at `static/`, beside ours."""

    response_headers: ClassVar[Sequence[str]] = ()
    """Headers of its answers that pages of other origins may read, where ALLOW_ORIGINS lets them."""

    navigation: ClassVar[Sequence[Link]] = ()
    """Where people begin with it. Shown where there is a Hub, as these pages are for people signed in by cookie."""

    def routers(self) -> Sequence[APIRouter]:
        """Return its routes, below the service's prefix."""
        return ()

    def vetoes(self) -> Sequence[Veto]:
        """Return what is asked about every identified caller of the whole service."""
        return ()

    def sign_in_vetoes(self) -> Sequence[SignInVeto]:
        """Return what is asked about everybody who would begin a session or get a token."""
        return ()

    def entitlements(self) -> Sequence[Entitlement]:
        """Return what says which scopes a newer token of a caller's would carry."""
        return ()

    def open(self, resources: Resources, settings: Any) -> AbstractAsyncContextManager[Any]:  # noqa: ANN401, ARG002
        """Open what it needs as long as the process lives."""
        return nullcontext()

    def measure(self, metrics: "Metrics", opened: Any) -> None:  # noqa: ANN401
        """Register its metrics."""

    async def problem(self, opened: Any) -> str:  # noqa: ANN401, ARG002
        """Say for `/health/ready` why it cannot work now; an empty string if it can."""
        return ""

    def debug(self, opened: Any, settings: Any) -> Mapping[str, Any]:  # noqa: ANN401, ARG002
        """Return its part of `/debug`, which administrators of the Hub see: no secret, no internal address."""
        return {}

    def prepare(self, core: Settings, settings: Any) -> None:  # noqa: ANN401
        """Do what must be done once before any process serves, such as migrations. Raises ConfigurationError."""

    async def diagnose(self, core: Settings, settings: Any) -> AsyncIterator["Finding"]:  # noqa: ANN401, ARG002
        """Yield what `python -P -m service doctor` says of it."""
        nothing: Sequence[Finding] = ()
        for finding in nothing:
            yield finding

    def add_commands(self, commands: "typer.Typer") -> None:
        """Add its commands to `python -P -m service`. Called for every installed application, running or not."""

    @property
    def manifest(self) -> ModuleType:
        """Its manifest, of the package in which its class is defined."""
        return import_module(f"{type(self).__module__.rpartition('.')[0]}.manifest")


@dataclass(frozen=True, slots=True)
class Configured:
    """An application that runs, with its settings."""

    application: Application
    settings: BaseModel


def load(name: str) -> Application:
    """Import an application by its name in SERVICE_APPS.

    Raises:
        ConfigurationError: there is none of this name.
    """
    address = address_of(name)
    if address is None or manifest_of(name) is None:
        raise ConfigurationError([f"SERVICE_APPS: there is no application {name!r}"])
    module, _, attribute = address.partition(":")
    try:
        found = getattr(import_module(module), attribute, None)
    except ImportError as error:
        raise ConfigurationError([f"SERVICE_APPS: {name!r} cannot be imported: {error}"]) from error
    if not isinstance(found, Application):
        raise ConfigurationError([f"SERVICE_APPS: {name!r} is not an Application"])
    return found


def configure(settings: Settings) -> list[Configured]:
    """Load the applications that are to run, and read their settings.

    Raises:
        ConfigurationError: naming all that is wrong.
    """
    configured, problems = list[Configured](), list[str]()
    for name in settings.apps:
        try:
            application = load(name)
            if problem := _problem_with(application, settings):
                problems.append(problem)
            else:
                own = read_settings(application.settings_model, settings.told)
                configured.append(Configured(application, own))
        except ConfigurationError as error:
            problems += error.problems
    if problems:
        raise ConfigurationError(problems)
    return configured


def _problem_with(application: Application, settings: Settings) -> str:
    name = application.name
    if missing := [module for module in application.needs if find_spec(module) is None]:
        return f"SERVICE_APPS: {name} needs {', '.join(missing)}: {HOW_TO_INSTALL.format(name)}"
    if not application.needs_hub:
        return ""
    if not settings.has_hub:
        return f"SERVICE_APPS: {name} needs a Hub, and JUPYTERHUB_API_TOKEN is not set"
    # Nobody could take such a right away at the Hub.
    own: Collection[str] = getattr(application.manifest, "CUSTOM_SCOPES", {})
    if any(scope.partition("!")[0] in own for scopes in settings.entra_grants.values() for scope in scopes):
        return f"ENTRA_GRANTS: the scopes of {name} are for Hub tokens alone"
    return ""


@asynccontextmanager
async def open_applications(configured: Sequence[Configured], resources: Resources) -> AsyncIterator[Mapping[str, Any]]:
    """Open the applications, in order; yield what each has opened, by its name."""
    async with AsyncExitStack() as stack:
        opened = {}
        for each in configured:
            opening = each.application.open(resources, each.settings)
            found = opened[each.application.name] = await stack.enter_async_context(opening)
            each.application.measure(resources.metrics, found)
        yield opened


def opened(conn: HTTPConnection, name: str) -> Any:  # noqa: ANN401 - the application knows its type
    """Return what the application `name` has opened in this process."""
    return conn.scope["state"]["opened"][name]
