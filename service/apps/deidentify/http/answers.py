"""De-identifies the note of a request, and writes the reply."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from pydantic import TypeAdapter
from starlette.requests import HTTPConnection

from service.application import opened
from service.apps.deidentify.engine.engine import About, Result
from service.apps.deidentify.engine.spans import Span
from service.apps.deidentify.http.notes import Note, Reply
from service.apps.deidentify.owners import secret_of
from service.apps.deidentify.workers.pool import Pool
from service.hub.models import Identity

# Spans to write at a time. More would block the event loop for more than a millisecond or two.
SLICE = 2000
_SPANS = TypeAdapter(Sequence[Span])


def pool_of(conn: HTTPConnection) -> Pool:
    """Return the pool of engines of this process."""
    pool: Pool = opened(conn, "deidentify")
    return pool


def caller_of(conn: HTTPConnection, identity: Identity) -> str:
    """Return whose notes share one place in the queue: a user's or a service's, or those from one address."""
    if identity.kind in ("user", "service"):
        return f"{identity.kind} {identity.name}"
    return f"address {conn.client.host if conn.client else ''}"  # nobody signed in


async def deidentified(
    note: Note,
    pool: Pool,
    caller: str,
    identity: Identity | None,
    *,
    waits: bool = False,
    digest_key: bytes | None = None,
) -> tuple[About, Result]:
    """De-identify a note of a caller, and return the engine that did it and the result.

    `caller`: see `caller_of`. `waits`, `digest_key`: `patient` and `key` of `Pool.deidentify`. Raises what that and
    `owners.secret_of` raise.
    """
    secret = secret_of(note.key, identity, pool.secret) if note.key else None
    result = await pool.deidentify(
        note.text, caller=caller, patient=waits, ner=note.ner, key=digest_key, **note.for_engine(secret)
    )
    about = pool.about
    assert about is not None  # noqa: S101 - an engine made the result
    asked = pool.asks_model(ner=note.ner, compat=note.compat)
    return replace(about, model=pool.model) if asked else about, result


async def written(result: Result, *, about: About, note: Note, line: int | None = None) -> bytes:
    """Write a reply as JSON without blocking the event loop, however many spans there are."""
    reply = Reply(
        line=line, id=note.id, text=result.text, length=result.length, counts=result.counts, engine=about
    ).model_dump_json(exclude_none=True)
    if not note.spans:
        return reply.encode()
    parts = []
    for start in range(0, len(result.spans), SLICE):
        parts.append(_SPANS.dump_json(result.spans[start : start + SLICE])[1:-1])
        await asyncio.sleep(0)
    return b'%s,"spans":[%s]}' % (reply[:-1].encode(), b",".join(parts))
