"""The desk's errors."""

import logging
from http import HTTPStatus

from service.auth.errors import NotAdmittedError
from service.errors import ConflictError, ServiceError


class AccountDisabledError(NotAdmittedError):
    """The account is disabled. The person may sign in and out and see who they are, and nothing else."""

    code = "account_disabled"
    default = "Your account is disabled. Ask an administrator of the support desk."


class LoginDeniedError(NotAdmittedError):
    """The person may not start a session or use a new token. Older sessions and tokens still work."""

    code = "login_denied"
    default = "You may not sign in again, nor use a new token. Ask an administrator of the support desk."


class NameNotPossibleError(NotAdmittedError):
    """The Hub's user has a name that no address of an account can have, so they get no account."""

    code = "name_not_possible"
    default = "The support desk has no accounts for users of this name. Ask an administrator of the Hub for another."


class NotFoundError(ServiceError):
    """There is no such thing at the desk."""

    code = "not_found"
    status = HTTPStatus.NOT_FOUND
    default = "There is no such thing here, or it has been deleted."


class VersionConflictError(ServiceError):
    """Somebody has changed or deleted the thing since the caller read it. Nothing was changed."""

    code = "version_conflict"
    status = HTTPStatus.PRECONDITION_FAILED
    default = "Somebody has changed this in the meantime. Read it again, and repeat the change if it still makes sense."


class PreconditionRequiredError(ServiceError):
    """A change does not say which version it was made for, so it could undo somebody else's (RFC 6585 section 3)."""

    code = "precondition_required"
    status = HTTPStatus.PRECONDITION_REQUIRED
    default = "Say which version this is for: If-Match, with the ETag that came with what you read."


class UnquotedVersionError(ServiceError):
    """`If-Match` has a version without the quotes that are a part of every ETag (RFC 9110 section 8.8.3)."""

    code = "unquoted_version"
    status = HTTPStatus.BAD_REQUEST

    def __init__(self, version: str) -> None:
        super().__init__(f'The quotes are a part of the ETag. Send If-Match: "{version}".')


class InvalidCursorError(ServiceError):
    """The cursor was not made by the desk, or was made for another list, order or filter."""

    code = "invalid_cursor"
    status = HTTPStatus.BAD_REQUEST
    default = "This cursor belongs to another list, or to this list with another order or filter. Begin without one."


class EmployeeHasTicketsError(ConflictError):
    """An employee cannot be deleted while they have tickets."""

    code = "employee_has_tickets"
    default = "This employee has tickets. Delete these first, or give them to another employee."


class EmployeeMissingError(ConflictError):
    """A ticket names an employee who does not exist."""

    code = "employee_missing"
    default = "There is no such employee."


class OwnerMissingError(ConflictError):
    """A ticket names an owner who has no account."""

    code = "owner_missing"
    default = "There is no account with this owner's name."


class StatusTransitionError(ConflictError):
    """A ticket cannot change from its status to the requested one."""

    code = "status_transition"

    def __init__(self, now: str, then: str) -> None:
        super().__init__(f"A ticket that is {now} cannot become {then}.")


class PhoneTakenError(ConflictError):
    """Another employee, or another account, has this phone number."""

    code = "phone_taken"
    default = "Somebody else has this phone number."


class EmailTakenError(ConflictError):
    """Another employee, or another account, has this e-mail address."""

    code = "email_taken"
    default = "Somebody else has this e-mail address."


class AccountExistsError(ConflictError):
    """There is already an account with this name."""

    code = "account_exists"
    default = "There is already an account with this name."


class LastAdminError(ConflictError):
    """Without this person nobody could administer the desk."""

    code = "last_admin"
    default = "This is the last active administrator of the support desk. Make somebody else one first."


class AdminExistsError(ConflictError):
    """The desk has an active administrator, who can make others."""

    code = "admin_exists"
    default = (
        "The support desk has an active administrator, who can make others. If that is nobody you can ask, put the "
        "person into the group desk-admin on the Hub's admin page."
    )


class ChangeUnderWayError(ConflictError):
    """Another change of the team is in progress, one was cut off less than 45 seconds ago, or the Hub is too slow."""

    code = "change_under_way"
    default = "Another change of the team is in progress. Try again in a minute."


class DatabaseUnavailableError(ServiceError):
    """The database cannot be used now. It is not known whether a change in progress was made.

    `reason` is for the operator: a code of the database or a kind of error. `retry_after` in seconds.
    """

    code = "database_unavailable"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    default = "The database cannot be used at the moment. Try again shortly."

    def __init__(self, detail: str | None = None, *, reason: str, retry_after: int = 5) -> None:
        self.reason = reason
        self.retry_after = retry_after
        super().__init__(detail)

    def for_operator(self) -> tuple[int, str]:
        """Return the level and text of a line for the log, which names the reason."""
        return logging.WARNING, f"The database cannot be used: {self.reason}."


class DatabaseTlsError(DatabaseUnavailableError):
    """TLS to PostgreSQL cannot be had: a file cannot be read, or the certificate is wrong. `reason` says what to do."""


class DatabaseFullError(ServiceError):
    """The database has no space left. Nothing was changed; reading still works."""

    code = "database_full"
    status = HTTPStatus.INSUFFICIENT_STORAGE
    default = "The database has no space left, so nothing was changed. Ask the operator of the service to free some."

    def for_operator(self) -> tuple[int, str]:
        """Return the level and text of a line for the log, which says what to do."""
        return logging.ERROR, "The database has no space left: free some."
