"""The root of all errors that the service raises, and those that belong to no one package.

An error carries all that its answer needs: status, stable code, text, headers. The text is written for the caller: no
token, no secret and no internal address goes into it.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, ClassVar, Self

# The package is on no index: whoever took its name there would be run.
HOW_TO_INSTALL = "pip install '.[{}]' in a checkout of the service"


class ServiceError(Exception):
    """Something went wrong in a way we have a name for.

    `code` is stable: clients may branch on it. `detail` says what happened and what to do. `retry_after`: seconds after
    which the same request may succeed; None where time alone does not help.
    """

    code: ClassVar[str] = "error"
    status: HTTPStatus = HTTPStatus.INTERNAL_SERVER_ERROR
    default: ClassVar[str] = "Something went wrong."
    retry_after: int | None = None

    def __init__(self, detail: str | None = None) -> None:
        self.detail = detail or self.default
        super().__init__(self.detail)

    def headers(self) -> dict[str, str]:
        """Return headers of the answer that a client may act on."""
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}

    def members(self) -> dict[str, Any]:
        """Return members of the problem beyond the usual ones (RFC 9457 section 3.2)."""
        return {}

    def for_operator(self) -> tuple[int, str] | None:
        """Return a log level and a line, where whoever runs the service has to know; it holds no secret."""
        return None

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


class ThrottledError(ServiceError):
    """Too many attempts; `retry_after` in seconds."""

    code = "too_many_attempts"
    status = HTTPStatus.TOO_MANY_REQUESTS
    what: ClassVar[str] = "Too many attempts."

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(f"{self.what} Try again in {retry_after} seconds.")


class ConflictError(ServiceError):
    """What was asked is at odds with how things stand; subclass it for a `code` and words of its own."""

    code = "conflict"
    status = HTTPStatus.CONFLICT
    default = "This is at odds with how things stand."
