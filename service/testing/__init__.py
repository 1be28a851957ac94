"""For the tests of who builds on the service: it runs in the test's own process, beside a Hub in memory.

Nobody has to sign in: whom a test needs, it makes. Needs the extra `[testing]`; the service itself never imports it.

    async with open_service(routers=[router]) as service:
        alice = service.user("alice", scopes=["custom:notes:write"])
        reply = await alice.post("notes", params={"note": "x"})            # as a script, with her token
        reply = await alice.browser().post("notes", params={"note": "x"})  # as a page of ours, with her cookie

`service.testing.fixtures` has it as pytest fixtures.
"""

from service.testing.callers import Browser, Caller
from service.testing.fake_hub import OUTAGES, FakeHub, Outage, challenge_of, own_scopes
from service.testing.serving import Service, make_settings, open_service

__all__ = [
    "OUTAGES",
    "Browser",
    "Caller",
    "FakeHub",
    "Outage",
    "Service",
    "challenge_of",
    "make_settings",
    "open_service",
    "own_scopes",
]
