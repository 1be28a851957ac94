"""The errors of calls to the Hub."""

import logging
from http import HTTPStatus

from service.errors import ConflictError, ServiceError

CHALLENGE = 'Bearer realm="JupyterHub"'  # RFC 6750 section 3


class InvalidTokenError(ServiceError):
    """The Hub does not know the token, or no longer."""

    code = "invalid_token"
    status = HTTPStatus.UNAUTHORIZED
    default = "The Hub does not know this token: it is wrong, has expired or was revoked. Get a new one."

    def headers(self) -> dict[str, str]:
        """Return the challenge that says that the token is wrong (RFC 6750 section 3.1)."""
        return {"WWW-Authenticate": f'{CHALLENGE}, error="invalid_token"'}


class GroupsManagedError(ConflictError):
    """The Hub's authenticator manages the groups, so a change made here would be undone at the next login."""

    code = "groups_managed"
    default = "The Hub's authenticator manages groups. Change roles there, not here."


class HubUserMissingError(ConflictError):
    """The Hub has no user with the name of the account."""

    code = "hub_user_missing"
    default = (
        "The Hub has no user of exactly this name. Ask the person to sign in to the Hub once, or add them on the Hub's "
        "admin page. Then try again."
    )


class InvitationRefusedError(ConflictError):
    """The Hub gives no link by which this user could set a password."""

    code = "invitation_refused"
    default = (
        "The Hub gives no link to set a password. The user has one, or has used the Hub before, or the service may not "
        "make users of the Hub, or the Hub has no passwords of its own."
    )


CLOSED = "this client of it is closed"  # a reason of HubUnavailableError


class HubUnavailableError(ServiceError):
    """The Hub gave no usable reply: it is down, slow, or sends nonsense. This says nothing about the caller."""

    code = "hub_unavailable"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    default = "The Hub cannot be asked at the moment. Try again shortly."

    def __init__(self, detail: str | None = None, *, reason: str, retry_after: int = 5) -> None:
        self.reason = reason
        self.retry_after = retry_after
        super().__init__(detail)

    def for_operator(self) -> tuple[int, str]:
        """Return a warning with the reason."""
        return logging.WARNING, f"The Hub cannot be asked: {self.reason}."


class HubUnreachableError(HubUnavailableError):
    """No connection to the Hub could be made, so other calls would fail now as well."""


class HubRefusedServiceError(ServiceError):
    """The Hub refuses this service itself: its API token or its registration is wrong. An operator must act."""

    code = "hub_refused_service"
    status = HTTPStatus.BAD_GATEWAY
    default = "The Hub does not accept this service. Whoever runs the Hub must check how the service is registered."

    def __init__(self, detail: str | None = None, *, reason: str) -> None:
        self.reason = reason
        super().__init__(detail)

    def for_operator(self) -> tuple[int, str]:
        """Return an error with the reason and what to check."""
        text = f"The Hub refuses this service: {self.reason}. Check JUPYTERHUB_API_TOKEN and the registration."
        return logging.ERROR, text


class HubForbiddenError(ServiceError):
    """The Hub knows the caller's token, and does not allow it to do this."""

    code = "hub_forbidden"
    status = HTTPStatus.FORBIDDEN
    default = "The Hub does not allow this token to do that."


class HubNotFoundError(ServiceError):
    """The Hub does not have what was asked for, or does not let the caller's token see it."""

    code = "hub_not_found"
    status = HTTPStatus.NOT_FOUND
    default = "The Hub does not have this, or does not let this token see it."


class HubBadRequestError(ServiceError):
    """The Hub considers the call invalid."""

    code = "hub_bad_request"
    status = HTTPStatus.BAD_REQUEST
    default = "The Hub considers this request invalid."


class HubConflictError(ServiceError):
    """The call is in conflict with the state of the Hub, for example because a server already runs."""

    code = "hub_conflict"
    status = HTTPStatus.CONFLICT
    default = "This is in conflict with the state of the Hub."


class TokenRequestError(ServiceError):
    """A token request failed; `error` is one of RFC 6749 section 5.2 (`invalid_grant`, …)."""

    status = HTTPStatus.BAD_REQUEST

    def __init__(self, error: str, detail: str, *, forbidden: bool = False) -> None:
        self.error = error
        if forbidden:
            self.status = HTTPStatus.FORBIDDEN
        super().__init__(detail)


class NameRefusedError(TokenRequestError):
    """The password is right, and the Hub gives its owner no token under this name."""

    def __init__(self) -> None:
        super().__init__(
            "invalid_grant",
            "The password is right, but the Hub knows you by another name, or lets you make no tokens. Get one from the"
            " Hub's token page, or ask whoever runs the Hub.",
        )


class RevokeRefusedError(ServiceError):
    """The token may not delete itself."""

    code = "revoke_refused"
    status = HTTPStatus.FORBIDDEN
    default = "This token may not delete itself. Delete it on the Hub's token page, or let it expire."
