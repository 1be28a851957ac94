"""The base class of all errors that the service raises, and the errors that more than one package uses.

An error has everything that the response needs: status, code, text, headers. The text is for the caller, so it must
contain no token, no secret and no internal address.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, ClassVar

# Our package is not on PyPI. A name that `pip install` looked up there could be anybody's.
HOW_TO_INSTALL = "pip install '.[{}]' in a checkout of the service"


class ServiceError(Exception):
    """An error with a stable `code`, which clients may test for.

    `detail` says what happened and what to do. `retry_after` is the number of seconds after which the same request may
    succeed; None if waiting does not help.
    """

    code: ClassVar[str] = "error"
    status: int = HTTPStatus.INTERNAL_SERVER_ERROR
    default: ClassVar[str] = "Something went wrong."
    retry_after: int | None = None

    def __init__(self, detail: str | None = None) -> None:
        self.detail = detail or self.default
        super().__init__(self.detail)

    def headers(self) -> dict[str, str]:
        """Return headers of the response that tell a client what to do."""
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}

    def members(self) -> dict[str, Any]:
        """Return additional members of the problem (RFC 9457 section 3.2)."""
        return {}

    def for_operator(self) -> tuple[int, str] | None:
        """Return a log level and a message if the operator must know of this. The message contains no secret."""
        return None

    def __reduce__(self) -> tuple[Any, ...]:
        """Say how to copy and pickle: without traceback and context, which would keep the whole request in memory."""
        # By default, the constructor would be called with `args`, and ours take other arguments.
        return type(self).__new__, (type(self), *self.args), self.__dict__


class ConfigurationError(ServiceError):
    """The service cannot start with this configuration. `problems` names every wrong value."""

    code = "configuration"
    _head = "The configuration is wrong:"

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join([self._head, *(f"  - {problem}" for problem in self.problems)]))


class NotYetError(ConfigurationError):
    """The service cannot start now. The same configuration may do later, as once a certificate has been renewed."""

    _head = "The service cannot start yet:"


class ThrottledError(ServiceError):
    """Too many attempts. `retry_after` is in seconds."""

    code = "too_many_attempts"
    status = HTTPStatus.TOO_MANY_REQUESTS
    what: ClassVar[str] = "Too many attempts."

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(f"{self.what} Try again in {retry_after} seconds.")


class ConflictError(ServiceError):
    """The request conflicts with the current state. Subclasses have their own `code` and text."""

    code = "conflict"
    status = HTTPStatus.CONFLICT
    default = "This conflicts with the current state."
