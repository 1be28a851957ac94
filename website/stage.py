"""Puts the pages of the site together in a folder, where Zensical finds them."""

import json
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import tomli_w

from website import rest_api, tree

REST_API = "rest-api.md"
_LANGUAGES = {".py": "python", ".js": "javascript", ".html": "html", ".json": "json", ".yaml": "yaml", ".toml": "toml"}


class OrphanError(Exception):
    """A page of docs/ is not in `nav` of website/zensical.toml, so that nobody finds it."""


def stage(folder: Path, root: Path = tree.REPOSITORY, *, with_rest_api: bool = True) -> Path:
    """Write the pages and Zensical's configuration into a folder, and return the configuration's path.

    Raises:
        BrokenLinkError: a link leads to nothing.
        OrphanError: a page of docs/ is not in the navigation.
    """
    config = tomllib.loads((root / "website" / "zensical.toml").read_text())
    config["project"]["nav"] = list(_expanded(config["project"]["nav"], root))
    wanted = set(_paths(config["project"]["nav"])) - {PurePosixPath(REST_API)}
    written = PurePosixPath("docs")
    orphans = {PurePosixPath(each.relative_to(root)) for each in (root / written).rglob("*.md")} - wanted
    if orphans:
        raise OrphanError(f"Not in `nav` of website/zensical.toml: {', '.join(sorted(map(str, orphans)))}")
    config["project"]["nav"] = _as_pages(config["project"]["nav"], root)
    pages = folder / config["project"]["docs_dir"]
    pages.mkdir(parents=True, exist_ok=True)
    _write_all(wanted, pages, root)
    shutil.copy(root / "website" / "site.css", pages)
    if with_rest_api:
        document = rest_api.document()
        (pages / REST_API).write_text(rest_api.page(document))
        (pages / "openapi.json").write_text(json.dumps(document, indent=2))
    path = folder / "zensical.toml"
    path.write_text(tomli_w.dumps(config))
    return path


def _expanded(nav: list[dict[str, Any]], root: Path) -> Iterator[dict[str, Any]]:
    """Yield the entries of a navigation, with a list of pages in the place of a pattern."""
    for entry in nav:
        ((title, below),) = entry.items()
        if isinstance(below, list):
            yield {title: list(_expanded(below, root))}
        elif "*" in below:
            found = sorted(root.glob(below))
            yield {title: [{_title(each): each.relative_to(root).as_posix()} for each in found]}
        else:
            yield entry


def _title(page: Path) -> str:
    return page.read_text().partition("\n")[0].removeprefix("# ")


def _paths(nav: list[dict[str, Any]]) -> Iterator[PurePosixPath]:
    for entry in nav:
        for below in entry.values():
            if isinstance(below, list):
                yield from _paths(below)
            else:
                yield PurePosixPath(below)


def _as_pages(nav: list[dict[str, Any]], root: Path) -> list[dict[str, Any]]:
    """Return a navigation with the paths of pages for those of the repository."""

    def there(below: Any) -> Any:  # noqa: ANN401 - a list or a path
        if isinstance(below, list):
            return _as_pages(below, root)
        return below if below == REST_API else tree.page_of(PurePosixPath(below), root).as_posix()

    return [{title: there(below) for title, below in entry.items()} for entry in nav]


def _write_all(wanted: set[PurePosixPath], pages: Path, root: Path) -> None:
    """Write these files as pages, and all that they link to."""
    done: set[PurePosixPath] = set()
    while left := wanted - done:
        for path in left:
            target = pages / tree.page_of(path, root)
            target.parent.mkdir(parents=True, exist_ok=True)
            if tree.is_picture(path):
                shutil.copyfile(root / path, target)
            else:
                text, linked = tree.rewrite(_markdown(path, root), path, root)
                _write(target, text)
                wanted = wanted | linked
            done.add(path)


def _write(path: Path, text: str) -> None:
    """Write a page that has changed. Zensical builds those again that have."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def _markdown(path: PurePosixPath, root: Path) -> str:
    """Return a file or folder of the repository as Markdown."""
    file = root / path
    if file.is_dir():
        listed = sorted(each.name for each in file.iterdir() if each.suffix and not each.name.startswith(("_", ".")))
        return f"# {path}\n\n" + "\n".join(f"- [{_name(file / name)}]({path.name}/{name})" for name in listed) + "\n"
    text = file.read_text()
    if path.suffix == ".md":
        return text
    if path.suffix == ".ipynb":
        return "\n\n".join(_cells(json.loads(text))) + "\n"
    return f"# {path}\n\n" + _code(text, _LANGUAGES.get(path.suffix, "text")) + "\n"


def _name(file: Path) -> str:
    return _title(file) if file.suffix == ".md" else file.name


def _code(text: str, language: str) -> str:
    return f"``````{language}\n{text.rstrip()}\n``````"


def _cells(notebook: dict[str, Any]) -> Iterator[str]:
    """Yield the cells of a notebook, with what they print."""
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        yield source if cell["cell_type"] == "markdown" else _code(source, "python")
        for output in cell.get("outputs", ()):
            printed = output.get("text") or output.get("data", {}).get("text/plain") or ()
            if printed:
                yield _code("".join(printed), "text")
