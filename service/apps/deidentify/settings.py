"""The settings of de-identification."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from service.apps.deidentify.owners import problem_with


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
    note_size: Annotated[int, Field(ge=1, le=10_000_000)] = Field(
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
