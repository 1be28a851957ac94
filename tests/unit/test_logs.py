"""No log line contains a secret."""

import contextlib
import contextvars
import io
import json
import logging
import logging.config
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.logs import (
    REQUEST_ID,
    SECRET_PARAMETERS,
    LineFormatter,
    LogForm,
    LogLevel,
    RequestRecord,
    log_config,
    mask_address,
)
from tests.support.logging_state import logging_kept


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("/x?token=canary", "/x?token=[secret]"),
        ("/x?a=1&token=canary&b=2", "/x?a=1&token=[secret]&b=2"),
        ("/x?token=canary&token=canary2", "/x?token=[secret]&token=[secret]"),
        ("/x?code=canary&state=hub.canary", "/x?code=[secret]&state=[secret]"),
        ("/x?_xsrf=canary", "/x?_xsrf=[secret]"),
        ("/x?Token=canary&ACCESS_TOKEN=canary", "/x?Token=[secret]&ACCESS_TOKEN=[secret]"),
        ("/x#access_token=canary&y=1", "/x#access_token=[secret]&y=1"),
        ("/x?a;token=canary", "/x?a;token=[secret]"),
        ("/x?token=canary#part", "/x?token=[secret]#part"),
        # values that are not quite a token
        ("/x?token=canary;canary2", "/x?token=[secret]"),
        ('/x?token="canary"', '/x?token=[secret]"'),
        ("/x?token='canary'&a=1", "/x?token=[secret]'&a=1"),
        ("/x?token=ca'nary\"canary", "/x?token=[secret]"),
        ("/x?token=%63anary=canary?canary", "/x?token=[secret]"),
        ("/desk/employees?cursor=canary&text=canary", "/desk/employees?cursor=[secret]&text=[secret]"),
        # names as servers also read them
        ("/x?%74oken=canary", "/x?%74oken=[secret]"),
        ("/x?%74%6f%6B%65%6e=canary", "/x?%74%6f%6B%65%6e=[secret]"),
        ("/x?+token=canary", "/x?+token=[secret]"),
        # an address within an address, and within that another
        ("/login?next=%2Fme%3Ftoken%3Dcanary", "/login?next=%2Fme%3Ftoken%3D[secret]"),
        ("/login?next=/me?token=canary", "/login?next=/me?token=[secret]"),
        ("/login?next=%2Fme%3Fa%3D1%26token%3Dcanary%26b%3D2&c", "/login?next=%2Fme%3Fa%3D1%26token%3D[secret]&c"),
        ("/login?next=%2fme%3f%74oken%3dcanary", "/login?next=%2fme%3f%74oken%3d[secret]"),
        ("/login?next=%2Fme%3F%2574oken%3Dcanary", "/login?next=%2Fme%3F%2574oken%3D[secret]"),
        ("/l?next=%2Fl%3Fnext%3D%252Fme%253Ftoken%253Dcanary", "/l?next=%2Fl%3Fnext%3D%252Fme%253Ftoken%253D[secret]"),
        ("/x%3Ftoken=canary", "/x%3Ftoken=[secret]"),
        ("/x%3Fa%26token%3Dcanary", "/x%3Fa%26token%3D[secret]"),
        # more than one address in a line
        ("/a?token=canary and /b?token=canary", "/a?token=[secret] and /b?token=[secret]"),
        ('"GET /a?token=canary HTTP/1.1" 200', '"GET /a?token=[secret] HTTP/1.1" 200'),
        ('"WebSocket /a?token=canary" [accepted]', '"WebSocket /a?token=[secret]" [accepted]'),
        ("from 'http://x/?token=canary'", "from 'http://x/?token=[secret]'"),
    ],
)  # fmt: skip
def test_a_secret_parameter_is_masked(address: str, shown: str) -> None:
    """The value of a secret parameter is masked, wherever it is and however its name is encoded."""
    assert mask_address(address) == shown


@pytest.mark.parametrize(
    "address",
    [
        "",
        "/x",
        "/token=1/x",
        "/x?tokens=1&mytoken=2&token2=3&token",
        "/x?a=token&b=%3F",
        "/x?q=a%3Db",
        "no address = nothing; state of things: code 5",
        '[I 2026-01-01 12:00:00 uvicorn.access] 127.0.0.1:1 - "GET /x?a=1 HTTP/1.1" 200',
    ],
)
def test_all_else_is_left_alone(address: str) -> None:
    """Everything else is left unchanged."""
    assert mask_address(address) == address


