"""The engine: takes a note, gives it back without what identifies a person."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TypedDict

from service.apps.deidentify.engine import folding, lexicon, lists, own, rules, spans, tagging
from service.apps.deidentify.engine import language as recognition
from service.apps.deidentify.engine.dates import DateOrder
from service.apps.deidentify.engine.detection import Detector, hidden
from service.apps.deidentify.engine.explanation import contents
from service.apps.deidentify.engine.finding import Find
from service.apps.deidentify.engine.judgement import Judge, catalog, cover
from service.apps.deidentify.engine.models.model import Sighting
from service.apps.deidentify.engine.own import NONE, OwnRules
from service.apps.deidentify.engine.replacement import Language, Numbering, Replacement, Style, written
from service.apps.deidentify.engine.rules import Kind
from service.apps.deidentify.engine.spans import Span


@dataclass(frozen=True, slots=True)
class About:
    """Which engine answered: philter-lite's version and configuration, and the tagger.

    `rules` ends in `+` and the hash of the operator's own file where there is one. `model`: what was asked beside the
    rules; None for none.
    """

    name: str
    version: str
    rules: str
    tagger: str
    model: str | None = None

    def told(self) -> dict[str, str]:
        """The fields that are set."""
        return {name: value for name, value in asdict(self).items() if value is not None}


class Setup(TypedDict, total=False):
    """What an engine is loaded with; see `Engine.load`. Plain data, which goes from process to process."""

    own_rules: str
    with_model: bool


class Options(TypedDict, total=False):
    """How one note is de-identified; see `Engine.deidentify`. Plain data, which goes from process to process."""

    replacement: Replacement
    compat: bool
    allow: Sequence[str]
    deny: Sequence[str]
    date_shift_days: int | None
    date_order: DateOrder | None
    secret: str | None
    language: Language


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
    """Loaded once, then for any number of threads. `own_rules`: the operator's. `with_model`: see `load`."""

    def __init__(
        self, book: rules.RuleBook, tagger: tagging.Tagger, own_rules: OwnRules = NONE, *, with_model: bool = False
    ) -> None:
        self._detector = Detector(book.rules, tagger)
        words = lexicon.load(book.vocabulary)
        self.words = words.flags  # what words can be (`lexicon.Is`)
        self._judge = Judge(self._detector, words, own_rules)
        named = f"{book.configuration}+{own_rules.digest}" if own_rules.digest else book.configuration
        self.about = About(book.name, book.version, named, tagger.name)
        self.contents = contents(book.rules, catalog(own_rules, with_model=with_model))

    @classmethod
    def load(cls, tagger: tagging.Tagger | None = None, *, own_rules: str = "", with_model: bool = False) -> "Engine":
        """Read the rules and compile them; takes seconds, and nothing from the network.

        `tagger`: nltk's where its data is installed, else our rules. `own_rules`: the text of the operator's file.
        `with_model`: it will be told what a model found; the model itself is not loaded here.

        Raises:
            ImportError: the extra `deidentify` is not installed.
            RulesRefusedError: something in the operator's file is wrong.
        """
        return cls(
            rules.load(),
            tagger or tagging.installed(),
            own.read(own_rules) if own_rules else NONE,
            with_model=with_model,
        )

    def deidentify(  # noqa: PLR0913 - a keyword for each option
        self,
        text: str,
        *,
        replacement: Replacement = "asterisk",
        compat: bool = False,
        allow: Sequence[str] = (),
        deny: Sequence[str] = (),
        date_shift_days: int | None = None,
        date_order: DateOrder | None = None,
        secret: str | None = None,
        language: Language = "en",
        numbering: Numbering | None = None,
        sightings: Sequence[Sighting] = (),
    ) -> Result:
        """The note with what identifies a person replaced.

        `compat`: mask what philter-lite masks, and nothing else. `allow` and `deny`: words never and always masked;
        deny wins. `date_shift_days`: dates that parse move by so many days, others are replaced like the rest; 0 counts
        as None. `date_order`: of dates of numbers; None: as the dates of the note tell, and in doubt they do not move.
        `secret`: of a key, in hexadecimal; with it, numbers and stand-ins are the same in all notes.
        `language`: `any` takes notes in other languages too, whose names the rules do not know. `numbering`: share
        one for a batch. `sightings`: what a model found in the note as `read_by_model` gives it.

        Raises:
            LanguageUnsupportedError: the note is in another language than English, and `language` is `en`.
        """
        if language == "en":
            recognition.check(text, self.words)
        is_masked, finds = self._philter(text) if compat else self._default(text, sightings)
        for start, stop in lists.places(text, allow):
            is_masked[start:stop] = bytes(stop - start)
        if deny:
            denied, places = find_denied(text, deny)
            for start, stop, _, _ in places:
                for place in range(start, stop):
                    is_masked[place] |= denied[place]
            finds += places
        found = spans.spans(text, is_masked, finds)
        style = Style(
            replacement,
            numbering or Numbering(),
            date_shift_days,
            date_order,
            bytes.fromhex(secret) if secret else None,
            self.words,
        )
        new, placed = written(text, is_masked, found, style)
        return Result(new, tuple(placed), dict(Counter(span.type for span in placed)), len(text))

    def _philter(self, text: str) -> tuple[bytearray, list[Find]]:
        """Per character whether philter-lite masks it, and what its rules found."""
        detection = self._detector.detect(text)
        return hidden(text, detection.kept), detection.masked

    def _default(self, text: str, sightings: Sequence[Sighting]) -> tuple[bytearray, list[Find]]:
        """The same by all rules: for the text in ASCII and without marks, brought back to the text as it came."""
        places = folding.without_marks(text)
        plain = folding.at(text, places)
        is_masked, finds = self._judge.judge(folding.fold(plain), sightings)
        foreign = [Find(start, stop, Kind.OTHER, "script.foreign") for start, stop in folding.foreign(plain)]
        cover(plain, is_masked, foreign)
        finds += foreign
        return (is_masked, finds) if places is None else spread(len(text), places, is_masked, finds)


def read_by_model(text: str) -> str:
    """The text as rules and models read it: in ASCII, without marks and invisible characters."""
    return folding.fold(folding.at(text, folding.without_marks(text)))


def find_denied(text: str, words: Sequence[str]) -> tuple[bytearray, list[Find]]:
    """Where any of these words stands, also with other accents or with invisible characters in it."""
    places = folding.without_marks(text)
    plain = folding.at(text, places)
    bare = [folding.bare(folding.at(word, folding.without_marks(word))) for word in words]
    finds = [Find(start, stop, Kind.OTHER, "caller.deny") for start, stop in lists.places(folding.bare(plain), bare)]
    is_masked = bytearray(len(plain))
    cover(folding.fold(plain), is_masked, finds)
    return (is_masked, finds) if places is None else spread(len(text), places, is_masked, finds)


def spread(
    length: int, places: Sequence[int], is_masked: bytearray, finds: Sequence[Find]
) -> tuple[bytearray, list[Find]]:
    """What was judged of a text without its marks, for the text with them: a mark goes as the character before."""
    ends = [*places[1:], length][: len(places)]
    whole = bytearray(length)
    for hidden_here, start, stop in zip(is_masked, places, ends, strict=True):
        if hidden_here:
            whole[start:stop] = b"\1" * (stop - start)
    return whole, [find._replace(start=places[find.start], stop=ends[find.stop - 1]) for find in finds]
