"""A rule that is a pattern."""

from service.apps.deidentify.engine.finders.pattern import Pattern, find_all
from service.apps.deidentify.engine.finding import Find
from service.apps.deidentify.engine.rules import Kind


def test_what_its_groups_match_is_found() -> None:
    """In any letter case, and where it has no group, the whole match."""
    grouped = Pattern("a", Kind.ID, "", r"id ([0-9]+)(x)?")
    plain = Pattern("b", Kind.NAME, "", r"roe")

    assert find_all([grouped, plain], "ID 12x Roe") == [
        Find(3, 5, Kind.ID, "a"),
        Find(5, 6, Kind.ID, "a"),
        Find(7, 10, Kind.NAME, "b"),
    ]


def test_letter_case_may_count() -> None:
    """Where the rule says so."""
    assert find_all([Pattern("a", Kind.ID, "", "[A-Z]+", minds_case=True)], "ab CD") == [Find(3, 5, Kind.ID, "a")]


def test_a_check_may_say_no() -> None:
    """It is asked about each part."""
    rule = Pattern("a", Kind.ID, "", "[0-9]+", check=lambda text, start, stop: text[start:stop] != "12")

    assert [find.start for find in find_all([rule], "12 13")] == [3]


def test_without_what_it_needs_it_is_not_tried() -> None:
    """At least one of the words must stand in the text."""
    rule = Pattern("a", Kind.ID, "", "[0-9]+", needs=("mrn", "id"))

    assert find_all([rule], "12") == []
    assert len(find_all([rule], "ID 12")) == 1
