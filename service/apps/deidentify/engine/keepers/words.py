"""Words that philter-lite's lists take for names, or do not know, and that tell nothing of a person."""

import re
from collections.abc import Iterable, Iterator, Mapping

from service.apps.deidentify.engine.classes import word_class
from service.apps.deidentify.engine.finders.chains import LISTED, is_next_label
from service.apps.deidentify.engine.finders.eponyms import is_eponym, is_grade, names_illness
from service.apps.deidentify.engine.finding import RuleInfo
from service.apps.deidentify.engine.lexicon import Is
from service.apps.deidentify.engine.reading import DIGITS, LOWER, MIXED, TITLE, UPPER, Reading
from service.apps.deidentify.engine.rules import Kind

RULES = (
    RuleInfo("stays.word", Kind.OTHER, "An everyday or medical word where nothing speaks for a person.", masks=False),
)
MEDICAL = re.compile(
    r"(?:itis|ectomy|ectomies|otomy|ostomy|osis|oses|emia|aemia|uria|plasty|scopy|scopic|graphy|graphic|gram|pathy|pathies|pathic|algia|oma|omas|omata|ology|ologic|ological|ologist|rrhea|rrhoea|rrhagia|rrhaphy|centesis"
    r"|lysis|lytic|penia|philia|phobia|plegia|paresis|trophy|trophic|genic|genesis|megaly|sclerosis|stenosis|cytosis|blast|cyte|cytes|cytic|emesis|esthesia|aesthesia|esthetic|ptosis|pnea|pnoea|cele|ectasis|ectatic|dynia|kinesia|praxia|phagia|phasia|opia|opsia"
    r"|mab|nib|tinib|statin|pril|olol|sartan|azole|cillin|mycin|micin|tidine|prazole|dipine|gliptin|gliflozin|glutide|setron|triptan|caine|curium|floxacin|cycline|cef|vir|vudine|parin|xaban|gatran|terol|sone|solone|lukast|dronate|oxetine|azepam|zolam|barbital|profen|coxib|thiazide"
    r"|izumab|ximab|zumab|umab|ciclib|parib|lisib|rafenib|plasmin|plase|kinase|ase|ine|ide|ate|eal|ial|ical|ous|oid|ular|ary|ation|ations|ized|ised|izing|ising|ality|ability|lessness|fulness)$"
)
# Endings that names have too, so that a word in small letters alone is believed.
LONG = 7
SHORT_STEM = 3
PREFIX = re.compile(
    r"(?:un|re|non|pre|post|sub|inter|intra|peri|hyper|hypo|anti|micro|macro|neuro|cardio|over|under|multi|bi|tri|trans|extra|para|endo|epi|electro|thrombo|hemo|haemo|osteo|gastro|hepato|nephro|cysto|broncho|pneumo|thoraco|musculo|fibro|semi|mid|mini|co|dis|mis|de|ultra|supra|infra|retro|poly|mono|auto|immuno|chemo|radio|spondylo|arthro|angio|cholecysto|choledocho|laryngo|pharyngo|naso|oro|ureter[oa]|uretero|vesico|recto|ano|ileo|jejuno|duodeno|esophago|oesophago|laparo|hystero|salpingo|oophoro|utero|ventriculo|cranio|cerebro|encephalo|myelo|lympho|leuko|erythro|cyto|histo|psycho|physio|photo|thermo|cryo|hydro|patho|bacterio|viro|myco|derm[ao]|dermato|kerato|irido|vitreo|blephar[oa])"
)
SUFFIXES = ("s", "es", "ed", "d", "ing", "ly", "er", "ers", "ally", "able", "ness", "ment", "like", "less", "al", "ic")
ALONE = word_class("alone")
AT = word_class("words-at")
LETTERED = word_class("lettered")
ADDRESSEES = word_class("addressees")
DANGER = word_class("danger")


