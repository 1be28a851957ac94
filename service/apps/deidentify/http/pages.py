"""The pages of de-identification: a form to try it, and an explanation of what is masked and why.

A note is sent in the body of a form and returned on the page. It is not stored anywhere.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from http import HTTPStatus
from typing import Annotated, Any, Self

from fastapi import APIRouter, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, Field, ValidationError

from service.apps.deidentify.engine import explanation
from service.apps.deidentify.engine.engine import About, Result
from service.apps.deidentify.engine.rules import Kind
from service.apps.deidentify.http.notes import Note, caller_of, deidentified, pool_of
from service.auth.context import context_of
from service.auth.fetch_metadata import is_browser
from service.auth.guard import require
from service.auth.problems import Problem, problem_of
from service.errors import ServiceError
from service.hub.models import Identity
from service.web import pages

# The labels of a note's fields in the form, for error messages.
_LABELS = {
    "text": "Note",
    "replacement": "In its place",
    "date_shift_days": "Move dates by days",
    "date_order": "Order of dates",
    "deny": "Always mask",
    "allow": "Never mask",
}

router = APIRouter()

User = Annotated[Identity, require("custom:deidentify:use")]


class Limits(BaseModel):
    """What a note may take: bytes of UTF-8, and seconds."""

    note_size: int
    deadline: float


class Rules(BaseModel):
    """What is masked and why. `engine` and `contents` are null while none is loaded; examples are made up."""

    engine: About | None = Field(description="Which engine and which tagger answer here.")
    contents: explanation.Contents | None = Field(description="How many rules and words of lists stand behind it.")
    types: tuple[explanation.Type, ...] = Field(description="What is masked, by type.")
    stays: tuple[explanation.Stay, ...] = Field(description="What stays on purpose.")
    differences: tuple[explanation.Difference, ...] = Field(description="What is masked beyond philter-lite's rules.")
    gaps: tuple[explanation.Gap, ...] = Field(description="What no rule can know.")
    pairs: tuple[explanation.Pair, ...] = Field(description="Which texts count as the same, for numbers and stand-ins.")
    keys: bool = Field(description="Whether the operator has set a secret, so that `key` can be used.")
    limits: Limits


@dataclass(frozen=True, slots=True)
class Draft:
    """The values of the form as they were entered."""

    text: str = ""
    replacement: str = "asterisk"
    date_shift_days: str = ""
    date_order: str = ""
    deny: str = ""
    allow: str = ""
    compat: str = ""

    @classmethod
    def of(cls, form: Mapping[str, Any]) -> Self:
        """Read a form. Line ends become LF, as browsers always send CR LF."""
        given = {field.name: form.get(field.name, field.default) for field in fields(cls)}
        return cls(**{name: str(value).replace("\r\n", "\n") for name, value in given.items()})

    def note(self) -> Note:
        """Return the note with its options.

        Raises:
            ValidationError: a field is not valid.
        """
        return Note(
            text=self.text,
            replacement=self.replacement,  # type: ignore[arg-type] # the model judges it
            compat=bool(self.compat),
            date_shift_days=self.date_shift_days.strip() or None,  # type: ignore[arg-type] # likewise
            date_order=self.date_order or None,  # type: ignore[arg-type] # likewise
            deny=_lines(self.deny),
            allow=_lines(self.allow),
        )


@router.get("/rules", response_model=Rules, summary="What is masked, and why")
async def rules(request: Request, identity: User) -> Rules | Response:
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


async def begin(request: Request) -> Response:
    """Redirect a browser to the form. The API takes POST alone at this address."""
    if not is_browser(request):
        text = "Send notes by POST. A browser finds a form here."
        raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED, text, {"Allow": "POST"})
    return RedirectResponse(f"{context_of(request).settings.prefix}deidentify/try", status_code=HTTPStatus.SEE_OTHER)


@router.get("/try", include_in_schema=False)
async def form(request: Request, identity: User) -> Response:
    """The form, empty."""
    return _page(request, identity, Draft())


@router.post("/try", include_in_schema=False)
async def submit(request: Request, identity: User) -> Response:
    """The form again, with the masked note beside it, or with what was wrong; or the masked note as a file."""
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        # An uploaded file would be stored on disk for a while.
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Use the form on this page.")
    given = await request.form()
    draft = Draft.of(given)
    try:
        about, result = await deidentified(draft.note(), pool_of(request), caller_of(request, identity), identity)
    except ServiceError as error:
        problem = problem_of(error)
        return _page(request, identity, draft, problem=problem, status_code=problem.status, headers=error.headers())
    except ValidationError as error:
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        problem = Problem(title=status.phrase, status=status, code="invalid_request", detail=_what_is_wrong(error))
        return _page(request, identity, draft, problem=problem, status_code=status)
    if given.get("as") == "file":
        disposition = {"Content-Disposition": 'attachment; filename="deidentified.txt"'}
        return Response(result.text, media_type="text/plain", headers=disposition)
    # In a thread: rendering the most spans that a note can have takes a tenth of a second.
    return await run_in_threadpool(_page, request, identity, draft, result=result, about=about, parts=parts(result))


def parts(result: Result) -> Iterator[tuple[str, Kind | None]]:
    """Yield the new text in pieces. Each has the type of what was masked, shifted or removed there, or None."""
    place = 0
    for span in result.spans:
        yield result.text[place : span.out_start], None
        yield result.text[span.out_start : span.out_end], span.type
        place = span.out_end
    yield result.text[place:], None


def _page(request: Request, identity: Identity, draft: Draft, **values: Any) -> Response:  # noqa: ANN401 - see render
    shown = {"result": None, "problem": None} | values
    return pages.render(request, "deidentify_try.html", identity=identity, draft=draft, **shown)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _what_is_wrong(error: ValidationError) -> str:
    items = error.errors(include_input=False, include_url=False, include_context=False)
    return " ".join(f"{_LABELS.get(str(item['loc'][0]), '')}: {item['msg']}." for item in items)
