"""The documentation site: built strictly, complete, and without anything from elsewhere."""

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath

import pytest

from tests.support.node import REPOSITORY
from website import rest_api, stage, tree

ON_GITHUB = (
    '<picture><source media="(prefers-color-scheme: dark)" srcset="images/desk-dark.png">'
    '<img alt="a" src="images/desk-light.png"></picture>'
)
LOADING = {"script": "src", "img": "src", "iframe": "src", "link": "href", "source": "src"}


class Loaded(HTMLParser):
    """Collects what a page loads when it is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take the address of what an element loads."""
        if tag in LOADING and (address := dict(attrs).get(LOADING[tag])):
            self.addresses.add(address)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as script/docs builds it."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "website", "build", str(folder)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def checkout(folder: Path, **pages: str) -> Path:
    """Return a repository with these pages in docs/, whose navigation has `start.md` alone."""
    for name, text in {"start": "# Start\n", **pages}.items():
        page = folder / "docs" / f"{name}.md"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(text)
    (folder / "website").mkdir()
    (folder / "website/site.css").touch()
    (folder / "website/zensical.toml").write_text(
        '[project]\nsite_name = "x"\ndocs_dir = "pages"\nnav = [{ Start = "docs/start.md" }]\n'
    )
    return folder


def test_it_has_every_page(site: Path) -> None:
    """It builds without a warning, so no link and no anchor is broken. Each page of docs/ is there and can be found."""
    pages = {PurePosixPath(each.relative_to(REPOSITORY)) for each in (REPOSITORY / "docs").rglob("*.md")}
    searched = {
        entry["location"].partition("#")[0] for entry in json.loads((site / "search.json").read_text())["items"]
    }

    assert len(pages) > 40
    for page in pages:
        built = tree.page_of(page).with_suffix(".html")
        assert (site / built).is_file(), page
        assert str(built) in searched, page


def test_it_loads_nothing_from_elsewhere(site: Path) -> None:
    """No page loads a script, a style, a font or a picture from another host."""
    pages = list(site.rglob("*.html"))
    for page in pages:
        loaded = Loaded()
        loaded.feed(page.read_text())
        assert loaded.addresses
        assert not [each for each in loaded.addresses if re.match(r"\w+:|//", each) and not each.startswith("data:")], (
            page
        )
        # The theme fetches what draws these from a CDN.
        assert not re.search(r'class="(mermaid|glightbox|pyodide)', page.read_text()), page
    for style in site.rglob("*.css"):
        assert not re.search(r"url\(\s*['\"]?(?:https?:)?//", style.read_text()), style


def test_a_file_outside_of_docs_is_shown(site: Path) -> None:
    """A link to an example leads to a page with its text."""
    assert "tcp_server.py" in (site / "hub.html").read_text()
    assert "asyncio" in (site / "files/examples/hub_auth/tcp_server.py.html").read_text()


def test_every_route_is_described(site: Path) -> None:
    """The page of the REST API has a heading for each operation, and names each scope that one requires."""
    document = json.loads((site / "openapi.json").read_text())
    text = rest_api.page(document)
    headings = set(re.findall(r"^### (.*)$", text, re.MULTILINE))

    assert "GET /me" in headings
    for path, operations in document["paths"].items():
        assert {f"{method.upper()} {path}" for method in operations} <= headings
    assert "`custom:desk:tickets:create`" in text
    assert re.search(r"\| `limit` \| query \| integer \| Items at most. \(≥ 1; ≤ 200; default `50`\) \|", text)


def test_a_broken_link_stops_it(tmp_path: Path) -> None:
    """A link to a file that is not there is named."""
    root = checkout(tmp_path / "a", start="# Start\n\nSee [this](gone.md).\n")

    with pytest.raises(tree.BrokenLinkError, match=r"docs/start\.md: gone\.md"):
        stage.stage(tmp_path / "b", root, with_rest_api=False)


def test_a_link_out_of_the_repository_stops_it(tmp_path: Path) -> None:
    """A page shows files of the repository, and no others."""
    root = checkout(tmp_path / "a", start="# Start\n\nSee [this](../../secret).\n")
    (tmp_path / "secret").write_text("a secret")

    with pytest.raises(tree.BrokenLinkError):
        stage.stage(tmp_path / "b", root, with_rest_api=False)


def test_an_orphan_stops_it(tmp_path: Path) -> None:
    """A page that is not in the navigation is named."""
    root = checkout(tmp_path / "a", lost="# Lost\n")

    with pytest.raises(stage.OrphanError, match=r"docs/lost\.md"):
        stage.stage(tmp_path / "b", root, with_rest_api=False)


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("[a](../README.md#try-it)", "[a](index.md#try-it)"),
        ("[a](../SECURITY.md)", "[a](files/SECURITY.md)"),
        ("[a](../examples/note.json)", "[a](files/examples/note.json.md)"),
        ("[a](../examples/existing_app)", "[a](files/examples/existing_app/index.md)"),
        ("![a](images/scale.png)", "![a](images/scale.png)"),
        (ON_GITHUB, "![a](images/desk-light.png#only-light)![a](images/desk-dark.png#only-dark)"),
        ("[a](https://example.org/x)", "[a](https://example.org/x)"),
        ("[a](#x)", "[a](#x)"),
        ("`[a](nothing)`", "`[a](nothing)`"),
        ("```\n[a](nothing)\n```", "```\n[a](nothing)\n```"),
        ("```python title=a.py\n```", '```python title="a.py"\n```'),
        ("1. one\n   two\n   - three", "1. one\n    two\n    - three"),
        ("- one\n\n  ```sh\n  two\n  ```\n\nthree\n  four", "- one\n\n    ```sh\n    two\n    ```\n\nthree\n  four"),
        ("one:\n- two", "one:\n\n- two"),
    ],
)
def test_markdown(text: str, becomes: str) -> None:
    """Links lead to pages of the site, and lists are as Python-Markdown reads them; code stays as it is."""
    assert tree.rewrite(text, PurePosixPath("docs/x.md"))[0] == becomes + "\n"
