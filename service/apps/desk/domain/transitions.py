"""The states of a ticket, and how one follows another."""

from collections.abc import Mapping
from enum import StrEnum


class Status(StrEnum):
    """How a ticket stands."""

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
    """Whether a ticket that stands at `now` may be set to `then`; staying as it is always may."""
    return then == now or then in NEXT[now]
