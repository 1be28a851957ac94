"""Tests that let this process run out of descriptors disturb no other test's server in it."""

import os
import select
import socket
from pathlib import Path

import pytest

from tests.support.descriptors import none_left


def test_only_opening_fails() -> None:
    """What is open can be waited for meanwhile, and afterwards all is as before."""
    poller = select.poll()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        poller.register(ours, select.POLLIN)
        with none_left():
            assert poller.poll(0) == []
            for _ in range(2):
                with pytest.raises(OSError, match="Too many open files"):
                    os.pipe()

    assert Path(os.devnull).read_bytes() == b""
