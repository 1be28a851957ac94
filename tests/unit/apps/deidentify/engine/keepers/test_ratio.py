"""Ratios and dates."""

import re

import pytest

from service.apps.deidentify.engine.keepers.ratio import is_ratio


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("45/52", True, id="too large for a month"),
        pytest.param("28/30", True, id="two days"),
        pytest.param("5/325", True, id="three digits"),
        pytest.param("0/5", True, id="none of five"),
        pytest.param("3/12", False, id="a month and a day"),
        pytest.param("3/80", False, id="a month and a year"),
        pytest.param("3/12/2019", False, id="a date with its year"),
        pytest.param("pain 3/10", True, id="pain"),
        pytest.param("strength is 4/5 and 3/5", True, id="strength"),
        pytest.param("seen on 4/5", False, id="a word that stands before dates"),
        pytest.param("2/6 systolic murmur", True, id="a murmur behind it"),
        pytest.param("1/2 of a tablet", True, id="a half"),
        pytest.param("angle 4/5", False, id="a word that only ends like another"),
    ],
)
def test_a_ratio_or_a_date(text: str, expected: bool) -> None:  # noqa: FBT001
    """By size, and by the words at its sides. Judged is the last pair."""
    start, stop = [match.span() for match in re.finditer(r"\d+/\d+", text)][-1 if "and" in text else 0]

    assert is_ratio(text, start, stop) is expected


DATES = """
Lower extremity doppler 3/8 negative for DVT.
LE ultrasound 3/6 showed DVT.
Heart cath 3/12 showed 80% LAD stenosis.
Upper endoscopy 3/5 unremarkable.
Chest pain began 3/4 while shoveling snow.
Chest pain 3/12, relieved by nitro.
Pain clinic 4/10 at 9 am.
Pain meds refilled 6/9, 7/9.
Nausea resolved 3/8.
Depression worsened 2/14 after her mother died.
Insulin increased 3/8 and again 3/15.
Extubated to BiPAP 3/4, weaned 3/6.
BP meds changed 3/8.
LLE amputation 10/11.
Motor vehicle accident 7/4.
Last dose: 3/4
Missed his dose 4/2 and 4/3.
IVC filter placed 3/8.
Vision check 3/12.
Settings changed 3/11.
Strength training 3/12.
Heart failure clinic 3/5.
Pulses checked 03/04.
Pulses 03/04.
Registration 3/8.
NS bolus 3/8.
Le 3/4 elle est venue.
MRI of 3/4 showed no change.
Angiogram of 3/5 upper extremity.
3/8 upper endoscopy normal.
3/8 pain clinic visit.
3/8 motor vehicle accident.
3/8 positive COVID test.
3/8 blood cultures grew MRSA.
2/11 dose given.
3/4 NSTEMI.
3/4 office visit.
1/2 dosed vancomycin.
Tel 617/555-0142.
3/4 upper endoscopy: gastritis.
3/4 lower extremity doppler.
3/4 positive lymph node biopsy.
PHQ-9 (4/9): 12.
MoCA 6/7.
MMSE 9/15.
GCS 3/12.
Lotrel begun 5/10.
Caduet 3/10.
"""

RATIOS = """
Strength 5/5 in RUE, 4/5 in LUE.
Strength in the right upper extremity is 4/5, left 3/5.
Motor exam 4/5 throughout.
Pain in the right knee is 6/10 today.
Pain, sharp, 8/10.
Pain was 8/10, now 4/10, later 3/10.
Pain score of 6/10.
Pain with movement 6/10.
Anxiety 6/10, depression 4/10.
The pain is rated at 7/10 in intensity.
8/10 sharp chest pain.
complains of 6/10 headache.
Apgar scores were 8/9 at one and five minutes.
MMSE 12/30.
PHQ-9 score 12/27.
Patellar reflexes 2/4 bilaterally.
CVS: 2/6 systolic ejection murmur.
Visual acuity 20/10 OU.
BiPAP settings 12/5.
AST/ALT 25/31.
3/12 nodes positive.
2/4 bottles grew GPC.
Recalls 2/3 objects.
Take 1/2 tablet.
Delt 4/5 bi 4/5 tri 5/5.
Lotrel 5/10 daily, Vytorin 10/20 at night.
1/2 NS at 75 ml.
38 4/7 weeks.
GA 27 5/7.
MMT 4/5, KE 4/5.
CP 6/10 -> 3/10.
Suboxone 8/2 film.
Cycle 4/6.
Pain 5/10 at rest, 8/10 with movement.
GCS 3/15.
MoCA 8/30.
GAD-7 9/21.
PHQ-2 2/6.
Mini-Cog 3/5.
Gleason 3/5.
2/14 lymph nodes positive.
1/3 sentinel lymph nodes.
5/5 upper and lower extremities.
"""


def judged(line: str) -> list[bool]:
    """For each pair of numbers of a line, whether it is a ratio."""
    return [is_ratio(line, *match.span()) for match in re.finditer(r"[0-9]+/[0-9]+", line)]


@pytest.mark.parametrize("line", DATES.strip().splitlines())
def test_dates_near_words_that_announce_ratios(line: str) -> None:
    """What happened on a day is no ratio, whatever it happened to."""
    assert not any(judged(line))


@pytest.mark.parametrize("line", RATIOS.strip().splitlines())
def test_ratios(line: str) -> None:
    """Behind a word that announces them, or before one."""
    assert all(judged(line))
