"""The rule book is what the installed philter-lite says, pattern by pattern."""

import re

import pytest

from rulebook.book import FOLDER, files
from rulebook.translation import programs
from service.apps.deidentify.engine import rules


def test_it_is_up_to_date() -> None:
    """If this fails, philter-lite or its translation has changed: run script/rulebook, and look at what it changes."""
    assert {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()} == files()


def test_what_is_read_is_what_was_written() -> None:
    """No line of a list is cut at a character that only Python takes for a line's end, and each program comes back."""
    book = rules.load()

    assert {rule.title: len(rule.words) for rule in book.rules if rule.words} == {
        "Firstnames Blacklist": 97_014,
        "Lastnames Blacklist": 161_470,
        "Whitelist 1": 195_253,
    }
    for rule in book.rules:
        if rule.programs:
            assert rule.programs == programs(re.compile(rule.pattern))


def test_a_list_that_was_cut_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """No engine is loaded: it would mask fewer names than it says."""
    read = rules.text_of
    monkeypatch.setattr(rules, "text_of", lambda name: read(name)[:-10] if name.startswith("lastnames") else read(name))

    with pytest.raises(ValueError, match=r"philter/lastnames_blacklist\.txt is damaged"):
        rules.load()
