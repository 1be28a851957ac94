"""Errors about the body of a request."""

from http import HTTPStatus

from service.errors import ServiceError, ThrottledError


class BodyTooSlowError(ServiceError):
    """The body arrives too slowly. The rest of it is not read."""

    code = "body_too_slow"
    status = HTTPStatus.REQUEST_TIMEOUT
    default = "The body of the request arrived too slowly. Send it again, over a better connection."


class TooManyBodiesError(ThrottledError):
    """One caller or one address sends too much at once. `retry_after` is in seconds."""

    code = "too_many_bodies"
    what = "You are sending too much at once."


class UnknownHostError(ServiceError):
    """Nobody signs in, and the request names another host than ours: its page may have pointed that name at us."""

    code = "unknown_host"
    status = HTTPStatus.MISDIRECTED_REQUEST
    default = (
        "This service does not go by the host name in the address. Use localhost or an IP address. Otherwise its "
        "operator must set PUBLIC_HOST."
    )


class NotLocalError(ServiceError):
    """Nobody signs in, and the request came in at an address that others can reach."""

    code = "not_local"
    status = HTTPStatus.FORBIDDEN
    default = "Without a sign-in, this service answers on its own machine only, unless SERVICE_SIGN_IN is none-public."


class BodiesFullError(ServiceError):
    """All callers together send more than the service has room for. `retry_after` is in seconds."""

    code = "bodies_full"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    default = "The service has no room for more bodies of requests. Try again shortly."
    retry_after = 1
