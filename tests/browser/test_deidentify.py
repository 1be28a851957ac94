"""The form that de-identifies a note: by hand, by keyboard, without scripts, and seen by strangers."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page, expect

from tests.browser.conftest import Place
from tests.browser.test_keyboard import tab_to
from tests.browser.test_pages import expect_sound
from tests.browser.test_strangers import STRANGERS
from tests.support.browser import NARROW, WIDE, Browser

if TYPE_CHECKING:
    from tests.conftest import Browse

NOTE = """Discharge summary

Patient: Jane Roe    MRN: 1234567    born 03/12/1927
Ms. Roe is 92 years old. She was admitted to Mercy General Hospital on 12/03/2019 with chest pain.
She lives at 12 Main Street, San Francisco, CA 94110, with her daughter Anna (415-555-0123).

BP 120/80, temperature 38.5 C. Aspirin 81 mg daily. Seen by José Núñez and by Dr. Zorblatt."""
TYPES = ["NAME", "ID", "DATE", "NAME", "AGE", "ORGANIZATION", "DATE", "LOCATION", "NAME", "CONTACT", "NAME", "NAME"]
SELECT = """(element, words) => {
    const node = [...element.childNodes].find((each) => each.data?.includes(words));
    const start = node.data.indexOf(words);
    getSelection().setBaseAndExtent(node, start, node, start + words.length);
}"""
IS_COPY_LEFT_ALONE = """() => document.dispatchEvent(
    new ClipboardEvent("copy", { clipboardData: new DataTransfer(), cancelable: true })
)"""
CANARY = "Zebulon Quackenbush"
POST = """([address, text]) => {
    const form = document.createElement("form");
    form.method = "post";
    form.action = address;
    const field = document.createElement("input");
    field.name = "text";
    field.value = text;
    form.append(field);
    document.body.append(form);
    form.submit();
}"""


async def open_form(plain: Place, browser: Browser) -> Page:
    """Open the form, empty."""
    page = await browser.page()
    await page.goto(f"{plain.service_url}deidentify/try")
    return page


async def submit(page: Page, text: str) -> None:
    """Paste a note and send it; return when the answer is there, because the page before it looks the same."""
    # Not `fill`, which types: that takes half a minute for thousands of lines.
    await page.get_by_label("Note", exact=True).evaluate("(field, text) => { field.value = text; }", text)
    async with page.expect_event("load"):
        await page.get_by_role("button", name="De-identify").click()


async def test_masked_beside_the_note(plain: Place, signed_in: Browser) -> None:
    """The masked note appears beside the note, each part in the colour and with the line of its type, and legible."""
    page = await open_form(plain, signed_in)
    await submit(page, NOTE)
    marks = page.locator("#masked mark")
    await expect(marks).to_have_count(len(TYPES))
    looks = await page.locator(".legend mark").evaluate_all(
        """(marks) => marks.map(getComputedStyle).map((style) => [style.backgroundColor, style.textDecoration])"""
    )

    assert await marks.evaluate_all("(marks) => marks.map((mark) => mark.className)") == [
        f"type-{each}" for each in TYPES
    ]
    assert [len({look[part] for look in looks}) for part in (0, 1)] == [len(set(TYPES))] * 2
    assert "Roe" not in await page.locator("#result").inner_text()
    await expect(page.get_by_label("Note", exact=True)).to_have_value(NOTE)
    await expect_sound(page)
    await signed_in.save(page, "masked")
    assert (signed_in.errors, signed_in.foreign) == ([], [])


async def test_what_went_wrong(plain: Place, signed_in: Browser) -> None:
    """A note that is too large is still in the form, beside what is wrong with it."""
    page = await open_form(plain, signed_in)
    text = f"{NOTE}\n" * 300
    await submit(page, text)

    await expect(page.get_by_role("alert")).to_contain_text("note_too_large")
    await expect(page.get_by_label("Note", exact=True)).to_have_value(text)
    await expect_sound(page)
    await signed_in.save(page, "too-large")


async def test_narrow(plain: Place, signed_in: Browser) -> None:
    """Where there is no room for both beside each other, one is shown the result after sending the note."""
    page = await open_form(plain, signed_in)
    for width, is_scrolled in ((390, True), (1280, False)):
        await page.set_viewport_size({"width": width, "height": 844})
        await submit(page, NOTE)
        await expect(page.get_by_role("region", name="Masked note").locator("mark").first).to_be_in_viewport()

        assert (await page.evaluate("scrollY") > 0) is is_scrolled


async def test_any_text(plain: Place, signed_in: Browser) -> None:
    """Markup is shown and not run, white space stays, long lines wrap, and 100 kB with thousands of marks are shown."""
    page = await open_form(plain, signed_in)
    markup = (
        "\n\n</textarea></div><img src=x onerror=\"document.title = 'run'\"><script>document.title = 'run'</script>\n"
    )
    long_line = "x" * 3000
    for text in (markup, f"  a\tb\n{long_line}\n", "Smith ate.\n 3/4/2011 " * 4700):
        await submit(page, text)
        await expect(page.locator("#copy")).to_be_visible()

        await expect(page).to_have_title("De-identify · FastAPI service")
        await expect(page.get_by_label("Note", exact=True)).to_have_value(text)
        shown = str(await page.locator("#masked").text_content())
        assert (len(shown), shown.count("\n")) == (len(text), text.count("\n"))
        for element in ("html", "#text", "#masked"):
            assert await page.locator(element).evaluate("(each) => each.scrollWidth - each.clientWidth") <= 0

    hidden = "(each) => each.scrollHeight - each.clientHeight"
    assert await page.locator("#masked").evaluate(hidden) > 0
    await page.emulate_media(media="print")
    assert await page.locator("#masked").evaluate(hidden) <= 0, "all of it is printed"
    assert signed_in.errors == []


async def test_keyboard(plain: Place, signed_in: Browser) -> None:
    """Tab goes through options, note and result; arrows go through the masked parts and select words to mask."""
    page = await open_form(plain, signed_in)
    masked, bubble = page.locator("#masked"), page.locator("#bubble")
    await page.get_by_label("In its place").focus()
    await page.keyboard.press("ArrowDown")
    for _ in range(2):
        await page.keyboard.press("Tab")
    await page.keyboard.type("30")
    await tab_to(page, "More options")
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Always mask")).to_be_visible()
    await page.keyboard.press("Tab")
    await page.keyboard.type("seen")
    for _ in range(5):
        await page.keyboard.press("Tab")
    await page.keyboard.insert_text("Seen by Dr. Smith")
    await page.keyboard.press("Control+Enter")
    await expect(masked).to_have_text("[OTHER] by Dr. [NAME]")
    await expect(page.get_by_label("Move dates by days")).to_have_value("30")

    await tab_to(page, "[OTHER] by")
    await page.keyboard.press("ArrowRight")
    await expect(bubble).to_contain_text("OTHER: ")
    await page.keyboard.press("ArrowRight")
    await expect(bubble).to_contain_text("NAME: ")
    await expect(masked.locator("mark").last).to_have_accessible_description(re.compile(r"NAME: .+ Rule: [\w.]+"))
    await page.keyboard.press("Escape")
    await expect(bubble).to_be_hidden()
    await page.keyboard.press("ArrowLeft")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="This should stay")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(masked).to_have_text("Seen by Dr. [NAME]")
    await expect(page.get_by_label("Always mask")).to_have_value("")

    await tab_to(page, "Seen by")
    for _ in range(2):
        await page.keyboard.press("Shift+ArrowRight")
    await expect(bubble).to_contain_text("“Seen by”")
    await tab_to(page, "This should go")
    await page.keyboard.press("Enter")
    await expect(masked).to_have_text("[OTHER] Dr. [NAME]")
    await tab_to(page, "Copy")
    await page.keyboard.press("Space")
    await expect(page.locator("#copied")).to_have_text("Copied.")


async def test_by_mouse(plain: Place, signed_in: Browser) -> None:
    """Pointing at a part tells its type and rule; a word that is selected can be masked, and a masked one can stay."""
    page = await open_form(plain, signed_in)
    await submit(page, "😀 Seen with chest pain by Dr. Zorblatt.\nZorblatt's zebra is well.")
    masked, bubble = page.locator("#masked"), page.locator("#bubble")
    await masked.locator("mark").first.hover()
    await expect(bubble).to_contain_text(re.compile("NAME: .+ Rule: "))
    await page.get_by_label("Show what was there").check()
    await expect(masked.locator("del").first).to_have_text("Zorblatt")
    await page.set_viewport_size(NARROW)
    await masked.locator("mark").first.click()
    await expect(bubble).to_be_in_viewport(ratio=1)
    await page.get_by_role("button", name="This should stay").click()
    await expect(masked).to_contain_text("by Dr. Zorblatt.")

    await page.set_viewport_size(WIDE)
    await masked.evaluate(SELECT, "hest pai")
    await page.mouse.up()
    await expect(bubble).to_contain_text("“chest pain”")
    await page.get_by_role("button", name="This should go").click()
    await expect(page.get_by_label("Always mask")).to_have_value("chest pain")
    await expect(masked.locator("mark").first).to_have_text("***** ****")
    assert (signed_in.errors, signed_in.foreign, page.url.partition("?")[1]) == ([], [], "")


@pytest.mark.parametrize("old", [False, True], ids=["https", "plain http"])
async def test_copy(plain: Place, signed_in: Browser, *, old: bool) -> None:
    """The button copies the masked note as it is, also where browsers keep the clipboard from a page without TLS.

    If that fails, what the reader copies next is their own.
    """
    page = await signed_in.page()
    when = "today" if old else "yesterday"  # the clipboard outlasts a test
    if old:
        await page.add_init_script("delete Navigator.prototype.clipboard")
    await page.goto(f"{plain.service_url}deidentify/try")
    await submit(page, f"  Seen by Dr. Smith,\n\tMRN 1234567, {when}\n")
    await page.get_by_label("Show what was there").check()
    if old:
        await page.evaluate("document.execCommand = () => false")
        await page.get_by_role("button", name="Copy").click()
        await expect(page.locator("#copied")).to_contain_text("The browser refuses.")
        assert await page.evaluate(IS_COPY_LEFT_ALONE)
        await page.evaluate("delete document.execCommand")
    await page.get_by_role("button", name="Copy").click()
    await expect(page.locator("#copied")).to_have_text("Copied.")
    await page.get_by_label("Note", exact=True).fill("")
    await page.keyboard.press("Control+V")

    await expect(page.get_by_label("Note", exact=True)).to_have_value(f"  Seen by Dr. *****,\n\tMRN *******, {when}\n")


async def test_without_scripts(plain: Place, signed_in: Browser) -> None:
    """All works where no script does, but for what needs one, which is not shown."""
    page = await signed_in.page()
    await page.route("**/*.js", lambda route: route.abort())
    await page.goto(f"{plain.service_url}deidentify/try")
    await submit(page, "Seen by Dr. Smith")

    await expect(page.locator("#masked")).to_have_text("Seen by Dr. *****")
    await expect(page.locator("mark[title^='NAME: ']")).to_have_accessible_description(re.compile("NAME: .+ Rule: "))
    for needs_a_script in ("#copy", "#view", "#bubble", "#files", "#masked-hint", "#shortcut"):
        await expect(page.locator(needs_a_script)).to_be_hidden()


async def test_download(plain: Place, signed_in: Browser, tmp_path: Path) -> None:
    """The other button saves the masked note as a text file; the page stays."""
    page = await open_form(plain, signed_in)
    await page.get_by_label("Note", exact=True).fill("Seen by José Núñez.\nMRN 1234567")
    async with page.expect_download() as saving:
        await page.get_by_role("button", name="Download").click()
    saved = await saving.value
    await saved.save_as(tmp_path / "saved.txt")

    assert saved.suggested_filename == "deidentified.txt"
    assert (tmp_path / "saved.txt").read_text() == "Seen by **** *****.\nMRN *******"
    await expect(page.get_by_label("Note", exact=True)).to_have_value("Seen by José Núñez.\nMRN 1234567")


async def test_nothing_is_left_behind(plain: Place, browse: "Browse") -> None:
    """After signing out the way back leads to no page with the note, and no address has had it."""
    browser = await browse(plain.origin)
    page = await browser.page()
    await page.goto(f"{plain.service_url}deidentify/try")
    await browser.sign_in(page)
    await submit(page, f"{CANARY}, MRN 1234567")
    await expect(page.locator("#copy")).to_be_visible()
    address = page.url
    await page.goto(f"{plain.service_url}logout")
    await page.get_by_role("button", name="Sign out").click()
    await page.wait_for_url(f"{plain.hub_url}**")

    await page.go_back()
    with pytest.raises(PlaywrightError, match="ERR_CACHE_MISS"):
        await page.go_back()
    again = await browser.page()
    await again.goto(address)
    await expect(again.get_by_label("Username")).to_be_visible()
    assert address == f"{plain.service_url}deidentify/try#result"


@pytest.mark.parametrize("site", STRANGERS.values(), ids=STRANGERS)
async def test_strangers_cannot_send_the_form(plain: Place, signed_in: Browser, site: str) -> None:
    """A form on another's page is refused, and what it sent does not come back."""
    page = await signed_in.stranger(site.format(origin=plain.origin))
    address = f"{plain.service_url}deidentify/try"
    async with page.expect_navigation(url=address) as navigation:
        await page.evaluate(POST, [address, CANARY])
    reply = await navigation.value

    assert reply is not None
    assert reply.status in {401, 403}
    assert CANARY not in await page.content()
