"""What goes wrong with requests as such."""

from http import HTTPStatus

from service.errors import ServiceError, ThrottledError


class BodyTooSlowError(ServiceError):
    """A request's body comes slower than is waited for; the rest of it is not read."""

    code = "body_too_slow"
    status = HTTPStatus.REQUEST_TIMEOUT
    default = "The request's body came too slowly, and was given up. Send it again, over a better connection."


class TooManyBodiesError(ThrottledError):
    """One caller, or one address, sends more at once than one may; `retry_after` in seconds."""

    code = "too_many_bodies"
    what = "You are sending too much at once."


class BodiesFullError(ServiceError):
    """All callers together send more at once than there is room for; `retry_after` in seconds."""

    code = "bodies_full"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    default = "The service is taking in as much as it can. Try again shortly."
    retry_after = 1
