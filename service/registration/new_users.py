"""Lets people get a token for a password who have never signed in to the Hub.

The Hub makes a user when somebody signs in, but not when they ask for a token with a password: it then refuses the
right password like a wrong one. The hook does what signing in does, for people whom the Hub's authenticator lets in.
Source: `jupyterhub/auth.py` (`get_authenticated_user`), `apihandlers/users.py`. Holds for JupyterHub 5.5 and 6.
"""

import importlib
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from service.registration.traits import sections_with

if TYPE_CHECKING:
    from traitlets.config import Config

Hook = Callable[..., Any]
_TRAIT = "post_auth_hook"


def add_hook(c: "Config") -> None:
    """Add the hook to the configuration of the Hub. A hook that is there already still runs, and runs first."""
    for section in [*sections_with(c, _TRAIT), c.Authenticator]:
        present = section.get(_TRAIT)
        if not isinstance(present, _NewUsers):
            section[_TRAIT] = _NewUsers(present)


class _NewUsers:
    """The hook. The Hub calls it when a name and a password are right, and the user is allowed."""

    def __init__(self, present: Hook | None) -> None:
        self._present = present

    async def __call__(self, authenticator: object, handler: Any, authentication: Any) -> Any:  # noqa: ANN401 - the Hub's
        """Make the user if this is a request for a token, as the Hub does it at a sign-in. Return `authentication`."""
        if self._present is not None:
            authentication = self._present(authenticator, handler, authentication)
            if inspect.isawaitable(authentication):
                authentication = await authentication
        tokens = importlib.import_module("jupyterhub.apihandlers.users").UserTokenListAPIHandler
        if authentication and isinstance(handler, tokens) and handler.find_user(authentication["name"]) is None:
            await handler.auth_to_user(dict(authentication))
        return authentication
