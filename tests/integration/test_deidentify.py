"""De-identification beside a real Hub: every way in, batches through its proxy, and a patient of whom nothing stays."""

import ast
import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.conftest import MakeHub
from tests.support.batch_client import BatchClient
from tests.support.engines import engines_of, killed_under
from tests.support.hub import RealHub
from tests.support.hub_api import Token
from tests.support.local_http import local_client
from tests.support.markdown import blocks
from tests.support.node import REPOSITORY
from tests.support.polling import BUSY, PROGRAM, eventually
from tests.support.process import clean_environment

ACCESS = "access:services!service=fastapi"
USE = "custom:deidentify:use"
NOTE = "Seen 12/03/2019 by Dr. Zebulon Quackenbush.\nMRN: 99887766"
MASKED = "Seen **/**/**** by Dr. ******* ***********.\nMRN: ********"
CANARY = ("zebulon", "quackenbush", "99887766")
LINES = {"Content-Type": "application/x-ndjson"}


@pytest.fixture(scope="module")
def careful_hub(make_shared_hub: MakeHub) -> Iterator[RealHub]:
    """A Hub whose service is for one group, looks twice a second who may stay, and has two engines."""
    environment = {
        "SERVICE_RECHECK_INTERVAL": "0.5",
        "HUB_CACHE_TTL": "1.5",
        "DEIDENTIFY_WORKERS": "2",
        "DEIDENTIFY_DEADLINE": "3",
    }
    hub = make_shared_hub(
        config="c.JupyterHub.load_groups = {'researchers': {'users': ['testuser']}}",
        register={"apps": ["deidentify"], "grant": ["researchers"], "environment": environment},
    )
    yield hub
    hub.close()


def service_of(hub: RealHub) -> psutil.Process:
    """Return the service's own process."""
    (pid,) = (pid for pid, line in hub.processes().items() if line.endswith("-m service"))
    return psutil.Process(pid)


def told(text: str) -> list[str]:
    """Return what a text tells of the patient."""
    return [word for word in CANARY if word in text.casefold()]


# Who may


async def test_every_way_in(hub: RealHub) -> None:
    """With a token, from a notebook, and from a page of ours, which sends its XSRF token."""
    token = await hub.user_token("testuser")
    by_token = await hub.ask("POST", "deidentify", token=token, json={"text": NOTE})
    async with hub.session("testuser") as browser:
        await browser.visit(f"{hub.service_url}me")
        where, path = f"{hub.service_url}deidentify", hub.service_path
        xsrf = {"X-XSRFToken": browser.cookie("_xsrf", path=path) or ""}
        by_cookie = await browser.fetch("POST", where, json={"text": NOTE}, headers=xsrf)
        without_xsrf = await browser.fetch("POST", where, json={"text": NOTE})

    assert [reply.json().get("text") for reply in (by_token, by_cookie)] == [MASKED] * 2
    assert (without_xsrf.status_code, without_xsrf.json()["code"]) == (403, "xsrf")


async def test_from_a_notebook(hub: RealHub) -> None:
    """The token that a notebook has is enough, for a note as for a batch, which aiohttp reads while it sends."""
    code = f"""
import aiohttp, json, os, pathlib, requests
headers = {{"Authorization": "Bearer " + os.environ["JUPYTERHUB_API_TOKEN"]}}
async def masked(path):
    url, typed = "{hub.service_url}deidentify/batch?replacement=tag", {{"Content-Type": "application/x-ndjson"}}
    with open(path, "rb") as notes:
        async with aiohttp.ClientSession(headers=headers | typed) as session, session.post(url, data=notes) as answer:
            async for line in answer.content:
                yield line
pathlib.Path("notes.ndjson").write_text("".join(json.dumps({{"text": {NOTE!r}}}) + "\\n" for _ in range(150)))
alone = requests.post("{hub.service_url}deidentify", json={{"text": {NOTE!r}}}, headers=headers).json()["text"]
[alone, [json.loads(line)["text"] async for line in masked("notes.ndjson")]]
"""
    async with hub.notebook("other") as notebook:
        alone, many = ast.literal_eval(await notebook.run(code))

    assert alone == MASKED
    assert many == ["Seen [DATE] by Dr. [NAME].\nMRN: [ID]"] * 150


