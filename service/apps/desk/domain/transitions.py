"""The statuses of a ticket, and which may follow which."""

from collections.abc import Mapping
from enum import StrEnum


class Status(StrEnum):
    """The status of a ticket."""

    OPEN = "open"
    IN_PROGRESS = "in_progress"
    WAITING = "waiting"
    RESOLVED = "resolved"
    CLOSED = "closed"


NEXT: Mapping[Status, tuple[Status, ...]] = {
    Status.OPEN: (Status.IN_PROGRESS, Status.WAITING, Status.RESOLVED, Status.CLOSED),
    Status.IN_PROGRESS: (Status.OPEN, Status.WAITING, Status.RESOLVED, Status.CLOSED),
    Status.WAITING: (Status.IN_PROGRESS, Status.RESOLVED, Status.CLOSED),
    Status.RESOLVED: (Status.IN_PROGRESS, Status.CLOSED),
    Status.CLOSED: (Status.OPEN,),
}


def may_follow(now: Status, then: Status) -> bool:
    """Say whether a ticket may go from `now` to `then`. It may always stay as it is."""
    return then == now or then in NEXT[now]
