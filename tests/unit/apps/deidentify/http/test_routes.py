"""A note over HTTP: as JSON or plain text, from whoever has the scope, and nothing of it anywhere but in its answer."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import psutil
import pytest

from service.apps.deidentify.engine.dates import MAX_SHIFT
from service.apps.deidentify.http.notes import MAX_ID, MAX_WORD, MAX_WORDS
from service.testing import Caller
from tests.support.engines import loaders_of
from tests.support.notes import note
from tests.unit.conftest import Serve, Service, serving

USE = "custom:deidentify:use"
# A busy machine is not what is tested.
SERVICE: Mapping[str, Any] = {
    "apps": ("deidentify",),
    "allow_token_in_url": True,
    "variables": {"DEIDENTIFY_DEADLINE": "60"},  # a busy machine is not what is tested
}

CANARY = ("Zebulon", "Quackenbush", "99887766")
NOTE = "Seen 12/03/2019 by Dr. Zebulon Quackenbush.\nMRN: 99887766"
MASKED = "Seen **/**/**** by Dr. ******* ***********.\nMRN: ********"


@pytest.fixture(scope="module")
async def caller(service: Service) -> AsyncIterator[Caller]:
    """Somebody who may."""
    async with service.user("alice", scopes=[USE]) as alice:
        yield alice


async def post(
    caller: httpx.AsyncClient,
    body: bytes | str,
    kind: str = "application/json",
    *,
    params: Mapping[str, str] | None = None,
) -> httpx.Response:
    """Send a body as it is."""
    return await caller.post("deidentify", content=body, headers={"Content-Type": kind}, params=params)


def told(text: str) -> list[str]:
    """Return what a text tells of the patient."""
    return [word for word in CANARY if word.casefold() in text.casefold()]


# What is answered


async def test_json(caller: Caller) -> None:
    """The note masked, its id, its length, what was masked by type, and which engine it was; no more."""
    reply = await caller.post("deidentify", json={"text": NOTE, "id": "n 1"})

    answer = reply.json()
    assert (reply.status_code, reply.headers["Content-Type"]) == (200, "application/json")
    assert reply.headers["Cache-Control"] == "no-store"
    assert list(answer) == ["id", "text", "length", "counts", "engine"]
    assert (answer["text"], answer["id"], answer["length"]) == (MASKED, "n 1", len(NOTE))
    assert answer["counts"] == {"NAME": 1, "ID": 1, "DATE": 1}
    assert list(answer["engine"]) == ["name", "version", "rules", "tagger"]


async def test_spans(caller: Caller) -> None:
    """Spans are half-open, in code points of the note and of the new text, and have nothing of what was there."""
    text = f"😀 é {NOTE}"
    answer = (await caller.post("deidentify", json={"text": text, "spans": True, "replacement": "tag"})).json()

    shown = [
        (text[span["start"] : span["end"]], answer["text"][span["out_start"] : span["out_end"]])
        for span in answer["spans"]
    ]
    assert shown == [
        ("12/03/2019", "[DATE]"),
        ("Zebulon Quackenbush", "[NAME]"),
        ("99887766", "[ID]"),
    ]
    assert {key for span in answer["spans"] for key in span} == {
        "start",
        "end",
        "type",
        "rule",
        "out_start",
        "out_end",
    }


async def test_many_spans(caller: Caller) -> None:
    """However many there are, all are told."""
    answer = (await caller.post("deidentify", json={"text": "Zebulon of " * 7000, "spans": True})).json()

    assert [span["start"] for span in answer["spans"]] == [11 * number for number in range(7000)]


async def test_plain_text(caller: Caller) -> None:
    """Text is answered with text alone; a header says which engine it is from, as JSON would."""
    reply = await post(caller, NOTE, "text/plain; charset=utf-8")
    engine = (await caller.post("deidentify", json={"text": NOTE})).json()["engine"]

    assert (reply.status_code, reply.text) == (200, MASKED)
    assert reply.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert reply.headers["Cache-Control"] == "no-store"
    assert reply.headers["Deidentify-Engine"] == "{name}/{version} ({rules}; {tagger})".format(**engine)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"replacement": "tag"}, "Dr. [NAME], Dr. [NAME], [DATE]"),
        ({"replacement": "numbered"}, "Dr. [NAME_1], Dr. [NAME_1], [DATE_1]"),
        ({"replacement": "remove"}, "Dr. , Dr. , "),
        ({"date_shift_days": 1, "replacement": "tag"}, "Dr. [NAME], Dr. [NAME], [DATE]"),
        ({"date_shift_days": 1, "date_order": "mdy", "replacement": "tag"}, "Dr. [NAME], Dr. [NAME], 12/04/2019"),
        ({"date_shift_days": 1, "date_order": "dmy", "replacement": "tag"}, "Dr. [NAME], Dr. [NAME], 13/03/2019"),
        ({"date_shift_days": None, "compat": True}, "Dr. *****, Dr. *****, **/**/****"),
    ],
    ids=["tag", "numbered", "remove", "shift in doubt", "month first", "day first", "compat"],
)
async def test_options(caller: Caller, options: dict[str, Any], expected: str) -> None:
    """Options are fields, or stand in the address, for text as for JSON."""
    text = "Dr. Smith, Dr. Smith, 12/03/2019"
    params = {name: str(value) for name, value in options.items() if value is not None}
    in_fields = await caller.post("deidentify", json={"text": text, **options})
    in_address = await caller.post("deidentify", json={"text": text}, params=params)
    for_text = await post(caller, text, "text/plain", params=params)

    assert [in_fields.json()["text"], in_address.json()["text"], for_text.text] == [expected] * 3


async def test_a_field_goes_before_the_address(caller: Caller) -> None:
    """The address holds for what the note does not say."""
    reply = await caller.post(
        "deidentify?replacement=tag&compat=true", json={"text": "Dr. Smith, Núñez", "replacement": "remove"}
    )

    assert reply.json()["text"] == "Dr. , Núñez"


async def test_lists(caller: Caller) -> None:
    """What `allow` names stays, what `deny` names goes, and what both name goes."""
    text = "Zebulon Quackenbush knitted a sweater."
    reply = await caller.post("deidentify", json={"text": text, "allow": ["zebulon", "sweater"], "deny": ["sweater"]})

    assert reply.json()["text"] == "Zebulon *********** knitted a *******."


@pytest.mark.parametrize("text", ["", " ", "\x0c", "a\ufeff", "a\r\nb", "😀"], ids=ascii)
async def test_texts_without_anybody(caller: Caller, text: str) -> None:
    """Any text that there can be is a note, and comes back as it is where nothing is masked."""
    as_json = await caller.post("deidentify", json={"text": text, "allow": ["a", "b"]})
    as_text = await post(caller, text.encode(), "text/plain")

    assert (as_json.json()["text"], as_json.json()["length"]) == (text, len(text))
    assert (as_text.status_code, len(as_text.text)) == (200, len(text))


# What is refused


@pytest.mark.parametrize(
    "fields",
    [
        {"txt": NOTE},
        {"text": 1},
        {"text": None},
        {"text": [NOTE]},
        {"id": 1.5},
        {"id": True},
        {"id": "x" * (MAX_ID + 1)},
        {"id": 2**63},
        {"replacement": "Zebulon"},
        {"compat": 1},
        {"spans": "true"},
        {"allow": "Zebulon"},
        {"allow": ["Zebulon", ""]},
        {"deny": ["Zebulon" * MAX_WORD]},
        {"deny": ["Zebulon"] * (MAX_WORDS + 1)},
        {"deny": [["Zebulon"]]},
        {"deny": {"Zebulon": "Quackenbush"}},
        {"date_shift_days": MAX_SHIFT + 1},
        {"date_shift_days": "1"},
        {"date_shift_days": 0},
        {"Zebulon Quackenbush": 99887766},
        {"dney": ["Quackenbush"]},
    ],
    ids=lambda fields: str(fields)[:30],
)
async def test_fields_that_do_not_fit(caller: Caller, fields: dict[str, Any]) -> None:
    """A wrong or unknown field is refused, also one that was only mistyped; the answer repeats nothing."""
    reply = await caller.post("deidentify", json={"text": NOTE, **fields})

    assert (reply.status_code, reply.json()["code"]) == (422, "invalid_request")
    assert told(reply.text + str(reply.headers)) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"Zebulon",
        b'"Zebulon"',
        b'["Zebulon"]',
        b'[{"text": "Zebulon"}]',
        b"null",
        b'{"text": "Zebulon',
        b'{"text": "Zebulon"} Quackenbush',
        b'{"text": "Zebulon", "text": "Quackenbush"}',
        b'{"text": "Zebulon", "deny": ["Quackenbush"], "deny": []}',
        b'{"text": "Zebulon", "id": {"text": "Quackenbush"}}',
        '{"text": "Zebulon"}'.encode("utf-16"),
        b'{"text": "Zebulon \xff"}',
        b'{"text": "Zebulon \xed\xa0\x80"}',
        rb'{"text": "Zebulon \ud800"}',
        rb'{"text": "Zebulon", "id": "\udfff"}',
        rb'{"text": "Zebulon", "deny": ["\ud800"]}',
        rb'{"text": "Zebulon", "\ud800Quackenbush": 1}',
        b'{"text": "Zebulon\0"}',
        b'{"text": NaN, "id": "Zebulon"}',
        b'{"text": "Zebulon", "date_shift_days": 1e400}',
        b'{"text": "Zebulon", "id": -Infinity}',
        b'{"text": "Zebulon", "id": ' + b"9" * 5000 + b"}",
        b'{"text": "Zebulon", "id": ' + b"9" * 4000 + b"}",
        b'{"text": ' + b"[" * 100_000 + b'"Zebulon"' + b"]" * 100_000 + b"}",
        b'{"text": ' + b'{"Zebulon": ' * 10_000 + b"1" + b"}" * 10_000 + b"}",
        b"{" + b", ".join(b'"Zebulon %d": 1' % number for number in range(10_000)) + b"}",
    ],
    ids=lambda body: ascii(body)[2:40],
)
async def test_what_is_no_note(caller: Caller, caplog: pytest.LogCaptureFixture, body: bytes) -> None:
    """Whatever JSON can be besides a note is refused, said in two thousand bytes or less, and not repeated."""
    reply = await post(caller, body)

    assert (reply.status_code, reply.json()["code"]) == (422, "invalid_request")
    assert told(reply.text + str(reply.headers) + caplog.text) == []
    assert len(reply.content) <= 2000


@pytest.mark.parametrize(
    ("params", "kind"),
    [
        ({"deny": "Zebulon"}, "application/json"),
        ({"text": "Zebulon"}, "application/json"),
        ({"replacement": "Zebulon"}, "text/plain"),
        ({"date_shift_days": "Zebulon"}, "text/plain"),
        ({"date_shift_days": "0"}, "text/plain"),
        ({"Zebulon": "1"}, "text/plain"),
        ({"spans": "true"}, "text/plain"),
    ],
    ids=str,
)
async def test_an_address_that_does_not_fit(caller: Caller, params: dict[str, str], kind: str) -> None:
    """An address holds options and no words; spans have a place in an answer of JSON alone, and are a field."""
    reply = await post(caller, json.dumps({"text": "x"}), kind, params=params)

    assert (reply.status_code, reply.json()["code"]) == (422, "invalid_request")
    assert told(reply.text + str(reply.headers)) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": ""},
        {"Content-Type": "nonsense"},
        {"Content-Type": "application/xml"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Content-Type": "text/plain; charset=utf-16"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
    ids=lambda headers: ", ".join(headers.values()),
)
async def test_other_media_types(caller: Caller, headers: dict[str, str]) -> None:
    """What is in another form is refused before it is read, and the answer says what to send."""
    reply = await caller.post("deidentify", content=NOTE, headers=headers)

    assert (reply.status_code, reply.json()["code"]) == (415, "unsupported_media_type")
    assert reply.headers["Accept"] == "application/json, text/plain"


async def test_text_in_another_encoding(caller: Caller) -> None:
    """Text that is not in UTF-8 is refused, not guessed at."""
    reply = await post(caller, "Zebulon Müller".encode("latin-1"), "text/plain")

    assert (reply.status_code, reply.json()["code"]) == (422, "note_refused")
    assert "iconv -f WINDOWS-1252 -t UTF-8" in reply.json()["detail"]
    assert told(reply.text) == []


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["no mark", "byte order mark"])
@pytest.mark.parametrize("encoding", ["UTF-16LE", "UTF-16BE", "UTF-32LE", "UTF-32BE"])
async def test_utf_16_does_not_come_back_unmasked(caller: Caller, encoding: str, mark: str) -> None:
    """As plain text, as JSON and in JSON: it is refused, and told what it looks like."""
    data = (mark + NOTE).encode(encoding)
    as_text = await post(caller, data, "text/plain")
    as_json = await post(caller, (mark + json.dumps({"text": NOTE})).encode(encoding))
    in_json = await caller.post("deidentify", json={"text": data.decode("latin-1")})

    for reply, code in ((as_text, "note_refused"), (as_json, "invalid_request"), (in_json, "note_refused")):
        assert (reply.status_code, reply.json()["code"]) == (422, code)
        assert f"looks like {encoding}" in reply.text
        assert told(reply.text.replace("\\u0000", "").replace("\0", "")) == []


@pytest.mark.parametrize("compat", [False, True])
@pytest.mark.parametrize("strange", ["\x01", "\x7f", "\x9f", "\ufffe", "\u202e"], ids=ascii)
async def test_characters_that_no_note_has(caller: Caller, strange: str, *, compat: bool) -> None:
    """They would hide names from the rules: the note is refused, in JSON and as text."""
    text = strange.join(NOTE)
    replies = [
        await caller.post("deidentify", json={"text": text, "compat": compat}),
        await post(caller, text.encode(), "text/plain", params={"compat": str(compat)}),
    ]

    for reply in replies:
        assert (reply.status_code, reply.json()["code"]) == (422, "note_refused")
        assert f"(U+{ord(strange):04X})" in reply.json()["detail"]


async def test_a_byte_order_mark(caller: Caller) -> None:
    """Before a body in UTF-8 it is no part of the note."""
    as_text = await post(caller, b"\xef\xbb\xbf" + NOTE.encode(), "text/plain")
    as_json = await post(caller, b"\xef\xbb\xbf" + json.dumps({"text": NOTE}).encode())

    assert as_text.content == MASKED.encode()
    assert (as_json.json()["text"], as_json.json()["length"]) == (MASKED, len(NOTE))


@pytest.mark.parametrize("kind", ["application/json", "text/plain"])
async def test_too_large(caller: Caller, kind: str) -> None:
    """A note may have 100,000 bytes of UTF-8, however it is written down; a larger one is not read to its end."""
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        yield b'{"text": "'
        while read < 5_000_000:
            read += 1000
            yield b"a" * 1000

    def body(text: str) -> str:
        return json.dumps({"text": text}) if kind == "application/json" else text

    fits = await post(caller, body("é" * 50_000), kind)
    larger = await post(caller, body("é" * 50_001), kind)
    never = await caller.post("deidentify", content=endless(), headers={"Content-Type": kind})

    assert fits.status_code == 200
    assert [(reply.status_code, reply.json()["code"]) for reply in (larger, never)] == [(413, "note_too_large")] * 2
    assert read < 1_000_000


@pytest.mark.parametrize("method", ["PUT", "OPTIONS", "DELETE"])
@pytest.mark.parametrize(("where", "allowed"), [("deidentify", "GET, POST"), ("deidentify/batch", "POST")])
async def test_other_methods(caller: Caller, method: str, where: str, allowed: str) -> None:
    """There is POST, and a GET that leads to the form."""
    reply = await caller.request(method, where)

    assert (reply.status_code, reply.headers["Allow"]) == (405, allowed)


# Who may


@pytest.mark.parametrize(
    ("where", "kind"), [("deidentify", "application/json"), ("deidentify/batch", "application/x-ndjson")]
)
async def test_who_may(service: Service, where: str, kind: str) -> None:
    """A user or service whose token has the scope; nobody else's body is read, and it may have any size."""
    callers = {
        "with the scope": service.user("alice", scopes=[USE]),
        "another service": service.other_service("reporter", scopes=[USE]),
        "without it": service.user("bob"),
        "without access": service.user("carol", scopes=[USE], access=False),
        "nobody": service.anonymous(),
    }
    read: list[str] = []

    async def body(name: str) -> AsyncIterator[bytes]:
        for part in (b'{"text":', b'"x', b"x" * 2_000_000, b'"}'):
            yield part
            read.append(name)

    statuses = {}
    for name, caller in callers.items():
        reply = await caller.post(where, content=body(name), headers={"Content-Type": kind})
        statuses[name] = reply.status_code

    taken = 413 if where == "deidentify" else 200
    assert statuses == {
        "with the scope": taken,
        "another service": taken,
        "without it": 403,
        "without access": 403,
        "nobody": 401,
    }
    assert set(read) == {"with the scope", "another service"}


