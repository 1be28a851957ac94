"""Examples of problems for the OpenAPI document: for each status one that really has it."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from service.auth.errors import InsufficientScopeError, NotSignedInError
from service.auth.problems import Problem, problem_of
from service.errors import ThrottledError
from service.hub.errors import HubUnavailableError
from service.web.errors import BodyTooSlowError

_PROBLEM = {"$ref": "#/components/schemas/Problem"}
_ERRORS = (
    NotSignedInError(),
    InsufficientScopeError(["access:services!service=fastapi"]),
    BodyTooSlowError(),
    ThrottledError(30),
    HubUnavailableError(reason="an example"),
)
_OTHERS = {
    HTTPStatus.NOT_FOUND: ("not_found", "There is nothing at this address."),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (
        "content_too_large",
        "The body of the request is larger than this route accepts.",
    ),
    HTTPStatus.UNPROCESSABLE_ENTITY: ("invalid_request", "The request is invalid; errors says where."),
}


def add_examples(schema: dict[str, Any]) -> None:
    """Add an example to each response that is a problem and has none of its own. Changes the document in place."""
    for status, response in _responses(schema):
        for content in response.get("content", {}).values():
            if content.get("schema") == _PROBLEM and not {"example", "examples"} & set(content):
                content["example"] = _example(HTTPStatus(int(status)))


def _responses(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from schema.get("components", {}).get("responses", {}).items()
    for path in schema["paths"].values():
        for operation in path.values():
            yield from ((status, each) for status, each in operation["responses"].items() if status.isdecimal())


def _example(status: HTTPStatus) -> dict[str, Any]:
    for error in _ERRORS:
        if error.status is status:
            return problem_of(error).model_dump(exclude_none=True)
    code, detail = _OTHERS.get(status, (status.name.lower(), status.description or status.phrase))
    invalid = [{"type": "missing", "loc": ["body", "text"], "msg": "Field required"}]
    errors = invalid if status is HTTPStatus.UNPROCESSABLE_ENTITY else None
    problem = Problem(title=status.phrase, status=status, code=code, detail=detail, errors=errors)
    return problem.model_dump(exclude_none=True)
