"""The REST API as a page: written from the OpenAPI document, so that it needs no script to be read."""

import json
from collections.abc import Iterator
from typing import Any

from pydantic import SecretStr

from service.app import create_app
from service.settings import Settings
from service.web.routes import docs

Schema = dict[str, Any]
_LIMITS = {
    "minimum": "≥ {}",
    "maximum": "≤ {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "default": "default `{}`",
}


def document() -> Schema:
    """Return the OpenAPI document of the service with both of its applications."""
    settings = Settings(
        api_token=SecretStr("x" * 64),
        service_name="fastapi",
        client_id_given="service-fastapi",
        service_prefix="/services/fastapi/",
        access_scopes_given=("access:services!service=fastapi",),
        apps=("deidentify", "desk"),
    )
    return docs.document(create_app(settings).fastapi, settings)


def page(document: Schema) -> str:
    """Return the Markdown of the page: the operations by tag, then the schemas."""
    return "\n\n".join(_page(document)) + "\n"


def _page(document: Schema) -> Iterator[str]:
    yield "# REST API"
    yield (
        f"Paths are relative to `{document['servers'][0]['url']}`, where `fastapi` is the name of the service at its "
        "Hub. This page is made from the [OpenAPI document](openapi.json). A running service has its own document, and "
        "Swagger UI, at `docs`."
    )
    by_tag: dict[str, list[tuple[str, str, Schema]]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            by_tag.setdefault(operation["tags"][0], []).append((method.upper(), path, operation))
    for tag, operations in by_tag.items():
        yield f"## {tag[0].upper()}{tag[1:]}"
        for method, path, operation in operations:
            yield f"### {method} {path}"
            yield from _operation(operation, document)
    yield "## Schemas"
    for name, schema in sorted(document["components"]["schemas"].items()):
        yield f"### {name}"
        yield from _schema(schema)


def _operation(operation: Schema, document: Schema) -> Iterator[str]:
    yield f"**{operation['summary']}.** {operation.get('description', '')}"
    scopes = [scope for way in operation.get("security", ()) for scope in next(iter(way.values()))]
    if scopes:
        yield "Requires " + ", ".join(f"`{scope}`" for scope in scopes) + "."
    elif "security" not in operation:
        yield "Open to everybody."
    if parameters := operation.get("parameters"):
        rows = (
            (f"`{each['name']}`", each["in"], _type(each["schema"]), _words(each, each["schema"]))
            for each in parameters
        )
        yield _table(("parameter", "in", "type", ""), rows)
    if body := operation.get("requestBody"):
        kinds = (f"`{kind}`: {_type(content.get('schema', {}))}" for kind, content in body["content"].items())
        yield "Body: " + "; or ".join(kinds)
    yield _table(
        ("status", "", "body"),
        (_reply(status, reply, document) for status, reply in sorted(operation["responses"].items())),
    )


def _reply(status: str, reply: Schema, document: Schema) -> tuple[str, str, str]:
    if "$ref" in reply:
        reply = document["components"]["responses"][reply["$ref"].rpartition("/")[2]]
    kinds = (f"`{kind}` {_type(content.get('schema', {}))}" for kind, content in reply.get("content", {}).items())
    return status, reply["description"], ", ".join(kinds)


def _schema(schema: Schema) -> Iterator[str]:
    if schema.get("description"):
        yield schema["description"]
    if fields := schema.get("properties"):
        required = schema.get("required", ())
        rows = (
            (f"`{name}`" + (" *" if name in required else ""), _type(field), _words(field, field))
            for name, field in fields.items()
        )
        yield _table(("field", "type", ""), rows)
        if required:
            yield "\\* required"
    else:
        yield f"Type: {_type(schema)}"


def _type(schema: Schema) -> str:
    """Return a schema's type in words; other schemas are links."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return " or ".join(dict.fromkeys(_type(each) for each in schema[several]))
    if values := schema.get("enum") or [schema[key] for key in ("const",) if key in schema]:
        return ", ".join(f"`{value}`" for value in values)
    kind = schema.get("format") or schema.get("type", "anything")
    if kind == "array":
        return f"array of {_type(schema.get('items', {}))}"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_type(schema['additionalProperties'])}"
    return str(kind)


def _words(described: Schema, schema: Schema) -> str:
    inner: Schema = next((each for each in schema.get("anyOf", ()) if each.get("type") != "null"), {})
    known = {**inner, **schema}
    limits = [form.format(_shown(known[key])) for key, form in _LIMITS.items() if _says_something(known.get(key))]
    if described.get("required") is True:
        limits.insert(0, "required")
    return " ".join(
        [
            str(described.get("description") or known.get("description") or ""),
            f"({'; '.join(limits)})" if limits else "",
        ]
    ).strip()


def _says_something(limit: object) -> bool:
    """Whether it is more than the database's own bound."""
    return limit is not None and not (isinstance(limit, int) and limit >= 2**63 - 1)


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in line) + " |" for line in lines
    )
