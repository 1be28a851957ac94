"""A name or number that the eye reads and a program might not is masked, or the note is refused."""

import sys
import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.apps.deidentify.engine.engine import Engine
from service.apps.deidentify.engine.intake import check
from service.apps.deidentify.errors import NoteRefusedError

NAME, NUMBER = "John Smith", "555-123-4567"
CAPITALS, SMALL = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"


def is_taken(text: str) -> bool:
    """Whether it may be a note."""
    try:
        check(text)
    except NoteRefusedError:
        return False
    return True


def left(engine: Engine, text: str) -> str:
    """The letters and digits of a note that are left, invisible characters taken away."""
    return "".join(letter for letter in engine.deidentify(text, replacement="remove").text if letter.isalnum())


# All that shows nothing by itself: marks, format characters, and what Unicode keeps free for such.
FREE = [0x2065, *range(0xFFF0, 0xFFF9), 0xE0000, 0xE0002, 0xE001F, 0xE0080, 0xE00FF, 0xE01F0, 0xE0FFF]
INVISIBLE = [
    character
    for character in map(chr, range(sys.maxunicode + 1))
    if unicodedata.category(character) in ("Mn", "Me", "Cf")
    or (unicodedata.category(character) == "Cn" and ord(character) in FREE)
    or character in "\ufffc\U0001d159"  # drawn as nothing, though they count as symbols
]


def test_every_invisible_character(engine: Engine) -> None:
    """Between the letters of a name, each of Unicode's is seen through or refused."""
    leaks = [
        f"U+{ord(character):04X}"
        for character in INVISIBLE
        if is_taken(text := f"Seen by Dr. {character.join(NAME)}.") and left(engine, text) != "SeenbyDr"
    ]

    assert len(INVISIBLE) > 2000
    assert leaks == []


@given(st.data())
@settings(max_examples=150, database=None, suppress_health_check=list(HealthCheck))
def test_any_mixture_of_invisible_characters(engine: Engine, data: st.DataObject) -> None:
    """Whatever of these stands within and around a name and a number, they are masked if the note is taken."""
    taken = st.sampled_from([character for character in INVISIBLE if is_taken(character)])
    gap = st.text(taken, max_size=3)
    planted = ["".join(letter + data.draw(gap) for letter in word) for word in f"{NAME} {NUMBER}".split()]
    before, after = data.draw(st.sampled_from([("Seen by Dr. ", ", at "), ("", " called "), ("Patient: ", "\n")]))
    text = f"{before}{data.draw(gap)}{planted[0]} {planted[1]}{after}{planted[2]}{data.draw(gap)}"
    check(text)
    letters = left(engine, text)

    assert not any(part in letters for part in ("John", "Smith", "555", "123", "4567"))


def in_letters(first_capital: int, first_small: int) -> str:
    """The name in signs that are numbered as the alphabet is."""
    capitals, small = (map(chr, range(first, first + 26)) for first in (first_capital, first_small))
    return NAME.translate(str.maketrans(CAPITALS + SMALL, "".join([*capitals, *small])))


@pytest.mark.parametrize(
    "disguised",
    [
        pytest.param(in_letters(0xFF21, 0xFF41), id="full width"),
        pytest.param(in_letters(0x1D400, 0x1D41A), id="mathematical"),
        pytest.param(in_letters(0x24B6, 0x24D0), id="circled"),
        pytest.param(in_letters(0x249C, 0x249C), id="in parentheses"),
        pytest.param(in_letters(0x1F130, 0x1F130), id="squared"),
        pytest.param(in_letters(0x1F150, 0x1F150), id="white on a black circle"),
        pytest.param(in_letters(0x1F170, 0x1F170), id="white on a black square"),
        pytest.param(in_letters(0x1F1E6, 0x1F1E6), id="of flags"),
        pytest.param("\u1d0a\u1d0f\u029c\u0274 \ua731\u1d0d\u026a\u1d1b\u029c", id="small capitals"),
        pytest.param("\u1d36\u1d52\u02b0\u207f \u02e2\u1d50\u2071\u1d57\u02b0", id="superscript"),
        pytest.param("J\u043ehn Sm\u0456th", id="a Cyrillic letter in each"),
        pytest.param("\u281a\u2815\u2813\u281d \u280e\u280d\u280a\u281e\u2813", id="Braille"),
        pytest.param("John\u00a0Smith", id="a no-break space"),
        pytest.param("Jo\u00adhn Smi\u00adth", id="soft hyphens"),
        pytest.param("Jo\u200chn S\u200dm\u2060ith", id="joiners"),
        pytest.param("J\u0336o\u0336h\u0336n\u0336 S\u0336m\u0336i\u0336t\u0336h\u0336", id="struck through"),
        pytest.param("\ufeffJohn Smith", id="a byte order mark"),
    ],
)
def test_a_name_in_other_letters(engine: Engine, disguised: str) -> None:
    """It is a name."""
    check(disguised)
    result = engine.deidentify(f"{disguised} called.", replacement="tag")

    assert result.text.endswith(" called.")
    assert not set(result.text.removesuffix(" called.")) & set(disguised) - {
        " ",
        "\u00a0",
        "\ufeff",
        "N",
        "T",
        "R",
        "H",
    }


