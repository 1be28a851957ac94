"""Several workers behind one address: a sign-in, a session and a token know nothing of it."""

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator

import httpx
import psutil
import pytest
from anyio import CapacityLimiter, create_task_group

from tests.conftest import MakeHub
from tests.support.front import Front, Served
from tests.support.hub import RealHub
from tests.support.polling import BUSY, eventually
from tests.support.ports import free_ports
from tests.support.process import children_with

WORKERS = 3
LOGINS = 20
TTL = 2  # seconds: so long may a worker believe what another knows to be over
PATH = "/services/fastapi/"


@pytest.fixture(scope="module")
def front() -> Iterator[Front]:
    """What stands between the Hub's proxy and the workers, and gives them each request on a new connection."""
    port, behind = free_ports(2)
    front = Front(port=port, ports=[behind])
    yield front
    front.close()


@pytest.fixture(scope="module")
def crowd(make_shared_hub: MakeHub, front: Front) -> Iterator[RealHub]:
    """A Hub whose service has several workers."""
    told = {
        "SERVICE_WORKERS": str(WORKERS),
        "HUB_CACHE_TTL": str(TTL),
    }
    # The last word over what the Hub says: the front is where it says, the service behind.
    address = f"JUPYTERHUB_SERVICE_URL=http://127.0.0.1:{front.ports[0]}"
    command = ["env", address, sys.executable, "-P", "-m", "service"]
    hub = make_shared_hub(
        register={"url": front.url, "command": command, "environment": told, "allow_token_in_url": True}
    )
    yield hub
    hub.close()


def workers_of(hub: RealHub) -> set[int]:
    """Return the processes that the service has started to serve."""
    (service,) = [pid for pid, line in hub.processes().items() if line.endswith("-m service")]
    return {child.pid for child in children_with("spawn_main", of=psutil.Process(service))}


async def all_serving(hub: RealHub, front: Front) -> set[int]:
    """Return the workers once each of them has answered."""

    async def seen() -> set[int]:
        await asyncio.gather(*(hub.ask("GET", "health/live") for _ in range(WORKERS)))
        workers = workers_of(hub)
        answered = {each.process for each in front.served}
        return workers if len(workers) == WORKERS and workers <= answered else set()

    return await eventually(seen)


async def ask_all(hub: RealHub, front: Front, **request: object) -> dict[int, int]:
    """Send a request until each worker has answered it; return each one's last status."""
    workers = await all_serving(hub, front)
    said: dict[int, int] = {}

    async def answered() -> bool:
        # One at a time, so that the request which the front has served last is ours.
        reply = await hub.ask("GET", "me", **request)  # type: ignore[arg-type]
        said[front.served[-1].process] = reply.status_code
        return said.keys() >= workers

    await eventually(answered, every=0)
    return said


async def sign_in(hub: RealHub, limit: CapacityLimiter, ended: list[httpx.Response]) -> None:
    """Open a page as somebody whom the service has never seen."""
    async with limit, hub.session("testuser") as browser:
        ended.append(await browser.visit(f"{hub.service_url}me"))


def by_worker(served: list[Served]) -> list[tuple[int, int]]:
    """Return the workers that began and finished each sign-in."""
    began = {each.begun: each.process for each in served if each.begun}
    return [(began[each.finished], each.process) for each in served if each.finished]


async def test_many_logins(crowd: RealHub, front: Front) -> None:
    """A sign-in begun by one worker is finished by any other: none fails."""
    workers = await all_serving(crowd, front)
    front.served.clear()
    ended: list[httpx.Response] = []
    limit = CapacityLimiter(WORKERS)
    async with create_task_group() as group:
        for _ in range(LOGINS):
            group.start_soon(sign_in, crowd, limit, ended)

    pages = Counter((page.status_code, page.url.path, "testuser" in page.text) for page in ended)
    pairs = by_worker(front.served)
    assert pages == {(200, f"{PATH}me", True): LOGINS}
    assert len(pairs) == LOGINS
    assert {each.process for each in front.served} == workers
    # By chance it would be two of three; the kernel is not quite that fair.
    assert len([pair for pair in pairs if pair[0] != pair[1]]) > LOGINS / 10


