"""Notes that are made up, with their identifiers marked: to try rules on more than anybody has collected."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random

from service.apps.deidentify.engine.lexicon import lines
from service.apps.deidentify.evaluation.gold import Gold, Mark, rewritten
from service.apps.deidentify.evaluation.variants import made_date, made_name

SLOT = re.compile(r"\{(\w+)\}")
COMMON = 3000  # of the lists, which begin with the most frequent
INVENTED = 0.2  # share of names that are in no list
# A line is a kind of note. What stands in braces is an identifier.
TEMPLATES = (
    "Patient Name: {first} {last}\nMRN: {number}\nDOB: {date}\nAttending: Dr. {first} {last}\nHas chest pain.",
    "{last}, {first}. MRN {number} seen {date} by Dr. {last} at {hospital}.",
    "Mr. {last} is a 67-year-old man from {town}. He was seen at {hospital} on {date} for dyspnea.",
    "Pt {first} {last} called {date}, phone {phone}. Daughter {first} will bring him in.",
    "Spoke with {first} {last}, RN at {hospital}; she will fax records to {phone}.",
    "Dictated by: {first} {last}, MD\nTranscribed: {date}\nJob ID: {number}",
    "His wife {first} and son {first} are at the bedside. They live in {town}.",
    "{age} year old woman, resident of {hospital}, brought in by EMS. {age}F with falls.",
    "Please contact Dr. {first} {last} at {phone} or {mail} with questions.",
    "SSN {ssn}, account number {number}, room {room}.",
    "Lives at {street}, {town}. Electronically signed by {first} {last}, MD on {date}.",
    "Previously followed by Drs. {last} and {last}. Next of kin: {first} {last} (brother) {phone}",
    "Seen by {first} {last} PA-C on {date}. WBC 12.5, platelets 250000, BP 132/78, strength 4/5, EF 55-60%.",
    "Parkinson disease, Foley in place, Glasgow 15. COVID-19 negative. Takes Lasix and Keytruda. Followed by {last}.",
)
HOSPITALS = (
    "{} General Hospital",
    "{} Memorial Hospital",
    "{} Clinic",
    "{} Medical Center",
    "{} Nursing Home",
    "{} Family Practice",
)
STREETS = ("Main Street", "Oak Avenue", "Pine Hollow Drive", "Park Road", "Mill Lane")


def cases(count: int, *, seed: int = 0) -> Iterator[Gold]:
    """So many notes, the same for the same seed."""
    random = Random(seed)  # noqa: S311 - chance, not secrecy
    makers = _makers(random)
    for number in range(count):
        yield _filled(TEMPLATES[number % len(TEMPLATES)], makers)


def _filled(template: str, makers: Mapping[str, tuple[str, Callable[[], str]]]) -> Gold:
    slots = ((match, *makers[match[1]]) for match in SLOT.finditer(template))
    return rewritten(template, ((Mark(*match.span(), kind), make()) for match, kind, make in slots))


def _makers(random: Random) -> Mapping[str, tuple[str, Callable[[], str]]]:
    given, surnames, towns = (lines(name)[:COMMON] for name in ("given.txt", "surnames.txt", "places.txt"))

    def name(of: Sequence[str]) -> str:
        return made_name(random) if random.random() < INVENTED else random.choice(of).capitalize()

    def town() -> str:
        return random.choice(towns).title()

    def mail() -> str:
        return f"{name(given)}.{name(surnames)}@example.org".lower()

    def digits(form: str) -> str:
        return "".join(str(random.randrange(2, 10)) if sign == "#" else sign for sign in form)

    return {
        "first": ("NAME", lambda: name(given)),
        "last": ("NAME", lambda: name(surnames)),
        "date": ("DATE", lambda: made_date(random)),
        "town": ("LOCATION", town),
        "hospital": ("ORGANIZATION", lambda: random.choice(HOSPITALS).format(town())),
        "street": ("LOCATION", lambda: f"{random.randrange(1, 9999)} {random.choice(STREETS)}"),
        "phone": ("CONTACT", lambda: digits(random.choice(("###-###-####", "(###) ###-####", "###.###.####")))),
        "mail": ("CONTACT", mail),
        "number": ("ID", lambda: digits(random.choice(("#######", "QR-######", "####-####", "##-##-##")))),
        "ssn": ("ID", lambda: digits("###-##-####")),
        "room": ("LOCATION", lambda: digits(random.choice(("###", "#B", "###A")))),
        "age": ("AGE", lambda: str(random.randrange(90, 105))),
    }
