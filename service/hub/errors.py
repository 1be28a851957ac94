"""What goes wrong between us and the Hub."""

import logging
from http import HTTPStatus

from service.errors import ConflictError, ServiceError

CHALLENGE = 'Bearer realm="JupyterHub"'  # RFC 6750 section 3


class InvalidTokenError(ServiceError):
    """The request carries a credential, and the Hub does not (or no longer) know it."""

    code = "invalid_token"
    status = HTTPStatus.UNAUTHORIZED
    default = "The Hub does not know this token: it is wrong, has expired or was revoked. Get a new one."

    def headers(self) -> dict[str, str]:
        """Say that the token is the problem (RFC 6750 section 3.1)."""
        return {"WWW-Authenticate": f'{CHALLENGE}, error="invalid_token"'}


class GroupsManagedError(ConflictError):
    """The Hub's authenticator says who is in which group, so that a change here would be undone at the next login."""

    code = "groups_managed"
    default = "The Hub's authenticator manages groups: roles are changed where it takes them from, not here."


class HubUserMissingError(ConflictError):
    """The Hub has no user by the name of the account."""

    code = "hub_user_missing"
    default = (
        "The Hub has no user of exactly this name. Have the person sign in to the Hub once, or add them on the Hub's "
        "admin page; then try again."
    )


class InvitationRefusedError(ConflictError):
    """The Hub gives no link by which this user could set a password."""

    code = "invitation_refused"
    default = (
        "The Hub gives no link to set a password. The user has one, or has used the Hub before, or the service may not "
        "make users of the Hub, or the Hub has no passwords of its own."
    )


class HubUnavailableError(ServiceError):
    """The Hub gave no answer that can be used: it is down, slow or talks nonsense. Says nothing about the caller."""

    code = "hub_unavailable"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    default = "The Hub cannot be asked at the moment. Try again shortly."

    def __init__(self, detail: str | None = None, *, reason: str, retry_after: int = 5) -> None:
        self.reason = reason
        self.retry_after = retry_after
        super().__init__(detail)

    def for_operator(self) -> tuple[int, str]:
        """Name the reason."""
        return logging.WARNING, f"The Hub cannot be asked: {self.reason}."


class HubUnreachableError(HubUnavailableError):
    """No connection to the Hub could be made: nobody's request would fare better just now."""


class HubRefusedServiceError(ServiceError):
    """The Hub refuses this service itself: its API token or its registration is wrong. An operator must act."""

    code = "hub_refused_service"
    status = HTTPStatus.BAD_GATEWAY
    default = "The Hub does not accept this service. Whoever runs the Hub must check how the service is registered."

    def __init__(self, detail: str | None = None, *, reason: str) -> None:
        self.reason = reason
        super().__init__(detail)

    def for_operator(self) -> tuple[int, str]:
        """Name the reason, and what to check."""
        text = f"The Hub refuses this service: {self.reason}. Check JUPYTERHUB_API_TOKEN and the registration."
        return logging.ERROR, text


class HubForbiddenError(ServiceError):
    """The Hub knows the caller's token, and does not let it do this."""

    code = "hub_forbidden"
    status = HTTPStatus.FORBIDDEN
    default = "The Hub does not let this token do that."


class HubNotFoundError(ServiceError):
    """The Hub has no such thing, or does not let the caller's token know that it has."""

    code = "hub_not_found"
    status = HTTPStatus.NOT_FOUND
    default = "The Hub has no such thing, or does not let this token see it."


class HubBadRequestError(ServiceError):
    """What was asked of the Hub in the caller's name makes no sense to it."""

    code = "hub_bad_request"
    status = HTTPStatus.BAD_REQUEST
    default = "The Hub does not take this request."


class HubConflictError(ServiceError):
    """What was asked of the Hub in the caller's name is at odds with how things stand there."""

    code = "hub_conflict"
    status = HTTPStatus.CONFLICT
    default = "This is at odds with how things stand at the Hub."


class TokenRequestError(ServiceError):
    """A token request failed; `error` is one of RFC 6749 section 5.2 (`invalid_grant`, …)."""

    status = HTTPStatus.BAD_REQUEST

    def __init__(self, error: str, detail: str, *, forbidden: bool = False) -> None:
        self.error = error
        if forbidden:
            self.status = HTTPStatus.FORBIDDEN
        super().__init__(detail)


class RevokeRefusedError(ServiceError):
    """The token may not delete itself."""

    code = "revoke_refused"
    status = HTTPStatus.FORBIDDEN
    default = "This token may not delete itself. Delete it on the Hub's token page, or let it expire."
