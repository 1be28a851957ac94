"""What runs the tutorials does as their readers do. integration/test_tutorials.py runs the tutorials themselves."""

from pathlib import Path

import pytest

from tests.support.tutorials import Tutorial, is_as_shown, steps

PAGE = """
```sh
mkdir here
cd here
NAME=alice
```

```python title=hello.py
print("hello", "NOBODY")
```

Any text.

```sh
python hello.py
echo "$NAME" >&2
```

```text
hello alice
…
```

```python
1 + 1
```

```text
2
```

```toml
only = "to read"
```
"""


@pytest.mark.parametrize(
    ("shown", "came", "is_so"),
    [
        ("a\n", "a", True),
        ("a", "b", False),
        ("a", "a\nb", False),
        ("a.c", "abc", False),
        ("at …:…", "at 12:30", True),
        ("at …", "at ", False),
        ("at …", "at\n12", False),
        ("a\n…\nd", "a\nb\nc\nd", True),
        ("a\n…\nd", "a\nd", True),
        ("a\n…", "a", True),
        ("a  b", "a  b  \n", True),
    ],
)
def test_what_counts_as_shown(shown: str, came: str, is_so: bool) -> None:  # noqa: FBT001 (a table)
    """Only what the page leaves open may vary."""
    assert is_as_shown(shown, came) is is_so


async def test_a_reader(tmp_path: Path) -> None:
    """Blocks run in order, in one terminal and one notebook; files are where the reader is."""
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    cells = []

    async def cell(code: str) -> str:
        cells.append(code)
        return "2"

    with Tutorial(page, tmp_path, instead={"NOBODY": "alice"}) as tutorial:
        await tutorial.run(until="mkdir")
        assert not (tmp_path / "here/hello.py").exists()
        await tutorial.run(cell=cell)

    assert (tmp_path / "here/hello.py").is_file()
    assert (cells, tutorial.is_done) == (["1 + 1\n"], True)


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("```sh\necho a\n```\n```text\nb\n```\n", "prints\na\n"),
        ("```sh\nfalse\n```\n", "false"),
        ("```sh\necho $UNSET\n```\n", "UNSET"),
    ],
    ids=["prints something else", "fails", "knows no such variable"],
)
async def test_what_differs(tmp_path: Path, page: str, message: str) -> None:
    """A block that does not do what the page says is an error."""
    (tmp_path / "page.md").write_text(page)

    with Tutorial(tmp_path / "page.md", tmp_path) as tutorial, pytest.raises(AssertionError, match=message):
        await tutorial.run()


@pytest.mark.parametrize(
    "page",
    ["```text\nb\n```\n", "```sh\ntrue\n```\n```text\n\n```\n```text\n\n```\n", "```sh title=a\n```\n```text\n\n```\n"],
    ids=["nothing before it", "a second one", "a file before it"],
)
def test_an_output_of_nothing(tmp_path: Path, page: str) -> None:
    """An output without a block that prints it is an error, or it would never be compared."""
    (tmp_path / "page.md").write_text(page)

    with pytest.raises(AssertionError):
        steps(tmp_path / "page.md")


def test_what_is_replaced_is_there(tmp_path: Path) -> None:
    """A replacement of words that the page no longer has is an error."""
    (tmp_path / "page.md").write_text("```sh\ntrue\n```\n")

    with pytest.raises(AssertionError, match="git clone"):
        Tutorial(tmp_path / "page.md", tmp_path, instead={"git clone": "true"})
