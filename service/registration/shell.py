"""Adds the Hub's part of signing in at a shell to its configuration."""

import importlib
import re
from typing import TYPE_CHECKING

from service.registration.traits import read, store

if TYPE_CHECKING:
    from traitlets.config import Config

_TRAIT = "extra_handlers"


def add_handler(c: "Config", *, service: str, client_id: str) -> None:
    """Have the Hub make tokens for the codes of this service's OAuth client."""
    # Imported here, as it needs JupyterHub, which a service without it does not have.
    handler = importlib.import_module("service.registration.shell_tokens").ShellTokens
    path = rf"/api/services/{re.escape(service)}/shell-tokens"
    options = {"service": service, "client_id": client_id}
    store(c.JupyterHub, _TRAIT, [*read(c.JupyterHub, _TRAIT, []), (path, handler, options)])
