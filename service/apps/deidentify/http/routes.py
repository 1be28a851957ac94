"""The API of de-identification: a note as JSON or as plain text, or any number of notes as lines of JSON."""

import sys
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import RedirectResponse, Response
from python_multipart.multipart import parse_options_header
from starlette.requests import ClientDisconnect

from service.apps.deidentify.engine.engine import About
from service.apps.deidentify.engine.intake import PATTERN, text_of
from service.apps.deidentify.errors import NoteTooLargeError
from service.apps.deidentify.http import pages
from service.apps.deidentify.http.answers import caller_of, deidentified, pool_of, written
from service.apps.deidentify.http.batch import MEDIA_TYPE, Batch
from service.apps.deidentify.http.notes import (
    InAddress,
    InAddressOfBatch,
    Note,
    Options,
    Reply,
    body_size,
)
from service.auth.context import context_of
from service.auth.guard import require
from service.hub.models import Identity
from service.web.middleware.bodies import streams_body

JSON, TEXT = "application/json", "text/plain"
LINES = (MEDIA_TYPE, "application/jsonl")
_UTF_8 = {b"utf-8", b"utf8", b"us-ascii"}
ENGINE = "Deidentify-Engine"  # the header that names the engine if the reply is plain text

# The routes set no limit for bodies. They read a body only after authentication, and apply their own limits. The type
# of the body is checked before: the body of a form with a cookie would be read to find its XSRF token.
_UNLIMITED = sys.maxsize


class Accepting:
    """A dependency that returns the media type of the body, which must be one of `media_types`."""

    def __init__(self, *media_types: str) -> None:
        self._media_types = media_types

    async def __call__(self, request: Request) -> str:
        """Check the headers of a request.

        Raises:
            HTTPException: the body has another type or charset, or is compressed.
        """
        given, parameters = parse_options_header(request.headers.get("content-type"))
        charset = parameters.get(b"charset", b"utf-8").lower()
        encoding = request.headers.get("content-encoding", "identity").lower()
        media_type = given.decode("latin-1")
        if media_type not in self._media_types or charset not in _UTF_8 or encoding != "identity":
            raise HTTPException(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                f"Send {' or '.join(self._media_types)}, in UTF-8 and not compressed.",
                headers={"Accept": ", ".join(self._media_types)},  # RFC 9110 section 15.5.16
            )
        return media_type


def _problem(description: str) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": description, "content": content}


_PROBLEMS: dict[int | str, dict[str, Any]] = {
    403: _problem("The caller lacks the scope, or is in no group to which the key belongs"),
    413: _problem("The note is too large"),
    415: _problem("The body has another type, another charset than UTF-8, or is compressed"),
    422: _problem("The request does not have the expected form, or the note took longer than it may"),
    429: _problem("Too many notes wait or too many batches are open, of yours or in all; or too many unknown tokens"),
    503: _problem("No engine is at hand, or it failed with this note; or the Hub cannot be asked"),
}
# The options are not in it: Swagger UI shows them as parameters, and a field would go before what is chosen there.
_EXAMPLE = {"text": "Seen 12/03/2019 by Dr. Smith."}
_NOTE = {
    JSON: {"schema": Note.model_json_schema(), "example": _EXAMPLE},
    TEXT: {"schema": {"type": "string", "pattern": PATTERN}, "example": _EXAMPLE["text"]},
}
_MASKED = {
    TEXT: {"schema": {"type": "string"}, "example": "Seen **/**/**** by Dr. *****."},
}
_LINES = {
    media_type: {
        "schema": {"type": "string", "description": "One note a line, as for a single one."},
        "example": '{"id": 1, "text": "Seen 12/03/2019 by Dr. Smith."}\n{"id": 2}\n',
    }
    for media_type in LINES
}
_ANSWERS = {
    MEDIA_TYPE: {
        "schema": {"type": "string", "description": "One reply a line, as for a single note, or an error."},
        "example": '{"line":1,"id":1,"text":"Seen **/**/**** by Dr. *****.","length":29,"counts":{"DATE":1,"NAME":1},'
        '"engine":{"name":"philter-lite","version":"0.6.0","rules":"philter_delta.toml","tagger":"rules"}}\n'
        '{"line":2,"error":{"code":"invalid_request","detail":"text: Field required."}}\n',
    }
}