@given(st.text(max_size=30), st.sampled_from("?&;#"), st.sampled_from(SECRET_PARAMETERS), st.text(max_size=30))
def test_wherever_a_token_stands_it_is_not_shown(before: str, mark: str, name: str, after: str) -> None:
    """A token is masked in any surrounding text. Masking twice is the same as masking once."""
    shown = mask_address(f"{before}{mark}{name}=c4n4ry {after}")

    assert "c4n4ry" not in shown.removeprefix(before)
    assert mask_address(shown) == shown


@pytest.mark.parametrize(
    "text", ["?" * 50_000, "?a" * 50_000, "%26" * 20_000, "%" + "25" * 50_000, "&a=" * 20_000, "?" + "a=;" * 99_999]
)
def test_a_long_address_is_masked_in_no_time(text: str) -> None:
    """Masking takes linear time, so nobody can keep us busy with a long URL."""
    assert mask_address(text) == text


@contextlib.contextmanager
def logging_as(form: LogForm) -> Iterator[io.StringIO]:
    """Configure logging as the running service does."""
    config = log_config(form=form)
    stream = io.StringIO()
    config["handlers"]["output"]["stream"] = stream
    with logging_kept():
        logging.config.dictConfig(config)
        yield stream


@pytest.fixture(params=["json", "text"])
def log(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """Return what the service writes to its log, in both formats."""
    with logging_as(request.param) as stream:
        yield stream


@pytest.fixture
def json_log() -> Iterator[io.StringIO]:
    """Return the log as JSON."""
    with logging_as("json") as stream:
        yield stream


@pytest.fixture
def text_log() -> Iterator[io.StringIO]:
    """Return the log as text."""
    with logging_as("text") as stream:
        yield stream


def test_json(json_log: io.StringIO) -> None:
    """A line is a JSON object: time (RFC 3339, UTC), level, logger, event and request id."""
    context = contextvars.copy_context()
    context.run(REQUEST_ID.set, "a1")
    context.run(logging.getLogger("service").warning, "The Hub cannot be asked: %s.", "it is slow")

    said = json.loads(json_log.getvalue())
    assert abs((datetime.now(UTC) - datetime.fromisoformat(said.pop("time"))).total_seconds()) < 60
    assert said == {
        "level": "warning",
        "logger": "service",
        "event": "The Hub cannot be asked: it is slow.",
        "request_id": "a1",
    }


def test_text(text_log: io.StringIO) -> None:
    """A line of text looks like the Hub's own log, with the fields at the end."""
    logging.getLogger("service.request").handle(RequestRecord({"method": "GET", "path": "/me", "status": 200}))

    line = r"\[I \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z service\.request\] request method=GET path=/me status=200\n"
    assert re.fullmatch(line, text_log.getvalue())


@given(st.text())
def test_nothing_can_write_a_line_of_its_own(said: str) -> None:
    """No message and no field can end a line or move the cursor of a terminal."""
    for form in get_args(LogForm):
        with logging_as(form) as log:
            logging.getLogger("x").warning("%s", said)
            logging.getLogger("x").handle(RequestRecord({"user": said}))

        first, second, end = log.getvalue().split("\n")
        assert end == ""
        assert not re.search(r"[\x00-\x1f\x80-\x9f\u2028\u2029]", first + second)
        if form == "json":
            assert said in {json.loads(second)["user"], ""} or "=" in said or "%" in said


@pytest.mark.parametrize("message", ['%s - "WebSocket %s" [accepted]', '%s - "WebSocket %s" 403'])
def test_a_websocket_has_one_line(log: io.StringIO, message: str) -> None:
    """A WebSocket has our line only. uvicorn's, which contain the query, are dropped (websockets_sansio_impl.py)."""
    logging.getLogger("uvicorn.error").info(message, "127.0.0.1:1", "/x?q=note")
    logging.getLogger("uvicorn.error").info("connection open")
    logging.getLogger("uvicorn.error").error("ASGI callable returned without completing handshake.")  # after a refusal

    assert log.getvalue() == ""


class Address:
    """An object that becomes text only when it is formatted."""

    def __str__(self) -> str:
        return "/x?token=canary"


@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        ("/x?token=canary", ()),
        ("/x?token=%s", ("canary",)),
        ("/x?token=%s&a=%d", ("canary", 1)),
        ("%s", (Address(),)),
        ("%s", (ValueError("/x?token=canary"),)),
        ("%s", (["/x?token=canary"],)),
        ("%s", (b"/x?token=canary",)),
        ("%(address)s", ({"address": "/x?token=canary"},)),
        (Address(), ()),
    ],
)
def test_whatever_is_logged_is_masked(log: io.StringIO, message: Any, arguments: tuple[object, ...]) -> None:  # noqa: ANN401
    """The finished line is masked, whatever it was made from."""
    logging.getLogger("somebody.else").warning(message, *arguments)

    assert "canary" not in log.getvalue()
    assert "token=[secret]" in log.getvalue()


