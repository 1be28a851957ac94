"""HubAuth: from a token to who holds it, for any asyncio program. Asks the cache first, then the Hub."""

import os
import re
import ssl
import zlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any, Self, TypedDict, Unpack

from pydantic import SecretStr
from pydantic_core import to_json

from service.hub import protocol
from service.hub.cache import AnswerCache
from service.hub.caller import Params, RestReply, rest
from service.hub.client import HubClient, OnRequest, open_http, tls_for
from service.hub.environment import checked_address, checked_token, read_environment
from service.hub.errors import HubForbiddenError, InvalidTokenError
from service.hub.models import Identity
from service.hub.scopes import Mode, several
from service.hub.throttle import Throttle

# Identities that are kept unpacked. One takes up to 13 kB; unpacking one takes some 30 microseconds.
UNPACKED = 1_000
_TOKEN = re.compile(r"[\x21-\x7e]{1,1024}")  # the Hub's own pattern is \S+; its tokens have 32 characters or 64
_SESSION_ID = re.compile(r"[A-Za-z0-9_;-]{1,512}")  # the Hub's are uuid4().hex; those of several Hubs are joined by ";"

Key = tuple[str, bytes]
"""What an answer is kept under: the session id, and the token's SHA-256. The token itself is not kept."""


class Options(TypedDict, total=False):
    """What `HubAuth.from_env` takes besides the environment; see `HubAuth`."""

    timeout: float
    cache_ttl: float
    stale_grace: float
    cache_size: int


