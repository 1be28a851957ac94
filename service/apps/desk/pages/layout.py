"""What all pages of the desk share: rendering, lists, links, and the question before something is deleted."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from fastapi.responses import RedirectResponse, Response
from starlette.requests import Request

from service.apps.desk.domain.policy import Permission, role_of
from service.apps.desk.domain.queries import MAX_COUNT, Page, PageQuery
from service.apps.desk.domain.transitions import Status
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
    "commented": "Your comment is added.",
    "role": "The role is changed. Removed rights end at once. New rights start at the person's next sign-in.",
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
        hub=context_of(request).settings.hub_url,
        done=_DONE.get(request.query_params.get("done", "")),
        **values,
    )


def question(
    request: Request, user: Identity, draft: Draft, *, noun: str, name: str, back: str, warning: str
) -> Response:
    """Ask before something is deleted. `back`: the page to return to."""
    tab = f"{noun}s"
    return page(request, user, "delete.html", draft=draft, tab=tab, noun=noun, name=name, back=back, warning=warning)


Q = TypeVar("Q", bound=PageQuery)


def counted(query: Q) -> Q:
    """Return the query with `count` turned on, for a page that says how many items there are."""
    return query.model_copy(update={"count": True})


def listing(request: Request, query: PageQuery, found: Page[Any], *, path: str) -> dict[str, Any]:
    """Return a list's values for its template: query, count, and the addresses of other pages, files and orders."""
    here = f"{base(request)}{path}"
    file = f"{context_of(request).settings.prefix}desk/{path}.csv"
    until = getattr(query, "until", None)

    def sorted_by(order: str) -> str:
        return address(here, query.model_copy(update={"sort": order}))

    return {
        "query": query,
        "count": found.count,
        "many": MAX_COUNT,
        "last_day": until and _day_before(until),
        "following": found.next and address(here, query, cursor=found.next),
        "previous": found.previous and address(here, query, cursor=found.previous),
        "first": address(here, query),
        "sorted_by": sorted_by,
        "csv": address(file, query),
        "excel": address(file, query, bom="1"),
    }


def _day_before(moment: datetime) -> date:
    """Return the last day that has ended at `moment`."""
    return (moment - timedelta(microseconds=1)).date() if moment.date() > date.min else date.min


def base(request: Request) -> str:
    """Return the path of the pages, with a slash at the end."""
    return f"{context_of(request).settings.prefix}desk/ui/"


def onward(request: Request, where: str, *, done: str, part: str = "") -> Response:
    """Redirect after a form to a page that says what was done, so that reloading does not send the form again.

    `part`: the id of the element to scroll to.
    """
    return RedirectResponse(f"{base(request)}{where}?done={done}{part and f'#{part}'}", status_code=303)
