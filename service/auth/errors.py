"""The errors of finding out who is calling, and what they may do."""

import logging
from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from service.errors import ServiceError
from service.hub.errors import CHALLENGE, InvalidTokenError

# RFC 6750 section 3: %x21 / %x23-5B / %x5D-7E. A space separates scopes.
_OF_SCOPES = bytes({*range(0x21, 0x7F)} - {*b'"\\'}).decode()


class NotSignedInError(ServiceError):
    """The request carries no credential."""

    code = "not_signed_in"
    status = HTTPStatus.UNAUTHORIZED
    default = "Sign in, or send a token: Authorization: Bearer <token>."

    def headers(self) -> dict[str, str]:
        """Say how to sign in."""
        return {"WWW-Authenticate": CHALLENGE}


class HeadersTooLargeError(ServiceError):
    """A header is longer than any that could be meant for us; it is not looked into."""

    code = "request_header_fields_too_large"
    status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    default = "The cookies, or another header, are larger than this service takes. Delete this site's cookies."


class CookieConflictError(ServiceError):
    """The browser sent cookies that contradict each other. No sign-in causes that, so another page has set some."""

    code = "cookie_conflict"
    status = HTTPStatus.BAD_REQUEST
    default = (
        "This browser sends sign-in cookies that contradict each other, so nobody is signed in. Another page has set"
        " some of them. Sign in again; if this page comes back, delete this site's cookies in the browser, and do not"
        " return to the page that you came from."
    )


class XsrfError(ServiceError):
    """A cookie came without the XSRF token, which shows that one of our pages has sent the request."""

    code = "xsrf"
    status = HTTPStatus.FORBIDDEN
    default = (
        "A request signed by cookie must carry the XSRF token of its session: in the header X-XSRFToken, in the field "
        "_xsrf of a form, or, for uploads, as _xsrf in the address. Pages of this service hold it; reload one that is "
        "older than the sign-in."
    )


class SignOutMethodError(ServiceError):
    """A client tried to sign out by GET. Only a browser may, because it shows a page that asks first."""

    code = "method_not_allowed"
    status = HTTPStatus.METHOD_NOT_ALLOWED
    default = "Sign out by POST."

    def headers(self) -> dict[str, str]:
        """Name the method (RFC 9110 section 15.5.6)."""
        return {"Allow": "POST"}


class OriginError(ServiceError):
    """A page of another origin sent the request, and only our own pages may."""

    code = "origin"
    status = HTTPStatus.FORBIDDEN
    default = "This may be asked from the service's own pages only: the Origin header is missing or another's."


class ForwardedRequestError(ServiceError):
    """A proxy asks about a request, but its headers do not say clearly which one, or name another host than ours."""

    code = "forwarded_request"
    status = HTTPStatus.FORBIDDEN
    default = (
        "The headers that say which request this is about contradict each other, are malformed, or name another site. "
        "If you have not sent them yourself, whoever runs the proxy must check its configuration."
    )


class InsufficientScopeError(ServiceError):
    """The caller is known, but the token lacks scopes. `mode` says whether "all" or "any" of `missing` are needed."""

    code = "insufficient_scope"
    status = HTTPStatus.FORBIDDEN

    def __init__(self, missing: Sequence[str], *, mode: str = "all") -> None:
        self.missing, self.mode = tuple(missing), mode
        needs = " or ".join(self.missing) if mode == "any" else ", ".join(self.missing)
        super().__init__(
            f"This token lacks the scope {needs}. Ask whoever runs the Hub to grant it, or use a token that has it."
            if self.missing
            else "Nobody has access: the service does not know which scopes let someone in."
        )

    def headers(self) -> dict[str, str]:
        """Name the scopes (RFC 6750 section 3.1). Characters that the header cannot hold are percent-encoded."""
        scope = " ".join(quote(each, safe=_OF_SCOPES) for each in self.missing)
        return {"WWW-Authenticate": f'{CHALLENGE}, error="insufficient_scope", scope="{scope}"'}

    def members(self) -> dict[str, Any]:
        """Name the scopes."""
        return {"scopes": list(self.missing)} if self.missing else {}


