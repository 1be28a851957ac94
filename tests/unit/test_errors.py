"""Our errors can be pickled and copied, such as on the way out of a process of `multiprocessing`."""

import copy
import importlib
import inspect
import pickle
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

import service
from service.auth.problems import problem_of
from service.client import ClientError
from service.errors import ServiceError

SERVICE = Path(service.__file__).parent
# What the constructors take, by the names of their parameters.
ARGUMENTS: dict[str, Any] = {
    "code": "c",
    "deadline": 1.5,
    "detail": "d",
    "error": "invalid_grant",
    "forbidden": True,
    "index": 1,
    "language": "German",
    "limit": 7,
    "missing": ["a", "b"],
    "mode": "any",
    "now": "open",
    "problem": {"code": "c", "detail": "d"},
    "problems": ["p", "q"],
    "reason": "r",
    "request_id": "r1",
    "retry_after": 3,
    "seconds": 1.5,
    "since": datetime(2026, 1, 1, tzinfo=UTC),
    "status": 418,
    "then": "closed",
    "version": "1",
}
WAYS: dict[str, Callable[[BaseException], BaseException]] = {
    "pickle": lambda error: pickle.loads(pickle.dumps(error)),  # noqa: S301 - our own
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}


def kinds() -> Iterator[type[ServiceError | ClientError]]:
    """Yield all classes of our errors, whatever other tests have imported."""
    for path in sorted(SERVICE.rglob("*.py")):
        names = re.findall(r"^class (\w+)\((?:\w+Error|Exception)\)", path.read_text(encoding="utf-8"), re.MULTILINE)
        if names:
            parts = path.relative_to(SERVICE.parent).with_suffix("").parts
            module = importlib.import_module(".".join(parts))
            found = (getattr(module, name) for name in names)
            yield from (kind for kind in found if issubclass(kind, ServiceError | ClientError))


def made(kind: type[ServiceError | ClientError]) -> ServiceError | ClientError:
    """Return an error of this class with all arguments that it takes."""
    if kind.__init__ is Exception.__init__:
        return kind("m")
    return kind(**{name: ARGUMENTS[name] for name in inspect.signature(kind).parameters})


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", [*kinds()], ids=lambda kind: kind.__qualname__)
def test_copies(kind: type[ServiceError | ClientError], way: str) -> None:
    """A copy has class, text, arguments, attributes and notes of the error, but not what it was raised with."""
    with pytest.raises(kind) as raised:
        raise made(kind) from LookupError()
    error = raised.value
    error.add_note("n")

    copied = WAYS[way](error)

    assert copied is not error
    assert type(copied) is kind
    assert (str(copied), copied.args, vars(copied)) == (str(error), error.args, vars(error))
    assert copied.__notes__ == ["n"]
    assert (copied.__traceback__, copied.__cause__, copied.__context__) == (None, None, None)


def test_all_are_found() -> None:
    """Both families are among the classes that the test above takes."""
    assert {ServiceError, ClientError} < set(kinds())


@pytest.mark.parametrize(("status", "title"), [(HTTPStatus.GONE, "Gone"), (409, "Conflict"), (499, "Error")])
def test_any_status(status: int, title: str) -> None:
    """A class of one's own may have any status, also as a number."""

    class OwnError(ServiceError):
        code = "own"

    OwnError.status = status

    assert (problem_of(OwnError()).title, problem_of(OwnError()).status) == (title, status)
