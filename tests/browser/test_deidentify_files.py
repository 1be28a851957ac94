"""Files that the form takes: a text becomes the note, and a column of a table is masked."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

from playwright.async_api import FilePayload, Route, expect

from tests.browser.conftest import Place
from tests.browser.test_deidentify import open_form
from tests.support.browser import Browser

TABLE = (
    "\ufeffid;the note;who\r\n"
    '1;"Seen by Dr. Smith;\n""ouch""";Jane Roe\r\n\r\n'
    "2;;=1+1\r\n3;MRN 1234567;\t\r\n"
    "4;Der Patient wurde gestern mit starken Schmerzen in der Brust aufgenommen.;x\r\n5;'fine';y"
)
MASKED_TABLE = (
    "\ufeffid;the note;who\r\n"
    '1;"Seen by Dr. [NAME];\n""ouch""";Jane Roe\r\n\r\n'
    "2;;=1+1\r\n3;MRN [ID];\t\r\n4;;x\r\n5;'fine';y"
)
# Text -> its rows, or what is said against it.
TABLES: dict[str, tuple[str, object]] = {
    "commas": ("a,b\n1,2\n", [["a", "b"], ["1", "2"]]),
    "tabs": ("a\tb\r\n1\t2", [["a", "b"], ["1", "2"]]),
    "one column": ('note\n"a, b"\n', [["note"], ["a, b"]]),
    "separators in quotes": ('"a;b;c",d\n1,2', [["a;b;c", "d"], ["1", "2"]]),
    "quotes and line ends in cells": ('a,b\n"x""\r\ny",""\n', [["a", "b"], ['x"\r\ny', ""]]),
    "empty cells": ("a,b\n,\n", [["a", "b"], ["", ""]]),
    "an empty cell at the end": ("a,b\n1,", [["a", "b"], ["1", ""]]),
    "blank rows": ("a,b\n\n1,2\n\n", [["a", "b"], ["1", "2"]]),
    "old line ends": ("a,b\r1,2\r", [["a", "b"], ["1", "2"]]),
    "a quote within a cell": ('a,b\n5" nail,2', [["a", "b"], ['5" nail', "2"]]),
    "a quote that is never closed": ('a,b\n1,2\n"x,y\n', "A quote in row 3 is never closed."),
    "text after a quote": ('a,b\n"x"y,2', "Row 2 has text after a closing quote."),
    "a row too short": ("a,b\n1,2\n3\n", "Row 3 has 1 cells, and the first row 2."),
    "no rows": ("a,b\n", "The table has no row below the names of its columns."),
    "a blank first line": ("\na;b\n1;2\n", [["a", "b"], ["1", "2"]]),
    "blank lines behind a byte order mark": ("\ufeff\r\n\r\na;b\r\n1;2", [["a", "b"], ["1", "2"]]),
    "Excel's line with the separator": ("sep=;\r\na;b,c\r\n1;2\r\n", [["a", "b,c"], ["1", "2"]]),
    "another separator": ("\ufeffsep=|\na|b,c\n1|2", [["a", "b,c"], ["1", "2"]]),
    "a row too short below Excel's line": ("sep=;\na;b\n1\n", "Row 3 has 1 cells, and the first row 2."),
    "too many columns": ("," * 1000 + "\n", "Row 1 has too many cells. A table may have 1,000 columns."),
    "nothing": ("", "The table has no row below the names of its columns."),
}
READ = """async ([address, text]) => {
    const { readTable, writeTable } = await import(address);
    const textsOf = ({ rows }) => rows.map(({ cells }) => cells.map((cell) => cell.text));
    try {
        const table = readTable(text);
        const rows = textsOf(table);
        const again = textsOf(readTable(writeTable(text, table, 0, rows.slice(1).map(([first]) => first))));
        const emptied = readTable(writeTable(text, table, 0, rows.slice(1).map(() => ""))).rows;
        const isSame = JSON.stringify(again) === JSON.stringify(rows) && emptied.length === rows.length;
        return isSame ? rows : "written otherwise";
    } catch (error) {
        return error.message;
    }
}"""
IS_ASKED_TO_STAY = """() => {
    const event = document.createEvent("BeforeUnloadEvent");
    event.initEvent("beforeunload", false, true);
    return !dispatchEvent(event);
}"""
STORED = "async () => [localStorage.length, sessionStorage.length, (await caches.keys()).length]"
DROP = """(element, text) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([text], "Jane Roe.csv"));
    const event = new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true });
    if (element.dispatchEvent(event)) throw new Error("the browser would open the file");
}"""


