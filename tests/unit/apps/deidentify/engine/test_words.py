"""How a note is cut into words."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from service.apps.deidentify.engine.tagging import RuleTagger
from service.apps.deidentify.engine.words import pieces
from tests.support import philter
from tests.support.notes import KEYS, KEYS_BEYOND

TEXTS = st.one_of(st.text(), st.text(st.sampled_from("".join([*KEYS, *KEYS_BEYOND]))))


class Recorder(RuleTagger):
    """A tagger that keeps what it was asked."""

    def tag(self, pieces: Sequence[str]) -> Sequence[str]:
        """Keep it."""
        self.pieces = pieces
        return super().tag(pieces)


@given(TEXTS)
def test_words_are_cut_as_philter_lite_cuts_them(text: str) -> None:
    """Its tagger is to see the same."""
    recorder = Recorder()
    philter.detect(text, [], recorder)

    assert [piece for piece in pieces(text) if piece.strip()] == [
        word for word in map(str.strip, recorder.pieces) if word
    ]


@given(TEXTS)
def test_the_pieces_have_the_length_of_the_text(text: str) -> None:
    """So that places can be counted by them; letters, digits and white space are as they were."""
    joined = "".join(pieces(text))

    assert len(joined) == len(text)
    assert all(new == old for new, old in zip(joined, text, strict=True) if not new.isspace())