def test_a_traceback_tells_no_value(log: io.StringIO) -> None:
    """Exceptions may quote what a caller sent, so only their type and place are logged."""
    try:
        int("http://hub/x?token=canary")
    except ValueError:
        logging.getLogger("service").exception("failed at %s", "/y?code=canary")

    assert "canary" not in log.getvalue()
    assert "failed at /y?code=[secret]" in log.getvalue()
    assert re.search(r"ValueError at test_logs.py:\d+ test_a_traceback_tells_no_value", log.getvalue())


@pytest.mark.parametrize("name", ["httpx", "httpcore", "httpcore.connection"])
def test_requests_to_the_hub_are_not_logged(log: io.StringIO, name: str) -> None:
    """Log lines of httpx, which contain the internal address, are dropped. Warnings are kept."""
    logging.getLogger(name).info("HTTP Request: GET http://internal/hub/api/user")
    assert log.getvalue() == ""

    logging.getLogger(name).warning("look at this")
    assert "look at this" in log.getvalue()


@pytest.mark.parametrize("level", ["DEBUG", "WARNING"])
def test_the_level_can_be_chosen(level: LogLevel) -> None:
    """The level applies to our own lines and to the operator's packages."""
    config = log_config(level, own={"mypackage"})

    assert {config["loggers"][name]["level"] for name in ("service", "mypackage")} == {level}


@pytest.mark.parametrize("name", ["uvicorn.error", "websockets", "aiosqlite", "sqlalchemy.engine", "anything"])
def test_libraries_do_not_log_at_debug(name: str) -> None:
    """Below INFO libraries log headers of requests, and the values of statements: no level of ours turns that on."""
    config = log_config("DEBUG")
    output = config["handlers"]["output"]["stream"] = io.StringIO()
    with logging_kept():
        logging.config.dictConfig(config)
        logging.getLogger(name).debug("Cookie: canary")
        logging.getLogger("service.x").debug("ours")

    assert "canary" not in output.getvalue()
    assert "ours" in output.getvalue()


@pytest.mark.parametrize("form", ["json", "text"])
def test_tracebacks_for_development(form: LogForm) -> None:
    """With SERVICE_TRACEBACKS the log has the text, the frames and the cause of an exception, but no token in a URL."""
    try:
        try:
            dict[str, str]()["cohort"]
        except KeyError as error:
            raise ValueError("no such cohort at /x?token=canary \x1b[2J") from error
    except ValueError:
        record = logging.LogRecord("service", logging.ERROR, __file__, 1, "failed", None, sys.exc_info())

    shown = LineFormatter(form, tracebacks=True).format(record)
    plain = LineFormatter(form).format(record)

    text = json.loads(shown)["traceback"] if form == "json" else shown
    assert "KeyError: 'cohort'" in text
    assert "ValueError: no such cohort at /x?token=[secret]" in text
    assert "in test_tracebacks_for_development\n" in text
    assert form == "json" or "\x1b" not in shown
    assert "no such cohort" not in plain


TRACEBACK = """Traceback (most recent call last):
  File "/srv/app.py", line 7, in opened
    await connect()
  File "/srv/data base.py", line 12, in connect
    raise ValueError(
ValueError: cannot connect to postgresql://desk:canary@db.internal/desk
second line of canary
"""


def test_a_lifespan_that_fails_tells_no_value(log: io.StringIO) -> None:
    """Uvicorn logs the whole traceback as the message."""
    logging.getLogger("uvicorn.error").error(TRACEBACK)

    assert "ValueError at data base.py:12 connect (SERVICE_TRACEBACKS=1 shows it whole)" in log.getvalue()
    assert "canary" not in log.getvalue()


