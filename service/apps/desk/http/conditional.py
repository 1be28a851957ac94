"""ETags of the desk's things, and conditional requests (RFC 9110 sections 8.8.3 and 13).

A thing's ETag is its version in quotes. A change must name the version that it was made for, so that no update is lost.
"""

import re
from typing import Annotated, Protocol, TypeVar
from urllib.parse import quote

from fastapi import Depends, Header, Request, Response

from service.apps.desk.errors import PreconditionRequiredError, UnquotedVersionError, VersionConflictError
from service.auth.identification import path_and_query

_OURS = re.compile(r'"([1-9][0-9]{0,17})"')
_TAGS = re.compile(r'(?:W/)?("[^"]*")')
_NOT_AS_IT_CAME = (
    "If-Match is not one ETag of the desk's, so nothing was changed. Send exactly the one that came with what you read,"
    " without W/ before it: a proxy that compresses may have put it there, or changed the rest."
)


class Versioned(Protocol):
    """Anything the desk stores."""

    @property
    def version(self) -> int:
        """Grows by one with each change."""


V = TypeVar("V", bound=Versioned)


def etag(thing: Versioned) -> str:
    """Return the strong ETag of this version of the thing."""
    return f'"{thing.version}"'


def tagged(response: Response, thing: V) -> V:
    """Set the response's ETag, and return the thing."""
    response.headers["ETag"] = etag(thing)
    return thing


def created(request: Request, response: Response, thing: V, *, key: int | str) -> V:
    """Set the response's ETag and Location for a thing that was created, and return the thing."""
    response.headers["Location"] = f"{path_and_query(request).partition('?')[0]}/{quote(str(key), safe='')}"
    return tagged(response, thing)


def unless_known(request: Request, response: Response, thing: V) -> V | Response:
    """Return the thing with its ETag, or 304 if `If-None-Match` names this version."""
    named = ",".join(request.headers.getlist("if-none-match"))
    if named.strip() == "*" or etag(thing) in _TAGS.findall(named):
        return Response(status_code=304, headers={"ETag": etag(thing)})
    return tagged(response, thing)


def version_in(if_match: str) -> int:
    """Read the version that a change was made for.

    Only one strong ETag is accepted. A weak one matches nothing (RFC 9110 section 13.1.1). A list does not say which
    version the sender has seen.

    Raises:
        PreconditionRequiredError: there is no version, or `*`, which could lose any update.
        UnquotedVersionError: there is a version, without its quotes.
        VersionConflictError: this cannot be an ETag of ours.
    """
    if if_match.strip() in {"", "*"}:
        raise PreconditionRequiredError
    found = _OURS.fullmatch(if_match.strip())
    if _OURS.fullmatch(f'"{if_match.strip()}"'):
        raise UnquotedVersionError(if_match.strip())
    if found is None:
        raise VersionConflictError(_NOT_AS_IT_CAME)
    return int(found[1])


async def _expected(
    if_match: Annotated[str, Header(description="The ETag of the thing as it was read.", examples=['"1"'])] = "",
) -> int:
    return version_in(if_match)


ExpectedVersion = Annotated[int, Depends(_expected)]
"""The version that a PATCH or DELETE was made for, from `If-Match`."""
