"""The diagrams of docs/: tables of what happens, and their SVG. `python -m website diagrams` writes them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from service.auth.errors import (
    AdminRequiredError,
    InsufficientScopeError,
    NotAdmittedError,
    NotSignedInError,
    OriginError,
    XsrfError,
)
from service.errors import ServiceError, ThrottledError
from service.hub.errors import HubUnavailableError, InvalidTokenError

Errors = tuple[type[ServiceError], ...]


@dataclass(frozen=True)
class Step:
    """A question that is asked about a request, how it is refused, and what else may happen."""

    question: str
    detail: str
    refusals: Errors
    otherwise: str = ""


@dataclass(frozen=True)
class Way:
    """Who calls, what they bring, who judges it, and the test below tests/ that shows it."""

    who: str
    brings: str
    judge: str
    shown_by: str


REQUEST: Sequence[Step] = (
    Step(
        "Is there a credential?",
        "Authorization, ?token=, subprotocol, cookie: the first counts",
        (NotSignedInError,),
        "or a browser goes to the Hub",
    ),
    Step("A cookie: does a page of ours ask?", "its XSRF token and its origin", (XsrfError, OriginError)),
    Step(
        "Whose is it?",
        "the cache says, or else the Hub; Entra ID's keys for a JWT",
        (InvalidTokenError, ThrottledError, HubUnavailableError),
    ),
    Step("May they use the service?", "one of its access scopes", (InsufficientScopeError,)),
    Step("Does every application admit them?", "their vetoes", (NotAdmittedError,)),
    Step("May they use the route?", "the scopes of require(…); HubAdmin", (InsufficientScopeError, AdminRequiredError)),
)

SIGN_IN: Sequence[Way] = (
    Way(
        "A person in a browser",
        "signs in at the Hub (OAuth with PKCE); then a sealed cookie",
        "the Hub",
        "integration/test_sign_in.py::test_sign_in_by_cookie",
    ),
    Way(
        "A notebook",
        "JUPYTERHUB_API_TOKEN, which its server has",
        "the Hub",
        "integration/test_deidentify.py::test_from_a_notebook",
    ),
    Way(
        "A script, a shell",
        "a token of the Hub's token page, or from POST /token for a password",
        "the Hub",
        "integration/test_readme.py::test_shell",
    ),
    Way(
        "Swagger UI",
        "signs in at the Hub in a popup; then a token",
        "the Hub",
        "browser/test_swagger.py::test_authorize",
    ),
    Way(
        "Another service of the Hub",
        "its own JUPYTERHUB_API_TOKEN",
        "the Hub",
        "unit/auth/test_guard.py::test_services_call_too",
    ),
    Way(
        "A caller outside of the Hub",
        "an access token of Entra ID, where that is set up",
        "Entra ID's keys",
        "integration/test_entra.py::test_both_sign_ins_serve_side_by_side",
    ),
    Way(
        "Another application",
        "its proxy asks with the caller's cookie or token (forward-auth)",
        "the Hub",
        "unit/auth/test_forward.py::test_by_token",
    ),
)

_HEAD = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"
  role="img" aria-labelledby="title desc">
<title id="title">{title}</title>
<desc id="desc">{text}</desc>
<style>
text {{ font: 14px system-ui, sans-serif; fill: #1f2328; }}
.small {{ font-size: 12px; fill: #4a5058; }}
.paper {{ fill: #ffffff; }}
.box {{ fill: #eef3ff; stroke: #4a6fd0; }}
.no {{ fill: #fdeeee; stroke: #b3403a; }}
.yes {{ fill: #e9f6ec; stroke: #2f7d45; }}
.line {{ stroke: #5b626b; fill: none; }}
.tip {{ fill: #5b626b; }}
</style>
<rect class="paper" width="{width}" height="{height}"/>
"""


def drawings() -> dict[str, str]:
    """Return the SVG files of docs/images by name."""
    return {
        "request.svg": "\n".join(_request()) + "\n",
        "sign-in.svg": "\n".join(_sign_in()) + "\n",
    }


def said(error: type[ServiceError]) -> str:
    """Return how a refusal is written: status and code."""
    return f"{int(error.status)} {error.code}"


def _request() -> Iterator[str]:
    step, width = 88, 760
    height = step * len(REQUEST) + 64
    text = " ".join(f"{each.question} If not: {', '.join(map(said, each.refusals))}." for each in REQUEST)
    yield _HEAD.format(width=width, height=height, title="How a request is judged", text=escape(text)).rstrip()
    for number, each in enumerate(REQUEST):
        top = 16 + number * step
        yield _box("box", 16, top, 440, 56, each.question, each.detail)
        yield _arrow(236, top + 56, 236, top + step)
        lines = [*map(said, each.refusals), *([each.otherwise] if each.otherwise else [])]
        yield _arrow(456, top + 28, 520, top + 28)
        yield _box("no", 520, top - 2, 224, 60, *lines)
    yield _box("yes", 16, 16 + len(REQUEST) * step, 440, 32, "The route runs")
    yield "</svg>"


def _sign_in() -> Iterator[str]:
    row, width = 60, 860
    height = row * len(SIGN_IN) + 16
    text = " ".join(f"{each.who}: {each.brings}; {each.judge} judges it." for each in SIGN_IN)
    yield _HEAD.format(width=width, height=height, title="Who signs in how", text=escape(text)).rstrip()
    for number, each in enumerate(SIGN_IN):
        top = 16 + number * row
        yield _box("box", 16, top, 220, 40, each.who)
        yield _arrow(236, top + 20, 692, top + 20)
        yield f'<rect class="paper" x="248" y="{top + 8}" width="428" height="24"/>'
        yield f'<text class="small" x="256" y="{top + 25}">{escape(each.brings)}</text>'
        yield _box("yes", 692, top, 152, 40, each.judge)
    yield "</svg>"


def _box(kind: str, left: int, top: int, width: int, height: int, *lines: str) -> str:
    spacing = 18
    first = top + height // 2 - spacing * (len(lines) - 1) // 2 + 5
    # Below a question its detail is smaller, and so are refusals.
    sizes = ["small" if kind == "no" or number else "large" for number in range(len(lines))]
    texts = (
        f'<text class="{size}" x="{left + 12}" y="{first + number * spacing}">{escape(line)}</text>'
        for number, (line, size) in enumerate(zip(lines, sizes, strict=True))
    )
    return "\n".join([f'<rect class="{kind}" x="{left}" y="{top}" width="{width}" height="{height}" rx="6"/>', *texts])


def _arrow(left: int, top: int, right: int, bottom: int) -> str:
    tip = f"{right} {bottom} {right - 9} {bottom - 5} {right - 9} {bottom + 5}"
    if left == right:
        tip = f"{right} {bottom} {right - 5} {bottom - 9} {right + 5} {bottom - 9}"
    return f'<path class="line" d="M{left} {top}L{right} {bottom}"/>\n<polygon class="tip" points="{tip}"/>'