async def test_a_token_without_the_scope(hub: RealHub) -> None:
    """Is refused, and told which it lacks."""
    reply = await hub.ask(
        "POST", "deidentify", token=await hub.user_token("testuser", scopes=[ACCESS]), json={"text": NOTE}
    )

    assert (reply.status_code, reply.json()["scopes"]) == (403, [USE])


async def test_for_one_group(careful_hub: RealHub) -> None:
    """What `grant` names has the scope, and nobody else."""
    replies = [
        await careful_hub.ask("POST", "deidentify", token=await careful_hub.user_token(user), json={"text": NOTE})
        for user in ("testuser", "other")
    ]

    assert [reply.status_code for reply in replies] == [200, 403]


async def test_engines_have_no_secrets(careful_hub: RealHub) -> None:
    """The process that loads the engine and those forked off it have neither the service's token nor its settings."""
    token = await careful_hub.user_token("testuser")
    reply = await careful_hub.ask("POST", "deidentify", token=token, json={"text": NOTE})
    service = service_of(careful_hub)
    processes = [*service.children(), *engines_of(service)]
    secret = service.environ()["JUPYTERHUB_API_TOKEN"]
    names = {name for process in processes for name in process.environ()}

    assert reply.status_code == 200
    assert len(processes) >= 2
    assert not any(secret in value for process in processes for value in process.environ().values())
    assert not any(secret in part for process in processes for part in process.cmdline())
    assert [name for name in names if name.startswith(("JUPYTERHUB", "JPY", "SERVICE", "HUB", "DEIDENTIFY"))] == []
    assert "PATH" in names


# What goes wrong


@pytest.mark.parametrize(
    "text",
    [
        "1a" * 50_000 + "_",
        "1a" * 60 + "_",
        "a" * 100_000,
        "A" * 100_000,
        "A" * 300 + " MD, PhD",
        "A" * 99_000 + " is a 50 y.ox",
        "ACGT" * 25_000,
        "1-" * 50_000,
        "ab 12345 " * 11_000,
    ],
    ids=lambda text: f"{text[:6]} {len(text)}",
)
async def test_strings_that_hang_philter_lite(hub: RealHub, text: str) -> None:
    """Are answered, or given up at the deadline."""
    token = await hub.user_token("testuser", scopes=[ACCESS, USE])
    async with asyncio.timeout(BUSY):
        reply = await hub.ask("POST", "deidentify", token=token, json={"text": text[:100_000]})

    assert (reply.status_code, reply.json().get("code")) in {(200, None), (422, "deadline_exceeded")}


