"""Notes in other languages."""

import pytest

from service.apps.deidentify.engine import language, lexicon, rules
from service.apps.deidentify.engine.engine import Engine
from service.apps.deidentify.errors import LanguageUnsupportedError
from tests.support import philter

FLAGS = lexicon.load(rules.load().vocabulary).flags
GERMAN = (
    "Der Patient wurde am 12. März mit Brustschmerzen aufgenommen. Die Untersuchung ergab keinen Hinweis auf Fieber."
)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (GERMAN, "German"),
        ("Le patient a été admis pour une douleur thoracique. Pas de fièvre, pas de dyspnée.", "French"),
        ("El paciente de 45 años acude por dolor abdominal de tres días de evolución, sin fiebre.", "Spanish"),
        ("De patiënt werd opgenomen met pijn op de borst en kortademigheid sinds drie dagen.", "Dutch"),
        ("Пациент поступил с жалобами на боли в груди и одышку, без температуры и кашля.", "Russian"),  # noqa: RUF001 - Russian
        ("患者因胸痛入院，无发热。既往有高血压病史，规律服药治疗。", "Chinese"),  # noqa: RUF001 - Chinese
    ],
)
@pytest.mark.parametrize("case", [str, str.upper, str.lower], ids=["as written", "capitals", "small"])
def test_another_language_is_recognized(text: str, name: str, case: type[str]) -> None:
    """In any letter case."""
    assert language.other_language(case(text), FLAGS) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Pt c/o CP, SOB. BP 120/80 HR 72.",
        "Patient Stanisław Wójcik was seen.",
        "Patient Gülşah Aydın was seen.",  # noqa: RUF001 - Turkish
        "(ACETYLSALICYLIC ABDOMEN: SOB Mary-Ann Jones, RN SOB ",
        "Müller",
        "http://www.foo.com/bar, study. HGB/entir",  # Rhaeto-Romance, if an address were words
    ],
)
def test_english_and_what_is_too_short_to_tell(text: str) -> None:
    """Passes, names of other languages in it."""
    assert language.other_language(text, FLAGS) == ""


@pytest.mark.parametrize("case", [str, str.upper, str.lower], ids=["as written", "capitals", "small"])
def test_no_bundled_note_is_refused(case: type[str]) -> None:
    """In any letter case."""
    assert [language.other_language(case(note.text), FLAGS) for note in philter.bundled()] == [""] * 5


def test_the_engine_refuses_it_unless_it_is_told_to_take_it(engine: Engine) -> None:
    """And says what it recognized."""
    with pytest.raises(LanguageUnsupportedError, match="looks like German"):
        engine.deidentify(GERMAN)

    assert "12. März" not in engine.deidentify(GERMAN, language="any").text
