"""Every error the service raises, each with the stable code that its clients see.

How an error becomes a status, a body and headers is `service.web.problems`' business alone. The text of an error
is written for the caller: no token, no secret, no internal address goes into it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar, Self

# The package is on no index: whoever took its name there would be run.
HOW_TO_INSTALL = "pip install '.[{}]' in a checkout of the service"


class ServiceError(Exception):
    """Something went wrong in a way we have a name for.

    `code` is stable: clients may branch on it. `detail` says what happened and what to do.
    """

    code: ClassVar[str] = "error"
    default: ClassVar[str] = "Something went wrong."

    def __init__(self, detail: str | None = None) -> None:
        self.detail = detail or self.default
        super().__init__(self.detail)

    def __copy__(self) -> Self:
        """The same error, never raised: without traceback and context, which hold on to a request and all in it."""
        again = type(self).__new__(type(self), *self.args)
        again.__dict__.update(self.__dict__)
        return again


class ConfigurationError(ServiceError):
    """The service cannot start as it is configured; `problems` names every wrong value at once."""

    code = "configuration"

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("The configuration is wrong:\n" + "\n".join(f"  - {problem}" for problem in self.problems))


# Who is this?


class NotSignedInError(ServiceError):
    """The request carries no credential."""

    code = "not_signed_in"
    default = "Sign in, or send a token: Authorization: Bearer <token>."


class InvalidTokenError(ServiceError):
    """The request carries a credential, and the Hub does not (or no longer) know it."""

    code = "invalid_token"
    default = "The Hub does not know this token: it is wrong, has expired or was revoked. Get a new one."


class HeadersTooLargeError(ServiceError):
    """A header is longer than any that could be meant for us; it is not looked into."""

    code = "request_header_fields_too_large"
    default = "The cookies, or another header, are larger than this service takes. Delete this site's cookies."


class CookieConflictError(ServiceError):
    """Cookies came together that no sign-in of one browser leaves behind: some were set by another page."""

    code = "cookie_conflict"
    default = (
        "This browser sends sign-in cookies that contradict each other, so nobody is signed in. Another page has set"
        " some of them. Sign in again; if this page comes back, delete this site's cookies in the browser, and do not"
        " return to the page that you came from."
    )


class XsrfError(ServiceError):
    """A cookie came without the XSRF token that shows which page it speaks for."""

    code = "xsrf"
    default = (
        "A request signed by cookie must carry the XSRF token of its session in the header X-XSRFToken. Pages of this "
        "service hold it; reload one that is older than the sign-in."
    )


class SignOutMethodError(ServiceError):
    """Signing out was asked for by GET, other than by a browser that shows the question."""

    code = "method_not_allowed"
    default = "Sign out by POST."


class OriginError(ServiceError):
    """A browser sent the request from a page of another origin, where only our own pages may."""

    code = "origin"
    default = "This may be asked from the service's own pages only: the Origin header is missing or another's."


# May they?


class InsufficientScopeError(ServiceError):
    """The caller is known, and the token lacks scopes. `missing`: the scopes of which `any` or `all` are needed."""

    code = "insufficient_scope"

    def __init__(self, missing: Sequence[str], *, mode: str = "all") -> None:
        self.missing = tuple(missing)
        needs = " or ".join(self.missing) if mode == "any" else ", ".join(self.missing)
        super().__init__(
            f"This token lacks the scope {needs}. Ask whoever runs the Hub to grant it, or use a token that has it."
            if self.missing
            else "Nobody has access: the service does not know which scopes let someone in."
        )


class OutdatedTokenError(InsufficientScopeError):
    """As InsufficientScopeError, for somebody whose groups at the Hub allow it: a newer token would carry the scope.

    `since`: when their rights were changed last (aware UTC), where that is known.
    """

    def __init__(self, missing: Sequence[str], *, mode: str = "all", since: datetime | None = None) -> None:
        super().__init__(missing, mode=mode)
        self.since = since
        self.detail = (
            f"Your groups at the Hub allow this, but this token does not carry {', '.join(self.missing)}: it is from"
            " before, or was made with less. In a browser sign in again; in a notebook stop its server and start it"
            " again; for a script get a new token."
        )


class AdminRequiredError(ServiceError):
    """Only Hub administrators may do this."""

    code = "admin_required"
    default = "Only administrators of the Hub may see this."


class NotAdmittedError(ServiceError):
    """An application keeps this caller out, whatever their token may; subclass it for a `code` and words of its own."""

    code = "not_admitted"
    default = "You are known, but this service does not admit you."


class GuestRefusedError(NotAdmittedError):
    """Entra ID knows the caller as a guest: somebody of another organization, whose name nobody here has given."""

    code = "guest_refused"
    default = "You are a guest in this organization, and this service is for its members."


class AccountDisabledError(NotAdmittedError):
    """The account is disabled: its person may sign in and out and see who they are, and do nothing else."""

    code = "account_disabled"
    default = "Your account is disabled. Ask an administrator of the support desk."


class LoginDeniedError(NotAdmittedError):
    """The person may not begin anything new: no session, no token. What they began before goes on."""

    code = "login_denied"
    default = "You may not sign in anew, nor with a new token. Ask an administrator of the support desk."


class ThrottledError(ServiceError):
    """Too many attempts; `retry_after` in seconds."""

    code = "too_many_attempts"
    what: ClassVar[str] = "Too many attempts."

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(f"{self.what} Try again in {retry_after} seconds.")


class BodyTooSlowError(ServiceError):
    """A request's body comes slower than is waited for; the rest of it is not read."""

    code = "body_too_slow"
    default = "The request's body came too slowly, and was given up. Send it again, over a better connection."