class Vocabulary:
    """Knows whether a word can stay. `flags`: of the lexicon."""

    def __init__(self, flags: Mapping[str, int]) -> None:
        self._flags = flags

    def is_word(self, word: str) -> bool:
        """Whether this is an everyday or medical word, also in a form that no list has."""
        bits = self._flags.get(word, 0)
        if bits & (Is.WORD | Is.TERM | Is.DRUG):
            return True
        if len(word) < 4 or bits & (LISTED | Is.TOWN):  # noqa: PLR2004
            return False
        return self._is_form(word) or (len(word) >= LONG and MEDICAL.search(word) is not None)

    def _is_form(self, word: str) -> bool:
        if self._has_stem(word):
            return True
        prefix = PREFIX.match(word)
        if prefix is None:
            return False
        rest = word[prefix.end() :]
        return len(rest) > 3 and (bool(self._flags.get(rest, 0) & Is.WORD) or self._has_stem(rest))  # noqa: PLR2004

    def _has_stem(self, word: str) -> bool:
        for suffix in SUFFIXES:
            if word.endswith(suffix):
                stem = word[: -len(suffix)]
                if len(stem) > SHORT_STEM and (
                    self._flags.get(stem, 0) & Is.WORD
                    or self._flags.get(stem + "e", 0) & Is.WORD
                    or (stem.endswith("i") and self._flags.get(stem[:-1] + "y", 0) & Is.WORD)
                    or (len(stem) > 4 and stem[-1] == stem[-2] and self._flags.get(stem[:-1], 0) & Is.WORD)  # noqa: PLR2004
                ):
                    return True
        return False


def staying(
    reading: Reading, numbers: Iterable[int], is_upper: list[bool], is_sure: bytearray, vocabulary: Vocabulary
) -> Iterator[int]:
    """Those of the words with these numbers that can stay.

    `is_sure`: per character, where philter-lite's reason to mask was more than a list of names.
    """
    for number in numbers:
        if (
            reading.shapes[number] not in (DIGITS, MIXED)
            and not (
                is_sure[reading.starts[number]]
                and _is_capitalized(reading, number)
                and not _names_nobody(reading, number)
                and not names_illness(reading, number)
            )
            and _stays(reading, number, vocabulary, is_shouted=is_upper[number])
        ):
            yield number


def _stays(reading: Reading, number: int, vocabulary: Vocabulary, *, is_shouted: bool) -> bool:  # noqa: PLR0911 - one for each case
    word, bits, shape = reading.words[number], reading.flags[number], reading.shapes[number]
    if len(word) == 1:
        return (
            (word in ("s", "t") and reading.before(number) == "'")
            or (word == "a" and _is_article(reading, number))
            or _letter_stays(reading, number)
        )
    if (
        _names_nobody(reading, number)
        or is_grade(reading, number)
        or is_eponym(reading, number)
        or (word in ALONE and not _has_name_beside(reading, number))
    ):
        return True
    if shape == LOWER or (is_shouted and not bits & (Is.NAME | Is.TOWN)):
        return not bits & (Is.NAME | Is.TOWN) and (bool(bits & Is.CLOSED) or vocabulary.is_word(word))
    if bits & Is.CLOSED:
        return word not in ("will", "may", "an", "so", "do", "my", "see") or _begins_sentence(reading, number)
    if bits & (Is.NAME | Is.TOWN) and not bits & Is.TERM:
        return bool(bits & Is.EPONYM and not bits & Is.COMMON_NAME and not _has_name_beside(reading, number))
    if shape == UPPER:
        return _capitals_stay(reading, number)
    return _capitalized_stays(reading, number, vocabulary)


def _names_nobody(reading: Reading, number: int) -> bool:
    """Whether this is a label, or an address without a name: `Dear Colleague,`, but not `Dear Doctor Smith`."""
    return is_next_label(reading, number) or (
        number > 0
        and reading.words[number] in ADDRESSEES
        and reading.words[number - 1] in ("dear", "or")
        and reading.gap(number).strip(" ")[:1] in (",", ":", "\n", "-", ";")
    )


def _is_article(reading: Reading, number: int) -> bool:
    """Whether an `a` begins no name: a word in small letters or a medical term follows, or it is a small letter."""
    following = min(number + 1, len(reading.words) - 1)
    return LOWER in (reading.shapes[number], reading.shapes[following]) or is_eponym(reading, following)


def _is_capitalized(reading: Reading, number: int) -> bool:
    """Whether a capital letter lets a word be a name, whatever else it can be."""
    bits = reading.flags[number]
    if reading.shapes[number] not in (TITLE, UPPER) or bits & (Is.CLOSED | Is.TERM | Is.DRUG):
        return False
    return bool(bits & LISTED) or not bits & (Is.EPONYM_NOUN | Is.ROLE | Is.GENERIC | Is.TITLE | Is.CREDENTIAL)


def _letter_stays(reading: Reading, number: int) -> bool:
    """Whether a letter is no initial: no name stands at its side, and no full stop behind it."""
    if number and reading.words[number - 1] in LETTERED and reading.before(number) == " ":
        return True
    if reading.gap(number).startswith("."):
        return False
    sides = [number - 1] * (reading.before(number) in (" ", ". ", ", ")) + [number + 1] * (
        reading.gap(number) in (" ", ", ")
    )
    for side in sides:
        if 0 <= side < len(reading.words) and reading.shapes[side] in (TITLE, UPPER):
            bits = reading.flags[side]
            if bits & (Is.NAME | Is.TITLE) or (bits & LISTED and bits & Is.COMMON_NAME) or not bits:
                return False
    return True


