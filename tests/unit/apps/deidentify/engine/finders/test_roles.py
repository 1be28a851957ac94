"""Names behind roles and relations."""

import pytest

from service.apps.deidentify.engine.engine import Engine
from tests.unit.apps.deidentify.engine.finders.masked import problem


@pytest.mark.parametrize(
    "line",
    [
        "His son [[Will]] and daughter [[Ivy]] were present.",
        "Mother Graves disease. Father Hodgkin lymphoma. Uncle Wilson disease. Son Duchenne muscular dystrophy.",
        "Father: Barrett's esophagus. Daughter Turner syndrome, brother Ewing sarcoma.",
        "Daughter [[Hodgkin]] is here. Mother [[Graves]] called. Spoke with son [[Wilson]]. Sister [[Graves]]'s phone.",
        "his son [[will]] and daughter [[ivy]] are here",
        "his son will bring him",
        "Spoke with [[Pearl]], her aunt.",
        "Daughter [[Hope]] phoned. Mother [[Iris]] left.",
        "patient [[joy young]] was seen",
        "patient [[art gray]] was seen",
        "her daughter [[june]] called. HIS DAUGHTER [[JUNE]] IS HERE.",
        "Son [[Chip]] is here. Son healthy. Mother Alive and well.",
        "spoke with [[rose]], her sister. pt rose slowly.",
        "patient [[sean o'brien]] was seen",
        "pt denies pain; pt may eat; pt will return",
        "Pt [[J.D.]] is stable.",
        "pt [[j.d]]. is stable. pt p.o. intake good, pt b.i.d. dosing",
        "discussed with [[hope]] and [[grace]]. with hope and faith in treatment",
        "seen by [[will]] today. SEEN BY [[WILL]] TODAY. treated with will and effort",
        "Health care proxy is [[Ngozi Okafor]].",
    ],
)
def test_what_stands_behind_a_role(engine: Engine, line: str) -> None:
    """A word of the lists is a name there, also where it is an everyday word; a verb is none."""
    assert problem(engine, line) == ""


MORE = """
dtr [[joy]] at bedside; gf [[crystal]] called. PCT [[Storm]] obtained vitals.
Intensivist [[Storm]] aware. Case manager [[Frost]] met him.
HIS DAUGHTER [[HOPE]] PRESENT. WIFE [[IRIS]] AWARE OF PLAN. DAUGHTER: [[JOY]] AT BEDSIDE TODAY.
Mother: Heart disease. Father: Bone cancer. Husband: [[Rich]]
[[Mark]] underwent a repair. [[Frank]] follows up. [[Hope]] scored 14.
[[Rose]] identified triggers. [[Gene]] reports pain.
[[May]] denies pain. [[Iris]] (daughter) called. [[Trinity]] presents today. [[Destiny]] was discharged home.
[[Frost]] (82F hip fx). - [[Bell]]: 67M COPD
"""


@pytest.mark.parametrize("line", MORE.strip().splitlines())
def test_names_that_are_words(engine: Engine, line: str) -> None:
    """By who they are to the patient, what people do, and age and sex."""
    assert problem(engine, line) == ""
