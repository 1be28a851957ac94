#!/usr/bin/env python3
"""Fill in a YAML template: `${NAME}` from the environment, `${base64 FILE}` with the content of a file.

Usage: deploy/azure/fill_in.py FILLED [TEMPLATE]     (deploy-aci.yaml beside this file)

FILE is a path from the template's folder, or the name of an environment variable with the path. FILLED has secrets, so
only its owner can read it. Needs nothing but Python.
"""

import base64
import json
import os
import re
import sys
from pathlib import Path

# A placeholder is a whole scalar, value or key, because what we put there has quotes of its own.
_PLACEHOLDER = re.compile(r"(?<=\s)\$\{(base64 )?([^}]+)\}(?=:?\s)")
# In a quoted text YAML takes these only as escapes. JSON does not escape them.
_UNPRINTABLE = re.compile(r"[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def main() -> int:
    """Write the copy. Returns an exit status: 2 if something is missing; everything that is missing is named."""
    arguments = [Path(each) for each in sys.argv[1:]]
    if len(arguments) not in {1, 2}:
        print(__doc__, file=sys.stderr)
        return 2
    filled, template = [*arguments, Path(__file__).with_name("deploy-aci.yaml")][:2]
    problems: dict[str, str] = {}
    text = "".join(
        line if line.lstrip().startswith("#") else _filled(line, template.parent, problems)
        for line in template.read_text(encoding="utf-8").splitlines(keepends=True)
    )
    if problems:
        print("\n".join(f"{name}: {problem}" for name, problem in problems.items()), file=sys.stderr)
        return 2
    _write(filled, text)
    return 0


def _filled(line: str, folder: Path, problems: dict[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        is_file, name = match.groups()
        try:
            return _quoted(_content(name, folder) if is_file else _said(name))
        except OSError as error:
            problems[name] = f"{error.strerror}: no file to be read"
        except ValueError as error:
            problems[name] = str(error)
        return ""

    if "${" in _PLACEHOLDER.sub("", line):
        problems[line.strip()] = "a placeholder must be all of a value"
    return _PLACEHOLDER.sub(value, line)


def _said(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise ValueError("is not set")
    return value


def _content(name: str, folder: Path) -> str:
    path = Path(_said(name)) if name.isupper() else folder / name
    content = path.read_bytes()
    if not content:
        raise ValueError("is an empty file")
    return base64.b64encode(content).decode("ascii")


def _quoted(value: str) -> str:
    """Write a text as YAML has it in double quotes, whatever is in it."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("is no UTF-8") from None
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(value, ensure_ascii=False))


def _write(path: Path, text: str) -> None:
    """Write a file that nobody else can read at any moment, also where there was one that they could."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    new.replace(path)


if __name__ == "__main__":
    sys.exit(main())