class TooManyBodiesError(ThrottledError):
    """One caller, or one address, sends more at once than one may; `retry_after` in seconds."""

    code = "too_many_bodies"
    what = "You are sending too much at once."


class BodiesFullError(ServiceError):
    """All callers together send more at once than there is room for; `retry_after` in seconds."""

    code = "bodies_full"
    default = "The service is taking in as much as it can. Try again shortly."
    retry_after = 1


# The support desk


class NotFoundError(ServiceError):
    """There is no such thing at the desk."""

    code = "not_found"
    default = "There is no such thing here, or it has been deleted."


class VersionConflictError(ServiceError):
    """Somebody has changed or deleted the thing since the caller read it; nothing was changed."""

    code = "version_conflict"
    default = "Somebody has changed this in the meantime. Read it again, and repeat the change if it still makes sense."


class PreconditionRequiredError(ServiceError):
    """A change does not say which version it was made for, so that another's could be lost (RFC 6585 section 3)."""

    code = "precondition_required"
    default = "Say which version this is for: If-Match, with the ETag that came with what you read."


class InvalidCursorError(ServiceError):
    """A cursor is not one of ours, or not of this list, sorted and filtered like this."""

    code = "invalid_cursor"
    default = "This cursor is not of this list, or of the same list sorted or filtered otherwise. Begin without one."


class ConflictError(ServiceError):
    """What was asked is at odds with how things stand; subclass it for a `code` and words of its own."""

    code = "conflict"
    default = "This is at odds with how things stand."


class EmployeeHasTicketsError(ConflictError):
    """An employee cannot go while tickets speak of them."""

    code = "employee_has_tickets"
    default = "There are tickets of this employee. Delete them first, or give them to somebody else."


class EmployeeMissingError(ConflictError):
    """A ticket names an employee who is not there."""

    code = "employee_missing"
    default = "There is no such employee."


class OwnerMissingError(ConflictError):
    """A ticket names an owner who has no account."""

    code = "owner_missing"
    default = "There is no account of this owner's name."


class StatusTransitionError(ConflictError):
    """A ticket cannot go from the status it has to the one asked for."""

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
    """There is an account of this name already."""

    code = "account_exists"
    default = "There is an account of this name already."


class LastAdminError(ConflictError):
    """Without this person nobody could administer the desk any more."""

    code = "last_admin"
    default = "This is the last active administrator of the support desk. Make somebody else one first."


