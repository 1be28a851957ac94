"""The pictures of README and docs: how each is made, and what is kept beside it to notice that it is out of date.

A picture is out of date if the page shows other words, or has other colours, sizes or lines. Neither fonts nor the
version of Chromium matter. `script/pictures` makes all of them anew.
"""

import contextlib
import hashlib
import io
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from playwright.async_api import Page, expect

from service import __version__
from tests.browser.conftest import Place
from tests.browser.swagger import Swagger
from tests.browser.test_desk import create
from tests.support.browser import WIDE, Scheme, switch_to
from tests.support.desk_data import ANSWERS, WEEK
from tests.support.hub_api import Token
from tests.support.node import REPOSITORY
from tests.support.polling import BUSY

FOLDER = REPOSITORY / "docs" / "images"
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
LARGEST_FILE = 80_000  # bytes
MONDAY = datetime(2026, 3, 9, 8, 7, tzinfo=UTC)
_COLOURS = 256  # of a PNG with a palette
_BELOW = 8  # pixels between the last element and the lower edge
_HEAD = "# What {name}-light.png and {name}-dark.png show. ./script/pictures wrote it. A browser test compares it.\n"
# What differs from run to run, and what stands there instead.
_INSTEAD = """(pairs) => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode())
        for (const [random, fixed] of pairs) {
            const {data} = texts.currentNode;
            if (data.includes(random)) texts.currentNode.data = data.replaceAll(random, fixed);
        }
}"""
# The words of all elements down to the last one, and how they look, in properties that a page's own style sheets set.
_SHOWN = """(last) => {
    const names = ["color", "backgroundColor", "fontSize", "fontWeight", "textDecorationLine", "display", "paddingTop",
        "paddingLeft", "borderTopWidth", "borderTopColor", "borderBottomWidth", "borderTopLeftRadius"];
    const end = document.querySelector(last);
    const isWithin = (each) => !(end.compareDocumentPosition(each) & Node.DOCUMENT_POSITION_FOLLOWING)
        || end.contains(each);
    const elements = [...document.body.querySelectorAll("*:not(option)")]
        .filter((each) => each.checkVisibility({visibilityProperty: true}) && isWithin(each));
    const values = (each) => [each.selectedOptions?.[0]?.label ?? (each.type === "file" ? "" : each.value),
        each.placeholder, each.alt, each.checked && each.type !== "submit" ? "(checked)" : ""];
    const words = (each) => each.localName === "pre" ? [each.textContent]
        : /^(input|textarea|select|img)$/.test(each.localName) ? values(each)
        : each.parentElement.closest("pre") ? []
        : [...each.childNodes].filter(({nodeType}) => nodeType === Node.TEXT_NODE).map(({data}) => data);
    return {
        words: elements.map((each) => [each.localName, ...words(each)].join(" ").replace(/\\s+/g, " ").trim())
            .filter((line) => line.includes(" ")),
        styles: elements.map((each) => {
            const style = getComputedStyle(each);
            return [each.localName, ...names.map((name) => style[name])].join(" ");
        }).join("\\n"),
    };
}"""

Show = Callable[[Page, Place], Awaitable[None]]


@dataclass(frozen=True)
class Picture:
    """Who looks at what, and the last element that the picture has."""

    user: str
    show: Show
    last: str


@dataclass(frozen=True)
class Taken:
    """A picture as it is taken: what it shows, and its files."""

    words: list[str]
    styles: dict[Scheme, str]
    files: dict[Scheme, bytes]

    def kept(self, name: str, files: Mapping[Scheme, bytes]) -> str:
        """Return the text that is kept beside these files."""
        digests = [
            f"{scheme}: styles {_digest(self.styles[scheme].encode())}, file {_digest(files[scheme])}"
            for scheme in SCHEMES
        ]
        return _HEAD.format(name=name) + "\n".join([*digests, "", *self.words]) + "\n"


def text_file(name: str) -> Path:
    """Return the file with what a picture shows."""
    return FOLDER / f"{name}.txt"


def files_of(name: str) -> dict[Scheme, Path]:
    """Return the files of a picture."""
    return {scheme: FOLDER / f"{name}-{scheme}.png" for scheme in SCHEMES}


async def take(page: Page, place: Place, picture: Picture) -> Taken:
    """Go where a picture is taken, and take it in light and in dark."""
    await page.set_viewport_size(WIDE)
    zone = await page.context.new_cdp_session(page)
    await zone.send("Emulation.setTimezoneOverride", {"timezoneId": "UTC"})
    await picture.show(page, place)
    await page.evaluate(_INSTEAD, [[place.origin, "https://hub.example.org"], [__version__, "0.1.0"]])
    words: list[str] = []
    styles, files = {}, {}
    for scheme in SCHEMES:
        await switch_to(page, scheme)
        shown: dict[str, Any] = await page.evaluate(_SHOWN, picture.last)
        words, styles[scheme] = shown["words"], shown["styles"]
        files[scheme] = await _photograph(page, picture.last)
    return Taken(words, styles, files)


