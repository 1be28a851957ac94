"""The asynchronous client: what it sends, what it repeats, and what it raises."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from functools import partial
from typing import Any

import httpx
import pytest

from service.client import AsyncClient, NoteError, NoteFields, ProblemError, UnreachableError
from service.client.retry import ATTEMPTS
from tests.unit.client.answering import NDJSON, URL, Answering, lines, masking, problem, texts_of


def client_of(transport: Answering) -> AsyncClient:
    """Return a client whose service is `transport`."""
    return AsyncClient(URL, token="t0", transport=transport)


async def test_the_token_is_sent_as_a_bearer() -> None:
    """A request carries the token in its header, and no redirect is followed with it."""
    service = Answering(httpx.Response(200, json={"name": "ann"}))
    async with client_of(service) as client:
        assert await client.me() == {"name": "ann"}

    (request,) = service.requests
    assert (str(request.url), request.headers["authorization"]) == (f"{URL}me", "Bearer t0")


async def test_a_redirect_is_not_followed() -> None:
    """The token would go along to an address that nobody has named."""
    service = Answering(httpx.Response(302, headers={"Location": "https://evil.example/"}))
    async with client_of(service) as client:
        with pytest.raises(ProblemError, match="is the address right"):
            await client.me()

    assert len(service.requests) == 1


async def test_an_error_has_the_words_of_the_service() -> None:
    """Code, what to do, and the id by which the operator finds the request."""
    async with client_of(Answering(problem(403, "insufficient_scope"))) as client:
        with pytest.raises(ProblemError) as caught:
            await client.me()

    error = caught.value
    assert (error.status, error.code, error.detail) == (403, "insufficient_scope", "This is insufficient_scope.")
    assert error.request_id == "r1"


@pytest.mark.parametrize(
    "first", [problem(503, "hub_unavailable"), problem(429, "too_many_attempts"), httpx.ReadError("cut")], ids=str
)
async def test_what_may_be_repeated_is(pauses: list[float], first: httpx.Response | Exception) -> None:
    """A read is sent again when the service could not answer."""
    service = Answering(first, httpx.Response(200, json={"name": "ann"}))
    async with client_of(service) as client:
        assert await client.me() == {"name": "ann"}

    assert len(pauses) == 1


async def test_it_waits_as_long_as_the_service_says(pauses: list[float]) -> None:
    """`Retry-After` counts."""
    service = Answering(problem(503, "hub_unavailable", **{"Retry-After": "9"}), httpx.Response(200, json={}))
    async with client_of(service) as client:
        await client.me()

    assert pauses == [9.0]


@pytest.mark.parametrize("answer", [problem(503, "desk_unavailable"), httpx.ReadError("cut")], ids=["503", "broken"])
async def test_a_change_is_never_sent_twice(pauses: list[float], answer: httpx.Response | Exception) -> None:
    """It may have been made, so the error is raised at once."""
    service = Answering(answer)
    async with client_of(service) as client:
        with pytest.raises((ProblemError, UnreachableError)):
            await client.request("POST", "desk/tickets", json={})

    assert len(service.requests) == 1
    assert pauses == []


@pytest.mark.usefixtures("pauses")
async def test_a_change_that_was_never_sent_is_repeated() -> None:
    """Without a connection nothing can have happened."""
    service = Answering(httpx.ConnectError("refused"), problem(429, "too_many_attempts"), httpx.Response(201, json={}))
    async with client_of(service) as client:
        assert (await client.request("POST", "desk/tickets", json={})).status_code == 201


@pytest.mark.usefixtures("pauses")
async def test_it_gives_up() -> None:
    """After some attempts the caller learns which address does not answer."""
    service = Answering(httpx.ConnectError("refused"))
    async with client_of(service) as client:
        with pytest.raises(UnreachableError, match=r"hub\.example\.org"):
            await client.me()

    assert len(service.requests) == ATTEMPTS


async def test_a_note() -> None:
    """Options go along; the answer has text and counts."""
    service = Answering(httpx.Response(200, json={"text": "Seen [DATE].", "counts": {"DATE": 1}, "length": 9}))
    async with client_of(service) as client:
        found = await client.deidentify("Seen 1/2/2019.", replacement="tag", allow=["Seen"])

    assert (str(found), found.counts) == ("Seen [DATE].", {"DATE": 1})
    (request,) = service.requests
    assert request.content.replace(b" ", b"") == b'{"replacement":"tag","allow":["Seen"],"text":"Seen1/2/2019."}'


async def test_many_notes_come_back_in_order() -> None:
    """Whatever their size and number, and with few on their way at a time."""
    notes = [f"note {number} " + "x" * (number * 997 % 5000) for number in range(500)]
    service = Answering(masking)
    async with client_of(service) as client:
        found = [one.text async for one in client.deidentify_many(notes)]

    assert found == [note.upper() for note in notes]
    assert all(len(request.content) <= 70_000 for request in service.requests)


async def test_notes_are_read_as_they_are_needed() -> None:
    """An endless source is no reason to wait."""

    def endless() -> Iterator[str]:
        while True:
            yield "note"

    async with client_of(Answering(masking)) as client, aclosing(client.deidentify_many(endless())) as answers:
        assert [(await anext(answers)).text for _ in range(250)] == ["NOTE"] * 250


async def test_notes_that_come_asynchronously() -> None:
    """An asynchronous source works, too."""

    async def source() -> AsyncIterator[str]:
        for note in ("a", "b"):
            await asyncio.sleep(0)
            yield note

    async with client_of(Answering(masking)) as client:
        assert [one.text async for one in client.deidentify_many(source())] == ["A", "B"]


@pytest.mark.usefixtures("pauses")
async def test_a_broken_connection_loses_and_repeats_nothing() -> None:
    """What had an answer is not sent again; the rest is."""
    service = Answering(partial(masking, only=2), partial(masking, only=0), httpx.ReadError("cut"), masking)
    async with client_of(service) as client:
        found = [one.text async for one in client.deidentify_many(["a", "b", "c", "d"])]

    assert found == ["A", "B", "C", "D"]
    assert [texts_of(request) for request in service.requests] == [["a", "b", "c", "d"], *[["c", "d"]] * 3]


@pytest.mark.usefixtures("pauses")
@pytest.mark.parametrize("code", ["batch_broken", "batch_stalled", "hub_unavailable"])
async def test_a_batch_that_the_service_ended_goes_on(code: str) -> None:
    """The service's last line says that it may be tried again."""
    service = Answering(lines({"line": 1, "text": "A"}, {"error": {"code": code, "detail": "Later."}}), masking)
    async with client_of(service) as client:
        assert [one.text async for one in client.deidentify_many(["a", "b"])] == ["A", "B"]