def failed_in_a_group() -> None:
    """Raise what a task group does."""
    raise ExceptionGroup("canary", [ValueError("canary"), KeyError("canary")])


def failed_for_a_cause() -> None:
    """Raise an error whose cause was never raised itself."""
    raise OSError("canary") from ValueError("canary\ncanary")


@pytest.mark.parametrize(
    ("fail", "kind"), [(failed_in_a_group, "ExceptionGroup"), (failed_for_a_cause, "OSError")], ids=["group", "cause"]
)
def test_a_traceback_that_begins_otherwise(log: io.StringIO, fail: Callable[[], None], kind: str) -> None:
    """What stands before the first traceback of a message is an exception's text, too."""
    try:
        fail()
    except (ExceptionGroup, OSError):
        logging.getLogger("uvicorn.error").error("%s", traceback.format_exc())  # noqa: TRY400 - as uvicorn does

    assert f"{kind} at test_logs.py:" in log.getvalue()
    assert "canary" not in log.getvalue()


@pytest.mark.parametrize("text", ["Traceback (most recent call last):", "Traceback (most recent call last): canary"])
def test_a_traceback_that_is_none(log: io.StringIO, text: str) -> None:
    """Whatever begins like one is cut."""
    logging.getLogger("uvicorn.error").error(text)

    assert "Exception (SERVICE_TRACEBACKS" in log.getvalue()
    assert "canary" not in log.getvalue()


def test_a_task_that_nobody_awaits_tells_no_value(log: io.StringIO) -> None:
    """Asyncio shows the exception in its message."""
    error = ValueError("canary")
    said = f"Task exception was never retrieved\nfuture: <Task finished exception={error!r}>"
    logging.getLogger("asyncio").error(said, exc_info=error)

    assert "Task exception was never retrieved" in log.getvalue()
    assert "ValueError at " in log.getvalue()
    assert "canary" not in log.getvalue()


@pytest.mark.parametrize("mark", ["%3F", "%26", "%3B", "%23", "%2523"])
def test_an_encoded_address_is_masked_in_a_line(log: io.StringIO, mark: str) -> None:
    """An address may be encoded as a whole, so that there is neither a question mark nor an equals sign in the line."""
    address = f"/x{mark}token%3Dcanary"
    logging.getLogger("x").warning(address)
    logging.getLogger("x").handle(RequestRecord({"where": address}))

    assert "canary" not in log.getvalue()
    assert log.getvalue().count("token%3D[secret]") == 2


def test_a_value_has_an_end(json_log: io.StringIO) -> None:
    """Nobody fills the log: of a text, of an error or of a caller, eight thousand characters are kept."""
    logging.getLogger("x").warning("a" * 100_000)
    logging.getLogger("x").handle(RequestRecord({"where": "b" * 8_000}))
    first, second = map(json.loads, json_log.getvalue().splitlines())

    assert (first["event"], second["where"]) == ("a" * 8_000, "b" * 8_000)


@pytest.mark.parametrize(
    "name",
    [
        *("token", "access_token", "code", "state", "_xsrf", "code_verifier", "client_secret", "password"),
        *("text", "allow", "deny", "cursor"),
    ],
)
def test_names_of_secrets(name: str) -> None:
    """These have credentials, what completes a sign-in, or texts of patients and callers."""
    assert mask_address(f"/x?{name}=canary&a=1") == f"/x?{name}=[secret]&a=1"


@pytest.mark.parametrize("name", ["uvicorn.access", "alembic.runtime.migration"])
def test_what_others_would_log_of_each_request(log: io.StringIO, name: str) -> None:
    """Uvicorn's access log would repeat ours with the query, and alembic's what we say of a migration."""
    logging.getLogger(name).info('%s - "%s %s"', "127.0.0.1:1", "GET", "/x?q=note")

    assert log.getvalue() == ""


def test_a_lone_surrogate(log: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    """A name of a file that is not UTF-8 is escaped: otherwise logging shows message and arguments on stderr as is."""
    record = logging.LogRecord("x", logging.WARNING, __file__, 1, "%s?token=%s", ("/run/\udcff", "canary"), None)
    # Not by a logger: pytest would take it for its report, and cannot write it either.
    [handler] = [each for each in logging.getLogger().handlers if getattr(each, "stream", None) is log]
    handler.handle(record)

    assert r"/run/\udcff?token=[secret]" in log.getvalue().encode().decode()
    assert capsys.readouterr().err == ""
