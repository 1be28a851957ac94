"""Keys over HTTP: the same stand-ins in all requests, and for nobody but those whose key it is."""

import json
import logging
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from service.apps.deidentify.engine import keys
from service.testing import Caller
from tests.unit.apps.deidentify.http.test_routes import USE, post
from tests.unit.conftest import PREFIX, Serve, Service

SECRET = "0123456789abcdef" * 4
SERVICE: Mapping[str, Any] = {
    "apps": ("deidentify",),
    "variables": {"DEIDENTIFY_DEADLINE": "60", "DEIDENTIFY_SECRET": SECRET},  # a busy machine is not what is tested
}
NOTE = "Dr. Zebulon Quackenbush saw MRN 99887766 on 2019-03-12 and 2019-04-01."
KEYED = {"text": NOTE, "key": "study", "replacement": "surrogate"}
LINES = {"Content-Type": "application/x-ndjson"}


@pytest.fixture(scope="module")
async def caller(service: Service) -> AsyncIterator[Caller]:
    """Somebody who may, in a group."""
    async with service.user("alice", scopes=[USE], groups=["lab"]) as alice:
        yield alice


@pytest.fixture(scope="module")
async def other(service: Service) -> AsyncIterator[Caller]:
    """Somebody else who may, in the same group."""
    async with service.user("bob", scopes=[USE], groups=["lab"]) as bob:
        yield bob


async def told(caller: Caller, **note: object) -> str:
    """The text that a note becomes."""
    reply = await caller.post("deidentify", json={**KEYED, **note})
    assert reply.status_code == 200, reply.text
    text: str = reply.json()["text"]
    return text


async def test_the_same_in_every_way_in(caller: Caller) -> None:
    """Fields, address, plain text and batches."""
    expected = await told(caller)
    params = {"key": "study", "replacement": "surrogate"}
    in_address = await caller.post("deidentify", json={"text": NOTE}, params=params)
    for_text = await post(caller, NOTE, "text/plain", params=params)
    lines = json.dumps(KEYED) + "\n" + json.dumps({"text": NOTE, "replacement": "surrogate"})
    batch = await caller.post("deidentify/batch", content=lines, params={"key": "study"}, headers=LINES)

    assert in_address.json()["text"] == for_text.text == expected
    assert [json.loads(line)["text"] for line in batch.text.splitlines()] == [expected] * 2
    assert "Quackenbush" not in expected


async def test_a_key_is_its_owners(caller: Caller, other: Caller) -> None:
    """Another user, another key and no key give others; members of a group share its keys."""
    texts = [
        await told(caller),
        await told(other),
        await told(caller, key="trial"),
        await told(caller, key=None),
        await told(caller, key="group:lab/study"),
    ]

    assert len(set(texts)) == len(texts)
    assert await told(other, key="group:lab/study") == texts[4]


async def test_a_key_of_a_group_of_others(caller: Caller) -> None:
    """Is forbidden for a note and for a line, and it is not said whether there is such a group."""
    note = await caller.post("deidentify", json=KEYED | {"key": "group:ward/study"})
    lines = json.dumps(KEYED | {"key": "group:ward/study"}) + "\n" + json.dumps(KEYED)
    batch = await caller.post("deidentify/batch", content=lines, headers=LINES)
    first, second = map(json.loads, batch.text.splitlines())

    assert (note.status_code, note.json()["code"]) == (403, "key_forbidden")
    assert "ward" not in note.text
    assert first["error"]["code"] == "key_forbidden"
    assert second["text"] == await told(caller)


async def test_who_is_not_signed_in_has_no_key(service: Service) -> None:
    """Nothing of the key is judged before."""
    assert (await service.api().post("deidentify", json=KEYED)).status_code == 401


