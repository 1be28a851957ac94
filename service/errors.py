"""Every error the service raises, each with the stable code that its clients see.

How an error becomes a status, a body and headers is `service.web.problems`' business alone. The text of an error
is written for the caller: no token, no secret, no internal address goes into it.
"""

from collections.abc import Sequence
from http import HTTPStatus
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
