"""Names of people, in any letter case."""

import pytest

from service.apps.deidentify.engine.engine import Engine
from tests.unit.apps.deidentify.engine.finders.masked import problem


@pytest.mark.parametrize(
    "line",
    [
        "Patient [[Harriet Colquhoun]] was seen.",
        "Dr. [[Mallory-Weiss]]. [[Ann Kearns-Sayre]]. [[Peter Mol]] called.",
        "Seen by [[Robert Clark III]]. Mr. [[Wagner III]] called. [[Clark, James III]]. [[Clark III]] came in.",
        "[[Lambert Eaton]] called, with [[Harris, Benedict]]. [[CLARK]] III, [[JAMES]]",
        "Patient: [[Maria Lopez]] Room: [[12]]. Name: [[Ann Cole]] Race: W. Pt: [[Sam Hill]] Weight: 80 kg.",
        "From: [[Siddharth Venkatesan]] Sent: [[3/22/2024]]. Author: [[Mwangi, Grace W.]], RN Service: Surgery.",
        "Name: [[Ama Bonsu]]\nAge/Sex: 45/F. Dr. [[Sam Ward]]: agrees. Nurse [[Kim Phone]] called.",
        "pt [[harriet colquhoun]] seen in clinic",
        "[[COLQUHOUN, HARRIET B]] was seen.",
        "Name: [[Ngozi Okafor]]",
        "Patient [[Anne-Marie Lefebvre]] was seen.",
        "Patient [[Pieter van den Broek]] was seen.",
        "Patient [[Samuel Trask Jr.]] was seen.",
        "[[Anna S.]] was treated.",
        "seen with [[anna s.]], better",
        "a 70yo man, [[frank l.]], presented",
        "x-ray l. hip. He drew l. arm up.",
        "[[Mark Miller]] called.",
        "Signed [[L. van der Berg]]",
        "signed, [[l. van der berg]]. quai de seine",
        "[[Chase]] slept most of the night.",
        "Patient [[So Mi]] was seen.",
        "I saw [[Will Johnson]] today. [[Ed Johnson]] was admitted. Re: [[May Johnson]]",
        "[[Johnson]] will be seen by [[Asa Nguyen]].",
    ],
)
def test_a_name_is_masked(engine: Engine, line: str) -> None:
    """With all that belongs to it, and nothing beside it."""
    assert problem(engine, line) == ""


@pytest.mark.parametrize(
    "line",
    [
        "Parkinson disease, Foley catheter, Gleason 7.",
        "Stevens-Johnson syndrome, Child-Pugh B.",
        "Stevens-Johnson after Bactrim. A Jackson-Pratt drain.",
        "Gilles de la Tourette syndrome",
        "The white count was high. Brown sputum. Rose to stand.",
        "a small rash may be seen; will follow",
    ],
)
def test_an_everyday_word_or_a_term_is_no_name(engine: Engine, line: str) -> None:
    """Where nothing speaks for a person."""
    assert engine.deidentify(line).text == line


LABELS = """
Cosigner: [[Fox]]
CRNA: [[Rice]]
Oncologist: [[Bell]]. Nephrologist: [[Rice]]. Psychiatrist: [[Young]]
Health care proxy: [[Joy]] (wife). HCP: [[Joy]]. POA: [[Hope]]. NOK: [[Grace]]
Kids: [[Hope]], [[Chase]] (8). Siblings: [[Hunter]], 5, and [[Faith]], 3
Baby: [[Grace]]. MOB: [[Grace]]. FOB: [[Chase]]
Scrub: [[Young]]. Circulator: [[Rose]]. Rad tech: [[Cook]]. First assist: [[Stone]]
PT: [[Hall]]. OT: [[Bell]]. SLP: [[Rice]]. Case manager: [[Fox]]. PharmD: [[Price]]
Requesting: [[Young]]. Accepting MD: [[Stone]]. Covering: [[Young]]. Preceptor: [[Berry]]
Cards: [[Young]]. Onc: [[Bell]]. Ortho: [[Stone]]. Anesthesia: [[Rice]]
Team: [[Young]]/[[Bell]]
Healthcare proxy: [[Merry]], daughter. ASSISTANT: [[ROSE]]
Teacher: [[Stone]]. Lawyer: [[Price]]. Driver: [[Rivers]]. Notified: [[Rice]]. Per: [[Young]]
"""

NO_NAMES = """
PT: Daily. PT: Good. OT: Deferred. SW: Following. PT: Home with services
Team: Surgery. Team: Red. Team: Gold. Team: Aware and agrees
Cards: Recommend echo. Anesthesia: General endotracheal. Anesthesia: Spinal. Ortho: Recommend WBAT
MD: Notified. Tech: Present. Baby: Doing well. Baby: Head down. Baby: Boy
Siblings: None. Kids: 2. Witness: None. Covering: Sterile dressing. Referring: Self
Brother: Heart disease. Sister: Breast cancer. POA: Yes. HCP: Unknown. Worker: Construction
"""


@pytest.mark.parametrize("line", (LABELS + NO_NAMES).strip().splitlines())
def test_what_stands_behind_a_label(engine: Engine, line: str) -> None:
    """A frequent name goes, an everyday word too; what a service did or found stays."""
    assert problem(engine, line) == ""


ACTING = """
[[Hope]]'s mom called. [[Grace]]'s father is here. [[Chase]]'s fever resolved.
[[Pearl]] ambulated in the hall. Goal: [[Chase]] will ambulate 50 feet. [[Joy]] would like to go home.
- [[Pearl]] slept well. 1) [[Chase]] fell at home.
[[Grace]], 84, was admitted. [[Rose]] (84F) came. [[Dawn]] and her husband came.
Baker's cyst is seen. Bell's palsy. Graves' disease. Hunter's syndrome. The day's events. Day's end.
Art therapy helped. Rose to his feet. Pain will improve. Will need follow up. May ambulate. May was told.
"""


@pytest.mark.parametrize("line", ACTING.strip().splitlines())
def test_a_first_name_at_the_beginning_of_a_sentence(engine: Engine, line: str) -> None:
    """By what people do, have, and are."""
    assert problem(engine, line) == ""
