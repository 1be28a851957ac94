"""How tests of rules are written: a line in which what must be masked stands in double brackets."""

import re

from service.apps.deidentify.engine.engine import Engine

MARK = re.compile(r"\[\[(.*?)\]\]")
WORD = re.compile(r"[^\W_]+")


def problem(engine: Engine, line: str) -> str:
    """What is wrong with what the engine makes of a line; empty where just the marked words are masked."""
    parts = MARK.split(line)
    text = "".join(parts)
    wanted = []
    place = 0
    for number, part in enumerate(parts):
        wanted += [number % 2 == 1] * len(part)
        place += len(part)
    masked = engine.deidentify(text).text
    wrong = [
        match[0]
        for match in WORD.finditer(text)
        if wanted[match.start()] == any(map(str.isalnum, masked[match.start() : match.end()]))
    ]
    return f"{' '.join(wrong)}: {masked}" if wrong else ""
