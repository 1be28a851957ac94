"""The client and `multiprocessing`: nothing waits for ever."""

import subprocess
import sys
from pathlib import Path

import service

REPOSITORY = Path(service.__file__).parents[1]
DEADLINE = 30  # seconds, after which something waits for ever

SHARED = """
import multiprocessing
from service.client import Client, ProblemError
from tests.unit.client.answering import URL, Answering, problem

def client_of(*answers):
    return Client(URL, token="t0", transport=Answering(*answers))
"""
RAISES = """
def work(number):
    with client_of(problem(403, "insufficient_scope")) as client:
        client.me()

with multiprocessing.get_context("fork").Pool(1) as pool:
    try:
        pool.map_async(work, [1]).get(timeout={deadline})
    except ProblemError as error:
        print(error.status, error.code, error.request_id)
"""


def output_of(script: str) -> str:
    """Return what a script writes. It runs by itself: a fork of the tests' own process would have all their threads."""
    # Python 3.12 and later warn of a fork beside threads.
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", SHARED + script.format(deadline=DEADLINE)]
    ended = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=2 * DEADLINE)
    assert not ended.stderr
    return ended.stdout


def test_an_error_in_a_pool() -> None:
    """It comes out of the process that raised it, with its attributes."""
    assert output_of(RAISES) == "403 insufficient_scope r1\n"
