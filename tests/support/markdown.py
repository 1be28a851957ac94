"""What a Markdown file of ours shows: its code blocks, and the files it links to."""

import re
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"^ *```(\w+)(?: title=(\S+))?\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced block of code; `title` is the file it belongs into, empty where none is said."""

    language: str
    title: str
    code: str


def blocks(page: Path, *languages: str) -> list[Block]:
    """Return the blocks of these languages, in order."""
    found = (Block(*(part or "" for part in match.groups())) for match in _BLOCK.finditer(page.read_text()))
    return [block for block in found if block.language in languages]


def linked_files(page: Path) -> list[Path]:
    """Return the files of ours that a page links to or shows."""
    targets = (target.partition("#")[0] for target in _LINK.findall(_BLOCK.sub("", page.read_text())))
    return [page.parent / target for target in targets if target and "://" not in target]
