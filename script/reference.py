"""Writes docs/reference/: what the public packages export, with signatures and docstrings. It imports none of them."""

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import griffe

REPOSITORY = Path(__file__).resolve().parent.parent
PUBLIC = ("auth", "client", "hub", "registration", "testing")
_WIDTH = 110
_SPECIAL = {"__call__", "__contains__", "__iter__", "__len__"}
_WRITTEN = "<!-- Written by script/reference from the docstrings: change those. -->"


def pages(root: Path = REPOSITORY) -> dict[str, str]:
    """Return the pages of docs/reference/ by file name, of the packages below `root`."""
    package = griffe.load("service", search_paths=[root], resolve_aliases=True, docstring_parser="google")
    return {f"{name}.md": _page(package[name]) for name in PUBLIC}


def _page(module: griffe.Object) -> str:
    parts = [f"# {module.path}", _WRITTEN, *_described(module)]
    for name in sorted(map(str, module.exports or ()), key=str.lower):
        found = module.members[name]
        parts += _entry(name, found.final_target if isinstance(found, griffe.Alias) else found)
    return "\n\n".join(parts) + "\n"


def _entry(name: str, found: griffe.Object | griffe.Alias) -> Iterator[str]:
    yield f"## {name}"
    if isinstance(found, griffe.Class):
        yield from _class(found)
    elif isinstance(found, griffe.Function):
        yield _code(_signature(found, name))
        yield from _described(found)
    elif isinstance(found, griffe.Attribute):
        yield _code(f"{name} = {found.value}")
        yield from _described(found)


def _class(found: griffe.Class) -> Iterator[str]:
    bases = ", ".join(_bases(found))
    yield _code(f"class {found.name}({bases})" if bases else f"class {found.name}")
    yield from _described(found)
    members = _members(found)
    made = found.members.get("__init__")
    if isinstance(made, griffe.Function):
        yield _code(_signature(made, found.name).removesuffix(" -> None"))
        yield from _described(made)
    if fields := [each for each in members if _is_field(each)]:
        yield _code("\n".join(_declaration(each) for each in fields if isinstance(each, griffe.Attribute)))
    for each in members:
        if isinstance(each, griffe.Function) and _is_method(each):
            yield f"### {found.name}.{each.name}"
            yield _code(_signature(each, each.name))
            yield from _described(each)
        elif isinstance(each, griffe.Attribute) and each.is_public and "property" in each.labels:
            yield f"### {found.name}.{each.name}"
            yield _code(_declaration(each))
            yield from _described(each)


def _private_bases(found: griffe.Class) -> list[griffe.Class]:
    return [base for base in found.resolved_bases if isinstance(base, griffe.Class) and base.name.startswith("_")]


def _bases(found: griffe.Class) -> list[str]:
    """Return the bases of a class, with those of a private base in its place."""
    inner = {base.name: _bases(base) for base in _private_bases(found)}
    return [name for base in found.bases for name in inner.get(str(base), [str(base)])]


def _members(found: griffe.Class) -> list[griffe.Object | griffe.Alias]:
    """Return the members of a class, and those that it has from private bases."""
    inherited = {name: member for base in _private_bases(found) for name, member in base.members.items()}
    return list({**found.members, **inherited, **found.members}.values())


def _is_method(function: griffe.Function) -> bool:
    return function.is_public and (function.name in _SPECIAL or not function.is_special)


def _is_field(member: griffe.Object | griffe.Alias) -> bool:
    """Whether it is declared in the body of its class. What a method sets on `self` is not public."""
    return (
        isinstance(member, griffe.Attribute)
        and member.is_public
        and not member.is_special
        and "class-attribute" in member.labels
        and "property" not in member.labels
        and member.name != "model_config"  # pydantic's
    )


def _declaration(attribute: griffe.Attribute) -> str:
    annotation = f": {attribute.annotation}" if attribute.annotation is not None else ""
    return f"{attribute.name}{annotation}" + (f" = {attribute.value}" if attribute.value is not None else "")


def _signature(function: griffe.Function, name: str) -> str:
    """Return a signature without `self`, as its caller writes it."""
    text = function.signature(name=name)
    text = re.sub(r"\((?:self|cls)(?:, )?", "(", text, count=1).replace("(*, )", "()")
    decorators = {str(decorator.value).rpartition(".")[2] for decorator in function.decorators}
    if "asynccontextmanager" in decorators:
        return f"async with {text}"
    if "contextmanager" in decorators:
        return f"with {text}"
    return f"async {text}" if "async" in function.labels else text


def _code(text: str) -> str:
    lines = (
        textwrap.fill(line, _WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
        for line in text.splitlines()
    )
    return "```python\n" + "\n".join(lines) + "\n```"


def _described(found: griffe.Object) -> Iterator[str]:
    for section in found.docstring.parsed if found.docstring else ():
        if section.kind is griffe.DocstringSectionKind.text:
            yield section.value.strip()
        elif section.kind is griffe.DocstringSectionKind.admonition:  # a line of its own, and an indented example
            yield f"{section.title}:"
            yield textwrap.indent(section.value.contents, "    ")
        else:
            title = {"parameters": "Arguments", "raises": "Raises", "returns": "Returns", "yields": "Yields"}
            yield f"**{title[section.kind.value]}**"
            yield "\n".join(_item(each) for each in section.value)


def _item(element: griffe.DocstringElement) -> str:
    is_error = isinstance(element, griffe.DocstringRaise)
    name = str(element.annotation).strip("()") if is_error else getattr(element, "name", "")
    text = " ".join(element.description.split())
    return f"- `{name}`: {text}" if name else f"- {text}"


if __name__ == "__main__":
    folder = REPOSITORY / "docs" / "reference"
    folder.mkdir(exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text)
