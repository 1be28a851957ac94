"""The client and `multiprocessing`: nothing waits for ever, and what cannot work says so."""

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import service
from service.client import Client
from tests.unit.client.answering import URL, Answering, masking

REPOSITORY = Path(service.__file__).parents[1]
DEADLINE = 30  # seconds, after which something waits for ever

SHARED = """
import gc, multiprocessing, os, signal
import httpx
from service.client import Client, ProblemError
from tests.unit.client.answering import URL, Answering, masking, problem

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
FORKS = """
client = client_of(lambda request: (
    masking(request) if request.method == "POST" else httpx.Response(200, json={{"items": [1, 2], "next": None}})
))
many, items = client.deidentify_many(["a"] * 350), client.items("things")
for _ in range(100):
    next(many)
next(items)

child = os.fork()
if not child:
    signal.alarm({deadline})
    for call in (client.me, lambda: next(many), lambda: next(items)):
        try:
            call()
        except RuntimeError as error:
            print(error)
    client.close()
    del client, many, items, call
    gc.collect()
    print("ended", flush=True)
    os._exit(0)

_, status = os.waitpid(child, 0)
print(os.waitstatus_to_exitcode(status), len(list(many)), list(items), client.me())
"""

LEFT = """
for _ in range(20):
    last = client_of(problem(403, "insufficient_scope"), masking)
    try:
        last.me()
    except ProblemError:
        pass
print([str(one) for one in last.deidentify_many(["a"])])
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


def test_a_fork() -> None:
    """A client that came by a fork says what to do. That of the process that made it goes on."""
    *said, last = output_of(FORKS).splitlines()

    assert [line.partition(". ")[2] for line in said[:3]] == [
        "Make a Client in each process, such as in the initializer of a Pool."
    ] * 3
    assert said[3:] == ["ended"]
    assert last == "0 250 [2] {'items': [1, 2], 'next': None}"


def test_the_end_of_the_process() -> None:
    """A script may end without closing its clients: nothing is waited for, and nothing is said."""
    assert output_of(LEFT) == "['A']\n"


@pytest.mark.parametrize("way", [pickle.dumps, copy.copy, copy.deepcopy])
def test_no_copies(way: Callable[[Client], object]) -> None:
    """A client cannot be copied, nor sent to another process, as its token would go with it."""
    with Client(URL, token="t0", transport=Answering(masking)) as client:
        with pytest.raises(TypeError, match="in each process"):
            way(client)
        with pytest.raises(TypeError, match="in each process"):
            pickle.dumps(client.deidentify)  # as `Pool.map(client.deidentify, notes)` does
