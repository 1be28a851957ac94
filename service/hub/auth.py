"""From a token to an Identity: the cache, then the Hub."""

import hashlib
import re
from datetime import datetime

from service.hub.cache import AnswerCache
from service.hub.client import HubClient
from service.hub.errors import InvalidTokenError
from service.hub.folding import Folded, Folder
from service.hub.models import Identity
from service.hub.throttle import Throttle

_TOKEN = re.compile(r"[\x21-\x7e]{1,1024}")  # the Hub's own pattern is \S+; its tokens have 32 characters or 64
_SESSION_ID = re.compile(r"[A-Za-z0-9_;-]{1,512}")  # the Hub's are uuid4().hex; of several Hubs they are joined by ";"


Key = tuple[str, bytes]
"""What an answer is filed under: the session id and the token's SHA-256. The token itself is not kept."""


class HubAuth:
    """Answers who holds a token."""

    def __init__(self, client: HubClient, cache: AnswerCache[Key, Folded], throttle: Throttle) -> None:
        self._client = client
        self._throttle = throttle
        self._folder = Folder()
        self.cache = cache

    def known(self, token: str, *, session_id: str = "") -> Identity | None:
        """Return who holds `token` where that can be told at once: the Hub said so lately. Else ask `identify`."""
        folded = self.cache.fresh((session_id, _digest(token)))
        return None if folded is None else folded.identity or self._folder.unfold(folded)

    async def identify(
        self, token: str, *, session_id: str = "", not_before: datetime | None = None, address: str | None = None
    ) -> Identity:
        """Return who holds `token`.

        `session_id`: the session ids of the browser that sent the token in a cookie; an answer holds for one session,
        so that signing out at the Hub ends it. `not_before`: pass over answers asked for earlier (aware UTC).
        `address`: whence a token comes that anybody could have made up; None for one that the Hub or we gave out.

        Raises:
            InvalidTokenError: the Hub does not know it, or its form is impossible (then the Hub is not asked).
            HubUnavailableError: the Hub cannot be asked, and there is no answer from before.
            ThrottledError: too many tokens from `address` were wrong; those known to be good go on being served.
        """
        if not _TOKEN.fullmatch(token):
            raise InvalidTokenError
        if not _SESSION_ID.fullmatch(session_id):
            session_id = ""
        key = (session_id, _digest(token))
        folded = await self.cache.get(key, lambda: self._ask(key, token, address), not_before=not_before)
        return folded.identity or self._folder.unfold(folded)

    def forget(self, token: str) -> None:
        """Drop what is known of `token`, in every session."""
        digest = _digest(token)
        self.cache.forget(lambda key: key[1] == digest)

    async def _ask(self, key: Key, token: str, address: str | None) -> Folded:
        if address is None or key in self.cache:
            return self._folder.fold(await self._client.identify(token))
        with self._throttle.asking(address):
            return self._folder.fold(await self._client.identify(token))


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