async def test_a_token_in_the_address(service: Service, caller: Caller) -> None:
    """What signs a request there is no option, and no unknown one either."""
    reply = await service.anonymous().post(
        f"deidentify?token={caller.token}&replacement=tag", json={"text": "Dr. Smith"}
    )

    assert reply.json()["text"] == "Dr. [NAME]"


async def test_a_page_of_ours(caller: Caller) -> None:
    """A page that is signed in by cookie sends its XSRF token, in a header or in the address."""
    browser = caller.browser()
    xsrf = browser.cookies.get("_xsrf", path=browser.service.settings.prefix) or ""
    without = {"X-XSRFToken": ""}

    by_header = await browser.post("deidentify", json={"text": "Dr. Smith"})
    by_address = await browser.post("deidentify", json={"text": "Dr. Smith"}, headers=without, params={"_xsrf": xsrf})
    by_neither = await browser.post("deidentify", json={"text": "Dr. Smith"}, headers=without)

    assert [reply.status_code for reply in (by_header, by_address, by_neither)] == [200, 200, 403]
    assert by_neither.json()["code"] == "xsrf"


FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("where", "kind", "status"),
    [
        ("deidentify", "text/plain", 403),
        ("deidentify", FORM, 415),
        ("deidentify/batch", "text/plain", 415),
        ("deidentify/batch", FORM, 415),
    ],
)
async def test_a_form_of_another_site(caller: Caller, where: str, kind: str, status: int) -> None:
    """What another site has a browser send opens nothing, and nothing of it is read to find that out."""
    is_read = False

    async def body() -> AsyncIterator[bytes]:
        nonlocal is_read
        yield b"text=x"
        is_read = True

    headers = {
        "Content-Type": kind,
        "Origin": "https://evil.example.net",
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Dest": "document",
    }
    reply = await caller.browser().post(where, content=body(), headers=headers)

    assert (reply.status_code, is_read) == (status, False)


