"""Numbers that say nothing of who somebody is: measurements, ratios, scores, stages and codes of diagnoses."""

import re

from service.apps.deidentify.engine.classes import spellings, word_class
from service.apps.deidentify.engine.finders.pattern import Pattern
from service.apps.deidentify.engine.keepers.ratio import DAYS_IN_A_MONTH, MONTHS_IN_A_YEAR, TOO_BIG_FOR_DATES, is_ratio
from service.apps.deidentify.engine.rules import Kind

TEST = spellings("tests")
UNIT = spellings("units")
NUMBER = r"[<>~]?[0-9][0-9,]*(?:\.[0-9]+)?%?"
BETWEEN = (
    r"(?:[ \t]*(?:was|is|are|were|of|at|to|from|then|now|down|up|=|:|\(|\[|>|<|~|-|,|;|->|in the|range"
    r"|about|around|approximately|remained|today|h|l|high|low|fell|rose|dropped|went|came|improved|trended|trending"
    r"|increased|decreased|peaked))*[ \t]*"
)


NUMBERS = re.compile(r"[0-9][0-9,]*")
# `Admitted 3-14`, but not `admitted 3-4 days ago`.
DATED = re.compile(
    r"\b(?:admitted|admit|admission|discharged|discharge|d/c'?d|dc'?d|dated?|dob|dos|lmp|edd|transferred|expired|intubated"
    r"|extubated|delivered)(?: on)?[ :]{1,3}$",
    re.IGNORECASE,
)
# Behind these it is a date only if the second number is no month: `seen on 3-14`, but not `on 2-3`.
SEEN = re.compile(r"\b(?:appt|on|seen|since|surgery|until|visit)[ :]{1,3}$", re.IGNORECASE)
NO_DATE_BEHIND = re.compile(
    r" ?(?:x|times|days?|weeks?|wks?|months?|years?|yrs?|hours?|hrs?|minutes|mins?|mg|ml|cc|units?|l|lpm|liters?"
    r"|patients|more)\b",
    re.IGNORECASE,
)
UNIT_OF_THREE = re.compile(r" ?(?:h|hours?|mcg|mg|units?)\b")
LONGEST_RESULT, SHORTEST_CODE = 6, 3  # digits
PHONE = re.compile(r"[0-9]{3}-[0-9]{4}")
PATIENT = re.compile(r"\bpt\b[^0-9]*$", re.IGNORECASE)


def no_date(text: str, start: int, stop: int) -> bool:
    """Whether numbers with slashes behind the name of a test can be no date."""
    part = text[start:stop]
    if "/" not in part:
        return True
    numbers = [int(number) for number in TOO_BIG_FOR_DATES.findall(part)[:4]]
    return any(number > DAYS_IN_A_MONTH for number in numbers[:2]) or len(numbers) > 3 or "." in part  # noqa: PLR2004


def is_result(text: str, start: int, stop: int) -> bool:
    """Whether what stands behind the name of a test can be its result: no date, and no number of a person."""
    part = text[start:stop]
    digits = [number.replace(",", "") for number in NUMBERS.findall(part)]
    if any(len(number) > LONGEST_RESULT or (number[0] == "0" and len(number) > SHORTEST_CODE) for number in digits):
        return False
    # `Pt` is the patient, too.
    if PATIENT.search(text, max(0, start - 20), start) and (len(digits[0]) > SHORTEST_CODE or part.count("-") > 1):
        return False
    return not PHONE.fullmatch(part) and no_date(text, start, stop)


def is_span(text: str, start: int, stop: int) -> bool:
    """Whether two small numbers with a hyphen are a range, and neither a part of a longer number nor a date."""
    if text[start - 1 : start] in ("-", "/", ".") or re.match(r"[-/.][0-9]", text[stop : stop + 2]):
        return False
    first, second = map(int, text[start:stop].split("-"))
    return not (
        0 < first <= MONTHS_IN_A_YEAR
        and 0 < second <= DAYS_IN_A_MONTH
        and (
            DATED.search(text, max(0, start - 20), start)
            or (second > MONTHS_IN_A_YEAR and SEEN.search(text, max(0, start - 20), start))
        )
        and not NO_DATE_BEHIND.match(text, stop)
    )


TWO_AND_TWO = re.compile(r"([a-z]{2,4})[0-9]{2,3}", re.IGNORECASE)
# Of these abbreviations numbers of two digits are usual.
NUMBERED = word_class("numbered-abbreviations")


def no_code_of_a_person(text: str, start: int, stop: int) -> bool:
    """Whether a code is not like those of who signs: two letters and two digits, as in `FB59`."""
    match = TWO_AND_TWO.fullmatch(text, start, stop)
    return match is None or match[1].lower() in NUMBERED


def no_date_of_three(text: str, start: int, stop: int) -> bool:
    """Whether the second of three numbers has a decimal point, or the last is one digit and has one, or a unit."""
    if text[start - 1 : start] in ("/", "-", ".") or text[stop : stop + 1] in ("/", "-"):
        return False
    _, second, third = text[start:stop].split("/")
    if "." in second:
        return True
    return len(third.partition(".")[0]) == 1 and ("." in third or UNIT_OF_THREE.match(text, stop) is not None)