async def test_numbers(caller: Caller) -> None:
    """Have 64 bits, and are the same in another request and batch."""
    expected = await told(caller, text="Dr. Zebulon", replacement="numbered")
    again = await told(caller, text="Seen by DR.  ZEBULON", replacement="numbered")
    lines = json.dumps({"text": "Dr. Zebulon"}) + "\n" + json.dumps({"text": "Dr. Zebulon", "key": None})
    batch = await caller.post(
        "deidentify/batch", content=lines, params={"key": "study", "replacement": "numbered"}, headers=LINES
    )
    number = expected.removeprefix("Dr. [NAME_").removesuffix("]")

    assert int(number) > 10**9
    assert number in again
    assert [json.loads(line)["text"] for line in batch.text.splitlines()] == [expected, "Dr. [NAME_1]"]


async def test_a_patient_has_a_shift(caller: Caller) -> None:
    """The same in each note and line, of another patient another; intervals stay."""
    note = {"text": NOTE, "key": "study", "replacement": "tag"}
    replies = await caller.post(
        "deidentify/batch",
        content="\n".join(json.dumps(note | {"patient": patient}) for patient in ("MRN 1", "MRN 2", "mrn  1", 17)),
        headers=LINES,
    )
    texts = [json.loads(line)["text"] for line in replies.text.splitlines()]
    one = await told(caller, replacement="tag", patient="MRN 1")
    params = {"date_shift_days": "3", "key": "study", "replacement": "tag"}
    before_the_address = await caller.post("deidentify", json={"text": NOTE, "patient": "MRN 1"}, params=params)

    assert texts[0] == texts[2] == one == before_the_address.json()["text"]
    assert len(set(texts)) == 3
    assert "2019-03-12" not in replies.text
    assert "MRN 1" not in replies.text


@pytest.mark.parametrize(
    ("note", "detail"),
    [
        ({"patient": "1", "key": None}, "patient` needs a `key`"),
        ({"patient": "1", "date_shift_days": 3}, "use one of them"),
        ({"patient": " \u200b"}, "`patient` is blank"),
        ({"key": "a b"}, '["body","key"]'),
        ({"key": "group:/x"}, '["body","key"]'),
        ({"key": ""}, '["body","key"]'),
        ({"key": "group:\u0001/x"}, '["body","key"]'),
        ({"date_order": "dym"}, '["body","date_order"]'),
        ({"secret": "ab" * 32}, "a field that is not known"),
    ],
)
async def test_what_does_not_fit(caller: Caller, note: dict[str, Any], detail: str) -> None:
    """Is refused, and says why, without what was sent."""
    reply = await caller.post("deidentify", json={**KEYED, **note})

    assert (reply.status_code, reply.json()["code"]) == (422, "invalid_request")
    assert detail in reply.text
    assert "Zebulon" not in reply.text


async def test_a_patient_is_in_no_address(caller: Caller) -> None:
    """Since addresses are logged."""
    assert (await caller.post("deidentify", json=KEYED, params={"patient": "1"})).status_code == 422


async def test_the_secret_is_in_no_answer_and_no_log(
    service: Service, caller: Caller, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Neither the operator's nor that of a key."""
    caplog.set_level(logging.DEBUG)
    admin = service.user("root", scopes=[USE], admin=True)
    replies = [
        await caller.post("deidentify", json=KEYED),
        await caller.get("deidentify/rules"),
        await admin.get("debug"),
        await caller.post("deidentify", json=KEYED | {"key": "group:ward/study"}),
    ]
    derived = keys.derived(SECRET.encode(), "user:alice", "study").hex()
    everything = caplog.text + "".join(capfd.readouterr()) + "".join(reply.text for reply in replies)

    assert [reply.status_code for reply in replies] == [200, 200, 200, 403]
    assert SECRET not in everything
    assert derived not in everything
    assert replies[2].json()["deidentify"]["keys"] is True


async def test_without_a_secret_there_are_no_keys(serve: Serve) -> None:
    """The answer says what to do."""
    service = await serve(apps=("deidentify",))
    async with service.user("alice", scopes=[USE]) as alice:
        reply = await alice.post(f"{PREFIX}deidentify", json=KEYED)

    assert (reply.status_code, reply.json()["code"]) == (422, "keys_unavailable")
    assert "DEIDENTIFY_SECRET" in reply.json()["detail"]
