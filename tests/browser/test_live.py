"""Event streams and WebSockets as a page has them: opened by its cookie, and told when the sign-in is over."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import Place, place_of
from tests.conftest import MakeHub
from tests.support.polling import eventually

if TYPE_CHECKING:
    from tests.conftest import Browse

OPEN = """
() => {
  const xsrf = document.querySelector('meta[name="xsrf-token"]').content;
  window.told = {};
  const heeding = new EventSource(`live/events?_xsrf=${xsrf}`);
  heeding.onmessage = (event) => { told.hello = JSON.parse(event.data); };
  heeding.addEventListener("problem", (event) => { heeding.close(); told.problem = JSON.parse(event.data).code; });
  window.heedless = new EventSource(`live/events?_xsrf=${xsrf}`);
  const without = new EventSource("live/events");
  without.onerror = () => { told.without = without.readyState; };
  const socket = new WebSocket(`live/echo?_xsrf=${xsrf}`);
  socket.onopen = () => socket.send("hello");
  socket.onmessage = (event) => { told.echo = event.data; };
  socket.onclose = (event) => { told.closed = [event.code, event.reason]; };
}
"""
BEGUN = "told.hello && told.echo && told.without && heedless.readyState === EventSource.OPEN && {...told}"
OVER = "told.problem && told.closed && heedless.readyState === EventSource.CLOSED && told"
CLOSED = 2  # EventSource.readyState; it does not try again


@pytest.fixture(scope="module")
def live(make_shared_hub: MakeHub) -> Iterator[Place]:
    """A Hub whose service looks twice a second."""
    hub = make_shared_hub(
        register={
            "routers": ["tests.support.live_routes:router"],
            "environment": {"SERVICE_RECHECK_INTERVAL": "0.5"},
        }
    )
    yield place_of(hub)
    hub.close()


async def test_a_page_is_told(live: Place, browse: "Browse") -> None:
    """Signing out in another tab ends what a page has open, and the page learns why; nothing is tried for ever."""
    browser = await browse(live.origin)
    page, other = await browser.page(), await browser.page()
    await page.goto(f"{live.service_url}me")
    await browser.sign_in(page)
    await page.wait_for_url(f"{live.service_url}me")

    await page.evaluate(OPEN)
    before = await eventually(lambda: page.evaluate(BEGUN))
    await other.goto(f"{live.hub_url}logout")
    after = await eventually(lambda: page.evaluate(OVER))

    assert before == {"hello": "testuser", "echo": "hello", "without": CLOSED}
    assert after == before | {"problem": "invalid_token", "closed": [1008, "invalid_token"]}
    assert browser.foreign == []