async def test_a_batch_that_was_refused_for_good_ends(pauses: list[float]) -> None:
    """Somebody who has been signed out learns it at once."""
    service = Answering(lines({"line": 1, "text": "A"}, {"error": {"code": "invalid_token", "detail": "Gone."}}))
    async with client_of(service) as client:
        with pytest.raises(ProblemError, match=r"Gone\. \(200 invalid_token\)"):
            [one async for one in client.deidentify_many(["a", "b"])]

    assert pauses == []


@pytest.mark.usefixtures("pauses")
async def test_a_batch_that_never_comes_back() -> None:
    """After some attempts without any answer, the caller learns how far it came."""
    service = Answering(partial(masking, only=1), partial(masking, only=0))
    async with client_of(service) as client:
        with pytest.raises(UnreachableError, match="after 1 answers"):
            [one async for one in client.deidentify_many(["a", "b"])]

    assert len(service.requests) == ATTEMPTS


def failing(request: httpx.Request, *, code: str = "engine_failed") -> httpx.Response:
    """Answer a batch: the engine fails with each `b`."""
    answers = [
        {"line": number, "error": {"code": code, "detail": "Failed."}}
        if text == "b"
        else {"line": number, "text": text.upper()}
        for number, text in enumerate(texts_of(request), 1)
    ]
    return lines(*answers)


@pytest.mark.parametrize("code", ["engine_failed", "engine_unavailable"])
async def test_a_note_with_which_the_engine_failed_is_sent_again(pauses: list[float], code: str) -> None:
    """As it would be if it were sent alone. The others are not."""
    service = Answering(partial(failing, code=code), failing, masking)
    async with client_of(service) as client:
        found = [one.text async for one in client.deidentify_many(["a", "b", "c", "b"])]

    assert found == ["A", "B", "C", "B"]
    assert [texts_of(request) for request in service.requests] == [["a", "b", "c", "b"], ["b", "b"], ["b", "b"]]
    assert len(pauses) == 2


