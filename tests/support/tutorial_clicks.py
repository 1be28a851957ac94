"""The steps of a tutorial in the browser: taken from the page's sentences, and done by Chromium.

A step is one of the sentences below. Words in bold are clicked, filled in or copied, words in italics are seen. So a
word in bold or in italics that is in no such sentence is a mistake of the page.

    As `ada`                            in her browser, which has cookies of its own
    Open <address>.  Open the copied link.
    Click **link or button**.
    Type `text` into **field**.         or words for a text, such as: Type the first password into **field**
    Choose `option` in **list**.
    Copy **field**.
    You see *text*.                     without scrolling
    Further down you see *text*.  You see no *text*.
"""

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping

from playwright.async_api import Locator, Page, expect

Step = Mapping[str, str]

_STEPS = re.compile(
    r"""(?x:
      As\ `(?P<person>\w+)`
    | [Oo]pen\ <(?P<address>[^>]+)>
    | [Oo]pen\ the\ (?P<copied>copied\ link)
    | [Cc]lick\ \*\*(?P<click>[^*]+)\*\*
    | (?:[Tt]ype|and)\ (?P<text>`[^`]+`|[\w'\ ]+?)\ into\ \*\*(?P<field>[^*]+)\*\*
    | and\ into\ \*\*(?P<again>[^*]+)\*\*
    | [Cc]hoose\ `(?P<option>[^`]+)`\ in\ \*\*(?P<list>[^*]+)\*\*
    | [Cc]opy\ \*\*(?P<copy>[^*]+)\*\*
    | [Ff]urther\ down\ you\ see\ \*(?P<below>[^*]+)\*
    | [Yy]ou\ see\ no\ \*(?P<absent>[^*]+)\*
    | [Yy]ou\ see\ \*(?P<seen>[^*]+)\*
    )"""
)
_MARKED = re.compile(r"\*+[^*]+\*+")


def steps(text: str) -> Iterator[Step]:
    """Return the steps of a text, in order, each with its parts by name."""
    text = re.sub(r"\s+", " ", text)
    assert not (left := _MARKED.findall(_STEPS.sub("", text))), f"no step has {', '.join(left)}"
    for found in _STEPS.finditer(text):
        yield {name: value for name, value in found.groupdict().items() if value is not None}


class People:
    """The browsers of those whom a tutorial names.

    `new_page` opens a browser. `meant` is told words for a text, and returns the text.
    """

    def __init__(self, new_page: Callable[[], Awaitable[Page]], *, meant: Callable[[str], str]) -> None:
        self._new_page, self._meant = new_page, meant
        self._pages: dict[str, Page] = {}
        self._person = self._copied = self._text = ""

    async def follow(self, text: str) -> None:
        """Do the steps of a text, in order."""
        for step in steps(text):
            try:
                await self._do(step)
            except Exception as error:
                error.add_note(f"in the step {step} of {self._person}")
                error.add_note(f"at {self._page.url}, which says: {await self._page.inner_text('body', timeout=1000)}")
                raise

    async def _do(self, step: Step) -> None:
        match step:
            case {"person": name}:
                self._person = name
                if name not in self._pages:
                    self._pages[name] = await self._new_page()
            case {"address": address}:
                await self._page.goto(address)
            case {"copied": _}:
                await self._page.goto(self._copied)
            case {"click": name}:
                await self._named(name).click()
            case {"absent": text}:
                await expect(self._shown(text)).to_have_count(0)
            case {"below": text}:
                await expect(self._shown(text).first).to_be_visible()
            case {"seen": text}:
                await expect(self._shown(text).first).to_be_in_viewport()
            case _:
                await self._do_in_form(step)

    async def _do_in_form(self, step: Step) -> None:
        match step:
            case {"text": text, "field": label}:
                self._text = text.strip("`") if text.startswith("`") else self._meant(text)
                await self._labelled(label).fill(self._text)
            case {"again": label}:
                await self._labelled(label).fill(self._text)
            case {"option": option, "list": label}:
                await self._labelled(label).select_option(label=option)
            case {"copy": label}:
                self._copied = await self._labelled(label).input_value()

    @property
    def _page(self) -> Page:
        return self._pages[self._person]

    def _shown(self, text: str) -> Locator:
        return self._page.get_by_text(re.compile(re.escape(text))).filter(visible=True)

    def _named(self, name: str) -> Locator:
        """Return the link or the button of that name."""
        link, button = (self._page.get_by_role(role, name=name, exact=True) for role in ("link", "button"))
        return link.or_(button)

    def _labelled(self, label: str) -> Locator:
        """Return the field of that label. Those of the Hub's login form have a colon, and ours say what is required."""
        return self._page.get_by_label(re.compile(rf"^\s*{re.escape(label)}\s*(:|\(required\))?\s*$"))