def _capitals_stay(reading: Reading, number: int) -> bool:
    """Whether a word in capitals among others in small letters is an abbreviation, and no name."""
    word, bits = reading.words[number], reading.flags[number]
    is_behind_by = number > 0 and reading.words[number - 1] in DANGER
    if bits & (Is.TERM | Is.DRUG):
        return not (is_behind_by and bits & Is.COMMON_NAME)
    if is_behind_by:
        return False
    if bits & (Is.COMPANY | Is.COMPANY_BEHIND) or (number and reading.words[number - 1] in AT and not bits & Is.WORD):
        return False
    if bits & LISTED:
        return bool(bits & Is.WORD and not bits & Is.COMMON_NAME)
    return len(word) <= 5 or bool(bits & Is.WORD)  # noqa: PLR2004 - letters of an abbreviation


def _capitalized_stays(  # noqa: PLR0911 - one for each case
    reading: Reading, number: int, vocabulary: Vocabulary
) -> bool:
    word, bits = reading.words[number], reading.flags[number]
    if bits & Is.MONTH:
        return False
    if bits & (Is.TERM | Is.DRUG) and not _has_name_beside(reading, number):
        return not bits & LISTED or len(word) > 3  # noqa: PLR2004 - `Al`, `Art`, `Pat`
    if (bits & Is.EPONYM and not bits & LISTED) or (bits & (Is.ROLE | Is.TITLE) and not bits & Is.GIVEN):
        return True
    if bits & (Is.WEEKDAY | Is.STATE):
        return False
    begins = _begins_sentence(reading, number)
    # In the midst of a sentence a form that no list has is more often a name.
    if not (vocabulary.is_word(word) if begins else bits & Is.WORD):
        return False
    if begins:
        return not _has_name_behind(reading, number)
    if bits & (Is.EPONYM_NOUN | Is.ROLE | Is.GENERIC | Is.TITLE | Is.CREDENTIAL) and not bits & Is.COMMON_NAME:
        return True
    if bits & LISTED:
        return not bits & (Is.GIVEN | Is.COMMON_NAME | Is.PLACE) and not _has_name_beside(reading, number)
    return not bits & Is.PLACE or not _is_titled(reading, number - 1)


def _begins_sentence(reading: Reading, number: int) -> bool:
    """Whether a capital letter says nothing here: at the beginning of a sentence, a line, or an item."""
    if number == 0:
        return True
    before = reading.before(number)
    return before.strip(" ")[-1:] in (".", ":", "\n", "?", "!", ";", "*", "-", ")", "#", "\t", ">", "/", '"') and (
        before != "-"
        and not (before.endswith('"') and reading.gap(number)[:1] in (",", '"'))  # of a label: `"Hall, left breast"`
        and not (before.strip(" ") == "/" and reading.words[number - 1] in ("w", "c"))  # with
        and not (before == ". " and len(reading.words[number - 1]) == 1)
        and reading.words[number - 1] not in ("dr", "mr", "mrs", "ms")
    )


def _is_titled(reading: Reading, number: int) -> bool:
    return number >= 0 and reading.shapes[number] == TITLE


def _has_name_behind(reading: Reading, number: int) -> bool:
    """Whether a name or an initial follows at once."""
    if number + 1 >= len(reading.words) or reading.gap(number) not in (" ", "-", "'", ", "):
        return False
    bits, shape = reading.flags[number + 1], reading.shapes[number + 1]
    if reading.gap(number) == ", " and not reading.flags[number] & Is.COMMON_NAME:
        return False
    return (
        shape in (TITLE, UPPER)
        and bool(bits & LISTED)
        and not bits & (Is.TERM | Is.EPONYM_NOUN | Is.ROLE | Is.CLOSED)
        and (bool(bits & Is.NAME) or bool(reading.flags[number] & Is.COMMON_NAME and bits & Is.COMMON_NAME))
    )


def _has_name_beside(reading: Reading, number: int) -> bool:
    """Whether a title, a name or an initial stands at its side."""
    if _has_name_behind(reading, number):
        return True
    if not number or reading.before(number) not in (" ", ". ", "-", "'"):
        return False
    bits, shape = reading.flags[number - 1], reading.shapes[number - 1]
    return bool(bits & Is.TITLE) or (
        shape in (TITLE, UPPER)
        and (len(reading.words[number - 1]) == 1 or bool(bits & Is.GIVEN and not bits & (Is.CLOSED | Is.TERM)))
    )
