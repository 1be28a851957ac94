"""Lets pages of notebook servers, such as extensions of JupyterLab, call the service with the token that they have.

The page has the OAuth token that its reader gave to the server. The server's owner can read it, and all who visit a
server give it one. So it may carry only scopes that all users of the service have.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from service.registration.entry import RegistrationError
from service.registration.rights import Rights, access_scope, union
from service.registration.traits import read, sections_with, store

if TYPE_CHECKING:
    from traitlets.config import Config

_TRAIT = "oauth_client_allowed_scopes"  # of Spawner: for the OAuth client that a notebook server is


def scopes_for_pages(c: "Config", chosen: Sequence[str], rights: Rights, *, name: str) -> list[str]:
    """Return what the token of a notebook server's page carries besides access to the server.

    Raises:
        RegistrationError: a scope is not one that all users of the service have, or the Hub's setting is a function.
    """
    if refused := [scope for scope in chosen if scope not in rights.user_scopes]:
        possible = ", ".join(rights.user_scopes) or "there are none"
        raise RegistrationError(
            f"lab_scopes: {', '.join(refused)}: only USER_SCOPES may be named, which all users have ({possible})."
            " The owner of a server receives its visitors' tokens"
        )
    scopes = [access_scope(name), *chosen]
    if any(callable(section[_TRAIT]) for section in sections_with(c, _TRAIT)):
        raise RegistrationError(f"lab_scopes: {_TRAIT} is a function: let it return these, too: {', '.join(scopes)}")
    return scopes


def add_for_pages(c: "Config", scopes: Sequence[str]) -> None:
    """Add the scopes to those that notebook servers' tokens may carry."""
    for section in {id(each): each for each in (*sections_with(c, _TRAIT), c.Spawner)}.values():
        store(section, _TRAIT, union(read(section, _TRAIT, []), scopes))
