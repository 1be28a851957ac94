"""For your own tests: runs the service in the process of the test, with a fake Hub in memory.

A test creates the users that it needs; nobody has to sign in. This package needs the extra `[testing]`, and
`[serve]` to run the service itself. The service never imports it.

    async with open_service(routers=[router]) as service:
        alice = service.user("alice", scopes=["custom:notes:write"])
        reply = await alice.post("notes", params={"note": "x"})            # as a script, with her token
        reply = await alice.browser().post("notes", params={"note": "x"})  # as a page of the service, with her cookie

`service.testing.fixtures` has pytest fixtures for it.
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
