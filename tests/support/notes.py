"""Notes as nobody wrote them.

Words of the bundled ones among all that rules look for, and whatever else keyboards make.
"""

from random import Random

from hypothesis import strategies as st

from service.apps.deidentify.engine.language import other_language
from tests.support.philter import bundled

PROSE = sorted({word for note in bundled() for word in note.text.split()})
PLAIN = (
    """
Dr. Smith|John O'Brien MD|Mary-Ann Jones, RN|12/03/2019|3/4|March 5th, 2020|5 May 2011|2019-03-02|555-123-4567|(415)
555-1234|1234-1234 HT1234-7890|john@x.org|http://www.foo.com/bar|MRN: 1234567|123 Main Street, San Francisco, CA
94110|1234 W 45TH STREET|age 92|95 yo 95 year old|a 45 year-old|Smith, John A.|____________ Jane
Doe|patient's|120/80|5 mg|10 days|ID: A123|room B12|Box 12|Roe MD PhD|Dr Who U #: 12345678 Doe, Jane|Mr. Van Der
Berg|SMITH, J.|Jane Roe is a 50 y.o|lives in San Jose|admitted from Mercy General|mother Anna Sincerely, Bob Q.
Roe|AB12C3D4|aa:12:13:14|18:30|T. Roe, M.D.|call: 12345-123|on 3/4 since 5-6|summer of '99|in March 2011|1st of May|SF
bay area|J. R.|A. B|CC: xx|KS|Ann_Marie|file: foo|Patient: Jon Roe|to ME|state of CA|visit to Paris Town|Pager
12345|is is|the the was found in the index|attending Mary Roe|name: Jane Roe|wrote|* ** ***|saw Ann|mg K L|[A]
{b}|x10e5|1/2 tab|pain 7/10|level 3 est """.strip()
    .replace("\n", "|")
    .split("|")
)
BEYOND = [
    *[
        "José Núñez",
        "Müller",
        "张伟",
        "Иван Петров",
        "\u017fam",
        "Kelvin",
        "İstanbul",
        "\u0131rmak",
        "٣٤",
        "½",
        "x²",
        "“quoted”",
        "it\u2019s",
    ],
    *[
        "naïve café",
        "µg",
        "°C",
        "\u2013",
        "—",
        "…",
        "a\u0301b",
        "\u00a0",
        "\u2028",
        "\x85",
        "ÅB12",
        "Dr. Émile Zola",
        "Zoë, RN",
    ],
    *["12345é", "é12345", "3/4é", "é_", "MRN٣: 1234567", "\u200b", "😀", "Dr.\u00a0Smith", "Smith\u00a0MD"],
]
KEYS = [*"ABCDZabcz019 _-.,:;/'\"()[]#@*\n\t?\x1c", "  "]
KEYS_BEYOND = [*"éß“٣ſ", "\u00a0"]
BETWEEN = [" ", " ", " ", " ", "\n", ", ", ". ", "", "-", "  ", ": ", "/"]


def notes(*, least: int = 1, most: int = 60) -> st.SearchStrategy[str]:
    """Notes of so many pieces; a fifth or more with characters beyond ASCII."""
    drawn = st.integers(0, 3).flatmap(lambda number: _notes(least, most, beyond=number == 0))
    return drawn.filter(lambda text: not other_language(text, {}))  # a few look like German and would be refused


def _notes(least: int, most: int, *, beyond: bool) -> st.SearchStrategy[str]:
    known = [*PLAIN, *(BEYOND if beyond else [])]
    keys = st.text(st.sampled_from([*"".join(KEYS), *("".join(KEYS_BEYOND) if beyond else "")]), min_size=1, max_size=8)
    piece = st.one_of(st.sampled_from(PROSE), st.sampled_from(known), st.sampled_from(known), keys)
    return st.lists(st.tuples(piece, st.sampled_from(BETWEEN)), min_size=least, max_size=most).map(
        lambda pieces: "".join(part for pair in pieces for part in pair)
    )


def note(seed: int, size: int, *, beyond: bool = False) -> str:
    """One note of so many characters, the same for the same seed. `beyond`: with curly quotes and accents."""
    random = Random(seed)  # noqa: S311 - chance, not secrecy
    pieces = [PROSE] * 6 + [PLAIN] * 3 + [BEYOND if beyond else PLAIN]
    parts: list[str] = []
    length = 0
    while length < size:
        part = random.choice(random.choice(pieces)) + random.choice(BETWEEN)
        parts.append(part)
        length += len(part)
    return "".join(parts)[:size]
