"""What goes wrong with notes."""

from http import HTTPStatus

from service.errors import ServiceError, ThrottledError


class NoteRefusedError(ServiceError):
    """What was sent is no note: it is in another encoding than UTF-8, or has what no note has, such as U+0000."""

    code = "note_refused"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    default = "This is no text: it has a lone surrogate (U+D800 to U+DFFF)."


class LanguageUnsupportedError(ServiceError):
    """A note is in another language than English, whose rules there are none of. `language`: its English name."""

    code = "language_unsupported"
    status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self, language: str) -> None:
        self.language = language
        super().__init__(
            f"This looks like {language}. The rules know English, and would leave names in it. "
            "To have it masked all the same, set `language` to `any` (on the command line: --language any)."
        )


class ModelNotOfferedError(ServiceError):
    """A note asks for a model, and the operator has set none up."""

    code = "model_not_offered"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    default = "No model is set up here. Leave out `ner`, or ask the operator."


class KeyForbiddenError(ServiceError):
    """A key belongs to a group that the caller is not in, as far as their token tells."""

    code = "key_forbidden"
    status = HTTPStatus.FORBIDDEN
    default = "This key belongs to a group of the Hub. Your token does not say that you are in it."


class KeysUnavailableError(ServiceError):
    """No keys can be used, because the operator has set no secret for them."""

    code = "keys_unavailable"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    default = "There are no keys here. Leave out `key`, or ask the operator to set DEIDENTIFY_SECRET."


class NoteTooLargeError(ServiceError):
    """A note is larger than is taken; `limit` in bytes of UTF-8."""

    code = "note_too_large"
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(f"A note may have {limit} bytes of UTF-8. Send it in parts.")


class QueueFullError(ThrottledError):
    """More notes wait than are taken; `retry_after` in seconds."""

    code = "queue_full"
    what = "Too many notes are waiting."


class DeadlineExceededError(ServiceError):
    """A note took longer than it may, and was given up; it would again. `deadline` in seconds."""

    code = "deadline_exceeded"
    status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        super().__init__(f"This note took longer than {deadline:g} seconds. Send it in parts.")


class EngineUnavailableError(ServiceError):
    """No engine is loaded: not yet, or it cannot be. Says nothing about the note."""

    code = "engine_unavailable"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    default = "No engine is at hand at the moment. Try again shortly."

    def __init__(self, detail: str | None = None, *, retry_after: int = 10) -> None:
        self.retry_after = retry_after
        super().__init__(detail)


class EngineFailedError(ServiceError):
    """The engine ended or failed with this note: a crash, no memory left, killed by somebody. Others are not affected.

    `reason` is for the log; it has nothing of the note.
    """

    code = "engine_failed"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    default = "The engine failed with this note, and nothing of it is returned. Try again, or send it in parts."

    def __init__(self, detail: str | None = None, *, reason: str, retry_after: int = 1) -> None:
        self.reason = reason
        self.retry_after = retry_after
        super().__init__(detail)


class TooManyNamesError(ServiceError):
    """A batch has more names than can be numbered."""

    code = "too_many_names"
    status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self, limit: int) -> None:
        super().__init__(f"This batch has more than {limit} things to number. Begin another.")


class BatchStalledError(ServiceError):
    """The client of a batch did not send a line, or take one, for `seconds`: it is not there, or waits for us."""

    code = "batch_stalled"

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"No line came for {seconds:g} seconds. Send those without an answer again, and read meanwhile."
        )


class BatchBrokenError(ServiceError):
    """A batch cannot go on: the service is being stopped, or has failed."""

    code = "batch_broken"
    default = "The service had to stop here. Send those without an answer again."


class BadLineError(ServiceError):
    """A line of a batch or a job is no note: no JSON object, without `text`, or with fields that say nothing to us."""

    code = "invalid_request"
    default = "The line is no JSON object in UTF-8 with a string `text`."


class JobRefusedError(ServiceError):
    """A job cannot begin as it was asked for: wrong files, a folder that is taken, options other than before."""

    code = "job_refused"


class GoldRefusedError(ServiceError):
    """A file of marked notes cannot be read; says which line."""

    code = "gold_refused"


class RulesRefusedError(ServiceError):
    """A file of the operator's own rules cannot be used; says which line is wrong."""

    code = "rules_refused"


class JobStoppedError(ServiceError):
    """A job cannot go on: no room on the disk, a file that changed, a cluster that is gone. What is done is kept."""

    code = "job_stopped"