router = APIRouter(prefix="/deidentify", tags=["de-identification"])
router.include_router(pages.router)

User = Annotated[Identity, require("custom:deidentify:use")]


@router.get(
    "",
    summary="Lead to the form",
    status_code=HTTPStatus.SEE_OTHER,
    response_class=RedirectResponse,
)
async def get_deidentification_form(request: Request, _identity: User) -> Response:
    """Lead to the page where notes are pasted. Programs send notes by POST."""
    return RedirectResponse(f"{context_of(request).settings.prefix}deidentify/try", status_code=HTTPStatus.SEE_OTHER)


@router.post(
    "",
    summary="De-identify a note",
    response_model=Reply,
    max_body_size=_UNLIMITED,
    responses={200: {"content": _MASKED, "description": "The note, masked"}, **_PROBLEMS},
    openapi_extra={"requestBody": {"required": True, "content": _NOTE}},
)
async def deidentify_note(
    request: Request,
    media_type: Annotated[str, Depends(Accepting(JSON, TEXT))],
    user: User,
    options: Annotated[InAddress, Query()],
) -> Response:
    """Mask what identifies a person.

    JSON is answered with JSON, plain text with plain text, and a header that says which engine made it. Options may
    stand in the address; fields go before them. `allow`, `deny` and `patient` are fields alone, since an address may be
    logged.

    Offsets are half-open, in Unicode code points. It reduces identifiers: read what you are going to share.
    """
    pool = pool_of(request)
    if media_type == JSON:
        note = Note.read(await _body(request, body_size(pool.note_size), pool.note_size), defaults=options)
        about, result = await deidentified(note, pool, caller_of(request, user), user)
        return Response(await written(result, about=about, note=note), media_type=JSON)
    note = _plain(await _body(request, pool.note_size, pool.note_size), options)
    about, result = await deidentified(note, pool, caller_of(request, user), user)
    return Response(result.text, media_type=TEXT, headers={ENGINE: _product(about)})


@router.post(
    "/batch",
    summary="De-identify any number of notes",
    response_class=Batch,
    status_code=HTTPStatus.OK,
    dependencies=[Depends(streams_body)],
    max_body_size=_UNLIMITED,
    responses={200: {"content": _ANSWERS, "description": "The notes in their order, masked"}, **_PROBLEMS},
    openapi_extra={"requestBody": {"required": True, "content": _LINES}},
)
async def deidentify_notes(
    request: Request,
    _media_type: Annotated[str, Depends(Accepting(*LINES))],
    user: User,
    options: Annotated[InAddressOfBatch, Query()],
) -> Response:
    """Mask what identifies a person in many notes: a line of JSON each, answered in order while you still send.

    Blank lines are passed over. `numbered` gives the same text the same number in the whole batch. An error without
    `line` ends the batch. Read while you send: if you stop reading, the service pauses, then disconnects.
    """
    pool = pool_of(request)
    return Batch(pool, options, caller_of(request, user), limit=body_size(pool.note_size), identity=user)


async def _body(request: Request, limit: int, note_size: int) -> bytes:
    """Read the body.

    Raises:
        NoteTooLargeError: it has more than `limit` bytes. The rest is not read. The error states `note_size`.
        HTTPException: the client has disconnected.
    """
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                raise NoteTooLargeError(note_size)
    except ClientDisconnect:
        raise HTTPException(HTTPStatus.BAD_REQUEST) from None
    return bytes(body)


def _plain(body: bytes, options: Options) -> Note:
    return Note.model_validate({**options.model_dump(exclude_unset=True), "text": text_of(body)})


def _product(about: About) -> str:
    model = f"; {about.model}" if about.model else ""
    return f"{about.name}/{about.version} ({about.rules}; {about.tagger}{model})"