async def test_nothing_of_the_patient(careful_hub: RealHub) -> None:
    """Whatever is done with a note, and however it fails, no header, error or log has anything of it."""
    token = await careful_hub.user_token("testuser", scopes=[ACCESS, USE])

    async def post(where: str = "deidentify", **sent: Any) -> httpx.Response:  # noqa: ANN401
        return await careful_hub.ask("POST", where, token=token, **sent)

    async def killed() -> httpx.Response | None:
        reply = await killed_under(service, post(json={"text": NOTE}))
        return reply if "engine_failed" in reply.text else None

    async def late(where: str, kind: str) -> httpx.Response | None:
        for engine in engines_of(service):
            engine.suspend()
        reply = await post(where, content=json.dumps({"text": NOTE}), headers={"Content-Type": kind})
        return reply if "deadline_exceeded" in reply.text else None

    service = service_of(careful_hub)
    raw = {"Content-Type": "application/json"}
    answered = {
        "json": await post(json={"text": NOTE, "spans": True}),
        "text": await post(content=NOTE, headers={"Content-Type": "text/plain"}),
        "batch": await post("deidentify/batch", content=json.dumps({"text": NOTE}), headers=LINES),
    }
    failed: dict[str, httpx.Response | None] = {
        "killed": await eventually(killed),
        "deadline": await eventually(partial(late, "deidentify", "application/json")),
        "deadline in a batch": await eventually(partial(late, "deidentify/batch", LINES["Content-Type"])),
        "malformed": await post(content=f'{{"text": "{NOTE}', headers=raw),
        "malformed in a batch": await post("deidentify/batch", content=f'{{"text": "{NOTE}\n{NOTE}', headers=LINES),
        "unknown": await post(json={"text": NOTE, "Zebulon": NOTE}),
        "latin-1": await post(content=f"{NOTE} é".encode("latin-1"), headers={"Content-Type": "text/plain"}),
        "too large": await post(json={"text": NOTE * 2000}),
        "no type": await post(content=NOTE),
        "words in the address": await post(json={"text": "x"}, params={"deny": "Quackenbush"}),
        "the note in the address": await post(params={"text": NOTE}),
        "not signed in": await careful_hub.ask("POST", "deidentify", json={"text": NOTE}),
        "a page": await post(json={"text": NOTE, "txt": 1}, headers={"Accept": "text/html"}),
    }
    again = await post(json={"text": NOTE})

    assert {name: reply and reply.status_code for name, reply in failed.items()} == {
        "killed": 503,
        "deadline": 422,
        "deadline in a batch": 200,
        "malformed": 422,
        "malformed in a batch": 200,
        "unknown": 422,
        "latin-1": 422,
        "too large": 413,
        "no type": 415,
        "words in the address": 422,
        "the note in the address": 415,
        "not signed in": 401,
        "a page": 422,
    }
    assert again.json()["text"] == MASKED
    replies = {**answered, **failed}
    assert {name: told(f"{reply.headers}{reply.text}") for name, reply in replies.items() if reply} == {
        name: [] for name in replies
    }
    assert told(careful_hub.log_text()) == []


async def test_an_engine_is_killed(careful_hub: RealHub) -> None:
    """The note that it was at gets an error that says so; all others, in the batch and alone, get their answers."""
    token = await careful_hub.user_token("testuser", scopes=[ACCESS, USE])
    body = "\n".join(json.dumps({"text": NOTE, "id": number}) for number in range(50))

    async def batch() -> list[dict[str, Any]]:
        reply = await careful_hub.ask("POST", "deidentify/batch", token=token, content=body, headers=LINES)
        return [json.loads(line) for line in reply.text.splitlines()]

    async def hit() -> list[dict[str, Any]]:
        lines = await killed_under(service_of(careful_hub), batch(), spared=1)
        return lines if any("error" in line for line in lines) else []

    lines = await eventually(hit)
    alone = [await careful_hub.ask("POST", "deidentify", token=token, json={"text": NOTE}) for _ in range(10)]

    assert [line["id"] for line in lines] == list(range(50))
    assert [line["error"]["code"] for line in lines if "error" in line] == ["engine_failed"]
    assert {line["text"] for line in lines if "text" in line} == {MASKED}
    assert {reply.json()["text"] for reply in alone} == {MASKED}


# Batches


