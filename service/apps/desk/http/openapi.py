"""What the OpenAPI document says of the desk's routes in addition to what FastAPI finds out."""

from typing import Any

Responses = dict[int | str, dict[str, Any]]

_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_MEANINGS = {
    400: "The cursor, the body or `If-Match` cannot be read",
    404: "There is no such thing",
    409: "In conflict with the present state; `code` says how",
    412: "Somebody else has changed it since: read it again",
    428: "`If-Match` does not say which version the change was made for",
    502: "The Hub does not accept the service",
    503: "The database or the Hub cannot be asked",
    507: "The database is full",
}
_ETAG = {"ETag": {"description": "Names this version; send it as If-Match.", "schema": {"type": "string"}}}
_LINK = {
    "Link": {
        "description": "Leads to the next page and to the previous one, where there are such.",
        "schema": {"type": "string"},
    }
}
_LOCATION = {"Location": {"description": "The address of the new thing.", "schema": {"type": "string"}}}


def refusals(*statuses: int) -> Responses:
    """Return the problems that a route may answer with. Each may answer 503."""
    return {status: {"description": _MEANINGS[status], "content": _PROBLEM} for status in (*statuses, 503)}


LIST: Responses = {200: {"description": "A page", "headers": _LINK}, **refusals(400)}
ONE: Responses = {200: {"description": "As it is now", "headers": _ETAG}, **refusals(404)}
ONE_UNLESS_KNOWN: Responses = {**ONE, 304: {"description": "`If-None-Match` names this version"}}
CREATED: Responses = {201: {"description": "Created", "headers": {**_LOCATION, **_ETAG}}, **refusals(409, 507)}
ADDED: Responses = {201: {"description": "Added"}, **refusals(404, 507)}
INVITED: Responses = {201: {"description": "Made"}, **refusals(404, 409, 502, 507)}
CHANGED: Responses = {200: {"description": "As it is now", "headers": _ETAG}, **refusals(400, 404, 409, 412, 428, 507)}
DELETED: Responses = {204: {"description": "Deleted"}, **refusals(400, 404, 409, 412, 428, 507)}
CSV: Responses = {
    200: {
        "description": "A line with the column names, then one for each item",
        "content": {"text/csv": {"schema": {"type": "string"}}},
    },
    **refusals(),
}


def merge_patch(change: str) -> dict[str, Any]:
    """Return `openapi_extra` for a body that may also be sent as RFC 7396 names it. `change` names its schema."""
    schema = {"$ref": f"#/components/schemas/{change}"}
    return {"requestBody": {"content": {"application/merge-patch+json": {"schema": schema}}}}
