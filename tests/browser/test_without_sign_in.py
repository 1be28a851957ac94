"""De-identification without a sign-in, in a real browser: for its own pages, and for those of nobody else."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.support.external import ExternalService
from tests.support.ports import free_port

if TYPE_CHECKING:
    from tests.conftest import Browse

NOTE = "Seen 12/03/2019 by Dr. Smith."
POST = """([address, note]) => {
    const form = document.createElement("form");
    form.method = "post";
    form.action = address;
    const field = document.createElement("input");
    field.name = "text";
    field.value = note;
    form.append(field);
    document.body.append(form);
    form.submit();
}"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The origin of the service."""
    origin = f"http://127.0.0.1:{free_port()}"
    told = {"SERVICE_SIGN_IN": "none", "SERVICE_APPS": "deidentify", "SERVICE_LISTEN": origin}
    told |= {"DEIDENTIFY_WORKERS": "1", "DEIDENTIFY_DEADLINE": "60"}  # a busy machine is not what is tested
    with ExternalService(told, directory=tmp_path_factory.mktemp("alone")):
        yield origin


async def test_a_note(home: str, browse: "Browse") -> None:
    """From the start page to a masked note, and to Swagger UI. Every page says that nobody signs in."""
    browser = await browse(home)
    page = await browser.page()
    said = page.get_by_role("note")

    await page.goto(f"{home}/")
    await expect(said).to_contain_text("Nobody signs in here.")
    await page.get_by_role("navigation").get_by_role("link", name="De-identify").click()
    await page.get_by_label("Note", exact=True).fill(NOTE)
    await page.get_by_role("button", name="De-identify").click()

    await expect(page.get_by_role("region", name="Masked note").first).to_contain_text("Seen **/**/**** by Dr. *****.")
    await expect(said).to_be_visible()
    await page.goto(f"{home}/docs")
    await expect(page.get_by_text("De-identify a note")).to_be_visible()
    await expect(said).to_be_visible()
    await expect(page.get_by_role("button", name="Authorize")).to_have_count(0)
    assert (browser.errors, browser.foreign) == ([], [])


@pytest.mark.parametrize("where", ["http://127.0.0.1:9/", "http://localhost:9/"])
async def test_a_page_of_another_site(home: str, browse: "Browse", where: str) -> None:
    """A form that another page sends is refused."""
    browser = await browse(home)
    page = await browser.stranger(where)

    await page.evaluate(POST, [f"{home}/deidentify/try", NOTE])

    await expect(page.locator("body")).to_contain_text('"code":"origin"')
