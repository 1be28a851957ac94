"""The settings of de-identification."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from service.apps.deidentify.errors import RulesRefusedError
from service.apps.deidentify.manifest import missing_for
from service.apps.deidentify.owners import problem_with
from service.errors import HOW_TO_INSTALL

if TYPE_CHECKING:
    from service.apps.deidentify.engine.engine import Setup


LARGEST_NOTE = 10_000_000  # bytes; the most that DEIDENTIFY_NOTE_SIZE may be
MODEL = re.compile(r"[\w.-]+(:[\w.]+)?")


def _own_rules(path: object) -> object:
    """Return the text of a file of rules that has been checked. Raises ValueError."""
    from service.apps.deidentify.engine import own  # noqa: PLC0415 - its extra may not be installed

    try:
        return own.text_of(Path(str(path)))
    except RulesRefusedError as error:
        raise ValueError(error.detail) from None


def _ner(name: str) -> str:
    """Return the name of a model if what it needs is installed. Raises ValueError."""
    if name and not MODEL.fullmatch(name):
        raise ValueError("must be `rampart`, the name of an entry point, or package.module:function")
    if missing := missing_for(name):
        raise ValueError(f"needs {', '.join(missing)}: run {HOW_TO_INSTALL.format('deidentify,ner')}")
    return name


def _drawn_by_chance(secret: SecretStr) -> SecretStr:
    if problem := problem_with(secret.get_secret_value()):
        raise ValueError(problem)
    return secret


class DeidentifySettings(BaseModel):
    """How much is taken, and by how many engines. Sizes in bytes of UTF-8."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True, hide_input_in_errors=True)

    # Processes with an engine, in all; 0 is one for each core.
    workers: Annotated[int, Field(ge=0, le=1024)] = Field(default=0, validation_alias="DEIDENTIFY_WORKERS")
    # Seconds for one note, which takes milliseconds; beyond that it was made to take long.
    deadline: Annotated[float, Field(gt=0, le=3600)] = Field(default=5, validation_alias="DEIDENTIFY_DEADLINE")
    # A long discharge letter has 20,000.
    note_size: Annotated[int, Field(ge=1, le=LARGEST_NOTE)] = Field(
        default=100_000, validation_alias="DEIDENTIFY_NOTE_SIZE"
    )
    # What one process holds of others' notes, waiting or in work: how many, how many bytes, and in how many batches.
    queue: Annotated[int, Field(ge=1)] = Field(default=64, validation_alias="DEIDENTIFY_QUEUE")
    queue_size: Annotated[int, Field(ge=1)] = Field(default=4_000_000, validation_alias="DEIDENTIFY_QUEUE_SIZE")
    batches: Annotated[int, Field(ge=1)] = Field(default=8, validation_alias="DEIDENTIFY_BATCHES")
    # What the secrets of all keys are derived from. Whoever has it can test names and recover shifts.
    secret: Annotated[SecretStr, AfterValidator(_drawn_by_chance)] | None = Field(
        default=None, validation_alias="DEIDENTIFY_SECRET"
    )
    # The text of the operator's own rules; the variable names the file.
    own_rules: Annotated[str, BeforeValidator(_own_rules)] = Field(
        default="", validation_alias="DEIDENTIFY_RULES", repr=False
    )

    # A model beside the rules: `rampart`, an entry point, or package.module:function.
    ner: Annotated[str, AfterValidator(_ner)] = Field(default="", validation_alias="DEIDENTIFY_NER")
    ner_use: Literal["always", "on_request"] = Field(default="always", validation_alias="DEIDENTIFY_NER_USE")

    @property
    def setup(self) -> "Setup":
        """What the engines are loaded with."""
        rules: Setup = {"own_rules": self.own_rules} if self.own_rules else {}
        return {**rules, "with_model": True} if self.ner else rules
