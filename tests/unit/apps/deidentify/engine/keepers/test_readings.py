"""Numbers that stay."""

import pytest

from service.apps.deidentify.engine.engine import Engine


@pytest.mark.parametrize(
    "line",
    [
        "SVE 4/80/-1 at 0615. Cervix 5/90/0. Asleep at 0342.",
        "Discharged 2-3 days later. Admitted 1-2 weeks ago. Seen 2-3 times. Labor for 3-14 hours. Ribs 3-4.",
        "WBC 6.1 x 10^9/L, Hgb 11.9 g/dL, Plt 310, Hct 36.2.",
        "Blood pressures 142/88 and 138/84. BP=98/60.",
        "Blood pressure 142/74.",
        "ABG 7.32/48/88/24. AC 16/450/5/40%.",
        "L4-L5 disc, T12 fracture, T2 N1 M0, pT1c pN0. Grade 2/3.",
        "ICD-10 K21.9, N18.3, F32.1. CPT 99285.",
        "COVID-19, SARS-CoV-2, HIV-1, HPV 16/18, IL-6, CA-125, Ki-67, HER2.",
        "NYHA class III. CHA2DS2-VASc 4. BI-RADS 4. G3, P2-0-0-2.",
        "BNP fell from 14200 to 3250. Ferritin rose to 23000.",
        "LI-RADS 4. Wound 2.1x1.4x0.3 cm. At 31w4d by dates. GJB2 c.35delG, p.Gly12Asp. Registered as NCT04068103.",
        "Heparin 5000 units. Viral load 20,000 copies. Norco 7.5/325.",
        "EGFR L858R, T790M positive, KIT D816V, JAK2 V617F, MTHFR A1298C, HFE C282Y/H63D. A V600E mutation.",
        "22q11.2 deletion, 17p13.1, 5q31. FLT3-ITD, CK5/6, CYP2C19, COL3A1, TP53. PCV13 given.",
        "A 6/12 history of cough, a 3/7 hx of fever, 3/12 ago. q6/12. Prednisolone 30 mg for 5/7. At 12/40 scan.",
        "HIV-1/2 Ag/Ab negative. HSV 1/2 IgG. Lispro 2/4/6 units. OGTT 5.2/10.1/8.7. Trelegy 100/62.5/25.",
        "AMTS 6/10. Beighton 7/9. Latch 7/10. Epworth 12/24. Numb in digits 4/5. Absent at 4/10 sites.",
    ],
)
def test_what_stays(engine: Engine, line: str) -> None:
    """Measurements, stages, codes of diagnoses."""
    assert engine.deidentify(line).text == line


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        ("Platelets 250000, MRN 250000.", "Platelets 250000, MRN ******."),
        ("Pt 0044123 is 54. Pt: 441234", "Pt ******* is 54. Pt: ******"),
        ("Pt at 555-0142, pt from 02139", "Pt at ***-****, pt from *****"),
        ("CK 12345678, PT 12.5, BNP 12345", "CK ********, PT 12.5, BNP 12345"),
        ("seen w/ Young, w/ Heparin", "seen w/ *****, w/ Heparin"),
        ("03/14/24 0342 pt awake. From Kaiser at 1430.", "**/**/** 0342 pt awake. From ****** at 1430."),
        ("Printed by SMITHJ12. Caused by COVID19.", "Printed by ********. Caused by COVID19."),
        ("Signed FB59 at noon.", "Signed **** at noon."),
        ("Hgb 12.1 on 3/12/2019.", "Hgb 12.1 on */**/****."),
        (
            "Due 5/7. Seen 3/12 for pain. Scheduled for 5/7. On 2/4/06. Next visit 2/4/6.",
            "Due */*. Seen */** for pain. Scheduled for */*. On */*/**. Next visit */*/*.",
        ),
        (
            "Echo 3/12 old infarct. Clinic 3/12 history of asthma.",
            "Echo */** old infarct. Clinic */** history of asthma.",
        ),
        ("Her 3/12 scan. Had 5/7 pregnancy test.", "Her */** scan. Had */* pregnancy test."),
    ],
)
def test_a_label_or_a_date_goes_before(engine: Engine, line: str, masked: str) -> None:
    """A number that stays elsewhere is masked where it identifies."""
    assert engine.deidentify(line).text == masked


def test_compat_masks_as_philter_lite_does(engine: Engine) -> None:
    """Which takes a blood pressure for a date."""
    assert engine.deidentify("Blood pressure 142/74.", compat=True).text == "Blood pressure ***/**."


def test_a_caller_may_deny_it(engine: Engine) -> None:
    """What is denied is masked."""
    assert engine.deidentify("Blood pressure 142/74.", deny=["142/74"]).text == "Blood pressure ***/**."
