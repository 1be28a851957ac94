"""Telephone numbers, addresses of the web and of networks."""

import pytest

from service.apps.deidentify.engine.engine import Engine
from tests.unit.apps.deidentify.engine.finders.masked import problem


@pytest.mark.parametrize(
    "line",
    [
        "Call [[415-555-0188]]. Call [[415.555.0188]]. Call [[4155550188]].",
        "Call [[415-555-0188 x2210]].",
        "Twitter [[@bunnytate]]. IG [[@janedoe]]. Seen @ bedside, 75 ml @hr, pt @home.",
        "Call [[(415) 555-0188 ext 22]].",
        "Call [[+1 415 555 0188]]. Call [[+33 1 42 68 53 00]]. Call [[+49 89 636480]].",
        "Call [[020 7946 0321]]. Call [[0478 12 34 56]].",
        "Phone [[x3321]]. extension [[7-4410]]. pager # [[8812]]. Fax [[555 0142]].",
        "E-mail [[t.vance@example.net]]. E-mail [[tom at hospital dot org]].",
        "Web [[https://mail.example.net/q?user=77]].",
        "IP: [[10.4.25.12]] or [[203.0.113.9]]. IPv6 [[2001:db8::1]].",
        "Twitter [[@tomvance71]]. Skype [[tvance1971]].",
        "GPS [[42.3601]], [[-71.0589]].",
        "Call for fever over 101.5 or pain. Seen at 10:30:15. Sodium 138 140 139.",
    ],
)
def test_a_contact(engine: Engine, line: str) -> None:
    """Of any country."""
    assert problem(engine, line) == ""