async def test_a_text_is_taken(plain: Place, signed_in: Browser) -> None:
    """A file of text becomes the note, after a question if there is another. What cannot be the note says why."""
    page = await open_form(plain, signed_in)
    said = page.locator("#file-said")
    for name, content, told in (
        ("a.docx", b"PK", "Only files that end in .txt or .csv"),
        ("a.txt", "José".encode("latin-1"), "not in UTF-8"),
        ("a.csv", "a,b\nc,d".encode("utf-16"), "not in UTF-8"),
        ("a.txt", b"x" * 100_001, "too large"),
        ("a.txt", b"", "This file is empty."),
        ("a.csv", b"", "This file is empty."),
        ("a.TXT", "\ufeffSeen by\r\nJosé".encode(), "in the field"),
        ("b.txt", b"Another", "stays as it was"),  # the question is answered with no
        ("a.txt", "Seen by\r\nJosé".encode(), "in the field"),
    ):
        await page.get_by_label("Or take a file").set_input_files(FilePayload(name=name, mimeType="", buffer=content))
        await expect(said).to_contain_text(told)

    await expect(page.get_by_label("Note", exact=True)).to_have_value("Seen by\nJosé")
    page.once("dialog", lambda dialog: dialog.accept())
    async with page.expect_file_chooser() as choosing:
        await page.get_by_label("Or take a file").click()
    await expect(page.get_by_label("Or take a file")).to_have_value("")  # else the same file could not be chosen again
    await (await choosing.value).set_files(FilePayload(name="b.txt", mimeType="", buffer=b"Another"))
    await expect(page.get_by_label("Note", exact=True)).to_have_value("Another")


async def test_a_table_is_masked(plain: Place, signed_in: Browser, tmp_path: Path) -> None:
    """A table that is dropped comes back as a file with one column masked; the rest keeps its bytes.

    A request that fails is sent again. Whoever leaves the page meanwhile is asked, and the focus stays at the buttons.
    """
    page = await open_form(plain, signed_in)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
    await page.get_by_label("In its place").select_option("tag")
    await page.locator("main").evaluate(DROP, TABLE)
    await expect(page.locator("#file-said")).to_have_text("The table has 5 rows.")
    await expect(page.get_by_label("Column with the notes").locator("option:checked")).to_have_text("the note")
    days, mask = page.get_by_label("Move dates by days"), page.get_by_role("button", name="Mask this column")
    await days.fill("40000")
    await mask.click()
    await expect(page.locator("#file-said")).to_have_text(re.compile("^Move dates by days: .* No file was made.$"))
    await days.fill("")
    assert not await page.evaluate(IS_ASKED_TO_STAY)

    release = asyncio.Event()
    faults: list[Callable[[Route], Awaitable[None]]] = [
        lambda route: route.abort(),
        lambda route: route.fulfill(status=502, body="Bad gateway"),
    ]

    async def fail_at_first(route: Route) -> None:
        await release.wait()
        await (faults.pop()(route) if faults else route.continue_())

    await page.route("**/deidentify/try", fail_at_first)
    async with page.expect_download() as saving:
        await mask.click()
        await expect(page.get_by_role("button", name="Stop")).to_be_focused()
        assert await page.evaluate(IS_ASKED_TO_STAY)
        release.set()
    saved = await saving.value
    await expect(mask).to_be_focused()
    await saved.save_as(tmp_path / "saved.csv")

    assert saved.suggested_filename == "deidentified.csv"
    assert (tmp_path / "saved.csv").read_bytes().decode() == MASKED_TABLE
    await expect(page.locator("#file-said")).to_contain_text("The cell is empty in row 6: This looks like German.")
    assert {each for each in asked if "/static/" not in each and "blob:" not in each} == {
        f"POST {plain.service_url}deidentify/try"
    }
    assert await page.evaluate(STORED) == [0, 0, 0]


async def test_how_tables_are_read(plain: Place, signed_in: Browser) -> None:
    """Each cell is read as RFC 4180 has it, or the table is refused; what is written is read as the same."""
    page = await open_form(plain, signed_in)
    address = f"{plain.service_url}static/deidentify-csv.js"
    read = {name: await page.evaluate(READ, [address, text]) for name, (text, _) in TABLES.items()}

    assert read == {name: expected for name, (_, expected) in TABLES.items()}