async def test_thousands_of_notes_for_a_slow_reader(
    careful_hub: RealHub, record_property: Callable[[str, object], None]
) -> None:
    """Come back in order, and the service holds a few of them at a time, however long the client lets it wait."""
    token = await careful_hub.user_token("testuser", scopes=[ACCESS, USE])
    service = service_of(careful_hub)
    sizes: list[int] = []
    ids: list[int] = []
    lead = 0
    padding = rb"\u0020" * 1000  # much to send for little work

    async with BatchClient(f"{careful_hub.service_url}deidentify/batch", headers=token.bearer) as client:

        async def take(number: int) -> None:
            for _ in range(number):
                line = await client.take()
                assert line is not None
                ids.append(line["id"])
                if len(ids) % 100 == 0:
                    sizes.append(service.memory_info().rss)

        for number in range(3_000):
            lead = max(lead, number - len(ids))
            sending = asyncio.create_task(client.say(b'{"id": %d, "text": "Dr. Quackenbush%s"}' % (number, padding)))
            while not (await asyncio.wait([sending], timeout=0.05))[0]:
                await take(50)  # only where nothing more is taken of it
        await client.end()
        await take(3_000 - len(ids))
        assert await client.take() is None

    megabytes = [size // 2**20 for size in sizes]
    record_property("resident memory of the service while it went on, in MB", megabytes)
    record_property("notes taken of the client before it took their answers, at most", lead)
    assert ids == list(range(3_000))
    assert max(megabytes) - megabytes[0] <= 10


async def test_single_notes_beside_batches(careful_hub: RealHub) -> None:
    """Who sends one note does not wait for who sends hundreds."""
    token = await careful_hub.user_token("testuser", scopes=[ACCESS, USE])
    body = "\n".join(json.dumps({"text": NOTE * 30}) for _ in range(150))
    async with local_client(base_url=careful_hub.service_url, headers=token.bearer) as client:
        batches = asyncio.gather(*(client.post("deidentify/batch", content=body, headers=LINES) for _ in range(2)))
        answered = 0
        while not batches.done():
            reply = await client.post("deidentify", json={"text": NOTE})
            answered += 1
            assert reply.json()["text"] == MASKED
        lines = [len(reply.text.splitlines()) for reply in await batches]

    assert lines == [150, 150]
    assert answered > 5


@pytest.mark.parametrize("change", ["revoked", "out of the group"])
async def test_signed_out_in_the_middle(careful_hub: RealHub, change: str) -> None:
    """The batch ends within moments, with a line that says why; the proxy's client is not left waiting."""
    token = await careful_hub.user_token("testuser", scopes=[ACCESS, USE])
    async with BatchClient(f"{careful_hub.service_url}deidentify/batch", headers=token.bearer) as client:
        await client.say({"text": NOTE})
        first = await client.take()
        async with changed(careful_hub, token, change):
            last, end = await client.take(), await client.take()

    assert first is not None
    assert last is not None
    assert (first["text"], list(last), end) == (MASKED, ["error"], None)
    assert last["error"]["code"] == {"revoked": "invalid_token", "out of the group": "insufficient_scope"}[change]


@asynccontextmanager
async def changed(hub: RealHub, token: Token, change: str) -> AsyncIterator[None]:
    """End what a token is good for. Its owner is in the group again at the end of the block."""
    if change == "revoked":
        await hub.revoke(token)
        yield
        return
    group, body = "/groups/researchers/users", {"users": ["testuser"]}
    (await hub.api("DELETE", group, json=body)).raise_for_status()
    try:
        yield
    finally:
        (await hub.api("POST", group, json=body)).raise_for_status()


async def test_the_docs_line(hub: RealHub, tmp_path: Path) -> None:
    """A file of any length goes through curl as docs/use.md has it, since curl reads while it sends."""
    token = await hub.user_token("testuser", scopes=[ACCESS, USE])
    (line,) = (block.code for block in blocks(REPOSITORY / "docs/use.md", "sh") if "/deidentify/batch" in block.code)
    with (tmp_path / "notes.ndjson").open("w") as file:
        file.writelines(json.dumps({"id": number, "text": " " * 20_000}) + "\n" for number in range(400))

    await asyncio.to_thread(
        subprocess.run,
        ["sh", "-eu", "-c", line.replace("http://127.0.0.1:8000/", hub.url)],
        env=clean_environment(TOKEN=token.value),
        cwd=tmp_path,
        timeout=PROGRAM,
        check=True,
    )

    with (tmp_path / "masked.ndjson").open() as file:
        assert [json.loads(each)["id"] for each in file] == list(range(400))