# What goes wrong


@dataclass
class Narrow:
    """Somebody at a service with one engine, which is loaded, and with room for two notes."""

    service: Service
    caller: Caller
    engine: psutil.Process


@pytest.fixture(scope="module")
async def narrow_service() -> AsyncIterator[tuple[Service, psutil.Process]]:
    """Two seconds for each note, too. Beside it: the process that forks its engines."""
    told = {"DEIDENTIFY_QUEUE": "2", "DEIDENTIFY_WORKERS": "1", "DEIDENTIFY_DEADLINE": "2"}
    others = loaders_of(psutil.Process())
    async with serving() as start:
        service = await start(apps=("deidentify",), variables=told)
        await service.user("alice", scopes=[USE]).post("deidentify", json={"text": NOTE})
        (loader,) = set(loaders_of(psutil.Process())) - set(others)
        yield service, loader


@pytest.fixture
async def narrow(narrow_service: tuple[Service, psutil.Process]) -> Narrow:
    """Its engine is there: the one before may have been lost."""
    service, loader = narrow_service
    caller = service.user("alice", scopes=[USE])
    assert (await caller.post("deidentify", json={"text": NOTE})).status_code == 200
    (engine,) = loader.children()
    return Narrow(service, caller, engine)


async def test_an_engine_that_hangs(narrow: Narrow, caplog: pytest.LogCaptureFixture) -> None:
    """Its note is given up, and says so; meanwhile others are turned away, and told when to come again."""
    caplog.set_level(logging.DEBUG)
    caller = narrow.caller
    narrow.engine.suspend()
    replies = await asyncio.gather(*(caller.post("deidentify", json={"text": NOTE}) for _ in range(3)))
    next_one = await caller.post("deidentify", json={"text": NOTE})

    found = sorted((reply.status_code, reply.json().get("code"), "Retry-After" in reply.headers) for reply in replies)
    assert found == [(200, None, False), (422, "deadline_exceeded", False), (429, "queue_full", True)]
    assert next_one.json()["text"] == MASKED
    assert told("".join(reply.text for reply in replies) + caplog.text) == []