class HubAuth:
    """Asks a JupyterHub who holds a token, and remembers the answers.

        async with HubAuth.from_env() as auth:
            identity = await auth.identify(token)
            if auth.covers(identity):
                ...

    Use it in one event loop, for as long as the program runs: in another it raises RuntimeError. All times are in
    seconds.

    `access_scopes`: a token needs one of them to use the service; empty means that nobody has access.
    `tls`: a context for a Hub with internal_ssl. `timeout`: how long to wait for the Hub. `cache_ttl`: how long an
    answer counts. `stale_grace`: how much longer it may serve while the Hub does not answer. `cache_size`: how many
    answers to keep. `on_request` is called after each request to the Hub.

    Raises ValueError if `api_url` is no address of a Hub, or `api_token` cannot stand in a header.
    """

    def __init__(  # noqa: PLR0913 - keyword-only, and most have a default
        self,
        *,
        api_url: str,
        api_token: str | SecretStr,
        access_scopes: Iterable[str] = (),
        tls: ssl.SSLContext | None = None,
        timeout: float = 5,
        cache_ttl: float = 300,
        stale_grace: float = 300,
        cache_size: int = 10_000,
        on_request: OnRequest = lambda _path, _status, _seconds: None,
    ) -> None:
        api_url = checked_address(api_url)
        secret = checked_token(api_token if isinstance(api_token, str) else api_token.get_secret_value())
        http = open_http(timeout=timeout, tls=tls or tls_for(api_url))
        self.access_scopes = several(access_scopes)
        self.hub = HubClient(http, api_url=api_url, api_token=secret, on_request=on_request)
        self.cache = AnswerCache[Key, bytes](ttl=cache_ttl, grace=stale_grace, size=cache_size)
        self.throttle = Throttle()
        self._unpacked = lru_cache(UNPACKED)(unpack)

    @classmethod
    def from_env(cls, environment: Mapping[str, str] | None = None, **options: Unpack[Options]) -> Self:
        """Read the `JUPYTERHUB_*` variables that the Hub sets for its services; `environment` replaces `os.environ`.

        Raises:
            ConfigurationError: names every variable that is missing or wrong.
        """
        found = read_environment(os.environ if environment is None else environment)
        return cls(
            api_url=found.api_url,
            api_token=found.api_token,
            access_scopes=found.access_scopes,
            tls=found.tls,
            **options,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Cancel the requests in progress, and close the connections to the Hub."""
        await self.cache.aclose()
        await self.hub.aclose()

    def known(self, token: str, *, session_id: str = "") -> Identity | None:
        """Return who holds `token` if that can be told without waiting; otherwise None, and `identify` may know."""
        packed = self.cache.fresh(_key(token, session_id))
        return None if packed is None else self._unpacked(packed)

    async def identify(
        self,
        token: str,
        *,
        session_id: str = "",
        not_before: datetime | None = None,
        address: str | None = None,
        sender: str = "",
    ) -> Identity:
        """Return who holds `token`.

        `session_id`: the Hub session of the browser that sent the token in a cookie. An answer counts for one session
        only, so that signing out at the Hub ends it. `not_before` (aware): ignore answers that were asked for earlier.
        `address`: the IP address of a client that may have made the token up; its wrong tokens are limited. `sender`:
        the user who has sent it, where that is known by another credential; then theirs are limited, and not those of
        the address.

        Raises:
            InvalidTokenError: the Hub does not know the token, or it has an impossible form; then the Hub is not asked.
            HubUnavailableError: the Hub does not answer, and no earlier answer may serve.
            ThrottledError: too many tokens from there were wrong. Tokens that are known to be good still work.
        """
        if not _TOKEN.fullmatch(token):
            raise InvalidTokenError
        key = _key(token, session_id)
        packed = await self.cache.get(key, lambda: self._ask(key, token, address, sender), not_before=not_before)
        return self._unpacked(packed)

    async def user_for_token(
        self, token: str, *, session_id: str = "", address: str | None = None
    ) -> dict[str, Any] | None:
        """Return the Hub's model of the user or service that holds `token`, or None if the Hub does not know it.

        As `HubAuth.user_for_token` of JupyterHub, but without `session_id` and `token_id`, so that the model can be
        shown to its user. Raises HubUnavailableError and ThrottledError as `identify`.
        """
        try:
            return (await self.identify(token, session_id=session_id, address=address)).public()
        except InvalidTokenError:
            return None

    def covers(self, identity: Identity, scopes: Iterable[str] | None = None, *, mode: Mode = "all") -> bool:
        """Whether the token holds all of `scopes`, or one of them with mode "any".

        Without `scopes`: whether it gives access to this service, which one of `access_scopes` does. An empty list is
        never covered, so that a missing setting lets nobody in.
        """
        if scopes is None:
            return identity.scope_set.covers_any(self.access_scopes)
        needed = several(scopes)
        return bool(needed) and not identity.scope_set.missing(needed, mode=mode)

    async def call(
        self,
        method: str,
        *segments: str,
        params: Params | None = None,
        json: object = None,
        token: str | None = None,
        session_id: str = "",
    ) -> Any:  # noqa: ANN401 - JSON
        """Call the Hub's REST API and return the JSON of the reply, or None if that is empty. See `send`."""
        reply = await self.send(method, *segments, params=params, json=json, token=token, session_id=session_id)
        return reply.json

    async def send(
        self,
        method: str,
        *segments: str,
        params: Params | None = None,
        json: object = None,
        token: str | None = None,
        session_id: str = "",
        patience: float | None = None,
    ) -> RestReply:
        """Call the Hub's REST API and return status and JSON of the reply.

        The path is given by its segments, which are encoded: `call("GET", "users", name)`. The call is made in the name
        of who holds `token`, or without `token` in the service's own name. `patience`: seconds that the reply may take,
        if more than `timeout`; by default 30 for a call that changes something.

        Raises:
            HubForbiddenError, HubNotFoundError, HubBadRequestError, HubConflictError: the Hub's 403, 404, 400 and 409.
            HubRefusedServiceError: the Hub's 403 to the service's own token.
            InvalidTokenError: the Hub does not know `token`.
            HubUnavailableError: there is no usable reply.
        """
        request = rest(method, *segments, params=params, json=json, token=token, patience=patience)
        if token is None:
            return await self.hub.ask(request)
        if not _TOKEN.fullmatch(token):
            raise InvalidTokenError
        try:
            return await self.hub.ask(request)
        except HubForbiddenError:
            # The Hub gives the same answer to a token that it does not know. Ask it which of the two it was.
            await self.identify(token, session_id=session_id, not_before=datetime.now(UTC))
            raise

    def forget(self, token: str) -> None:
        """Forget what is known of `token`, in every session."""
        digest = _digest(token)
        self.cache.forget(lambda key: key[1] == digest)

    def refuse(self, token: str, *, session_id: str) -> None:
        """Refuse `token` in this session from now on: it is being revoked at the Hub."""
        self.forget(token)
        self.cache.refuse(_key(token, session_id), InvalidTokenError())

    async def _ask(self, key: Key, token: str, address: str | None, sender: str) -> bytes:
        if (address is None and not sender) or key in self.cache:
            return pack(await self.hub.ask(protocol.identify(token)))
        with self.throttle.asking(address or "", sender=sender):
            return pack(await self.hub.ask(protocol.identify(token)))


def pack(identity: Identity) -> bytes:
    """Return an identity as compressed JSON, which takes less than a tenth of the memory."""
    said = {name: getattr(identity, name) for name in Identity.model_fields} | (identity.model_extra or {})
    return zlib.compress(to_json(said), 1)


def unpack(packed: bytes) -> Identity:
    """Return the identity that `pack` was given."""
    return Identity.model_validate_json(zlib.decompress(packed))


def _key(token: str, session_id: str) -> Key:
    """Return what an answer is kept by. A session id of an impossible form, which a page may have planted, is none."""
    return session_id if _SESSION_ID.fullmatch(session_id) else "", _digest(token)


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()
