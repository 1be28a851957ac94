"""Trusted proxies that are given by host name."""

import asyncio
import logging

import pytest
from starlette.types import Message, Receive, Scope, Send

from service.server.proxies import BehindProxies, addresses_of
from tests.support.polling import eventually

PROXY, MOVED, NOTEBOOK = "10.0.0.5", "10.0.0.9", "10.0.0.6"


class Names:
    """A name server with changing answers. None means an unknown name."""

    def __init__(self, *answers: set[str] | None) -> None:
        """Give these answers in order, and the last one for ever."""
        self.answers = list(answers)
        self.asked = 0

    async def resolve(self, name: str) -> set[str]:
        """Return the next answer."""
        assert name == "proxy"
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        await asyncio.sleep(0)
        if answer is None:
            raise OSError
        return answer


async def received(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """Read everything."""


async def _receive() -> Message:
    return {"type": "http.disconnect"}


async def _send(_message: Message) -> None:
    pass


async def seen(app: BehindProxies, peer: str, chain: str = "192.0.2.7") -> str:
    """Return the client address of a request from `peer` with this X-Forwarded-For."""
    headers = [(b"x-forwarded-for", chain.encode())]
    scope: Scope = {"type": "http", "client": (peer, 1), "headers": headers, "scheme": "http"}
    await app(scope, _receive, _send)
    return str(scope["client"][0])


async def test_the_first_request_waits_for_the_name() -> None:
    """The first requests wait for one common lookup."""
    names = Names({PROXY})
    app = BehindProxies(received, ["proxy"], resolve=names.resolve)

    first, second = await asyncio.gather(seen(app, PROXY), seen(app, NOTEBOOK))
    assert (first, second) == ("192.0.2.7", NOTEBOOK)
    assert await seen(app, PROXY, f"192.0.2.7, {NOTEBOOK}") == NOTEBOOK
    assert names.asked == 1


async def test_a_proxy_that_moves() -> None:
    """The new address is trusted after the next lookup, and the old one is not, because others may have it now."""
    app = BehindProxies(received, ["proxy"], resolve=Names({PROXY}, {MOVED}).resolve, interval=0)
    assert await seen(app, PROXY) == "192.0.2.7"

    async def has_moved() -> bool:
        return await seen(app, MOVED) == "192.0.2.7"

    await eventually(has_moved)
    assert await seen(app, PROXY) == PROXY


async def test_a_name_server_that_is_down(caplog: pytest.LogCaptureFixture) -> None:
    """The proxy keeps its address."""
    names = Names({PROXY}, None)
    app = BehindProxies(received, ["proxy"], resolve=names.resolve, interval=0)

    async def was_asked_again() -> bool:
        assert await seen(app, PROXY) == "192.0.2.7"
        return names.asked > 3

    await eventually(was_asked_again)
    assert caplog.text.count(f"proxy cannot be looked up; trusting {PROXY}") == 1


async def test_a_name_that_nobody_knows(caplog: pytest.LogCaptureFixture) -> None:
    """An unknown name is logged once and trusts nobody. Addresses beside it are still trusted."""
    caplog.set_level(logging.WARNING)
    names = Names(None)
    app = BehindProxies(received, ["proxy", "10.0.1.0/24"], resolve=names.resolve, interval=0)

    async def was_asked_again() -> bool:
        assert [await seen(app, peer) for peer in (PROXY, "10.0.1.1", "unix")] == [PROXY, "192.0.2.7", "192.0.2.7"]
        return names.asked > 3

    await eventually(was_asked_again)
    assert [record.getMessage() for record in caplog.records] == [
        "FORWARDED_ALLOW_IPS: proxy cannot be looked up; trusting nobody"
    ]


async def test_addresses_of_a_name() -> None:
    """The resolver of the machine is used. An unknown name is an error."""
    assert "127.0.0.1" in await addresses_of("localhost")
    with pytest.raises(OSError, match=r"."):
        await addresses_of("name.invalid")


@pytest.mark.parametrize("trusted", [PROXY, "10.0.0.4/31", "proxy"])
async def test_a_proxy_that_listens_on_both(trusted: str) -> None:
    """A listener on `::` names IPv4 peers `::ffff:10.0.0.5`, as JupyterHub's proxy does by default."""
    app = BehindProxies(received, ["127.0.0.1", trusted], resolve=Names({PROXY}).resolve)

    assert await seen(app, "::ffff:127.0.0.1", f"192.0.2.7, ::ffff:{PROXY}, ::ffff:127.0.0.1") == "192.0.2.7"
    assert await seen(app, PROXY, f"192.0.2.7, ::ffff:{NOTEBOOK}") == f"::ffff:{NOTEBOOK}"
