"""The code of the process that holds a model. It answers one text after another, for all workers.

A model is not shared by forks: the runtime of ONNX has threads, which a fork loses. Nothing of a text leaves the
process but where identifiers stand.
"""

import contextlib
import signal
import socket

from service.apps.deidentify.engine.engine import read_by_model
from service.apps.deidentify.engine.models import model
from service.apps.deidentify.engine.models.model import Model
from service.apps.deidentify.workers import messages
from service.apps.deidentify.workers.processes import withdraw
from service.logs import where_raised

GRACE = 1  # seconds after the deadline


def main(control: int, name: str) -> None:
    """Load a model, say which it is, and answer until the other end of `control`, a socket, is closed."""
    withdraw()
    with socket.socket(fileno=control) as requests, contextlib.suppress(EOFError, OSError):
        try:
            loaded = model.load(name)
        except Exception as error:  # noqa: BLE001 - whatever it is, the service must know
            # With the text of the error: it cannot quote a note, as there has been none yet.
            messages.send(requests, {"problem": f"{type(error).__name__}: {error}"})
            return
        messages.send(requests, {"name": loaded.name})
        while True:
            _answer(requests, loaded)


def _answer(requests: socket.socket, loaded: Model) -> None:
    request = messages.receive(requests)
    # The sender kills this process at the deadline. If the sender is gone, this timer does.
    signal.setitimer(signal.ITIMER_REAL, request["deadline"] + GRACE)
    reply: dict[str, object]
    try:
        reply = {"sightings": list(loaded.find(read_by_model(request["text"])))}
    except Exception as error:  # noqa: BLE001 - its text may quote the note, so it goes no further
        reply = {"failure": f"{type(error).__name__} at {where_raised(error)}"}
    messages.send(requests, reply)
    signal.setitimer(signal.ITIMER_REAL, 0)
