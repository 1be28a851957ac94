"""What all pages of the desk share: who reads them, where they lead, and the token that their forms carry."""

from collections.abc import Mapping
from typing import Any

from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel
from starlette.requests import Request

from service.apps.desk.domain.policy import Permission, role_of
from service.apps.desk.domain.transitions import Status
from service.apps.desk.domain.values import Page
from service.apps.desk.http.lists import address
from service.apps.desk.pages.forms import Draft
from service.auth.context import context_of
from service.hub.models import Identity
from service.web import pages

# What an address may ask a page to say; anything else it is asked goes unsaid.
_DONE = {
    "created": "Created.",
    "saved": "Saved.",
    "deleted": "Deleted.",
    "role": "The role is changed. Less holds from now on; more comes with the person's next sign-in.",
}
LABELS: Mapping[Status, str] = {
    Status.OPEN: "Open",
    Status.IN_PROGRESS: "In progress",
    Status.WAITING: "Waiting",
    Status.RESOLVED: "Resolved",
    Status.CLOSED: "Closed",
}


def page(
    request: Request,
    user: Identity,
    template: str,
    *,
    draft: Draft | None = None,
    **values: Any,  # noqa: ANN401 - a template takes anything
) -> Response:
    """Make a page of `templates/desk/`, with a form as it stands where there is one. `values`: the template's own."""
    return pages.render(
        request,
        f"desk/{template}",
        identity=user,
        status_code=draft.status_code if draft else 200,
        headers=draft.headers if draft else None,
        draft=draft,
        ui=base(request),
        may=user.held.covers,
        permissions=Permission,
        role=role_of(user.groups),
        labels=LABELS,
        done=_DONE.get(request.query_params.get("done", "")),
        **values,
    )


def question(
    request: Request, user: Identity, draft: Draft, *, noun: str, name: str, back: str, warning: str
) -> Response:
    """Ask before something is deleted. `back`: the page to return to."""
    tab = f"{noun}s"
    return page(request, user, "delete.html", draft=draft, tab=tab, noun=noun, name=name, back=back, warning=warning)


def listing(request: Request, query: BaseModel, found: Page[Any], *, path: str) -> dict[str, Any]:
    """What a list's page says of itself: what was asked for, where it goes on and began, and where it is a file."""
    return {
        "query": query,
        "following": found.next and address(f"{base(request)}{path}", query, cursor=found.next),
        "first": address(f"{base(request)}{path}", query),
        "csv": address(f"{context_of(request).settings.prefix}desk/{path}.csv", query),
    }


def base(request: Request) -> str:
    """Where the pages are, with a slash at the end."""
    return f"{context_of(request).settings.prefix}desk/ui/"


def onward(request: Request, where: str, *, done: str) -> Response:
    """After a form: on to a page, which says what was done, so that to load it again does nothing twice."""
    return RedirectResponse(f"{base(request)}{where}?done={done}", status_code=303)