CHANGE = "[ACDEFGHIKLMNPQRSTVWY][0-9]{2,5}[ACDEFGHIKLMNPQRSTVWY]"  # of an amino acid or a base
# Genes whose variants reports name by letters and a number.
GENE = (
    r"(?i:ABL1?|AKT1|ALK|APOE|BCR-ABL1?|BRAF|BTK|CALR|CFTR|CTNNB1|EGFR|ERBB2|ESR1|EZH2|F2|F5|FGFR[1-4]"
    r"|FLT3|Factor (?:II|V)|GNA11|GNAQ|GNAS|H3|HBB|HER2|HFE|HRAS|IDH[12]|JAK2|KIT|KRAS|LRRK2|MET|MPL|MTHFR|MYD88|NRAS"
    r"|PDGFRA|PIK3CA|POLE|PTPN11|prothrombin|RET|SERPINA1|SF3B1|SOD1|TP53|TTR|U2AF1)"
)

PATTERNS = (
    Pattern(
        "stays.test-result",
        Kind.OTHER,
        "A number behind the name of a test: `platelets 250000`.",
        rf"\b{TEST}\b{BETWEEN}({NUMBER}(?:(?:/|-| ?to ?|, ?| and |; ?| |->| -> ){NUMBER}){{0,7}})",
        (),
        is_result,
    ),
    Pattern(
        "stays.labour",
        Kind.OTHER,
        "How far a birth has come: `SVE 4/80/-1`.",
        r"\b(?:sve|cvx|cervix|exam|ve)[: ]{1,2}(?:is |was |now )?([0-9]{1,2}/(?:[4-9][0-9]|100)%?/[-+]?[0-5])\b",
        ("/",),
    ),
    Pattern(
        "stays.unit",
        Kind.OTHER,
        "A number before a unit.",
        rf"\b([0-9][0-9,]*(?:\.[0-9]+)?(?:-[0-9][0-9,.]*)?) ?{UNIT}\b",
        (),
        lambda text, start, _: text[start - 1 : start] not in ("/", "-", "#", "."),
    ),
    Pattern(
        "stays.pressure",
        Kind.OTHER,
        "Blood pressures, where the first number is above 49 and the second above 29.",
        r"\b((?:[5-9][0-9]|[12][0-9]{2})s?/(?:[3-9][0-9]|1[0-9]{2})s?)\b",
        ("/",),
        lambda text, start, stop: text[start - 1 : start] not in ("/", "-", ".") and text[stop : stop + 1] != "/",
    ),
    Pattern(
        "stays.strength",
        Kind.OTHER,
        "What a combined drug contains: `5/325`, `7.5/325`.",
        r"\b([0-9]{1,4}(?:\.[0-9]+)?/[0-9]{1,4}(?:\.[0-9]+)?) ?(?:mg|mcg|tab|one|two|1|2|q|p\.?o"
        r"|b\.?i\.?d|t\.?i\.?d|daily|prn|puffs?)\b"
        r"|\b([0-9]{1,2}\.[0-9]+/[0-9]{1,4})\b",
        ("/",),
        lambda text, start, _: text[start - 1 : start] not in ("/", "-", "."),
    ),
    Pattern(
        "stays.parity",
        Kind.OTHER,
        "How many pregnancies and births: `G3, P2-0-0-2`.",
        r"\b((?:G[0-9]{1,2}[,; ]{0,2})?P[0-9]{1,4}(?:-[0-9]{1,2}){0,4}|G[0-9]{1,2})\b",
        (),
        minds_case=True,
    ),
    Pattern(
        "stays.ratio",
        Kind.OTHER,
        "Two numbers with a slash that are no month and day.",
        r"\b([0-9]{1,3}/[0-9]{1,3})\b",
        ("/",),
        is_ratio,
    ),
    Pattern(
        "stays.size",
        Kind.OTHER,
        "A size: `2.1 x 1.4 x 0.3 cm`.",
        r"\b([0-9]{1,3}(?:\.[0-9]+)? ?x ?[0-9]{1,3}(?:\.[0-9]+)?(?: ?x ?[0-9]{1,3}(?:\.[0-9]+)?)*)(?: ?(?:cm|mm))?\b",
        ("x",),
    ),
    Pattern(
        "stays.variant",
        Kind.OTHER,
        "A variant of a gene: `c.35delG`, `p.Gly12Asp`.",
        r"\b(c\.[0-9_+*-]+(?:del|dup|ins|[ACGT]>)[ACGT]*|p\.\(?[A-Z][a-z]{2}[0-9]{1,4}(?:[A-Z][a-z]{2}|\*|fs)?)",
        ("c.", "p."),
    ),
    Pattern(
        "stays.variant-short",
        Kind.OTHER,
        "A variant of a gene in letters: `EGFR L858R`, `V600E mutation`.",
        rf"\b{GENE}(?: gene)?(?: exon [0-9]{{1,2}})?[ :-]{{1,2}}({CHANGE}(?:(?:, ?|/| and ){CHANGE})*)\b"
        rf"|\b({CHANGE}) (?:mut|variant|hetero|homo|wild)",
        (),
        minds_case=True,
    ),
    Pattern(
        "stays.chromosome",
        Kind.OTHER,
        "A part of a chromosome: `22q11.2`, `17p13.1`.",
        r"\b((?:[1-9]|1[0-9]|2[0-2]|[XY])[pq][1-4][0-9](?:\.[0-9]{1,2})?(?:-?[pq][1-4]?[0-9](?:\.[0-9]{1,2})?)?)\b",
        ("p", "q"),
        minds_case=True,
    ),
    Pattern(
        "stays.gene",
        Kind.OTHER,
        "Genes and markers of letters and digits in turn: `COL3A1`, `CYP2C19`, `FLT3-ITD`, `CK5/6`.",
        r"\b((?:ABC|ALDH|ATP|COL|CYP|KCN|SERPIN|SLC|UGT)[0-9]{0,2}[A-Z]{1,2}[0-9]{1,2}|C9orf72|FLT3-(?:ITD|TKD)"
        r"|CK ?[0-9]{1,2}/[0-9]{1,2})\b",
        (),
        minds_case=True,
    ),
    Pattern(
        "stays.trial",
        Kind.OTHER,
        "The number of a registered trial, which many take part in.",
        r"\b(NCT[0-9]{8})\b",
        ("nct",),
    ),
    Pattern(
        "stays.gestation",
        Kind.OTHER,
        "Weeks and days of a pregnancy: `31w4d`, `36+2`.",
        r"\b([1-4]?[0-9] ?w(?:k|ks)? ?[0-6] ?d|[23][0-9]\+[0-6](?: ?/ ?7)?)\b",
        ("w", "+"),
    ),
    Pattern(
        "stays.settings",
        Kind.OTHER,
        "Four and more numbers with slashes: blood gases, settings of a ventilator.",
        r"\b([0-9]{1,3}(?:\.[0-9]+)?(?:/[0-9]{1,3}(?:\.[0-9]+)?%?){3,})",
        ("/",),
        no_date,
    ),
    Pattern(
        "stays.every",
        Kind.OTHER,
        "Every so many days, weeks or months: `q6/12`.",
        r"\b(q[0-9]{1,2}/(?:7|12|52))\b",
        ("q",),
    ),
    Pattern(
        "stays.three",
        Kind.OTHER,
        "Three numbers with slashes that can be no date: `2/4/6 units`, `5.2/10.1/8.7`.",
        r"\b([0-9]{1,3}(?:\.[0-9]+)?/[0-9]{1,3}(?:\.[0-9]+)?/[0-9]{1,3}(?:\.[0-9]+)?)\b",
        ("/",),
        no_date_of_three,
    ),
    Pattern(
        "stays.range",
        Kind.OTHER,
        "Two small numbers with a hyphen: `ribs 7-9`, `every 4-6 hours`.",
        r"\b([0-9]{1,3}-[0-9]{1,3})\b",
        ("-",),
        is_span,
    ),
    Pattern(
        "stays.diagnosis-code",
        Kind.OTHER,
        "Codes of diagnoses and procedures: ICD, CPT.",
        r"\b(?:icd|icd-?9|icd-?10|icd-?10-?cm|icd-?9-?cm|dx codes?|diagnosis codes?|snomed|loinc|drg"
        r"|hcpcs|cpt)(?: codes?)?[ :]{1,2}#?((?:[A-Z]?[0-9][0-9A-Z]{1,5}(?:\.[0-9A-Z]{1,4})?(?:, ?|; "
        r"?| and | |/)?){1,12})\b"
        r"|\b([A-TV-Z][0-9][0-9A-Z]\.[0-9A-Z]{1,4})\b",
        (),
    ),
    Pattern(
        "stays.short-code",
        Kind.OTHER,
        "Short letters and digits: `B12`, `HER2`, `COVID-19`, `T2 N1 M0`.",
        r"\b([A-Z]{1,6}[0-9]{1,2}[A-Z]{0,3}|[0-9]{1,2}[A-Z]{1,3}|[A-Z]{1,2}-?[A-Z]{2,5}-[0-9]{1,2}"
        r"|[A-Z]{1,5}-[0-9]{1,3}[A-Z]?|[A-Z][0-9](?:[A-Z][0-9]){1,4}|CHA2?D?S?2?DS2(?:-VASc)?"
        r"|(?:BI|LI|PI|TI|NI|VI|C|O|LUNG)-RADS|CA "
        r"?19-9|CD[0-9]{1,3}|G[0-9]{1,2}P[0-9]{1,5}|[PCY]{0,2}T[0-4X](?:is"
        r"|mi)?[A-D]?[ ]?N[0-3X][A-C]?[ ]?M[01X]?[A-C]?"
        r"|[CTLS][0-9]{1,2}[-/][CTLS]?[0-9]{1,2})\b",
        (),
        lambda text, start, stop: (
            no_code_of_a_person(text, start, stop)
            and text[start - 1 : start] not in ("-", "#", "/", "_", "@")
            and not re.match(r"[-/_@][A-Za-z0-9]", text[stop : stop + 2])
        ),
    ),
)
