"""The pages of de-identification: a form to try it, and an explanation of what is masked and why.

A note is sent in the body of a form and returned on the page. It is not stored anywhere.
"""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from pydantic import BaseModel, Field, ValidationError

from service.apps.deidentify.engine import explanation
from service.apps.deidentify.engine.engine import About
from service.apps.deidentify.errors import NoteTooLargeError
from service.apps.deidentify.http.answers import caller_of, deidentified, pool_of
from service.apps.deidentify.http.form import Draft, explained, parts, what_is_wrong
from service.apps.deidentify.http.notes import form_size
from service.apps.deidentify.settings import LARGEST_NOTE
from service.auth.fetch_metadata import is_browser
from service.auth.forms import returns_form
from service.auth.guard import require
from service.auth.problems import Problem, problem_of, problem_response
from service.auth.xsrf import is_form
from service.errors import ServiceError
from service.hub.models import Identity
from service.web import pages

router = APIRouter()

User = Annotated[Identity, require("custom:deidentify:use")]


class Limits(BaseModel):
    """What a note may take: bytes of UTF-8, and seconds."""

    note_size: int
    deadline: float


class Rules(BaseModel):
    """What is masked and why. `engine` and `contents` are null until one has been loaded; examples are made up."""

    engine: About | None = Field(description="Which engine and which tagger answer here.")
    contents: explanation.Contents | None = Field(description="How many rules and words of lists stand behind it.")
    types: tuple[explanation.Type, ...] = Field(description="What is masked, by type.")
    stays: tuple[explanation.Stay, ...] = Field(description="What stays on purpose.")
    differences: tuple[explanation.Difference, ...] = Field(description="What is masked beyond philter-lite's rules.")
    gaps: tuple[explanation.Gap, ...] = Field(description="What no rule can know.")
    pairs: tuple[explanation.Pair, ...] = Field(description="Which texts count as the same, for numbers and stand-ins.")
    keys: bool = Field(description="Whether the operator has set a secret, so that `key` can be used.")
    limits: Limits


@router.get("/rules", response_model=Rules, summary="What is masked, and why")
async def list_deidentification_rules(request: Request, identity: User) -> Rules | Response:
    """Say what is masked, what stays, and what no rule can know: a page for a browser, else the same as JSON."""
    pool = pool_of(request)
    found = Rules(
        engine=pool.about,
        contents=pool.contents,
        types=explanation.TYPES,
        stays=explanation.STAYS,
        differences=explanation.DIFFERENCES,
        gaps=explanation.GAPS,
        pairs=explanation.PAIRS,
        keys=pool.secret is not None,
        limits=Limits(note_size=pool.note_size, deadline=pool.deadline),
    )
    if not is_browser(request):
        return found
    return pages.render(request, "deidentify_rules.html", identity=identity, rules=found)


@router.get("/try", include_in_schema=False)
async def form(request: Request, identity: User) -> Response:
    """The form, empty."""
    return _page(request, identity, Draft())


async def _fitting(request: Request) -> None:
    """Raises NoteTooLargeError for a form that is too large, before the guard reads it to find its XSRF token."""
    length = request.headers.get("content-length", "")
    note_size = pool_of(request).note_size
    if length.isdecimal() and int(length) > form_size(note_size):
        raise NoteTooLargeError(note_size)


# The limit here is that of the largest note size that can be configured.
@router.post(
    "/try",
    include_in_schema=False,
    max_body_size=form_size(LARGEST_NOTE),
    dependencies=[Depends(_fitting), Depends(returns_form)],
)
async def submit(request: Request, identity: User) -> Response:
    """The form again, with the masked note beside it, or with what was wrong; or the masked note as a file.

    The script of the page sends the cells of a table like this, one by one. It gets errors as problem details.
    """
    if not is_form(request):
        # An uploaded file would be stored on disk for a while.
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Use the form on this page.")
    pool = pool_of(request)
    limit = form_size(pool.note_size)
    if len(await request.body()) > limit:  # sent in chunks, so that `_fitting` could not know it
        raise NoteTooLargeError(pool.note_size)
    given = await request.form(max_part_size=limit)
    draft = Draft.of(given).with_sample() if given.get("as") == "sample" else Draft.of(given)
    try:
        about, result = await deidentified(draft.note(), pool, caller_of(request, identity), identity)
    except (ServiceError, ValidationError) as error:
        problem = _problem(error)
        headers = error.headers() if isinstance(error, ServiceError) else {}
        if not is_browser(request):
            return problem_response(problem, headers)
        return _page(request, identity, draft, problem=problem, status_code=problem.status, headers=headers)
    if given.get("as") == "file":
        disposition = {"Content-Disposition": 'attachment; filename="deidentified.txt"'}
        return Response(result.text, media_type="text/plain", headers=disposition)
    rules = explained(result, pool.contents.rules if pool.contents else ())
    # In a thread: rendering the most spans that a note can have takes a tenth of a second.
    shown = {"result": result, "about": about, "parts": parts(result), "rules": rules}
    return await run_in_threadpool(_page, request, identity, draft, **shown)


def _problem(error: ServiceError | ValidationError) -> Problem:
    if isinstance(error, ServiceError):
        return problem_of(error)
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    return Problem(title=status.phrase, status=status, code="invalid_request", detail=what_is_wrong(error))


def _page(request: Request, identity: Identity, draft: Draft, **values: Any) -> Response:  # noqa: ANN401 - see render
    pool = pool_of(request)
    shown = {
        "result": None,
        "problem": None,
        "keys": pool.secret is not None,
        "offers_model": pool.model is not None and not pool.asks_model(ner=False, compat=False),
        "note_size": pool.note_size,
    }
    return pages.render(request, "deidentify_try.html", identity=identity, draft=draft, **shown | values)
