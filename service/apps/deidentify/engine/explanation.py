"""Explains to people what the rules mask, and why.

The numbers of rules and words are counted from the rules. All examples are invented, and the tests run the engine on
them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from service.apps.deidentify.engine.finding import RuleInfo
from service.apps.deidentify.engine.rules import Kind, Rule


@dataclass(frozen=True, slots=True)
class Figures:
    """`rules`: patterns and the like; `words`: entries of their lists."""

    rules: int = 0
    words: int = 0


@dataclass(frozen=True, slots=True)
class Contents:
    """What a rule book holds: of philter-lite's rules that mask, by type; of those that say what may stay.

    `rules`: the rules that a span may name, ours and philter-lite's, and ours that keep.
    """

    masking: Mapping[Kind, Figures] = field(default_factory=dict)
    keeping: Figures = Figures()
    rules: Sequence[RuleInfo] = ()


def contents(rules: Iterable[Rule], ours: Iterable[RuleInfo] = ()) -> Contents:
    """Count philter-lite's rules and the entries of their lists, and list the rules that spans can name.

    `rules`: philter-lite's; those that mask are listed. `ours`: our own rules, all of which are listed first.
    """
    rules = tuple(rules)
    theirs = {rule.name: RuleInfo(rule.name, rule.kind, "A rule of philter-lite's.") for rule in rules if rule.masks}
    masking = {kind: _figures(rule for rule in rules if rule.masks and rule.kind is kind) for kind in Kind}
    return Contents(masking, _figures(rule for rule in rules if not rule.masks), (*ours, *theirs.values()))


def _figures(rules: Iterable[Rule]) -> Figures:
    lists = [rule.words for rule in rules]
    return Figures(len(lists), sum(map(len, lists)))


@dataclass(frozen=True, slots=True)
class Type:
    """A type of what is masked, with a note before and after (`replacement="tag"`)."""

    type: Kind
    meaning: str
    note: str
    masked: str


TYPES = (
    Type(
        Kind.NAME,
        "Names of people: in the lists of first and last names, or standing where a name stands, "
        "after a title, in a signature, next to another name.",
        "Seen by Dr. Smith with Jane Roe, RN.",
        "Seen by Dr. [NAME] with [NAME], RN.",
    ),
    Type(
        Kind.DATE,
        "Dates, whole or in part, months, days of the week, holidays. Years that stand alone stay.",
        "Seen on 12/03/2019 and on Friday, March 5th.",
        "Seen on [DATE] and on [DATE].",
    ),
    Type(Kind.AGE, "Ages of 90 and above, in their usual forms.", "She is 92 years old.", "She is [AGE] years old."),
    Type(
        Kind.CONTACT,
        "Telephone and pager numbers, e-mail and web addresses.",
        "Call 555-123-4567 or write to j.roe@example.org.",
        "Call [CONTACT] or write to [CONTACT].",
    ),
    Type(
        Kind.LOCATION,
        "Addresses, towns, counties, rooms.",
        "Lives at 12 Main Street, San Francisco, CA 94110.",
        "Lives at [LOCATION].",
    ),
    Type(
        Kind.ORGANIZATION,
        "Hospitals, clinics, pharmacies, schools and companies by their name.",
        "Was admitted to St. Luke's Hospital; works at Walmart.",
        "Was admitted to [ORGANIZATION]; works at [ORGANIZATION].",
    ),
    Type(
        Kind.ID,
        "Numbers of records, accounts, specimens and devices, numbers of six digits and more, "
        "and most of what mixes letters and digits.",
        "MRN: 1234567, SSN 123-45-6789.",
        "MRN: [ID], SSN [ID].",
    ),
    Type(
        Kind.OTHER,
        "Words that nobody vouches for: they are in no list of words that may stay.",
        "The Zorblatt sign is positive.",
        "The [OTHER] sign is positive.",
    ),
)


@dataclass(frozen=True, slots=True)
class Stay:
    """What stays on purpose, with a note of which nothing is masked."""

    what: str
    note: str


STAYS = (
    Stay("Ordinary and medical words", "Chest pain on exertion, no fever."),
    Stay("Doses, measurements, scores", "Aspirin 81 mg, BP 120/80, pain 7/10."),
    Stay("Ages below 90, and how long something took", "A 45 year-old man, ill for 10 days."),
    Stay("Times of day, years that stand alone", "Seen at 10:30, first in 2015."),
    Stay("Terms that bear somebody's name", "Parkinson disease, Foley catheter, Gleason 7."),
    Stay("Results of tests, stages, codes of diagnoses", "Platelets 250000, T2 N1 M0, ICD-10 E11.9, COVID-19."),
    Stay("Greek letters, units, punctuation, white space", "TNF-\N{GREEK SMALL LETTER ALPHA}, 5 \N{MICRO SIGN}g."),
)


@dataclass(frozen=True, slots=True)
class Difference:
    """Where the default masks more than philter-lite, with a note as both give it back (`asterisk`)."""

    what: str
    why: str
    note: str
    philter_lite: str
    here: str


DIFFERENCES = (
    Difference(
        "Letters with accents, and other letters beyond ASCII",
        "A name is a name with its accents.",
        "José Núñez was seen.",
        "***é Núñez was seen.",
        "**** ***** was seen.",
    ),
    Difference(
        "Words in other scripts",
        "The lists know neither such names nor any such words that could stay.",
        "Seen with Иван Петров.",
        "Seen with Иван Петров.",
        "Seen with **** ******.",
    ),
    Difference(
        "Accents and invisible characters of their own",
        "They cut a name in two and hide it from the rules.",
        "Nu\u0301n\u0303ez called.",
        "Nu\u0301n\u0303ez called.",
        "******* called.",
    ),
    Difference(
        "Identifiers of which the rules see a part",
        "The rest identifies as well.",
        "Patient ID: 1234-1234.",
        "Patient ID: ****-1234.",
        "Patient ID: ****-****.",
    ),
    Difference(
        "Double names of which the rules see a part",
        "The rest identifies as well.",
        "Villegas-Pain called.",
        "********-Pain called.",
        "********-**** called.",
    ),
    Difference(
        "Signatures with slashes",
        "They say who dictated and who typed.",
        "Dictated by GPP/church/bouffard.",
        "Dictated by GPP/church/********.",
        "Dictated by ***/******/********.",
    ),
    Difference(
        "Names after a title, without a capital letter",
        "Dictated notes have none.",
        "Seen by dr. church today.",
        "Seen by dr. church today.",
        "Seen by dr. ****** today.",
    ),
    Difference(
        "Numbered streets",
        "They are addresses.",
        "At 1234 W 45TH STREET.",
        "At 1234 W 45TH STREET.",
        "At **** * **** ******.",
    ),
)


@dataclass(frozen=True, slots=True)
class Gap:
    """What no rule can know, with a note in which somebody can be recognized and nothing is masked."""

    what: str
    note: str


GAPS = (
    Gap("Names that are ordinary words too", "Will came in with chest pain."),
    Gap("Names without a capital letter", "Talked to rose about it."),
    Gap("What only one person has done, or is", "His brother is the head coach of the team."),
)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two texts of a type, and whether they count as the same: they then have the same number and stand-in."""

    type: Kind
    one: str
    other: str
    same: bool


PAIRS = (
    Pair(Kind.NAME, "Zoë Quackenbush", "ZOE  QUACKENBUSH", same=True),
    Pair(Kind.CONTACT, "(617) 555-0123", "617.555.0123", same=True),
    Pair(Kind.NAME, "Quackenbush, Zoë", "Zoë Quackenbush", same=False),
    Pair(Kind.NAME, "Z. Quackenbush", "Zoë Quackenbush", same=False),
    Pair(Kind.DATE, "1/11/2019", "11/1/2019", same=False),
)