class AdminExistsError(ConflictError):
    """There is somebody who can administer the desk, and so make others administrators."""

    code = "admin_exists"
    default = (
        "The support desk has an active administrator, who can make others. If that is nobody you can ask, put the "
        "person into the group desk-admin on the Hub's admin page."
    )


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


class ChangeUnderWayError(ConflictError):
    """Another change of roles, or one that was cut off, is not over yet."""

    code = "change_under_way"
    default = "Another change of the team is under way. Try again in half a minute."


class RoleChangeFailedError(ServiceError):
    """A role could neither be changed nor put back: the Hub broke off in the middle."""

    code = "role_change_failed"
    default = (
        "The Hub broke off in the middle of the change, and the old role could not be put back: the person has no role "
        "now, or the Hub must say which. Look, and change it again."
    )


class DatabaseUnavailableError(ServiceError):
    """The database cannot be used now; whether a change that was under way was made is not known.

    `reason` is for the operator: a code of the database or a kind of error. `retry_after` in seconds.
    """

    code = "database_unavailable"
    default = "The database cannot be used at the moment. Try again shortly."

    def __init__(self, detail: str | None = None, *, reason: str, retry_after: int = 5) -> None:
        self.reason = reason
        self.retry_after = retry_after
        super().__init__(detail)


class DatabaseFullError(ServiceError):
    """The database has no space left; nothing was changed, and what is there can be read."""

    code = "database_full"
    default = "The database has no space left, so nothing was changed. Whoever runs the service must make some."


# Entra ID


class EntraUnavailableError(ServiceError):
    """Entra ID's keys are not known, so that none of its tokens can be judged. Says nothing about the caller."""

    code = "entra_unavailable"
    default = "Entra ID cannot be asked at the moment. Try again shortly."
    retry_after = 5  # seconds


# The Hub


class HubUnavailableError(ServiceError):
    """The Hub gave no answer that can be used: it is down, slow or talks nonsense. Says nothing about the caller."""

    code = "hub_unavailable"
    default = "The Hub cannot be asked at the moment. Try again shortly."

    def __init__(self, detail: str | None = None, *, reason: str, retry_after: int = 5) -> None:
        self.reason = reason
        self.retry_after = retry_after
        super().__init__(detail)


class HubUnreachableError(HubUnavailableError):
    """No connection to the Hub could be made: nobody's request would fare better just now."""


class HubRefusedServiceError(ServiceError):
    """The Hub refuses this service itself: its API token or its registration is wrong. An operator must act."""

    code = "hub_refused_service"
    default = "The Hub does not accept this service. Whoever runs the Hub must check how the service is registered."

    def __init__(self, detail: str | None = None, *, reason: str) -> None:
        self.reason = reason
        super().__init__(detail)


# The Hub's answers to what is asked in the caller's name


class HubForbiddenError(ServiceError):
    """The Hub knows the caller's token, and does not let it do this."""

    code = "hub_forbidden"
    default = "The Hub does not let this token do that."


class HubNotFoundError(ServiceError):
    """The Hub has no such thing, or does not let the caller's token know that it has."""

    code = "hub_not_found"
    default = "The Hub has no such thing, or does not let this token see it."


class HubBadRequestError(ServiceError):
    """What was asked of the Hub in the caller's name makes no sense to it."""

    code = "hub_bad_request"
    default = "The Hub does not take this request."


class HubConflictError(ServiceError):
    """What was asked of the Hub in the caller's name is at odds with how things stand there."""

    code = "hub_conflict"
    default = "This is at odds with how things stand at the Hub."


# Signing in and out


class SignInError(ServiceError):
    """A sign-in in the browser did not come to its end. Nothing was changed; the way out is to start again."""

    code = "sign_in_failed"
    default = "Signing in did not work. Start again."


class SignInRefusedError(SignInError):
    """The Hub sent the browser back with an OAuth error instead of a code (RFC 6749 section 4.1.2.1)."""

    code = "sign_in_refused"

    def __init__(self, error: str) -> None:
        self.error = error
        super().__init__(f"The Hub did not sign you in: {error}.")


class SignInIncompleteError(SignInError):
    """The callback was called without what a callback carries."""

    code = "sign_in_incomplete"
    default = "This address finishes a sign-in, but no sign-in came with it. Start again."