def write(name: str, taken: Taken) -> None:
    """Write a picture, and what it shows. Needs Pillow, which `script/setup bench` installs."""
    small = {scheme: _with_palette(file) for scheme, file in taken.files.items()}
    for scheme, path in files_of(name).items():
        path.write_bytes(small[scheme])
    text_file(name).write_text(taken.kept(name, small))


def size(png: bytes) -> tuple[int, int]:
    """Return width and height (PNG, section 11.2.1)."""
    return int.from_bytes(png[16:20]), int.from_bytes(png[20:24])


async def _photograph(page: Page, last: str) -> bytes:
    box = await page.locator(last).first.bounding_box()
    assert box is not None
    bottom = box["y"] + box["height"] + await page.evaluate("window.scrollY") + _BELOW
    clip = {"x": 0, "y": 0, "width": WIDE["width"], "height": bottom}
    picture: bytes = await page.screenshot(full_page=True, clip=clip, animations="disabled")  # type: ignore[arg-type]
    return picture


def _with_palette(png: bytes) -> bytes:
    from PIL import Image  # noqa: PLC0415 (only whoever writes pictures needs it)

    smaller = io.BytesIO()
    with Image.open(io.BytesIO(png)) as picture:
        few = picture.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
    few.save(smaller, format="PNG", optimize=True)
    return smaller.getvalue()


def _digest(given: bytes) -> str:
    return hashlib.sha256(given).hexdigest()[:16]


async def _start(page: Page, place: Place) -> None:
    await page.goto(place.service_url)


async def _deidentify(page: Page, place: Place) -> None:
    await page.goto(f"{place.service_url}deidentify/try")
    await page.get_by_role("button", name="Try a sample").click()
    await expect(page.locator("#copy")).to_be_visible()
    await page.locator("#masked mark").last.hover()


async def _swagger(page: Page, place: Place) -> None:
    swagger = await Swagger.open(page, place.service_url)
    await swagger.execute("/me")
    await page.mouse.move(0, 0)


async def _desk(page: Page, place: Place) -> None:
    await page.goto(f"{place.service_url}desk/ui/tickets?limit={len(WEEK)}")


async def _ticket(page: Page, place: Place) -> None:
    await _desk(page, place)
    await page.get_by_role("link", name=WEEK[-2]["title"]).click()
    await page.wait_for_url("**/tickets/*")


async def _invitation(page: Page, place: Place) -> None:
    made = await place.hub.api("POST", "/users/new-colleague/invitation")
    await page.goto(f"{place.hub_url}invitation?key={made.raise_for_status().json()['key']}")


async def put_a_week_into(place: Place, token: Token) -> None:
    """Put the tickets of the pictures into the desk, at times that are always the same."""
    hub = place.hub
    # An owner needs an account, which the first visit makes.
    (await hub.ask("GET", "desk/tickets", token=await hub.user_token(SUPPORT))).raise_for_status()
    numbers = await create(hub, token, WEEK)
    discussed = numbers[-2]
    for text in ANSWERS:
        made = await hub.ask("POST", f"desk/tickets/{discussed}/comments", token=token, json={"text": text})
        made.raise_for_status()
    environment: dict[str, str] = hub.options.register["environment"]  # type: ignore[index,assignment]
    with contextlib.closing(sqlite3.connect(Path(environment["SERVICE_STATE"], "desk.sqlite"), timeout=BUSY)) as desk:
        desk.execute("UPDATE tickets SET created = ? WHERE id < ?", (_stored(MONDAY - timedelta(days=7)), numbers[0]))
        for count, number in enumerate(numbers):
            created = MONDAY + timedelta(days=count // 2, hours=count % 2 * 5, minutes=count * 13)
            times = (_stored(created), _stored(created + timedelta(hours=2)), number)
            desk.execute("UPDATE tickets SET created = ?, updated = ? WHERE id = ?", times)
            if number == discussed:
                for minutes, text in zip((35, 50), ANSWERS, strict=True):
                    values = (_stored(created + timedelta(minutes=minutes)), text)
                    desk.execute("UPDATE comments SET created = ? WHERE text = ?", values)
        desk.commit()


def _stored(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S.%f}"


RESEARCHER, SUPPORT = "rosalind", "support"
PICTURES: Mapping[str, Picture] = {
    "swagger": Picture(RESEARCHER, _swagger, ".live-responses-table .highlight-code"),
    "start": Picture(RESEARCHER, _start, "main > :last-child"),
    "deidentify": Picture(RESEARCHER, _deidentify, "main > :last-child"),
    "desk": Picture(SUPPORT, _desk, ".list"),
    "ticket": Picture(SUPPORT, _ticket, "main > :last-child"),
    "invitation": Picture("", _invitation, "form"),
}