async def test_a_session_holds_for_all(crowd: RealHub, front: Front) -> None:
    """Cookie and XSRF token that one worker has given count for each of them."""
    async with crowd.session("testuser") as browser:
        await browser.visit(f"{crowd.service_url}me")

        said = await ask_all(crowd, front, headers=browser.signing(PATH))

    assert set(said.values()) == {200}


async def test_signing_out(crowd: RealHub, front: Front) -> None:
    """Whoever signs out is out everywhere at once; a copy of the cookies, within the time that an answer holds.

    The browser has lost its cookies and the Hub's session, which no worker knows better. The copy has both.
    """
    async with crowd.session("testuser") as browser:
        await browser.visit(f"{crowd.service_url}me")
        copied = browser.signing(PATH)
        assert set((await ask_all(crowd, front, headers=copied)).values()) == {200}

        await browser.submit(await browser.visit(f"{crowd.service_url}logout"))
        pages = [await browser.visit(f"{crowd.service_url}me", follow=False) for _ in range(3 * WORKERS)]

    async def is_out() -> bool:
        return set((await ask_all(crowd, front, headers=copied)).values()) == {401}

    assert {page.status_code for page in pages} == {302}
    assert await eventually(is_out, within=TTL + 20, every=0.5)


async def test_signing_out_at_the_hub_and_in_as_somebody_else(crowd: RealHub, front: Front) -> None:
    """Nobody is shown the page of who was there before, whichever worker had seen that."""
    async with crowd.session("testuser") as browser:
        await browser.visit(f"{crowd.service_url}me")
        await ask_all(crowd, front, headers=browser.signing(PATH))
        await browser.sign_out()
        await browser.sign_in("other")

        pages = [await browser.visit(f"{crowd.service_url}me") for _ in range(3 * WORKERS)]

    assert {(page.status_code, "other" in page.text, "testuser" in page.text) for page in pages} == {(200, True, False)}


async def test_a_token_that_is_deleted(crowd: RealHub, front: Front) -> None:
    """A token deleted by way of one worker is refused there at once, and by the others within HUB_CACHE_TTL."""
    token = await crowd.user_token("testuser")
    assert set((await ask_all(crowd, front, token=token)).values()) == {200}

    (await crowd.ask("POST", "logout", token=token)).raise_for_status()

    async def is_refused() -> bool:
        return set((await ask_all(crowd, front, token=token)).values()) == {401}

    assert await eventually(is_refused, within=TTL + 20, every=0.5)


async def test_a_worker_that_dies_is_replaced(crowd: RealHub, front: Front) -> None:
    """The others go on, and soon there are as many as before."""
    before = await all_serving(crowd, front)
    token = await crowd.user_token("testuser")
    killed = min(before)

    os.kill(killed, signal.SIGKILL)
    during = [(await crowd.ask("GET", "me", token=token)).status_code for _ in range(10)]
    front.served.clear()
    after = await all_serving(crowd, front)

    assert set(during) == {200}
    assert before - after == {killed}
    assert len(after) == WORKERS


async def test_no_worker_writes_a_token_down(crowd: RealHub, front: Front) -> None:
    """What each writes to the log is masked."""
    token = await crowd.user_token("testuser")
    front.served.clear()
    asked = f"{crowd.service_url}me?token={token.value}"

    async def all_told() -> bool:
        await crowd.ask("GET", f"me?token={token.value}")
        return {each.process for each in front.served if token.value in each.path} == workers

    workers = await all_serving(crowd, front)
    await eventually(all_told, every=0)

    log = crowd.log_text()
    assert token.value not in "".join(line for line in log.splitlines() if '"logger":' in line)
    assert log.count(f"{httpx.URL(asked).path}?[hidden]") >= WORKERS


async def test_a_hub_ends_all(make_hub: MakeHub) -> None:
    """A Hub that is stopped lets the workers finish; one that is killed leaves none behind."""
    hub = make_hub(register={"environment": {"SERVICE_WORKERS": "2"}})

    async def are_serving() -> bool:
        return hub.log_text().count("Application startup complete") == 2

    await eventually(are_serving)  # the Hub waits for one of them
    hub.stop(grace=BUSY)
    stopped = hub.log_text()
    assert stopped.count("Finished server process") == 2
    assert "Stopping parent process" in stopped

    hub.start()
    hub.kill()

    async def is_gone() -> bool:
        return not [line for line in hub.processes().values() if "spawn_main" in line or line.endswith("-m service")]

    assert await eventually(is_gone)
