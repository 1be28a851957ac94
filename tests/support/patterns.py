"""Patterns as nobody wrote them, of all that philter-lite's are made of."""

from hypothesis import strategies as st

CHARACTERS = st.sampled_from(
    [
        "a",
        "b",
        "B",
        "1",
        " ",
        "_",
        r"\-",
        ".",
        r"\w",
        r"\W",
        r"\d",
        r"\D",
        r"\s",
        r"\S",
        "[ab]",
        "[^a]",
        r"[\-b1]",
        "[A-b]",
    ]
)
TIMES = st.sampled_from(["?", "*", "+", "{2}", "{1,2}", "{0,3}", "{2,}", "{5,7}", "??", "*?", "+?"])
SIDES = st.sampled_from(["", "", r"\b"])
FLAGS = st.sampled_from(["", "", "(?i)"])


def _grown(part: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    sequences = st.lists(part, min_size=1, max_size=4).map("".join)
    return st.one_of(
        sequences,
        st.lists(sequences, min_size=2, max_size=3).map(lambda ways: f"(?:{'|'.join(ways)})"),
        st.builds("({})".format, sequences),
        st.builds("(?:{}){}".format, sequences, TIMES),
        st.builds("{}{}".format, CHARACTERS, TIMES),
        st.builds(r"\b{}".format, part),
        st.builds(r"{}\b".format, part),
    )


BODIES = st.recursive(CHARACTERS, _grown, max_leaves=6)
# What may be looked behind at has but one length.
BEHIND = st.lists(CHARACTERS, min_size=1, max_size=2).map("".join)
BEFORE = st.one_of(
    SIDES,
    st.builds("(?<={})".format, BEHIND),
    st.builds("(?<!{})".format, BEHIND),
    st.builds("((?<={})|(?<={}))".format, BEHIND, BEHIND),
    st.builds("(?!{})".format, BODIES),
    st.builds("(?!.*{})".format, BEHIND),
)
AFTER = st.one_of(
    SIDES,
    st.builds("(?={})".format, BODIES),
    st.builds("(?!{})".format, BEHIND),
    st.builds("(?!{}|{})".format, BEHIND, BEHIND),
)

PATTERNS = st.builds("{}{}{}{}{}{}".format, FLAGS, SIDES, BEFORE, BODIES, AFTER, SIDES)
TEXTS = st.text(st.sampled_from([*"aabBb11  __--x.\n", "é", "\u0663", "\u2028", "“", "\u017f", "\u212a"]), max_size=14)
