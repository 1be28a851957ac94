"""What a Markdown file of ours shows: its code blocks, and the files it links to."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"^ *```(\w+)(?: title=(\S+))?\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block of code; `title` is the file it belongs into, empty where none is said, `line` where it begins."""

    language: str
    title: str
    code: str
    line: int


def blocks(page: Path, *languages: str) -> list[Block]:
    """Return the blocks of these languages, in order."""
    text = page.read_text()
    matches = _BLOCK.finditer(text)
    found = (Block(m[1], m[2] or "", m[3], text.count("\n", 0, m.start()) + 1) for m in matches)
    return [block for block in found if block.language in languages]


def between_blocks(page: Path) -> Iterator[tuple[int, str]]:
    """Return the texts between the blocks of a page, with the line where each begins."""
    text, end = page.read_text(), 0
    for block in _BLOCK.finditer(text):
        yield text.count("\n", 0, end) + 1, text[end : block.start()]
        end = block.end()
    yield text.count("\n", 0, end) + 1, text[end:]


def linked_files(page: Path) -> list[Path]:
    """Return the files of ours that a page links to or shows."""
    targets = (target.partition("#")[0] for target in _LINK.findall(_BLOCK.sub("", page.read_text())))
    return [page.parent / target for target in targets if target and "://" not in target]


def missing_headings(page: Path) -> list[str]:
    """Return the links of a page to headings, its own or of other pages, that are not there."""
    links = [link for link in _LINK.findall(_BLOCK.sub("", page.read_text())) if "#" in link and "://" not in link]
    return [link for link in links if link.partition("#")[2] not in _anchors(_target(page, link))]


def _target(page: Path, link: str) -> Path:
    name = link.partition("#")[0]
    return page.parent / name if name else page


def _anchors(page: Path) -> set[str]:
    """Return the headings of a page as GitHub makes anchors of them: small letters, hyphens, no punctuation."""
    headings = _HEADING.findall(_BLOCK.sub("", page.read_text()))
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
