"""philter-lite's rules, as they come with it."""

from collections import Counter
from importlib import metadata

import pytest

from service.apps.deidentify.engine import rules
from service.apps.deidentify.engine.rules import Kind, RuleBook


@pytest.fixture(scope="module")
def book() -> RuleBook:
    """Read from the installed package."""
    return rules.load()


def test_all_filters_are_there_in_their_order(book: RuleBook) -> None:
    """Of its stock configuration; a version with others must be looked at first."""
    assert Counter((rule.type, rule.masks) for rule in book.rules) == {
        ("regex", False): 133,
        ("regex", True): 171,
        ("regex_context", True): 5,
        ("set", True): 2,
        ("set", False): 1,
        ("pos_matcher", False): 1,
    }


def test_the_book_says_whose_it_is(book: RuleBook) -> None:
    """For answers."""
    assert (book.name, book.configuration) == ("philter-lite", "philter_delta.toml")
    assert book.version == metadata.version("philter-lite")


def test_every_type_is_that_of_some_rule(book: RuleBook) -> None:
    """A chapter that is named otherwise in a new version would leave its type without rules."""
    assert {rule.kind for rule in book.rules if rule.masks} | {Kind.OTHER} == set(Kind)


@pytest.mark.parametrize(
    ("title", "kind"),
    [("Find Names 1", Kind.NAME), ("mm_dd_yyyy", Kind.DATE), ("url", Kind.CONTACT), ("patient mrn", Kind.NAME)],
)
def test_a_rule_has_the_type_of_its_chapter(book: RuleBook, title: str, kind: Kind) -> None:
    """By example."""
    assert {rule.kind for rule in book.rules if rule.title == title} == {kind}
