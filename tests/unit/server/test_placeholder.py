"""What answers in place of a service that cannot start."""

import json
import socket

import pytest

from service.server.placeholder import MANAGED, MISCONFIGURED, STARTING, Reason, reply_to, run
from tests.support.ports import free_port

PREFIX = "/services/fastapi/"
PROXIED = "X-Forwarded-For: 192.0.2.7"


def answer(start: str, *headers: str, reason: Reason = MISCONFIGURED) -> tuple[str, dict[str, str], str]:
    """Return the status line, the headers and the body of the answer to a request."""
    asked = "\r\n".join([start, *headers, "", ""]).encode("latin-1")
    head, _, body = reply_to(asked, PREFIX, reason).decode().partition("\r\n\r\n")
    status, *lines = head.split("\r\n")
    return status, dict(line.split(": ", 1) for line in lines), body


@pytest.mark.parametrize("path", [PREFIX, f"{PREFIX}me", f"{PREFIX}health/live", f"{PREFIX}health/ready"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_clients_get_a_problem(method: str, path: str) -> None:
    """Whatever a client asks for, the answer is a problem with status 503, and says nothing of the cause."""
    status, headers, body = answer(f"{method} {path} HTTP/1.1", PROXIED, "Accept: */*")

    assert status == "HTTP/1.1 503 Service Unavailable"
    assert (headers["Content-Type"], headers["Cache-Control"]) == ("application/problem+json", "no-store")
    assert int(headers["Content-Length"]) == len(body)
    told = json.loads(body)
    assert told.pop("detail").startswith("The service is not set up correctly and could not start.")
    assert told == {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "code": "service_misconfigured",
    }


def test_browsers_get_a_page() -> None:
    """A person is told the same on a page."""
    status, headers, body = answer(f"GET {PREFIX} HTTP/1.1", PROXIED, "Accept: text/html,*/*;q=0.8")

    assert (status, headers["Content-Type"]) == ("HTTP/1.1 503 Service Unavailable", "text/html; charset=utf-8")
    assert "<h1>This service is not available</h1>" in body


def test_a_head_has_no_body() -> None:
    """The answer to HEAD has no body."""
    assert answer(f"HEAD {PREFIX}me HTTP/1.1", PROXIED)[2] == ""


def test_the_hub_goes_on() -> None:
    """When the Hub itself asks whether somebody listens, past its proxy, it hears yes."""
    assert answer(f"GET {PREFIX} HTTP/1.1")[0] == "HTTP/1.1 200 OK"


@pytest.mark.parametrize("path", [f"{PREFIX}me", f"{PREFIX}health/ready"])
def test_a_service_that_is_starting(path: str) -> None:
    """Callers of a service that is starting are told to come back soon."""
    status, headers, body = answer(f"GET {path} HTTP/1.1", PROXIED, reason=STARTING)
    page = answer(f"GET {path} HTTP/1.1", PROXIED, "Accept: text/html", reason=STARTING)

    assert (status, headers["Retry-After"]) == ("HTTP/1.1 503 Service Unavailable", "5")
    assert json.loads(body)["code"] == "service_starting"
    assert json.loads(body)["detail"] in page[2]


def test_it_is_live() -> None:
    """A service that is starting is live: killed in the middle of a migration, it would begin anew."""
    status, headers, body = answer(f"GET {PREFIX}health/live HTTP/1.1", reason=STARTING)

    assert (status, "Retry-After" in headers, json.loads(body)) == ("HTTP/1.1 200 OK", False, {"status": "alive"})


def test_it_ends_by_itself(capsys: pytest.CaptureFixture[str]) -> None:
    """Where the next start may succeed it ends after a while, and says so."""
    run({MANAGED: "1", "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{free_port()}"}, seconds=0.1)

    assert capsys.readouterr().err == (
        "For 0.1 seconds the service answers 503 to everybody. Then it ends: the Hub starts it anew.\n"
    )


@pytest.mark.parametrize("host", ["my..host", "x" * 64])
def test_the_address_has_no_host(capsys: pytest.CaptureFixture[str], host: str) -> None:
    """A name that no host can have is told in a sentence, too."""
    run({MANAGED: "1", "JUPYTERHUB_SERVICE_URL": f"http://{host}:8000"})

    assert f"Nothing can listen at {host}:8000 (the name cannot be resolved)." in capsys.readouterr().err


@pytest.mark.parametrize("managed", ["", "0"])
def test_a_service_that_the_hub_does_not_start(capsys: pytest.CaptureFixture[str], managed: str) -> None:
    """Nothing listens in its place."""
    run({MANAGED: managed, "JUPYTERHUB_SERVICE_URL": "http://my..host:8000"})

    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("url", ["http://[::1", "http://127.0.0.1:99999"])
def test_the_address_is_none(capsys: pytest.CaptureFixture[str], url: str) -> None:
    """Nothing is served where the variable has no URL; the error before this names it."""
    run({MANAGED: "1", "JUPYTERHUB_SERVICE_URL": url})

    assert capsys.readouterr().err == ""


def test_the_address_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    """If another process listens at the service's address, it says so in a sentence, and returns."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run({MANAGED: "1", "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{port}"})

    said = capsys.readouterr().err
    assert f"Nothing can listen at 127.0.0.1:{port} (Address already in use)." in said
    assert "Traceback" not in said
