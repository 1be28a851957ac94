"""What an application adds to the service. The core knows an application only through this class.

An application is an instance of a subclass of `Application`. `service.registration.applications` finds it by its name,
and its manifest with it: plain data about scopes, roles and groups, which the Hub's process reads, too.
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

from service.auth.errors import InsufficientScopeError
from service.auth.guard import Entitlement, SignInVeto, Veto
from service.errors import HOW_TO_INSTALL, ConfigurationError
from service.hub.models import Identity
from service.registration.applications import import_path_of, load_manifest
from service.resources import Resources
from service.settings import Settings, read_settings

if TYPE_CHECKING:
    import typer

    from service.doctor_finding import Finding
    from service.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Link:
    """An entry of the navigation.

    Args:
        path: the path of the page, below the service's prefix.
        label: the text of the link.
        purpose: a sentence for the start page.
        scopes: the page requires one of these. The entry is hidden from everybody who has none of them. Empty: the page
            is for everybody who has access to the service.
    """

    path: str
    label: str
    purpose: str
    scopes: Sequence[str] = ()


class Application:
    """An application. Override what yours needs; the defaults do nothing.

    In the methods, `opened` is what `open` yielded in this process, `settings` an instance of `settings_model`, and
    `core` the settings of the service itself.
    """

    name: ClassVar[str]
    """Its name in SERVICE_APPS, in `/debug` and in `service.application.opened`."""

    title: ClassVar[str] = ""
    """What pages call it within a sentence, such as "the visitors' book". By default its `name`."""

    contact: ClassVar[str] = "an administrator of the Hub"
    """Whom people ask for access, such as "the operator of the service"."""

    needs: ClassVar[Sequence[str]] = ()
    """The modules that must be installed for it, in addition to those of the service."""

    needs_hub: ClassVar[bool] = False
    """Whether it refuses to run without a Hub. If so, ENTRA_GRANTS cannot grant its scopes."""

    keeps_nothing: ClassVar[bool] = False
    """Whether it keeps nothing that callers send, and shows nobody what is another's. Only such an application runs
    without a sign-in (SERVICE_SIGN_IN=none): everybody then has the USER_SCOPES of its manifest."""

    settings_model: ClassVar[type[BaseModel]] = BaseModel
    """Its settings. The `validation_alias` of each field is the name of its environment variable."""

    templates: ClassVar[Path | None] = None
    """The folder with its Jinja templates. No template may have the name of one of ours."""

    static: ClassVar[Path | None] = None
    """The folder with files that are served below `static/`, together with ours."""

    response_headers: ClassVar[Sequence[str]] = ()
    """Headers of its responses that scripts of the origins in ALLOW_ORIGINS may read."""

    navigation: ClassVar[Sequence[Link]] = ()
    """Its entries in the navigation and on the start page. With Entra ID alone they are not shown."""

    def routers(self) -> Sequence[APIRouter]:
        """Return its routes. They are served below the service's prefix."""
        return ()

    def vetoes(self) -> Sequence[Veto]:
        """Return functions that may refuse a caller on every route of the service, not only on its own."""
        return ()

    def sign_in_vetoes(self) -> Sequence[SignInVeto]:
        """Return functions that may refuse a caller who is about to start a session or get a token."""
        return ()

    def entitlements(self) -> Sequence[Entitlement]:
        """Return functions that say which scopes a new token of a caller would carry."""
        return ()

    def open(self, resources: Resources, settings: Any) -> AbstractAsyncContextManager[Any]:  # noqa: ANN401, ARG002
        """Open what it needs for as long as the process lives."""
        return nullcontext()

    def measure(self, metrics: "Metrics", opened: Any) -> None:  # noqa: ANN401
        """Register its metrics."""

    async def problem(self, opened: Any) -> str:  # noqa: ANN401, ARG002
        """Return, for `/health/ready`, why it cannot work now; an empty string if it can."""
        return ""

    def debug(self, opened: Any, settings: Any) -> Mapping[str, Any]:  # noqa: ANN401, ARG002
        """Return its part of `/debug`, for administrators of the Hub. It must contain no secret or internal address."""
        return {}

    def prepare(self, core: Settings, settings: Any) -> None:  # noqa: ANN401
        """Do what must be done once, before any process serves, such as migrations.

        It may take its time, and wait for what is not there yet: meanwhile the service answers 503 `service_starting`.

        Raises:
            ConfigurationError: waiting would not help.
        """

    async def diagnose(self, core: Settings, settings: Any) -> AsyncIterator["Finding"]:  # noqa: ANN401, ARG002
        """Yield its findings for `python -P -m service doctor`."""
        nothing: Sequence[Finding] = ()
        for finding in nothing:
            yield finding

    def add_commands(self, commands: "typer.Typer") -> None:
        """Add its commands to `python -P -m service`. This is called even where it does not run."""


