"""Recall and precision on the notes that philter-lite carries, beside its own: `python -m bench.deidentify_quality`.

Counted are words (letters and digits) that identify somebody, as the notes' annotators saw it, and annotated spans
that are masked whole. The notes are few and philter-lite's rules were made with them in sight: this says whether
something got worse, not how good it is elsewhere.
"""

import sys
from collections.abc import Callable

from bench.deidentify_table import MISSED, head, row
from service.apps.deidentify.engine.completion import WORD
from service.apps.deidentify.engine.engine import Engine
from service.apps.deidentify.engine.tagging import RuleTagger
from tests.support import philter

RECALL, PRECISION, SPANS = 0.989, 0.76, 45  # at least


def measure(deidentify: Callable[[str], str]) -> tuple[float, float, int, int]:
    """Recall, precision, spans masked whole, spans."""
    true = missed = false = whole = spans = 0
    for gold in philter.bundled():
        text = deidentify(gold.text)
        identifying = bytearray(len(gold.text))
        for start, stop in gold.spans:
            identifying[start:stop] = b"\1" * (stop - start)
            whole += not any(letter.isalnum() for letter in text[start:stop])
            spans += 1
        for match in WORD.finditer(gold.text):
            is_masked = "*" in text[match.start() : match.end()]
            is_identifying = any(identifying[match.start() : match.end()])
            true += is_masked and is_identifying
            missed += is_identifying and not is_masked
            false += is_masked and not is_identifying
    return true / (true + missed), true / (true + false), whole, spans


def main() -> int:
    """Print a table; 1 where the engine falls short."""
    tagger = RuleTagger()
    engine = Engine.load(tagger)
    print(head("engine", "recall", "precision", "spans masked whole"))
    for name, deidentify in (
        ("philter-lite, our tagger", lambda text: philter.asterisks(text, tagger)),
        ("ours, `compat`", lambda text: engine.deidentify(text, compat=True).text),
        ("ours", lambda text: engine.deidentify(text).text),
    ):
        recall, precision, whole, spans = measure(deidentify)
        print(row([name, f"{recall:.2%}", f"{precision:.2%}", f"{whole} of {spans}"]))
    is_missed = recall < RECALL or precision < PRECISION or whole < SPANS
    print(
        row([f"wanted: {MISSED if is_missed else 'reached'}", f">= {RECALL:.1%}", f">= {PRECISION:.0%}", f">= {SPANS}"])
    )
    return int(is_missed)


if __name__ == "__main__":
    sys.exit(main())