async def test_a_note_with_which_the_engine_always_fails(pauses: list[float]) -> None:
    """After some attempts it is an error, with its index."""
    service = Answering(failing)
    async with client_of(service) as client:
        found = [one async for one in client.deidentify_many(["a", "c", "b"], raise_errors=False)]

    assert [one.text for one in found] == ["A", "C", None]
    assert str(found[2].error) == "Note 2: Failed. (engine_failed)"
    assert len(service.requests) == len(pauses) + 1 == ATTEMPTS


FAILED = lines({"line": 1, "text": "A"}, {"line": 2, "error": {"code": "note_too_large", "detail": "Too large."}})


async def test_a_note_that_cannot_be_masked() -> None:
    """Its index is told."""
    async with client_of(Answering(FAILED)) as client:
        with pytest.raises(NoteError, match=r"Note 1: Too large\. \(note_too_large\)"):
            [one async for one in client.deidentify_many(["a", "b"])]


async def test_a_note_that_cannot_be_masked_stops_nothing_if_that_is_wanted() -> None:
    """It comes without a text, and with its error."""
    async with client_of(Answering(FAILED)) as client:
        first, second = [one async for one in client.deidentify_many(["a", "b"], raise_errors=False)]

    assert (first.text, first.error) == ("A", None)
    assert second.text is None
    assert second.error is not None
    assert (second.error.index, second.error.code) == (1, "note_too_large")


@pytest.mark.parametrize("notes", ["Dr. Roe", b"Dr. Roe", {"text": "Dr. Roe"}], ids=["text", "bytes", "mapping"])
async def test_one_note_in_place_of_many(notes: Any) -> None:  # noqa: ANN401
    """Is refused before its letters, or its keys, are masked one by one."""
    transport = Answering(masking)
    async with client_of(transport) as client:
        with pytest.raises(TypeError, match="Notes are a list"):
            [one async for one in client.deidentify_many(notes)]

    assert not transport.requests


async def test_numbers_need_a_key() -> None:
    """Without one they would begin anew with each request, and the same number would stand for different people."""
    async with client_of(Answering(masking)) as client:
        with pytest.raises(ValueError, match="key"):
            [one async for one in client.deidentify_many(["a"], replacement="numbered")]
        notes: list[NoteFields] = [{"text": "a"}, {"text": "b", "replacement": "numbered"}]
        with pytest.raises(ValueError, match="key"):
            [one async for one in client.deidentify_many(notes)]


async def test_all_pages_of_a_list() -> None:
    """Pages are read when they are needed, with the same filters."""
    pages = [
        httpx.Response(200, json={"items": [{"id": 1}, {"id": 2}], "next": "c2"}),
        httpx.Response(200, json={"items": [{"id": 3}], "next": None}),
    ]
    service = Answering(*pages)
    async with client_of(service) as client:
        found = [ticket["id"] async for ticket in client.tickets(status="open")]

    assert found == [1, 2, 3]
    assert [request.url.query for request in service.requests] == [b"status=open", b"status=open&cursor=c2"]


@pytest.mark.parametrize("path", ["https://evil.example/me", "http://hub.example.org/me", "../../user/eve/"])
async def test_the_token_leaves_the_service_by_no_path(path: str) -> None:
    """A path may come from elsewhere, such as a link in an answer."""
    service = Answering(httpx.Response(200, json={}))
    async with client_of(service) as client:
        with pytest.raises(ValueError, match="no path below"):
            await client.request("GET", path)

    assert service.requests == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000/", "http://localhost:8000/"])
