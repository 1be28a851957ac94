"""Keeps many identities small: only those used lately are whole, the others are what the Hub said of them, compressed.

An Identity with its scopes made ready for comparison takes up to 13 kB, folded less than one.
"""

import zlib
from collections import deque

from pydantic_core import to_json

from service.hub.models import Identity

UNFOLDED = 1_000  # identities; unfolding one takes some 30 microseconds


class Folded:
    """One Identity: `identity` while it is whole, else None."""

    __slots__ = ("identity", "small")

    def __init__(self, identity: Identity, small: bytes) -> None:
        self.identity: Identity | None = identity
        self.small = small


class Folder:
    """Folds identities, and unfolds them again; `size` of them are whole, the first unfolded is folded first."""

    def __init__(self, *, size: int = UNFOLDED) -> None:
        self._size = size
        self._whole: deque[Folded] = deque()

    def fold(self, identity: Identity) -> Folded:
        """Return `identity` ready to be folded."""
        known = {name: getattr(identity, name) for name in Identity.model_fields} | (identity.model_extra or {})
        folded = Folded(identity, zlib.compress(to_json(known), 1))
        self._keep(folded)
        return folded

    def unfold(self, folded: Folded) -> Identity:
        """Return the Identity, whole."""
        if folded.identity is None:
            folded.identity = Identity.model_validate_json(zlib.decompress(folded.small))
            self._keep(folded)
        return folded.identity

    def _keep(self, folded: Folded) -> None:
        self._whole.append(folded)
        if len(self._whole) > self._size:
            self._whole.popleft().identity = None