async def test_who_fills_the_queue_gives_way(narrow: Narrow) -> None:
    """A waiting note is turned away for that of somebody who has less there, and told when to come again."""
    narrow.engine.suspend()
    bob = narrow.service.user("bob", scopes=[USE])
    alices = [asyncio.ensure_future(narrow.caller.post("deidentify", json={"text": NOTE})) for _ in range(3)]
    await asyncio.wait(alices, return_when=asyncio.FIRST_COMPLETED)  # one finds no room
    bobs = asyncio.ensure_future(bob.post("deidentify", json={"text": NOTE}))
    replies = await asyncio.gather(*alices)  # the one in work has its deadline
    found = sorted((reply.status_code, "Retry-After" in reply.headers) for reply in replies)

    assert found == [(422, False), (429, True), (429, True)]
    assert (await bobs).json()["text"] == MASKED


async def test_an_engine_that_is_killed(narrow: Narrow, caplog: pytest.LogCaptureFixture) -> None:
    """The note that it was at is refused, and nothing of it told; the next is answered."""
    caplog.set_level(logging.DEBUG)
    narrow.engine.suspend()
    asked = [asyncio.create_task(narrow.caller.post("deidentify", json={"text": NOTE})) for _ in range(3)]
    _turned_away, waiting = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
    narrow.engine.kill()
    other, reply = sorted(await asyncio.gather(*waiting), key=lambda reply: reply.status_code)
    next_one = await narrow.caller.post("deidentify", json={"text": NOTE})

    assert (reply.status_code, reply.json()["code"]) == (503, "engine_failed")
    assert int(reply.headers["Retry-After"]) > 0
    assert other.json()["text"] == MASKED
    assert next_one.json()["text"] == MASKED
    assert told(reply.text + caplog.text) == []


