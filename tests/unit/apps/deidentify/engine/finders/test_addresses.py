"""Streets and postcodes."""

import pytest

from service.apps.deidentify.engine.engine import Engine
from tests.unit.apps.deidentify.engine.finders.masked import problem


@pytest.mark.parametrize(
    "line",
    [
        "Lives at [[88 Chestnut Street, Millville]].",
        "lives at [[88 chestnut street]], better today",
        "Lives at [[902 Cedar Ridge Drive, Suite 44]].",
        "He lives at [[34 Old Post Road]] or [[120 Post Road]]. At 45 old man was on the road.",
        "GCS 15 (E4V5M6). Postcode [[E4V 5M6]].",
        "Lives at [[17 Marlow Road]], [[London SE5 9RS]].",
        "Lives at [[Gartenstraße 12]], [[80331 Munich]].",
        "Lives at [[22 Rue de Lille]], [[75007]].",
        "Lives at [[3127 Quarry Knolls]].",
        "Lives at [[P.O. Box 771]].",
        "ZIP [[60614-3321]]. Postcode [[K1A 0B1]].",
        "Lives off [[I-80]] near [[Route 66]].",
        "lives off [[i-80]] near [[route 66]]. I-131 scan, route of 2 doses.",
        "lives at [[88 chestnut st apt 2r]], better",
        "at [[1234 W 45TH STREET]] today",
        "Take 2 tablets in the street clothes way. Stage 3 cancer, seen by Dr. [[Okafor]].",
        "Corner of [[Oak Street]] and [[Maple Avenue]]. Found at [[Oak St]] & [[Pine Rd]].",
        "MVC AT THE INTERSECTION OF [[FLORES STREET]] AND [[COMMERCE AVENUE]].",
        "Lives in [[Hobart TAS 7000]], then [[Perth WA 6000]] and [[Darwin NT 0800]]. In WA since 1998, SA 5000 units.",
        "Moved to [[W91 X2K7]], now [[D6W XY00]]. P53 PACE, N95 12HR, V20 30Gy.",
        "Address: [[14 Albermarle Terrace, Gateshead, NE8 3QX]]. Postcode [[M6 5FW]].",
        "Lives at [[12 The Green, Fulwood]]. Re: [[John Byrne]], [[5 The Paddocks, Callan]]",
        "Stage 3 The tumour. Grade 2. The patient.",
        "O2 via NC 2 L/min, then via Nasal Cannula 4 L. Feeds via PEG 55 ml/h. Access via RIJ 13 Fr.",
        "Requiring 2 L. Monitoring 24 h. During 2019 well. Measuring 3 x 2 cm. Scoring 12 on it. Ring 28 mm. GATA3+.",
        "Metformin 500 BD Gliclazide 80 OD. Strong, 5/5 throughout. Str 4 in all.",
        "Lives at [[Hansaring 24]], once in [[via Garibaldi 4]] and at [[12 bd Voltaire]].",
        "Address: [[Hauptstr. 12]]. Lives at [[Bahnhofstrasse 4 g]]. Resides at [[Ring 5]].",
    ],
)
def test_an_address(engine: Engine, line: str) -> None:
    """Of several countries, and no dose."""
    assert problem(engine, line) == ""
