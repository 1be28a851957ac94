"""`python -P -m service deidentify`: its options; what it does is in `job`."""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from service.apps.deidentify.engine.dates import MAX_SHIFT, DateOrder
from service.apps.deidentify.engine.replacement import Language, Replacement
from service.apps.deidentify.errors import GoldRefusedError, JobRefusedError, RulesRefusedError
from service.apps.deidentify.job.encodings import known
from service.apps.deidentify.manifest import NEEDS, missing_for
from service.errors import HOW_TO_INSTALL

if TYPE_CHECKING:
    from service.apps.deidentify.engine.engine import Options, Setup

ADDRESS = re.compile(r"(tcp|tls)://[^/\s]+:[0-9]{1,5}")
SHORTEST, LONGEST = 0.1, 3600  # seconds for a note


def seconds(value: float) -> float:
    """Refuse what is no time to wait for, `nan` and `inf` among it."""
    if not SHORTEST <= value <= LONGEST:
        raise typer.BadParameter(f"must be from {SHORTEST} to {LONGEST} seconds.")
    return value


def shift(days: int | None) -> int | None:
    """Refuse 0, by which no date would move."""
    if days == 0:
        raise typer.BadParameter("0 would leave dates as they are: leave it out to have them replaced.")
    return days


def known_encoding(name: str) -> str:
    """Refuse an encoding that there is not, or in which ASCII is not ASCII."""
    if (usual := known(name)) is None:
        raise typer.BadParameter(f"{name} is no encoding that is taken here. Convert the file first, with iconv.")
    return usual


def words(path: Path | None) -> list[str]:
    """The words of a file, one a line; blank lines are none."""
    if path is None:
        return []
    try:
        return [word for line in path.read_text(encoding="utf-8-sig").splitlines() if (word := line.strip())]
    except UnicodeDecodeError:
        raise typer.BadParameter(f"{path} is not in UTF-8.") from None


RulesFile = Annotated[
    Path | None, typer.Option(exists=True, dir_okay=False, help="A file with rules of your own, in TOML.")
]


ModelName = Annotated[
    str, typer.Option(metavar="MODEL", help="Ask a model beside the rules: rampart (extra `ner`), or one of your own.")
]


def secret_of(key: str | None, key_file: Path | None) -> str | None:
    """The secret of the key of a job, in hexadecimal; None if it has none."""
    if key and key_file:
        raise typer.BadParameter("Give --key or --key-file, and not both.")
    from service.apps.deidentify import key_files  # noqa: PLC0415 - an extra

    try:
        return key_files.read(key_file) if key_file else key_files.named(key) if key else None
    except JobRefusedError as error:
        raise typer.BadParameter(error.detail) from None


