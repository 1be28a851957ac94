"""Telephone numbers, addresses of the web and of networks."""

import pytest

from service.apps.deidentify.engine.engine import Engine
from tests.unit.apps.deidentify.engine.finders.masked import problem


@pytest.mark.parametrize(
    "line",
    [
        "Call [[617-555-0123]]. Call [[617.555.0123]]. Call [[6175550123]].",
        "Call [[617-555-0123 x4567]].",
        "Call [[+1 617 555 0123]]. Call [[+33 1 23 45 67 89]]. Call [[+49 30 901820]].",
        "Call [[020 7946 0958]]. Call [[0490 75 40 81]].",
        "Phone [[x4567]]. extension [[4-5678]]. pager # [[4567]]. Fax [[555 0199]].",
        "E-mail [[jane.doe@example.org]]. E-mail [[jane at example dot org]].",
        "Web [[https://portal.example.org/p?id=123&n=doe]].",
        "IP: [[10.4.25.12]] or [[203.0.113.9]]. IPv6 [[2001:db8::1]].",
        "Twitter [[@janedoe84]]. Skype [[jdoe1984]].",
        "GPS [[42.3601]], [[-71.0589]].",
        "Call for fever over 101.5 or pain. Seen at 10:30:15. Sodium 138 140 139.",
    ],
)
def test_a_contact(engine: Engine, line: str) -> None:
    """Of any country."""
    assert problem(engine, line) == ""
