"""What all pages of the desk share: rendering, lists, links, and the question before something is deleted."""

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

# The messages that `?done=` can show. Other values show nothing.
_DONE = {
    "created": "Created.",
    "saved": "Saved.",
    "deleted": "Deleted.",
    "role": "The role is changed. Fewer rights hold from now on; more rights come with the person's next sign-in.",
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
    """Render a template of `templates/desk/`, with a form if there is one. `values`: for this template."""
    return pages.render(
        request,
        f"desk/{template}",
        identity=user,
        status_code=draft.status_code if draft else 200,
        headers=draft.headers if draft else None,
        draft=draft,
        ui=base(request),
        may=user.scope_set.covers,
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
    """Return a list page's query, and the addresses of the next page, the first page and the CSV file."""
    return {
        "query": query,
        "following": found.next and address(f"{base(request)}{path}", query, cursor=found.next),
        "first": address(f"{base(request)}{path}", query),
        "csv": address(f"{context_of(request).settings.prefix}desk/{path}.csv", query),
    }


def base(request: Request) -> str:
    """Return the path of the pages, with a slash at the end."""
    return f"{context_of(request).settings.prefix}desk/ui/"


def onward(request: Request, where: str, *, done: str) -> Response:
    """Redirect after a form to a page that says what was done, so that reloading does not send the form again."""
    return RedirectResponse(f"{base(request)}{where}?done={done}", status_code=303)
