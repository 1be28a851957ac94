"""Notes that are made up."""

from service.apps.deidentify.evaluation.cases import SLOT, TEMPLATES, cases


def test_they_are_the_same_for_the_same_seed() -> None:
    """And others for another."""
    first = list(cases(30, seed=1))

    assert first == list(cases(30, seed=1))
    assert first != list(cases(30, seed=2))


def test_each_mark_covers_an_identifier() -> None:
    """What is not marked is the template's own text."""
    for template, note in zip(TEMPLATES, cases(len(TEMPLATES)), strict=True):
        rest = SLOT.split(template)[::2]
        edges = [0, *(edge for mark in note.marks for edge in (mark.start, mark.stop)), len(note.text)]

        assert [note.text[start:stop] for start, stop in zip(edges[::2], edges[1::2], strict=True)] == rest
