"""What a call may raise, with the service's own words."""

from typing import Any

import httpx


class ClientError(Exception):
    """The base of all errors of this package."""

    def __reduce__(self) -> tuple[Any, ...]:
        # By default, the constructor would be called with `args`, and ours take other arguments. An error that
        # cannot be unpickled would let a `multiprocessing.Pool` wait for ever.
        return type(self).__new__, (type(self), *self.args), self.__dict__


class UnreachableError(ClientError):
    """No answer came, or it broke off, and repeating it did not help or was not allowed."""


class ProblemError(ClientError):
    """The service answered with an error (RFC 9457).

    `status` is that of HTTP, `code` the stable code that programs decide by, `detail` what to do, for people.
    `request_id` finds the request in the operator's log. `retry_after` is the header of that name. `problem` is the
    whole JSON object.
    """

    def __init__(
        self, *, status: int, problem: dict[str, Any], request_id: str | None = None, retry_after: str = ""
    ) -> None:
        self.status = status
        self.retry_after = retry_after
        self.code = str(problem.get("code", "unexpected"))
        self.detail = str(problem.get("detail") or problem.get("title") or f"The service answered {status}.")
        self.request_id = request_id
        self.problem = problem
        super().__init__(f"{self.detail} ({status} {self.code})")


class NoteError(ClientError):
    """One note of several could not be masked. `index` counts from 0; `code` and `detail` are the service's."""

    def __init__(self, *, index: int, code: str, detail: str) -> None:
        self.index, self.code, self.detail = index, code, detail
        super().__init__(f"Note {index}: {detail} ({code})")


def problem_of(answer: httpx.Response) -> ProblemError:
    """Return the error that an answer tells: problem+json, or an error of OAuth (RFC 6749 section 5.2).

    Anything else is summed up in one sentence.
    """
    problem = _json(answer)
    if not isinstance(problem, dict):
        where = " It leads elsewhere: is the address right, and the token good?" if answer.is_redirect else ""
        return unexpected(answer, f"The service answered {answer.status_code} without JSON.{where}")
    if "code" not in problem and isinstance(problem.get("error"), str):
        problem = {**problem, "code": problem["error"], "detail": problem.get("error_description")}
    return _error(answer, problem)


def object_of(answer: httpx.Response) -> dict[str, Any]:
    """Return the JSON object of an answer.

    Raises:
        ProblemError: it has none.
    """
    found = _json(answer)
    if not isinstance(found, dict):
        raise unexpected(answer, f"The service answered {answer.status_code} without JSON. Is the address right?")
    return found


def unexpected(answer: httpx.Response, detail: str) -> ProblemError:
    """Return the error for an answer that the service does not give."""
    return _error(answer, {"code": "unexpected", "detail": detail})


def _json(answer: httpx.Response) -> Any:  # noqa: ANN401
    try:
        return answer.json()
    except ValueError:
        return None


def _error(answer: httpx.Response, problem: dict[str, Any]) -> ProblemError:
    headers = answer.headers
    return ProblemError(
        status=answer.status_code,
        problem=problem,
        request_id=headers.get("x-request-id"),
        retry_after=headers.get("retry-after", ""),
    )
