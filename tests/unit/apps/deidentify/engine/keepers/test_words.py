"""Words that stay."""

import pytest

from service.apps.deidentify.engine import lexicon
from service.apps.deidentify.engine.engine import Engine
from service.apps.deidentify.engine.keepers.words import Vocabulary


@pytest.mark.parametrize(
    "line",
    [
        "Ozempic, Keytruda, Paxlovid, Jardiance, tirzepatide, osimertinib.",
        "Percocet, Zosyn, Humira, Eliquis, Entresto, Wegovy, levetiracetam, nivolumab.",
        "COPD, CHF, NYHA, TIA, ALP, CEA. EMS brought her in.",
        "The wound was reapproximated with silk; the neighbour saw oedema.",
        "BROUGHT TO THE OPERATING ROOM AND MADE COMFORTABLE.",
        "CHIEF COMPLAINT: Chest pain. Left Lower Lobe infiltrates. Older sister has asthma.",
        "Virchow's node palpable. Murphy sign negative. Swan-Ganz catheter.",
        "Influenza A and B, hepatitis C, Le Fort I.",
        "A Lieberman speculum, Utrata forceps, Heaney clamps. Braden 14, Morse 65.",
        "Charcot-Marie-Tooth. CARRIED THROUGH SCARPA FASCIA TO THE EXTERNAL OBLIQUE.",
        "Jones fx of the foot, Allen test, Salem sump. Los Angeles grade C. A Philadelphia collar. St. John's wort.",
        'Mallory Weiss tear. Bair hugger applied. Morse fall scale 45. Stated "Hope to go home".',
        "She had a Whipple. He is s/p Whipple, with a Foley.",
        "Closed with Vicryl and Monocryl. KRAS and BRAF were wild type.",
        "Dear Colleague, thanks. Dear Doctor, thanks. Dear Sir or Madam, thanks.",
        "It is Mallory-Weiss. CrCl by Cockcroft-Gault. Zollinger-Ellison, no Epstein-Barr. HbA1c 71 mmol/mol.",
        "Forrest IIa. Wagner IIb ulcer. Schatzker IV fracture. Hinchey II. Fontaine IIb. Braak V.",
        "Apfel 3. Caprini 8. Padua 5. Khorana 2. Ashworth 2.",
    ],
)
def test_what_stays(engine: Engine, line: str) -> None:
    """Everyday and medical words, abbreviations, terms that bear a name."""
    assert engine.deidentify(line).text == line


@pytest.mark.parametrize("word", ["reapproximated", "hyperkalaemia", "trastuzumab", "unremarkably", "nonbloody"])
def test_a_form_that_no_list_has(word: str) -> None:
    """By its beginning and its end."""
    flags = lexicon.load(frozenset({"bloody", "remarkable", "approximate"})).flags

    assert Vocabulary(flags).is_word(word)


@pytest.mark.parametrize("word", ["okafor", "thornbury", "zzyzx", "chicago"])
def test_a_name_is_no_form(word: str) -> None:
    """Nor what nobody knows."""
    assert not Vocabulary(lexicon.load(frozenset()).flags).is_word(word)
