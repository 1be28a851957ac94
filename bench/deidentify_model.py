"""What the model of the extra `ner` adds to the rules, and what it costs: `python -P -m bench.deidentify_model [GOLD]`.

Prints the rows of bench/results-deidentify.md. GOLD: marked notes, as for `deidentify evaluate`; made-up ones are
measured in any case.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import process_time

import psutil

from service.apps.deidentify.engine.engine import Engine, read_by_model
from service.apps.deidentify.engine.models import rampart
from service.apps.deidentify.engine.tagging import RuleTagger
from service.apps.deidentify.evaluation import scoring
from service.apps.deidentify.evaluation.cases import cases
from service.apps.deidentify.evaluation.gold import Gold, read
from service.apps.deidentify.evaluation.report import variants

MADE_UP = 280
SEED = 5
TIMED = 20  # notes of 2 kB


def main() -> None:
    """Print the tables."""
    print(f"{cost()}\n")
    engine, model = Engine.load(RuleTagger(), with_model=True), rampart.load()

    def alone(text: str) -> str:
        return engine.deidentify(text, language="any").text

    def both(text: str) -> str:
        return engine.deidentify(text, language="any", sightings=tuple(model.find(read_by_model(text)))).text

    print("| notes | rules: recall / precision / without a leak | rules and model |\n| --- | --- | --- |")
    sources = [(Path(path).stem, read(Path(path))) for path in sys.argv[1:]]
    for title, gold in [*sources, ("made up", list(cases(MADE_UP, seed=SEED)))]:
        for way, variant in list(variants(gold))[:3]:
            print(f"| {title}, {way} | {figures(variant, alone)} | {figures(variant, both)} |", flush=True)


def figures(gold: Sequence[Gold], mask: Callable[[str], str]) -> str:
    """Recall, precision and notes without a leak, in percent."""
    scores = [scoring.score(note, mask(note.text)) for note in gold]
    measures = (scoring.recall, scoring.precision, scoring.without_leak)
    return " / ".join(f"{100 * measure(scores):.1f}" for measure in measures)


def cost() -> str:
    """Seconds of processor time for a note of 2 kB, and to load; MB of memory that the model adds."""
    process = psutil.Process()
    before, began = process.memory_info().rss, process_time()
    model = rampart.load()
    loaded = process_time() - began
    texts = [read_by_model(text) for text in timed()]
    began = process_time()
    for text in texts:
        list(model.find(text))
    each = (process_time() - began) / len(texts)
    added = (process.memory_info().rss - before) / 1e6
    return f"{loaded:.2f} s to load, {1000 * each:.0f} ms of processor time a note of 2 kB, {added:.0f} MB more memory"


def timed() -> Iterator[str]:
    """Notes of about 2 kB."""
    gold = list(cases(TIMED * 20, seed=SEED))
    for number in range(TIMED):
        yield "\n".join(note.text for note in gold[number * 20 : number * 20 + 20])[:2000]


if __name__ == "__main__":
    main()
