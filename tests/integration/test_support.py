"""What all tests rely on: nothing is left behind, and nothing is skipped where everything is required."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import MakeHub
from tests.support.node import REPOSITORY
from tests.support.polling import eventually
from tests.support.process import clean_environment

START_AND_WAIT = """
import sys
from tests.support.hub import RealHub
with RealHub(register=None) as hub:
    print(*hub.processes(), flush=True)
    sys.stdin.read()
"""
SKIPS = """
import pytest

def test_skipped():
    pytest.skip("no reason")

@pytest.mark.xfail(strict=True)
def test_fails():
    assert False

def test_passes():
    pass
"""


def is_alive(pid: int) -> bool:
    """Whether a process by that number runs; one that only waits to be reaped does not."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


async def test_ends_with_the_tests(tmp_path: Path) -> None:
    """A test process that is killed takes Hub and proxy along."""
    with subprocess.Popen(  # noqa: ASYNC220 (there is nothing else to do)
        [sys.executable, "-c", START_AND_WAIT],
        env=clean_environment(PYTHONPATH=str(REPOSITORY), TMPDIR=str(tmp_path)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as tests:
        assert tests.stdout is not None
        pids = tests.stdout.readline().split()
        tests.send_signal(signal.SIGKILL)

    async def are_gone() -> bool:
        return not any(is_alive(int(pid)) for pid in pids)

    assert len(pids) >= 2
    assert await eventually(are_gone)


async def test_close_leaves_nothing(make_hub: MakeHub) -> None:
    """Closing a Hub ends all its processes, a frozen one included, and removes its state."""
    hub = make_hub(register=None)
    processes = hub.processes()
    hub.freeze()

    hub.close()

    assert len(processes) >= 2
    assert not any(is_alive(pid) for pid in processes)
    assert not hub.directory.exists()


async def test_restarts_where_it_was(make_hub: MakeHub) -> None:
    """A restarted Hub has the same address and still knows the tokens it gave; so does one that was killed."""
    hub = make_hub(register=None)
    token = await hub.user_token("testuser")

    hub.restart()
    after_stop = await hub.api("GET", "/user", token=token)
    hub.kill()
    hub.restart()
    after_kill = await hub.api("GET", "/user", token=token)

    assert after_stop.status_code == after_kill.status_code == 200


@pytest.mark.parametrize(
    ("required", "outcomes"),
    [("0", "1 passed, 1 skipped, 1 xfailed"), ("1", "1 failed, 1 passed, 1 xfailed")],
    ids=["skips are skips", "skips are failures"],
)
def test_required(required: str, outcomes: str, tmp_path: Path) -> None:
    """REQUIRE_ALL=1 makes a skip a failure that still says why; what is expected to fail stays that."""
    (tmp_path / "test_it.py").write_text(SKIPS)

    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider", "-rsf", "test_it.py"],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "REQUIRE_ALL": required},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert outcomes in run.stdout
    assert "no reason" in run.stdout