class SignInStateError(SignInError):
    """The sign-in was begun by another browser, too long ago, or has been finished already."""

    code = "sign_in_state"
    default = (
        "This sign-in was not begun in this browser, has been used already, or took too long. Start again, "
        "and allow cookies for this site."
    )


class TokenLinkError(SignInError):
    """The page that asks whether to sign in by a link is not answered, or not asked for, by who opened the link."""

    code = "token_link"
    default = "This question is over: it is put for five minutes, to the browser that opened the link. Open it again."


class TokenRequestError(ServiceError):
    """A token request failed; `error` is one of RFC 6749 section 5.2 (`invalid_grant`, …)."""

    def __init__(self, error: str, detail: str, *, forbidden: bool = False) -> None:
        self.error = error
        self.forbidden = forbidden
        super().__init__(detail)


class RevokeRefusedError(ServiceError):
    """The token may not delete itself."""

    code = "revoke_refused"
    default = "This token may not delete itself. Delete it on the Hub's token page, or let it expire."


# De-identification


class NoteRefusedError(ServiceError):
    """What was sent is no note: it is in another encoding than UTF-8, or has what no note has, such as U+0000."""

    code = "note_refused"
    default = "This is no text: it has a lone surrogate (U+D800 to U+DFFF)."


class NoteTooLargeError(ServiceError):
    """A note is larger than is taken; `limit` in bytes of UTF-8."""

    code = "note_too_large"

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(f"A note may have {limit} bytes of UTF-8. Send it in parts.")


class QueueFullError(ThrottledError):
    """More notes wait than are taken; `retry_after` in seconds."""

    code = "queue_full"
    what = "Too many notes are waiting."


class DeadlineExceededError(ServiceError):
    """A note took longer than it may, and was given up; it would again. `deadline` in seconds."""

    code = "deadline_exceeded"

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        super().__init__(f"This note took longer than {deadline:g} seconds. Send it in parts.")


class EngineUnavailableError(ServiceError):
    """No engine is loaded: not yet, or it cannot be. Says nothing about the note."""

    code = "engine_unavailable"
    default = "No engine is at hand at the moment. Try again shortly."

    def __init__(self, detail: str | None = None, *, retry_after: int = 10) -> None:
        self.retry_after = retry_after
        super().__init__(detail)


class EngineFailedError(ServiceError):
    """The engine ended or failed with this note: a crash, no memory left, killed by somebody. Others are not affected.

    `reason` is for the log; it has nothing of the note.
    """

    code = "engine_failed"
    default = "The engine failed with this note, and nothing of it is returned. Try again, or send it in parts."

    def __init__(self, detail: str | None = None, *, reason: str, retry_after: int = 1) -> None:
        self.reason = reason
        self.retry_after = retry_after
        super().__init__(detail)


class TooManyNamesError(ServiceError):
    """A batch has more names than can be numbered."""

    code = "too_many_names"

    def __init__(self, limit: int) -> None:
        super().__init__(f"This batch has more than {limit} things to number. Begin another.")


class BatchStalledError(ServiceError):
    """The client of a batch did not send a line, or take one, for `seconds`: it is not there, or waits for us."""

    code = "batch_stalled"

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"No line came for {seconds:g} seconds. Send those without an answer again, and read meanwhile."
        )


class BatchBrokenError(ServiceError):
    """A batch cannot go on: the service is being stopped, or has failed."""

    code = "batch_broken"
    default = "The service had to stop here. Send those without an answer again."


class BadLineError(ServiceError):
    """A line of a batch or a job is no note: no JSON object, without `text`, or with fields that say nothing to us."""

    code = "invalid_request"
    default = "The line is no JSON object in UTF-8 with a string `text`."


# De-identification of many notes, from the command line


class JobRefusedError(ServiceError):
    """A job cannot begin as it was asked for: wrong files, a folder that is taken, options other than before."""

    code = "job_refused"


class JobStoppedError(ServiceError):
    """A job cannot go on: no room on the disk, a file that changed, a cluster that is gone. What is done is kept."""

    code = "job_stopped"
