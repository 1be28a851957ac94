"""Bodies in the OpenAPI document: a schema with a title is a component. A generated client names its class after it."""

from typing import Any

import pytest
from fastapi import APIRouter, Request

from service.auth.guard import CurrentUser
from tests.unit.conftest import serving

FORM = {"title": "Form", "type": "object", "properties": {"text": {"type": "string"}}}
OTHER_FORM = {**FORM, "properties": {"number": {"type": "integer"}}}
# path -> the schema of its body, and where it stands in the document; None: where it was
BODIES: dict[str, tuple[dict[str, Any], str | None]] = {
    "/first": (FORM, "Form"),
    "/same": (FORM, "Form"),
    "/other": (OTHER_FORM, None),
    "/text": ({"title": "Text", "type": "string"}, None),
    "/no-name": ({**FORM, "title": "A form/here"}, None),
}

router = APIRouter()


async def take(request: Request, user: CurrentUser) -> None:
    """Take any body."""


for where, (schema, _) in BODIES.items():
    content = {"application/json": {"schema": schema}}
    router.add_api_route(where, take, methods=["POST"], openapi_extra={"requestBody": {"content": content}})


@pytest.mark.parametrize("path", BODIES)
async def test_named_after_its_title(path: str) -> None:
    """The first schema with a title is that component. Another one with this title stays where it is."""
    async with serving() as serve:
        service = await serve(app={"routers": [router]})
        document = (await service.api().get("openapi.json")).json()
    shown = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    schema, name = BODIES[path]

    assert shown == (schema if name is None else {"$ref": f"#/components/schemas/{name}"})
    assert document["components"]["schemas"]["Form"] == FORM