@dataclass(frozen=True, slots=True)
class Configured:
    """An application that runs, with its settings and its manifest."""

    application: Application
    settings: BaseModel
    manifest: ModuleType

    def refusal(self, error: InsufficientScopeError, identity: Identity | None) -> str:
        """Return what to tell a person who lacks scopes of this application: what is closed to them, and whom to ask.

        Returns an empty string if none of the missing scopes is this application's.
        """
        missing = {scope.partition("!")[0] for scope in error.missing}
        own: Collection[str] = getattr(self.manifest, "CUSTOM_SCOPES", {})
        if missing.isdisjoint(own):
            return ""
        gives_enough = missing.intersection if error.mode == "any" else missing.issubset
        roles = sorted(getattr(self.manifest, "ROLES", ()), key=lambda role: len(role["scopes"]))
        wanted = next((f"the role {role['name']}" for role in roles if gives_enough(role["scopes"])), "access")
        part = "this part of " if identity and identity.scope_set.covers_any(own) else ""
        title = self.application.title or self.application.name
        return f"You have no access to {part}{title}. Ask {self.application.contact} for {wanted}."


def load(name: str) -> Application:
    """Import an application by its name in SERVICE_APPS.

    Raises:
        ConfigurationError: there is no such application.
    """
    import_path = import_path_of(name)
    if import_path is None:
        raise ConfigurationError([f"SERVICE_APPS: there is no application {name!r}"])
    module, _, attribute = import_path.partition(":")
    try:
        found = getattr(import_module(module), attribute, None)
    except ImportError as error:
        raise ConfigurationError([f"SERVICE_APPS: {name!r} cannot be imported: {error}"]) from error
    if not isinstance(found, Application):
        raise ConfigurationError([f"SERVICE_APPS: {name!r} is not an Application"])
    return found


def configure(settings: Settings) -> list[Configured]:
    """Load the applications of SERVICE_APPS, and read their settings.

    Raises:
        ConfigurationError: something is wrong. It names every problem at once.
    """
    configured, problems = list[Configured](), list[str]()
    for name in settings.apps:
        try:
            configured.append(_configured(name, settings))
        except ConfigurationError as error:
            problems += error.problems
    if problems:
        raise ConfigurationError(problems)
    return configured


def _configured(name: str, settings: Settings) -> Configured:
    application = load(name)
    try:
        manifest = load_manifest(name)
    except ImportError as error:
        raise ConfigurationError([f"SERVICE_APPS: the manifest of {name!r} cannot be imported: {error}"]) from error
    if missing := [module for module in application.needs if find_spec(module) is None]:
        how = HOW_TO_INSTALL.format(application.name)
        raise ConfigurationError([f"SERVICE_APPS: {application.name} needs {', '.join(missing)}: {how}"])
    if not settings.has_sign_in and (application.needs_hub or not application.keeps_nothing):
        told = f"SERVICE_SIGN_IN: {application.name} does not say that it keeps nothing, so people must sign in for it"
        raise ConfigurationError([told])
    if application.needs_hub and not settings.has_hub:
        raise ConfigurationError([f"SERVICE_APPS: {application.name} needs a Hub, but JUPYTERHUB_API_TOKEN is not set"])
    own: Collection[str] = getattr(manifest, "CUSTOM_SCOPES", {})
    granted = {scope.partition("!")[0] for scopes in settings.entra_grants.values() for scope in scopes}
    # The Hub could not take back what ENTRA_GRANTS gives.
    if application.needs_hub and not granted.isdisjoint(own):
        raise ConfigurationError([f"ENTRA_GRANTS: the scopes of {application.name} are for tokens of the Hub only"])
    return Configured(application, read_settings(application.settings_model, settings.variables), manifest)


@asynccontextmanager
async def open_applications(configured: Sequence[Configured], resources: Resources) -> AsyncIterator[Mapping[str, Any]]:
    """Open the applications in order. Yields what each has opened, by the name of the application."""
    async with AsyncExitStack() as stack:
        opened = {}
        for each in configured:
            context = each.application.open(resources, each.settings)
            found = opened[each.application.name] = await stack.enter_async_context(context)
            each.application.measure(resources.metrics, found)
        yield opened


def opened(conn: HTTPConnection, name: str) -> Any:  # noqa: ANN401 - the application knows its type
    """Return what the application `name` has opened in this process."""
    return conn.scope["state"]["opened"][name]
