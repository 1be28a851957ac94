"""A model beside the rules, over HTTP: for all notes or for those that ask, named in the answer, and never left out."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from service.testing import Caller
from tests.support.process import children_with
from tests.unit.apps.deidentify.http.test_pages import masked as shown_as_masked
from tests.unit.apps.deidentify.http.test_pages import submit
from tests.unit.apps.deidentify.http.test_routes import USE
from tests.unit.conftest import Serve, serving

NOTE = "talked to rose about it, the calf hurts."  # in small letters the rules leave the name
BOTH = "talked to [NAME] about it, the calf hurts."
MODEL = {"DEIDENTIFY_NER": "tests.support.seeing:load", "DEIDENTIFY_WORKERS": "1", "DEIDENTIFY_DEADLINE": "60"}


@pytest.fixture(scope="module")
async def start() -> AsyncIterator[Any]:
    """Start services; see `serving`."""
    async with serving() as start:
        yield start


@pytest.fixture(scope="module")
async def on_request(start: Serve) -> AsyncIterator[Caller]:
    """Somebody at a service whose model is asked where a note says so."""
    service = await start(apps=("deidentify",), variables=MODEL | {"DEIDENTIFY_NER_USE": "on_request"})
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(service.user("alice", scopes=[USE]))


async def masked(caller: Caller, **fields: object) -> tuple[str, str | None]:
    """The masked note, and the model that was asked."""
    reply = (await caller.post("deidentify", json={"text": NOTE, "replacement": "tag"} | fields)).json()
    return reply["text"], reply["engine"].get("model")


async def test_where_a_note_asks_for_it(on_request: Caller) -> None:
    """It is asked, and the answer names it; `compat` asks nobody."""
    assert await masked(on_request) == (NOTE, None)
    assert await masked(on_request, ner=True) == (BOTH, "seeing 1")
    assert (await masked(on_request, ner=True, compat=True))[1] is None


async def test_the_form_offers_it(on_request: Caller) -> None:
    """It has a box for the model, and the page names the model that was asked."""
    async with on_request.browser() as alice:
        page = await submit(alice, text=NOTE, replacement="tag", ner="yes")
        without = await submit(alice, text=NOTE, replacement="tag")

    assert (shown_as_masked(page), shown_as_masked(without)) == (BOTH, NOTE)
    assert ("model: seeing 1" in page.text, "model: seeing 1" in without.text) == (True, False)
    assert 'name="ner" value="yes" checked' in page.text


async def test_plain_text_and_batches_ask_for_it_too(on_request: Caller) -> None:
    """In the address."""
    plain = await on_request.post(
        "deidentify?ner=true&replacement=tag", content=NOTE, headers={"Content-Type": "text/plain"}
    )
    lines = await on_request.post(
        "deidentify/batch?ner=true&replacement=tag",
        content=f'{{"text": "{NOTE}"}}',
        headers={"Content-Type": "application/x-ndjson"},
    )

    assert plain.text == BOTH
    assert plain.headers["Deidentify-Engine"].endswith("; seeing 1)")
    assert lines.json()["text"] == BOTH


async def test_a_model_that_fails(on_request: Caller, caplog: pytest.LogCaptureFixture) -> None:
    """Its note gets an error and nothing of it comes back; without it the same note is answered, and so is the next."""
    for note in ("fail Zebulon", "crash Zebulon"):
        refused = await on_request.post("deidentify", json={"text": note, "ner": True})
        answered = await on_request.post("deidentify", json={"text": note})

        assert (refused.status_code, refused.json()["code"]) == (503, "engine_failed")
        assert answered.status_code == 200
        assert "Zebulon" not in refused.text + caplog.text
    assert (await masked(on_request, ner=True))[0] == BOTH


async def test_always(start: Serve) -> None:
    """Every note is shown to it, and readiness waits for it."""
    service = await start(apps=("deidentify",), variables=MODEL)
    async with service.user("alice", scopes=[USE]) as alice:
        assert await masked(alice) == (BOTH, "seeing 1")


async def test_a_model_that_cannot_be_loaded(start: Serve) -> None:
    """Closes the service to notes, instead of leaving them to the rules alone."""
    service = await start(apps=("deidentify",), variables=MODEL | {"DEIDENTIFY_NER": "tests.support.seeing:load_never"})
    async with service.user("alice", scopes=[USE]) as alice:
        refused = await alice.post("deidentify", json={"text": NOTE})
        ready = await alice.get("health/ready")

    assert (refused.status_code, refused.json()["code"]) == (503, "engine_unavailable")
    assert ready.status_code == 503
    assert not children_with("rose")


async def test_where_there_is_none(start: Serve) -> None:
    """A note that asks for one is refused, with what to do."""
    service = await start(apps=("deidentify",), variables={"DEIDENTIFY_WORKERS": "1", "DEIDENTIFY_DEADLINE": "60"})
    async with service.user("alice", scopes=[USE]) as alice:
        reply = await alice.post("deidentify", json={"text": NOTE, "ner": True})

    assert (reply.status_code, reply.json()["code"]) == (422, "model_not_offered")
    assert "Leave out `ner`" in reply.json()["detail"]
