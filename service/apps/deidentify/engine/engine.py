"""The room's front: a note in, the note without what identifies a person out."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from service.apps.deidentify.engine import blood_pressure, extra_rules, folding, lists, rules, spans, tagging
from service.apps.deidentify.engine.detection import Detector, hidden
from service.apps.deidentify.engine.explanation import contents
from service.apps.deidentify.engine.replacement import Numbering, Replacement, written
from service.apps.deidentify.engine.rules import Kind
from service.apps.deidentify.engine.spans import Span


@dataclass(frozen=True, slots=True)
class About:
    """Which engine answered: philter-lite's version and configuration, and the tagger."""

    name: str
    version: str
    rules: str
    tagger: str


class Options(TypedDict, total=False):
    """How one note is de-identified; see `Engine.deidentify`. Plain data, which goes from process to process."""

    replacement: Replacement
    compat: bool
    allow: Sequence[str]
    deny: Sequence[str]
    date_shift_days: int | None


@dataclass(frozen=True, slots=True)
class Result:
    """A note without what identifies a person. `spans` in code points of the note given; `counts` of them by type.

    `names`: for `service.apps.deidentify.engine.numbering`, where that was asked for.
    """

    text: str = field(repr=False)
    spans: Sequence[Span]
    counts: Mapping[Kind, int]
    length: int
    names: Mapping[Kind, Sequence[str]] = field(default_factory=dict, repr=False)


class Engine:
    """Loaded once, then for any number of threads."""

    def __init__(self, book: rules.RuleBook, tagger: tagging.Tagger) -> None:
        self._detector = Detector(book.rules, tagger)
        self.about = About(book.name, book.version, book.configuration, tagger.name)
        self.contents = contents(book.rules)

    @classmethod
    def load(cls, tagger: tagging.Tagger | None = None) -> "Engine":
        """Read the rules and compile them; takes seconds, and nothing from the network.

        `tagger`: nltk's where its data is installed, else our rules.

        Raises:
            ImportError: the extra `deidentify` is not installed.
        """
        return cls(rules.load(), tagger or tagging.installed())

    def deidentify(
        self,
        text: str,
        *,
        replacement: Replacement = "asterisk",
        compat: bool = False,
        allow: Sequence[str] = (),
        deny: Sequence[str] = (),
        date_shift_days: int | None = None,
        numbering: Numbering | None = None,
    ) -> Result:
        """The note with what identifies a person replaced.

        `compat`: mask what philter-lite masks, and nothing else. `allow` and `deny`: words never and always masked;
        deny wins. `date_shift_days`: dates that parse move by so many days, others are replaced like the rest.
        `numbering`: share one for a batch.
        """
        is_masked, ranges = self._judge(text) if compat else self._judge_with_care(text)
        for start, stop in lists.places(text, allow):
            is_masked[start:stop] = bytes(stop - start)
        if deny:
            denied, places = find_denied(text, deny)
            for start, stop, _ in places:
                for place in range(start, stop):
                    is_masked[place] |= denied[place]
            ranges += places
        found = spans.spans(text, is_masked, ranges)
        new, placed = written(
            text,
            is_masked,
            found,
            replacement=replacement,
            numbering=numbering or Numbering(),
            date_shift_days=date_shift_days,
        )
        return Result(new, tuple(placed), dict(Counter(span.type for span in placed)), len(text))

    def _judge(self, text: str) -> tuple[bytearray, list[extra_rules.Range]]:
        """Per character whether philter-lite masks it, and the ranges that rules spoke of."""
        detection = self._detector.detect(text)
        return hidden(text, detection.kept), detection.masked

    def _judge_with_care(self, text: str) -> tuple[bytearray, list[extra_rules.Range]]:
        """The same for the text folded to ASCII, without readings, and with what caution adds."""
        places = folding.without_marks(text)
        plain = folding.at(text, places)
        folded = folding.fold(plain)
        is_masked, ranges = self._judge(folded)
        for start, stop in blood_pressure.places(folded):
            is_masked[start:stop] = bytes(stop - start)
        more = list(extra_rules.additions(folded, is_masked, ranges))
        more += [(start, stop, Kind.OTHER) for start, stop in folding.foreign(plain)]
        for start, stop, _ in more:
            mask(folded, is_masked, start, stop)
        ranges += more
        return (is_masked, ranges) if places is None else spread(len(text), places, is_masked, ranges)


def find_denied(text: str, words: Sequence[str]) -> tuple[bytearray, list[extra_rules.Range]]:
    """Where any of these words stands, also with other accents or with invisible characters in it."""
    places = folding.without_marks(text)
    plain = folding.at(text, places)
    bare = [folding.bare(folding.at(word, folding.without_marks(word))) for word in words]
    ranges = [(start, stop, Kind.OTHER) for start, stop in lists.places(folding.bare(plain), bare)]
    is_masked, folded = bytearray(len(plain)), folding.fold(plain)
    for start, stop, _ in ranges:
        mask(folded, is_masked, start, stop)
    return (is_masked, ranges) if places is None else spread(len(text), places, is_masked, ranges)


def spread(
    length: int, places: Sequence[int], is_masked: bytearray, ranges: Sequence[extra_rules.Range]
) -> tuple[bytearray, list[extra_rules.Range]]:
    """What was judged of a text without its marks, for the text with them: a mark goes as the character before."""
    ends = [*places[1:], length][: len(places)]
    whole = bytearray(length)
    for hidden_here, start, stop in zip(is_masked, places, ends, strict=True):
        if hidden_here:
            whole[start:stop] = b"\1" * (stop - start)
    return whole, [(places[start], ends[stop - 1], kind) for start, stop, kind in ranges]


def mask(text: str, is_masked: bytearray, start: int, stop: int) -> None:
    """Mark the letters and digits of a range as masked."""
    for place in range(start, stop):
        if text[place].isalnum():
            is_masked[place] = 1
