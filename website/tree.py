"""Which file of the repository becomes which page of the site, and where its links lead there."""

import os.path
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath

REPOSITORY = Path(__file__).resolve().parents[1]
_PICTURES = {".png", ".svg"}
_CODE_OR_LINK = re.compile(r"(?P<ticks>`+)(?:(?!(?P=ticks)).)+(?P=ticks)|\]\((?P<target>[^)\s]+)\)")
# GitHub takes the one that fits the reader's system. The site's theme, which a reader can choose, shows one of two.
_PICTURE = re.compile(
    r'<picture><source media="\(prefers-color-scheme: dark\)" srcset="(?P<dark>[^"]+)">'
    r'<img alt="(?P<alt>[^"]*)" src="(?P<light>[^"]+)"></picture>'
)
_IN_BOTH_SCHEMES = r"![\g<alt>](\g<light>#only-light)![\g<alt>](\g<dark>#only-dark)"
_FENCE = re.compile(r" *(`{3,}|~{3,})")
_OPTION = re.compile(r'(\w+)=([^"\s]+)')
_ITEM = re.compile(r"( *)(?:[-*+]|\d+\.) ")


class BrokenLinkError(Exception):
    """A link leads to a file that the repository does not have."""


def page_of(path: PurePosixPath, root: Path = REPOSITORY) -> PurePosixPath:
    """Return where a file or folder of the repository is found among the pages. Both paths are relative.

    docs/ is the root of the site. A file from elsewhere has a page below `files/`, which shows it.
    """
    if path == PurePosixPath("README.md"):
        return PurePosixPath("index.md")
    page = path.relative_to("docs") if path.is_relative_to("docs") else "files" / path
    if (root / path).is_dir():
        return page / "index.md"
    if path.name == "README.md":
        return page.with_name("index.md")
    return page if path.suffix in {".md", *_PICTURES} else page.with_name(f"{page.name}.md")


def is_picture(path: PurePosixPath) -> bool:
    """Whether the site has the file as it is."""
    return path.suffix in _PICTURES


def rewrite(text: str, source: PurePosixPath, root: Path = REPOSITORY) -> tuple[str, set[PurePosixPath]]:
    """Return a page of the site, and the files of the repository that it links to.

    GitHub and Python-Markdown also differ in how far a list is indented, which is changed here.

    Args:
        text: the Markdown of a file, as GitHub shows it.
        source: where the file is in the repository.
        root: the repository.

    Raises:
        BrokenLinkError: a link leads to nothing.
    """
    linked: set[PurePosixPath] = set()

    def leading_there(match: re.Match[str]) -> str:
        target = match["target"]
        # Code keeps what looks like a link.
        if target is None or re.match(r"[a-z]+:|#", target):
            return match[0]
        path, hash_, anchor = target.partition("#")
        found = PurePosixPath(os.path.normpath(source.parent / path))
        if found.is_absolute() or found.parts[:1] == ("..",) or not (root / found).exists():
            raise BrokenLinkError(f"{source}: {target}")
        linked.add(found)
        there = os.path.relpath(page_of(found, root), page_of(source, root).parent)
        return f"]({there}{hash_}{anchor})"

    lines = _for_python_markdown(
        text.splitlines(), lambda line: _CODE_OR_LINK.sub(leading_there, _PICTURE.sub(_IN_BOTH_SCHEMES, line))
    )
    return "\n".join(lines) + "\n", linked


def _for_python_markdown(lines: Iterable[str], changed: Callable[[str], str]) -> Iterator[str]:
    """Yield lines as Python-Markdown wants them, those outside of code `changed`.

    Each level of a list is indented by four, an empty line stands before a list, and options of code have quotes.
    """
    fence, shift, in_list, before = "", 0, False, ""
    for line in lines:
        indent = len(line) - len(line.lstrip())
        opening = _FENCE.match(line)
        if fence:
            yield " " * shift + line if line else line
            if opening and opening[1].startswith(fence) and not line.strip(" `~"):
                fence = ""
            continue
        item = _ITEM.match(line)
        if line and not indent:
            if item and not in_list and before.strip():
                yield ""
            in_list = bool(item) or (in_list and bool(before.strip()))
        shift = -(-indent // 4) * 4 - indent if in_list and line.strip() else 0
        if opening:
            fence = opening[1]
            yield " " * shift + _OPTION.sub(r'\1="\2"', line)
        else:
            yield changed(" " * shift + line)
        before = line