@pytest.mark.parametrize(
    "disguised",
    [
        pytest.param("\uff15\uff15\uff15\uff0d\uff11\uff12\uff13\uff0d\uff14\uff15\uff16\uff17", id="full width"),
        pytest.param("555\u2011123\u20134567", id="other hyphens"),
        pytest.param("5\ufe0f\u20e35\ufe0f\u20e35\ufe0f\u20e3-123-4567", id="keycaps"),
        pytest.param("\u2464\u2464\u2464-\u2460\u2461\u2462-\u2463\u2464\u2465\u2466", id="circled"),
        pytest.param("\u277a\u277a\u277a-\u2776\u2777\u2778-\u2779\u277a\u277b\u277c", id="white on black"),
        pytest.param("\u0665\u0665\u0665-\u0661\u0662\u0663-\u0664\u0665\u0666\u0667", id="Arabic"),
        pytest.param("5\u200b5\u200b5-1\u00ad23-45\u206067", id="invisible characters"),
    ],
)
def test_a_number_in_other_digits(engine: Engine, disguised: str) -> None:
    """It is a number."""
    check(disguised)

    assert left(engine, f"Call {disguised}.") == "Call"


@pytest.mark.parametrize(
    "text",
    [
        "Blood group \U0001f170\ufe0f positive.",
        "From \U0001f1e9\U0001f1ea.",
        "Aspirin\u00ae 81\u00a0mg, hy\u00adper\u00adten\u00adsion, \u2126.",
        "\u24d8 5 \u338e, \u2103, \u2122.",
    ],
)
def test_signs_of_ordinary_notes_stay(engine: Engine, text: str) -> None:
    """Single letters that are signs, flags, units, and what a web page has between letters."""
    assert engine.deidentify(text).text == text


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("the ze\u00adbra", "zebra"),
        ("the zebra", "ze\u00adbra"),
        ("the zebra\u0301", "zebr\u00e1"),
        ("the zebr\u00e1", "zebra"),
        ("the \u0437\u0435\u0431\u0440\u0438\u0306", "\u0437\u0435\u0431\u0440\u0439"),
        ("the \uff5a\uff45\uff42\uff52\uff41", "zebra"),
        ("the ward\u00a07", "ward 7"),
        ("the \U0001f189\U0001f174\U0001f171", "\U0001f189\U0001f174\U0001f171"),
    ],
)
@pytest.mark.parametrize("compat", [False, True])
def test_words_to_mask_however_they_are_written(engine: Engine, text: str, word: str, *, compat: bool) -> None:
    """A word of `deny` is masked with other accents, in other letters and with invisible characters in it, too."""
    result = engine.deidentify(text, deny=[word], compat=compat, replacement="tag")

    assert result.text.removeprefix("the ") in ("[OTHER]", "[OTHER]\u00a0[OTHER]", "[LOCATION]", "[NAME]")


@pytest.mark.parametrize("dash", ["\u2010", "\u2013", "\u2212", "\u02d7", "\u2043", "\uff0d"], ids=ascii)
def test_numbers_with_another_dash(engine: Engine, dash: str) -> None:
    """A number of a telephone, a social security number and a date are masked with the dashes that programs put in."""
    text = "Phone 617-555-1234, SSN 078-05-1120, seen 1956-03-14.".replace("-", dash)

    assert left(engine, text) == "PhoneSSNseen"


@pytest.mark.parametrize(
    "slash", ["\u2044", "\u2215", "\u29f8", "\u2571", "\uff0f", "\u00b7", "\u30fb", "\u3002"], ids=ascii
)
def test_dates_with_another_sign(engine: Engine, slash: str) -> None:
    """A date is masked with a slash or a dot that only looks like that of ASCII."""
    assert left(engine, "Seen 03/14/1956.".replace("/", slash)) == "Seen"


@pytest.mark.parametrize("dot", ["\u00b7", "\u2027", "\u2219", "\u22c5"], ids=ascii)
def test_decimals_with_another_dot_stay(engine: Engine, dot: str) -> None:
    """A value that is written with a middle dot is no identifier."""
    assert engine.deidentify(f"Temperature 36{dot}5 today.").text == f"Temperature 36{dot}5 today."
