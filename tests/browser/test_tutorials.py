"""The tutorials for operators and for a support team, done from top to bottom as their pages say."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import Page

from tests.support.markdown import blocks
from tests.support.node import REPOSITORY
from tests.support.ports import free_ports_at
from tests.support.tutorial_clicks import People, steps
from tests.support.tutorial_reader import Reader, checkout

if TYPE_CHECKING:
    from tests.conftest import Browse

PAGES = REPOSITORY / "docs/tutorials"
OWN = "a walk in the woods"  # the password that a reader makes up
NOT_DONE = {
    "sudo apt-get update": "true",  # needs root and the network; script/walk does so on an empty machine
    "sudo apt-get install": "true",  # likewise
    "git clone ADDRESS service-fastapi": "true",  # needs the network; `checkout` makes what it makes
    "read -r PASSWORD": f"PASSWORD='{OWN}'",  # needs a keyboard
}


def reader_of(name: str, folder: Path, browse: "Browse") -> Reader:
    """Return a reader of a page, with a checkout in the folder."""
    page, port = PAGES / name, free_ports_at(0, 81, 182, 283)[0]
    state = checkout(folder / "service-fastapi") / ".hub"
    text = page.read_text()
    start = next(block.code.strip() for block in blocks(page, "sh") if "./script/run" in block.code)

    def meant(words: str) -> str:
        return (state / "password").read_text() if words == "the first password" else OWN

    async def new_page() -> Page:
        browser = await browse(f"http://127.0.0.1:{port}")
        return await browser.page()

    return Reader(
        page,
        folder,
        People(new_page, meant=meant),
        addresses={f"{host}:8000": f"{host}:{port}" for host in ("127.0.0.1", "localhost") if f"{host}:8000" in text},
        instead={
            **{words: other for words, other in NOT_DONE.items() if words in text},
            "./script/run": f"HUB_PORT={port} ./script/run",
        },
        serving={start: "Ctrl-C ends it."},
    )


@pytest.mark.parametrize("name", ["nothing-to-https.md", "support-team.md"])
async def test_a_tutorial(name: str, browse: "Browse", tmp_path: Path) -> None:
    """Each command prints what the page shows, and each step in the browser leads to what the page says."""
    with reader_of(name, tmp_path, browse) as reader:
        await reader.read()

    assert reader.is_done


def test_no_step_is_passed_over() -> None:
    """A word that a page marks as one to click is in a step, or the page cannot be read."""
    assert [*steps("Click **Team**. You\nsee *1 account*.")] == [{"click": "Team"}, {"seen": "1 account"}]
    with pytest.raises(AssertionError, match=r"no step has \*\*Team\*\*"):
        list(steps("Press **Team**."))