class ByDefault(TyperGroup):
    """Commands, of which `notes` is never named: `notes` may be a folder, as in `deidentify notes -o masked`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - of a private module of typer
        """Name it where no other is named."""
        named = args and args[0] in self.commands.keys() - {"notes"}
        return super().parse_args(ctx, args if named else ["notes", *args])


class Unnamed(TyperCommand):
    """A command whose name is left out of its usage line: who types what the help says does not name it either."""

    class context_class(typer.Context):  # noqa: N801 - typer's name
        """Has the path of the group."""

        @property
        def command_path(self) -> str:
            """What is typed before the options, such as `python -P -m service deidentify`."""
            return self.parent.command_path if self.parent else super().command_path


commands = typer.Typer(cls=ByDefault, help="De-identify many notes; or `evaluate` how well that is done.")


@commands.command()
def evaluate(
    gold: Annotated[
        Path, typer.Argument(metavar="GOLD", exists=True, dir_okay=False, help="A .jsonl with `text` and `spans`.")
    ],
    *,
    compat: Annotated[bool, typer.Option("--compat", help="Measure philter-lite's own answer.")] = False,
    rules: RulesFile = None,
    ner: ModelName = "",
) -> None:
    """Measure recall, precision and what is left, on notes whose identifiers are marked.

    A line of GOLD is {"text": "Dr. Roe", "spans": [[4, 7, "NAME"]]}, in code points. Prints no text of a note.
    """
    _installed()
    # What these need is an extra, and takes a while to load.
    from service.apps.deidentify.engine.engine import Engine, read_by_model  # noqa: PLC0415
    from service.apps.deidentify.engine.models.model import load  # noqa: PLC0415
    from service.apps.deidentify.evaluation.gold import read  # noqa: PLC0415 - likewise
    from service.apps.deidentify.evaluation.report import evaluate as lines_of  # noqa: PLC0415 - likewise

    try:
        notes = read(gold)
    except GoldRefusedError as error:
        raise typer.BadParameter(error.detail) from None
    _refuse_both(compat=compat, ner=ner)
    engine = Engine.load(**_setup(rules, ner))
    model = load(ner) if ner else None

    def mask(text: str) -> str:
        sightings = tuple(model.find(read_by_model(text))) if model else ()
        return engine.deidentify(text, compat=compat, language="any", sightings=sightings).text

    for line in lines_of(notes, mask):
        typer.echo(line)


def _refuse_both(*, compat: bool, ner: str) -> None:
    if compat and ner:
        raise typer.BadParameter("--compat is philter-lite's own answer, which knows no model: leave out --ner.")


def _setup(rules: Path | None, model: str) -> "Setup":
    """What engines are loaded with. Leaves where what the model needs is not installed."""
    from service.apps.deidentify.engine import own  # noqa: PLC0415 - an extra

    if missing := missing_for(model):
        _leave(missing, "deidentify,ner")
    try:
        setup: Setup = {"own_rules": own.text_of(rules)} if rules else {}
    except RulesRefusedError as error:
        raise typer.BadParameter(f"{rules}: {error.detail}") from None
    return {**setup, "with_model": True} if model else setup


def _installed() -> None:
    """Leave, and say how to install what is missing."""
    if missing := [name for name in NEEDS if find_spec(name) is None]:
        _leave(missing, "deidentify")


def _leave(missing: list[str], extra: str) -> NoReturn:
    typer.echo(f"Not installed: {', '.join(missing)}. Run {HOW_TO_INSTALL.format(extra)}.", err=True)
    raise typer.Exit(2)


@commands.command(name="key")
def write_key(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Such as user:alice/study or group:lab/study.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file, which only you will be able to read.")],
) -> None:
    """Write a key to a file, for --key-file. Needs DEIDENTIFY_SECRET, and does not print the key.

    With it, its owner gets the same stand-ins at the command line as from the service. Who has it can test names.
    """
    _installed()
    from service.apps.deidentify import key_files  # noqa: PLC0415 - an extra

    try:
        key_files.write(key, file)
    except JobRefusedError as error:
        raise typer.BadParameter(error.detail) from None


@commands.command(name="notes", cls=Unnamed)
def deidentify(  # noqa: PLR0913 - one for each option
    *,
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="IN", exists=True, help="Files .txt, .ndjson, .jsonl, tables .csv, .tsv, .parquet; folders."
        ),
    ],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="OUT", file_okay=False, help="The folder to write to.")],
    column: Annotated[
        list[str] | None, typer.Option(help="A column of tables that holds notes; the others are kept. Repeatable.")
    ] = None,
    encoding: Annotated[
        str, typer.Option(callback=known_encoding, help="The encoding of the files, such as cp1252.")
    ] = "utf-8",
    skip_others: Annotated[
        bool, typer.Option("--skip-others", help="Files in folders that are of no such kind are no error.")
    ] = False,
    replacement: Annotated[Replacement, typer.Option(help="What stands in the place of what is masked.")] = "asterisk",
    compat: Annotated[bool, typer.Option("--compat", help="Mask what philter-lite masks, and nothing else.")] = False,
    date_shift_days: Annotated[
        int | None,
        typer.Option(
            min=-MAX_SHIFT, max=MAX_SHIFT, callback=shift, help="Move dates that parse by so many days, but not 0."
        ),
    ] = None,
    date_order: Annotated[
        DateOrder | None, typer.Option(help="The order of dates of numbers; by default as the dates of a note tell.")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="A key by its owner and name: user:alice/study. Needs DEIDENTIFY_SECRET."),
    ] = None,
    key_file: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A file with the key: 64 hexadecimal digits.")
    ] = None,
    patient_column: Annotated[
        str | None, typer.Option(help="The column of tables that says whose a row is. Needs a key: dates move by it.")
    ] = None,
    allow: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A file of words never masked, one a line.")
    ] = None,
    language: Annotated[
        Language, typer.Option(help="`any` takes notes in other languages than English, and leaves names in them.")
    ] = "en",
    deny: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A file of words always masked, one a line.")
    ] = None,
    rules: RulesFile = None,
    ner: ModelName = "",
    spans: Annotated[bool, typer.Option("--spans", help="Say where something is masked, in .ndjson, .jsonl.")] = False,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; by default one for each core.")] = None,
    deadline: Annotated[float, typer.Option(callback=seconds, help="Seconds that one note may take.")] = 30,
    dask: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Use a Dask cluster: tcp://scheduler:8786.")
    ] = None,
) -> None:
    """De-identify many notes.

    A .txt is one note. .ndjson and .jsonl hold one a line, a JSON object with `text` and perhaps `id`; with --column
    they are tables. All but .parquet may end in .gz. Run the same command again after a stop: it goes on where it was.

    Two other commands have help of their own: `deidentify evaluate` measures, `deidentify key` writes a key to a file.
    """
    _installed()
    if column and spans:
        raise typer.BadParameter("--spans is for notes: in the rows of a table there is no place for them.")
    if patient_column and not (column and (key or key_file)):
        raise typer.BadParameter("--patient-column needs --column, and --key or --key-file.")
    if patient_column and date_shift_days is not None:
        raise typer.BadParameter("--patient-column and --date-shift-days both move dates: give one of them.")
    if dask and workers:
        raise typer.BadParameter("With --dask the cluster's workers do the work: leave out --workers.")
    if dask and not ADDRESS.fullmatch(dask):
        raise typer.BadParameter("--dask takes the address of a scheduler, such as tcp://scheduler:8786.")
    _refuse_both(compat=compat, ner=ner)
    # What these need is an extra, and takes a while to load.
    from service.apps.deidentify.job.claim import Terms  # noqa: PLC0415
    from service.apps.deidentify.job.command import Where, start  # noqa: PLC0415

    options: Options = {
        "replacement": replacement,
        "compat": compat,
        "date_shift_days": date_shift_days,
        "date_order": date_order,
        "secret": secret_of(key, key_file),
        "language": language,
        "allow": words(allow),
        "deny": words(deny),
    }
    terms = Terms(
        options, spans, deadline, tuple(column or ()), encoding, patient_column or "", _setup(rules, ner), ner
    )
    raise typer.Exit(start(inputs, out, terms, Where(workers, dask), skip_others=skip_others))