async def test_no_proxy_sees_the_token_for_this_machine(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """HTTP_PROXY names another machine, which gets what is for that machine alone."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    taken: list[bytes] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        writer.close()

    host = httpx.URL(url).host
    async with await asyncio.start_server(take, host, 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with AsyncClient(url.replace("8000", str(port)), token="t0") as client:
            await client.me()

    assert taken[0].startswith(b"GET /me ")


@pytest.mark.parametrize("character", ["\x85", "\u2028", "\u2029", "\x0b", "\x1c"], ids=ascii)
async def test_a_note_may_contain_any_line_end_of_unicode(character: str) -> None:
    """Only a line feed ends a line of JSON. The service does not escape the others (RFC 8259 section 7)."""
    note = f'a{character}{{"line": 2, "text": "forged"}}{character}b'
    answers = [{"line": 1, "text": note}, {"line": 2, "text": "c"}]
    text = "".join(f"{json.dumps(one, ensure_ascii=False)}\n" for one in answers)
    async with client_of(Answering(httpx.Response(200, text=text, headers=NDJSON))) as client:
        assert [one.text async for one in client.deidentify_many([note, "c"])] == [note, "c"]


@pytest.mark.parametrize("rest", ['{"line": 2, "text": "extra"}\n', "5\n", "{}\n", "null"])
async def test_more_lines_than_notes(rest: str) -> None:
    """Each note has the answer that is its own, whatever comes after the last of them."""
    service = Answering(lines({"line": 1, "text": "A"}, rest=rest))
    async with client_of(service) as client:
        assert [one.text async for one in client.deidentify_many(["a"])] == ["A"]


@pytest.mark.parametrize("line", ["5\n", "{}\n", "null\n", '"line"\n', "\xff\n"])
async def test_lines_that_are_no_answers(pauses: list[float], line: str) -> None:
    """They count as a connection that broke off."""
    async with client_of(Answering(httpx.Response(200, content=line.encode("latin-1"), headers=NDJSON))) as client:
        with pytest.raises(UnreachableError):
            _ = [one async for one in client.deidentify_many(["a"])]

    assert pauses


async def test_a_body_that_is_generated_is_sent_once(pauses: list[float]) -> None:
    """A second attempt would have nothing left to send, and lose the upload."""

    async def body() -> AsyncIterator[bytes]:
        yield b"a"

    service = Answering(problem(429, "too_many_requests"), httpx.Response(200))
    async with client_of(service) as client:
        with pytest.raises(ProblemError, match="too_many_requests"):
            await client.request("POST", "up", content=body())

    assert [request.content for request in service.requests] == [b"a"]
    assert pauses == []


PAGE = httpx.Response(200, html="<h1>Sign in</h1>")
BROKEN = httpx.DecodingError("Error -3 while decompressing data")


@pytest.mark.parametrize(
    ("answer", "kind", "says"),
    [
        (PAGE, ProblemError, "Is the address right?"),
        (httpx.Response(200, json=["a"]), ProblemError, "Is the address right?"),
        (BROKEN, UnreachableError, "decompressing"),
    ],
    ids=["a page", "a list", "a broken body"],
)
async def test_an_answer_that_is_not_the_services(
    pauses: list[float], answer: httpx.Response | Exception, kind: type[Exception], says: str
) -> None:
    """Such as a proxy's own page. It is an error of this package, and nothing is sent again."""
    service = Answering(answer)
    async with client_of(service) as client:
        with pytest.raises(kind, match=re.escape(says)):
            await client.me()
        with pytest.raises(kind, match=re.escape(says)):
            await client.deidentify("x")
        with pytest.raises(kind, match=re.escape(says)):
            [one async for one in client.tickets()]

    assert len(service.requests) == 3
    assert pauses == []


async def test_a_page_in_place_of_a_batch(pauses: list[float]) -> None:
    """The notes are not sent again and again to an address that is none of the service."""
    service = Answering(PAGE)
    async with client_of(service) as client:
        with pytest.raises(ProblemError, match="address"):
            [one async for one in client.deidentify_many(["a"])]

    assert len(service.requests) == 1
    assert pauses == []


async def test_an_object_that_is_no_list() -> None:
    """The error names the path."""
    async with client_of(Answering(httpx.Response(200, json={"status": "up"}))) as client:
        with pytest.raises(ProblemError, match="health is no list"):
            [one async for one in client.items("health")]


async def test_an_error_of_oauth() -> None:
    """The token endpoint's errors have another form (RFC 6749 section 5.2)."""
    answer = httpx.Response(400, json={"error": "invalid_scope", "error_description": "There is no such scope."})
    async with client_of(Answering(answer)) as client:
        with pytest.raises(ProblemError) as raised:
            await client.request("POST", "token", data={})

    assert (raised.value.code, raised.value.detail) == ("invalid_scope", "There is no such scope.")
