"""Ports for servers of tests."""

import subprocess
import sys

import pytest

from tests.support import ports
from tests.support.node import REPOSITORY

TAKE_ONE_OF = """
import sys
from tests.support import ports
ports.CANDIDATES = range(*map(int, sys.argv[1:]))
print(ports.free_port(), flush=True)
sys.stdin.read()
"""


def test_no_port_is_given_to_two_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a worker or another run, even before anybody listens there."""
    first, second = 19_990, 19_991  # outside the range of all other tests
    command = [sys.executable, "-c", TAKE_ONE_OF, str(first), str(second)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == f"{first}\n"
        monkeypatch.setattr(ports, "CANDIDATES", range(first, second + 1))

        assert ports.free_port() == second
        other.communicate()