class OutdatedTokenError(InsufficientScopeError):
    """As InsufficientScopeError, for somebody whose groups at the Hub allow it: a newer token would carry the scope.

    `since`: when their rights were changed last (aware UTC), where that is known.
    """

    def __init__(self, missing: Sequence[str], *, mode: str = "all", since: datetime | None = None) -> None:
        super().__init__(missing, mode=mode)
        self.since = since
        self.detail = (
            f"Your groups at the Hub allow this, but this token does not carry {', '.join(self.missing)}: it is older,"
            " or was made with fewer scopes. In a browser sign in again; in a notebook stop its server and start it"
            " again; for a script get a new token."
        )


class AdminRequiredError(ServiceError):
    """Only Hub administrators may do this."""

    code = "admin_required"
    status = HTTPStatus.FORBIDDEN
    default = "Only administrators of the Hub may see this."


class NotAdmittedError(ServiceError):
    """An application refuses this caller, whatever their scopes. Subclass it for a `code` and a text of your own."""

    code = "not_admitted"
    status = HTTPStatus.FORBIDDEN
    default = "You are known, but this service does not admit you."


class GuestRefusedError(NotAdmittedError):
    """The caller is a guest in Entra ID: an account of another organization, which has chosen its name."""

    code = "guest_refused"
    default = "You are a guest in this organization, and this service is for its members."


class EntraTokenError(InvalidTokenError):
    """A token of Entra ID is not good here. Callers are told no more than that; `reason` is for the operator's log.

    `reason` names the claim or part at fault. It never quotes the token.
    """

    default = (
        "This is no token of Entra ID that is good here. It is wrong, is for another service, or has expired. "
        "Get a new one."
    )

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__()

    def for_operator(self) -> tuple[int, str]:
        """Return a line with the reason."""
        return logging.INFO, f"A token of Entra ID is refused: {self.reason}."


class EntraUnavailableError(ServiceError):
    """Entra ID's keys are not known, so that none of its tokens can be judged. Says nothing about the caller."""

    code = "entra_unavailable"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    default = "Entra ID cannot be asked at the moment. Try again shortly."
    retry_after = 5  # seconds


class SignInError(ServiceError):
    """A sign-in in the browser failed. Nothing was changed, and the user can start again."""

    code = "sign_in_failed"
    status = HTTPStatus.BAD_REQUEST
    default = "Signing in did not work. Start again."


class SignInRefusedError(SignInError):
    """The Hub sent the browser back with an OAuth error instead of a code (RFC 6749 section 4.1.2.1)."""

    code = "sign_in_refused"

    def __init__(self, error: str) -> None:
        self.error = error
        super().__init__(f"The Hub did not sign you in: {error}.")


class SignInIncompleteError(SignInError):
    """The callback was called without the parameters of a sign-in."""

    code = "sign_in_incomplete"
    default = "This address finishes a sign-in, but no sign-in came with it. Start again."


class SignInStateError(SignInError):
    """The sign-in was begun by another browser, too long ago, or has been finished already."""

    code = "sign_in_state"
    status = HTTPStatus.FORBIDDEN
    default = (
        "This sign-in was not begun in this browser, has been used already, or took too long. Start again, "
        "and allow cookies for this site."
    )


class ShellSignInError(SignInError):
    """The question whether to sign in a shell has expired, or somebody else than its reader asks for it."""

    code = "shell_sign_in"
    default = (
        "This question is over, or another page has opened it. Copy the link that the command shows into the address "
        "bar of your browser; if it is older than a quarter of an hour, run the command again."
    )


class ShellSignInOffError(ServiceError):
    """Nobody signs in at a shell here."""

    code = "shell_sign_in_off"
    status = HTTPStatus.NOT_FOUND
    default = "This service signs in no shells. Ask its operator for register(shell_sign_in=True)."


class TokenLinkError(SignInError):
    """The question whether to sign in by a link has expired, or another page or browser asks for it or answers it."""

    code = "token_link"
    default = "This question is over: it lasts five minutes, in the browser that opened the link. Open the link again."
