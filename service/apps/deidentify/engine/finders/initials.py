"""Initials of those who dictated, typed or signed, and before a last name."""

import re
from collections.abc import Iterator, Mapping

from service.apps.deidentify.engine.classes import word_class
from service.apps.deidentify.engine.finders.chains import LISTED
from service.apps.deidentify.engine.finding import Find
from service.apps.deidentify.engine.lexicon import Is
from service.apps.deidentify.engine.reading import Reading
from service.apps.deidentify.engine.rules import Kind

# `J.D.`, `R.J. Ortiz`, `Initials M.K.`
DOTTED = re.compile(r"[A-Z](?<![A-Za-z0-9.&].)\. ?(?:[A-Z]\. ?){0,2}(?=[A-Z][a-z'])[A-Z][A-Za-z']+(?:-[A-Z][a-z]+)?")
LABELLED_INITIALS = re.compile(
    r"\b(?i:initials?(?: of| are| is|:)?) {0,2}((?:[A-Z]\.? ?){1,3}[A-Z]\b\.?|[A-Z]{2,3}\b|(?:[a-z]\.){2,3})"
)
# `Signed by Lee, K`; behind a comma chains of names do not go on.
SIGNED = re.compile(
    r"\b(?:signed|authored|dictated|entered|reviewed|transcribed|cosigned|verified|performed) by:? "
    r"([a-z][a-z'-]+, [a-z])\b(?![.'-]?[a-z])",
    re.IGNORECASE,
)
# `Transcribed by: mlt`, at the end of a line or before punctuation.
TYPIST = re.compile(
    r"\b(?i:dictated|transcribed|typed)(?i: by)?:? ([a-z]{2,3})(?:/[a-z]{2,3})?\b(?=[ \t]*(?:$|\n|[.;,|]))"
)
# `FH/aj`: who dictated, and who typed.
TWO = re.compile(r"([A-Z](?<!\w.)[A-Z]{1,2})[/:]([A-Za-z]{2,4})\b(?=[ \t]*(?:$|\n|[0-9;,.]|(?i:dd|dt|td|job)))")
DICTATED = re.compile(
    r"\b(?:dictated|transcribed|typed|ref|dd|dt|td|d:|t:|job|signed|by)(?<=[a-z:])[^\n]*$|(?:^|\n)[ \t]*$",
    re.IGNORECASE,
)
# Of `6.2 L. Weight` and `Child-Pugh B. Ranson` the letter is no initial.
NO_INITIAL = re.compile(
    rf"(?:[0-9] ?|\b(?:{'|'.join(sorted(word_class('lettered')))}) )$",
    re.IGNORECASE,
)
LONGEST = 12  # characters of such a word
FAR = 70  # characters between such a word and initials


def find(reading: Reading, lexicon_flags: Mapping[str, int]) -> Iterator[Find]:
    """Initials before a last name, behind one, or behind the word."""
    has_word = "initial" in reading.words or "initials" in reading.words
    for match in LABELLED_INITIALS.finditer(reading.text) if has_word else ():
        yield Find(*match.span(1), Kind.NAME, "name.initials")
    for match in SIGNED.finditer(reading.text) if "by" in reading.words else ():
        yield Find(*match.span(1), Kind.NAME, "name.initials")
    for match in TYPIST.finditer(reading.text):
        if not lexicon_flags.get(match[1], 0) & (Is.CLOSED | Is.ROLE | Is.CREDENTIAL | Is.TITLE):
            yield Find(match.start(1), match.end(), Kind.NAME, "name.initials")
    for match in TWO.finditer(reading.text):
        before = reading.text[max(0, match.start() - FAR) : match.start()]
        is_known = any(lexicon_flags.get(part.lower(), 0) & (Is.TERM | Is.WORD) for part in match.groups())
        if (found := DICTATED.search(before)) and (found[0].strip() or not is_known):
            yield Find(*match.span(), Kind.NAME, "name.initials")
    for match in DOTTED.finditer(reading.text):
        if NO_INITIAL.search(reading.text, max(0, match.start() - LONGEST), match.start()):
            continue
        last = re.split(r"[ .-]", match[0])[-1].lower().replace("'", "")
        bits = lexicon_flags.get(last, 0)
        if (bits & LISTED or not bits & Is.WORD) and not bits & (Is.TERM | Is.CLOSED | Is.EPONYM_NOUN):
            yield Find(*match.span(), Kind.NAME, "name.initials")
