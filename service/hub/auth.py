"""From a token to an Identity: the cache, then the Hub."""

import hashlib
import re
from datetime import datetime
from typing import NamedTuple

from service.errors import InvalidTokenError
from service.hub.cache import AnswerCache
from service.hub.client import HubClient
from service.hub.models import Identity

_TOKEN = re.compile(r"[\x21-\x7e]{1,1024}")  # the Hub's own pattern is \S+; its tokens have 32 characters or 64
_SESSION_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")  # the Hub's are uuid4().hex


class Key(NamedTuple):
    """What an answer is filed under. The token itself is not kept."""

    session_id: str
    token_sha256: bytes


class HubAuth:
    """Answers who holds a token."""

    def __init__(self, client: HubClient, cache: AnswerCache[Key, Identity]) -> None:
        self._client = client
        self.cache = cache

    async def identify(self, token: str, *, session_id: str = "", not_before: datetime | None = None) -> Identity:
        """Return who holds `token`.

        `session_id`: the Hub's session of the browser that sent the token in a cookie; an answer holds for one session,
        so that signing out at the Hub ends it. `not_before`: pass over answers asked for earlier (aware UTC).

        Raises:
            InvalidTokenError: the Hub does not know it, or its form is impossible (then the Hub is not asked).
            HubUnavailableError: the Hub cannot be asked, and there is no answer from before.
        """
        if not _TOKEN.fullmatch(token):
            raise InvalidTokenError
        if not _SESSION_ID.fullmatch(session_id):
            session_id = ""
        key = Key(session_id, _digest(token))
        return await self.cache.get(key, lambda: self._client.identify(token), not_before=not_before)

    def forget(self, token: str) -> None:
        """Drop what is known of `token`, in every session."""
        digest = _digest(token)
        self.cache.forget(lambda key: key.token_sha256 == digest)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
