"""No note takes long: those that cost most, found by looking for them, and those that hang philter-lite."""

import json
import subprocess
import sys

SIZE = 25_000  # characters; a quarter of what a note may have
MOST = 1.5  # seconds of the processor; where time grows with the square of the text, it would be three to hours

# name -> beginning, what is repeated, end
NOTES = {
    "letters and digits": ("", "1a", "_"),
    "one word": ("", "a", ""),
    "one word in capitals": ("", "A", " MD, PhD"),
    "a word before an age": ("", "A", " is a 50 y.ox"),
    "a word before an age, after two spaces": ("", "A", "  is a 50 y.o"),
    "bases": ("", "ACGT", ""),
    "digits": ("", "1", " mg 12"),
    "digits and hyphens": ("", "1-", ""),
    "dates without end": ("", "12-3-99", ""),
    "years and months without end": ("", "1110-1-", ")"),
    "dates": ("", "<12/03/2019", " 55positive"),
    "words and numbers": ("", "ab 12345 ", ""),
    "ends of lines before an identifier": ("", "\x85", "ID: A123X"),
    "spaces before an initial": ("", " ", "VK"),
    "initials": ("", "L\n", "VD"),
    "dots before an address of the web": ("", ".", "T.net/v"),
    "an address of the web": ("", "a.com/", ""),
    "cassettes": ("", "cassettes .VNe  no.7, and c4d", ""),
    "attending physicians": ("", "DL MMGg/attending ", ""),
    "names behind commas": ("", "Smith, John A., ", "MD"),
    "one signature": ("", "ab/", ""),
    "words that a list keeps, one by one": ("", "a ", ""),
    "hospitals": ("", "Hospital ", ""),
    "generals": ("seen at ", "General ", "Hospital"),
    "universities": ("", "University of ", "Ohio"),
    "verbs before a place": ("", "Attends ", "Eton"),
    "titles": ("", "Dr. ", "Roe"),
    "names of names": ("", "named ", "Roe"),
    "doctors joined": ("Drs. Roe", " and Roe", ""),
    "first names": ("", "Anna ", ""),
    "initials before a name": ("", "C. ", "Okafor"),
    "towns": ("lives in ", "New York, ", ""),
    "places behind places": ("lives in ", "Reading and ", "Bath"),
    "ratios": ("strength ", "4/5 ", ""),
    "results": ("sodium ", "138 ", ""),
    "labels": ("", "MRN: ", "1"),
    "groups of digits": ("", "0123 ", ""),
    "eponyms": ("", "Parkinson, ", "disease"),
}


BEYOND = {"default": "", "compat": " \u201cé\u201d"}  # what ends the notes, by the way that they take
PROGRAM = """
import json, sys, time
from service.apps.deidentify.engine.engine import Engine
from service.apps.deidentify.engine.tagging import RuleTagger
engine = Engine.load(RuleTagger())
took = {}
for way, notes in json.load(sys.stdin).items():
    for name, note in notes.items():
        began = time.process_time()
        engine.deidentify(note, compat=way == "compat")
        took[f"{name}, {way}"] = time.process_time() - began
print(json.dumps(took))
"""


def test_no_note_hangs_it() -> None:
    """By default text is folded to ASCII; with `compat` characters beyond it take a way of their own."""
    notes = {
        way: {name: begin + part * (SIZE // len(part)) + end + beyond for name, (begin, part, end) in NOTES.items()}
        for way, beyond in BEYOND.items()
    }

    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps(notes),
        timeout=600,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )

    took = json.loads(done.stdout)
    assert len(took) == 2 * len(NOTES)
    assert {name: seconds for name, seconds in took.items() if seconds > MOST} == {}