async def test_it_is_not_there(serve: Serve) -> None:
    """Where nobody turned it on there is no such route."""
    service = await serve()

    reply = await service.user("alice", scopes=[USE]).post("deidentify", json={"text": NOTE})

    assert reply.status_code == 404


GERMAN = "Der Patient wurde mit Brustschmerzen aufgenommen. Die Untersuchung ergab keinen Hinweis auf Fieber."


async def test_another_language_is_refused(caller: Caller) -> None:
    """With what was recognized; `language: any` takes the risk, and so does the address."""
    refused = await caller.post("deidentify", json={"text": GERMAN})
    taken = await caller.post("deidentify", json={"text": GERMAN, "language": "any"})
    by_address = await caller.post("deidentify?language=any", json={"text": GERMAN})

    assert (refused.status_code, refused.json()["code"]) == (422, "language_unsupported")
    assert "German" in refused.json()["detail"]
    assert [taken.status_code, by_address.status_code] == [200, 200]


async def test_a_line_in_another_language_does_not_end_a_batch(caller: Caller) -> None:
    """It is answered with the error, and the engine that refused it goes on."""
    lines = [{"id": 1, "text": GERMAN}, {"id": 2, "text": "Seen by Dr. Smith."}]
    answer = await caller.post(
        "deidentify/batch",
        content="\n".join(map(json.dumps, lines)),
        headers={"Content-Type": "application/x-ndjson"},
    )
    first, second = map(json.loads, answer.text.splitlines())

    assert first["error"]["code"] == "language_unsupported"
    assert second["text"] == "Seen by Dr. *****."


async def test_rules_are_told_by_name(caller: Caller) -> None:
    """So that the rule which a span names can be looked up."""
    spans = (await caller.post("deidentify", json={"text": "MRN 1234567.", "spans": True})).json()["spans"]
    rules = (await caller.get("deidentify/rules")).json()["contents"]["rules"]
    known = {rule["rule"]: rule for rule in rules}

    assert [span["rule"] for span in spans] == ["id.label"]
    assert known["id.label"]["type"] == "ID"
    assert known["id.label"]["masks"]
    assert not known["stays.test-result"]["masks"]


async def test_the_loop_goes_on(service: Service, caller: Caller) -> None:
    """While notes are in work, however many, others are answered: the loop's own thread has little to do with them."""
    large = [caller.post("deidentify", json={"text": note(seed, 30_000)}) for seed in range(4)]
    working = asyncio.gather(*large)

    asked = []
    while not working.done():
        await asyncio.sleep(0)
        began = time.thread_time()
        await service.anonymous().get("health/live")
        asked.append(time.thread_time() - began)

    assert [reply.status_code for reply in await working] == [200] * 4
    assert max(asked) < 0.5
