"""An issuer that behaves like Entra ID, version 2.0, for one tenant: https on this machine, RS256 keys of its own.

    with EntraIssuer() as issuer:
        token = issuer.access_token()                    # of API_CLIENT, for alice
        wrong = issuer .access_token(exp=0)              # or with any other flaw

Keys are rotated (`rotate`), and it can be down or slow (`state`). Its sign-in page takes a name and no password. What
it asks of clients is what Entra ID does: an exact redirect URI, PKCE of single-page applications, a secret of the Hub.
"""

import base64
import contextlib
import hashlib
import secrets
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import urlencode, urlsplit
from uuid import NAMESPACE_URL, uuid5

import anyio
import jwt
import uvicorn
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt.algorithms import RSAAlgorithm
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.support.polling import BUSY
from tests.support.ports import free_port
from tests.support.tls_front import authority, certificate

TENANT = "11111111-aaaa-4aaa-8aaa-111111111111"
API_CLIENT = "22222222-bbbb-4bbb-8bbb-222222222222"
SWAGGER_CLIENT = "33333333-cccc-4ccc-8ccc-333333333333"
HUB_CLIENT = "44444444-dddd-4ddd-8ddd-444444444444"
HUB_SECRET = "secret-of-the-hub-at-entra"
ADMINS = "55555555-eeee-4eee-8eee-555555555555"  # a group
ALICE = "alice@contoso.example"
SCOPE = "user_impersonation"

_PAGE = """<!doctype html><html lang=en><link rel=icon href="data:,"><title>Sign in to your account</title>
<h1>Sign in</h1>
<form method=post><label>User <input name=user></label> <button>Sign in</button></form>"""


def new_key() -> RSAPrivateKey:
    """Return a key that nobody has seen."""
    return generate_private_key(public_exponent=65537, key_size=2048)


def object_id(name: str) -> str:
    """Return a user's."""
    return str(uuid5(NAMESPACE_URL, name))


class EntraIssuer:
    """One tenant. `groups`: of each user, by object id. `redirect_uris`: those registered, by client.

    `asked` counts how often its configuration was fetched. `own_keys`: those of an application, for who asks for it.
    """

    def __init__(self) -> None:
        """Choose the port; nothing runs yet."""
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.issuer = f"{self.url}/{TENANT}/v2.0"
        self.state: Literal["up", "down", "slow"] = "up"
        self.asked = 0
        self.groups: dict[str, list[str]] = {}
        self.redirect_uris: dict[str, list[str]] = {}
        self._codes: dict[str, Mapping[str, str]] = {}
        self.key = new_key()
        self.kid = "key-1"
        self.keys = {self.kid: self.key}
        self.own_keys: dict[str, RSAPrivateKey] = {}

    def __enter__(self) -> Self:
        """Listen."""
        self._stack = contextlib.ExitStack()
        self.directory = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="entra-")))
        key, chain = self.directory / "key.pem", self.directory / "chain.pem"
        certificate().private_key_pem.write_to_path(key)
        chain.write_bytes(b"".join(pem.bytes() for pem in certificate().cert_chain_pems))
        authority().cert_pem.write_to_path(self.ca)
        options: dict[str, Any] = {"ssl_keyfile": key, "ssl_certfile": chain, "log_config": None, "lifespan": "off"}
        self._server = uvicorn.Server(uvicorn.Config(self._app(), host="127.0.0.1", port=self.port, **options))
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        deadline = time.monotonic() + BUSY
        while not self._server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        assert self._server.started
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self.state = "down"  # whoever waits is answered
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(10)
        self._stack.close()

    @property
    def ca(self) -> Path:
        """The file of the certificate authority to trust: SSL_CERT_FILE."""
        return self.directory / "ca.pem"

    def service_environment(self) -> dict[str, str]:
        """Return what a service is told."""
        return {
            "ENTRA_TENANT_ID": TENANT,
            "ENTRA_CLIENT_ID": API_CLIENT,
            "ENTRA_AUTHORITY": self.url,
            "SSL_CERT_FILE": str(self.ca),
        }

    def rotate(self) -> None:
        """Sign with a new key from now on; the old one is not published any more."""
        self.key = new_key()
        self.kid = f"key-{secrets.token_hex(4)}"
        self.keys = {self.kid: self.key}

    # Tokens

    def access_token(self, user: str = ALICE, **changed: object) -> str:
        """Return a token that a client got for the service in a user's name."""
        return self.sign(self.access_claims(user, **changed))

    def access_claims(self, user: str = ALICE, **changed: object) -> dict[str, object]:
        """Return what it says; a claim that is changed to None is left out."""
        told = self._claims(user, audience=API_CLIENT) | {"scp": SCOPE, "azp": SWAGGER_CLIENT} | changed
        return {name: value for name, value in told.items() if value is not None}

    def app_token(self, *roles: str, **changed: object) -> str:
        """Return a token that a program got for the service in its own name."""
        told = {"roles": list(roles), "idtyp": "app", "scp": None, "preferred_username": None, "name": None}
        return self.access_token("job", **(told | changed))

    def sign(
        self,
        claims: Mapping[str, object],
        *,
        key: RSAPrivateKey | str | None = None,
        kid: str | None = "",
        algorithm: str = "RS256",
    ) -> str:
        """Return a JWT; with `kid` None its header names no key."""
        headers = {} if kid is None else {"kid": kid or self.kid}
        return jwt.encode(dict(claims), self.key if key is None else key, algorithm=algorithm, headers=headers)

    def id_token(self, user: str, client: str) -> str:
        """Return a token that tells a client who signed in."""
        return self.sign(self.id_claims(user, client))

    def id_claims(self, user: str, client: str) -> dict[str, object]:
        """Return what it says."""
        groups = self.groups.get(user.lower())
        return self._claims(user, audience=client) | ({"groups": groups} if groups else {})

    def _claims(self, user: str, *, audience: str) -> dict[str, object]:
        now = int(time.time())
        return {
            "iss": self.issuer,
            "aud": audience,
            "ver": "2.0",
            "tid": TENANT,
            "iat": now - 5,
            "nbf": now - 5,
            "exp": now + 3600,
            "sub": secrets.token_urlsafe(8),
            "oid": object_id(user),
            "preferred_username": user,
            "name": "Somebody",
        }

    # What it serves

    def _app(self) -> Starlette:
        base = f"/{TENANT}"
        return Starlette(
            routes=[
                Route(f"{base}/v2.0/.well-known/openid-configuration", self._configuration),
                Route(f"{base}/discovery/v2.0/keys", self._published),
                Route(f"{base}/oauth2/v2.0/authorize", self._authorize, methods=["GET", "POST"]),
                Route(f"{base}/oauth2/v2.0/token", self._token, methods=["POST", "OPTIONS"]),
            ]
        )

    async def _configuration(self, request: Request) -> Response:
        self.asked += 1
        while self.state == "slow":  # noqa: ASYNC110 - a test in another thread says when that is over
            await anyio.sleep(0.02)
        if self.state == "down":
            return Response("down", 503)
        base = f"{self.url}/{TENANT}"
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "jwks_uri": f"{base}/discovery/v2.0/keys" + (f"?{query}" if (query := request.url.query) else ""),
            }
        )

    async def _published(self, request: Request) -> Response:
        keys = [
            {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "use": "sig", "kid": kid}
            for kid, key in (self.keys | (self.own_keys if "appid" in request.query_params else {})).items()
        ]
        return JSONResponse({"keys": keys})

    async def _authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        if asked.get("redirect_uri") not in self.redirect_uris.get(asked.get("client_id", ""), []):
            return HTMLResponse("AADSTS50011: The redirect URI does not match.", 400)
        is_complete = asked.get("response_type") == "code" and asked.get("scope")
        if not is_complete or (asked.get("code_challenge") and asked.get("code_challenge_method") != "S256"):
            return HTMLResponse("AADSTS900144: The request is not complete.", 400)
        if request.method == "GET":
            return HTMLResponse(_PAGE)
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked | {"user": str((await request.form())["user"])}
        sent = {"code": code, "state": asked.get("state", ""), "session_state": "x"}
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(sent)}", 302)

    async def _token(self, request: Request) -> Response:
        client, allowed = SWAGGER_CLIENT, self._cors(request)
        if request.method == "OPTIONS":
            return Response(status_code=200 if allowed else 400, headers=allowed)
        form = {name: str(value) for name, value in (await request.form()).items()}
        client = form.get("client_id") or client
        asked = self._codes.pop(form.get("code", ""), {})
        if not asked or asked["client_id"] != client or asked["redirect_uri"] != form.get("redirect_uri"):
            return JSONResponse({"error": "invalid_grant"}, 400, allowed)
        if client == HUB_CLIENT and form.get("client_secret") != HUB_SECRET:
            return JSONResponse({"error": "invalid_client"}, 401)
        if client == SWAGGER_CLIENT and not allowed:  # AADSTS9002327
            return JSONResponse({"error": "invalid_request"}, 400)
        if not _is_verified(asked.get("code_challenge"), form.get("code_verifier"), must=client == SWAGGER_CLIENT):
            return JSONResponse({"error": "invalid_grant"}, 400, allowed)
        scopes = [word.rpartition("/")[2] for word in asked["scope"].split() if word.startswith("api://")]
        answer = {
            "access_token": self.access_token(asked["user"], scp=" ".join(scopes), azp=client),
            "id_token": self.id_token(asked["user"], client),
            "token_type": "Bearer",
            "expires_in": 3600,
            "scope": asked["scope"],
        }
        return JSONResponse(answer, headers=allowed)

    def _cors(self, request: Request) -> dict[str, str]:
        """Its answers may be read by pages whose origin has a redirect URI of a single-page application."""
        origin = request.headers.get("origin", "")
        registered = [urlsplit(uri) for uri in self.redirect_uris.get(SWAGGER_CLIENT, [])]
        if origin not in [f"{uri.scheme}://{uri.netloc}" for uri in registered]:
            return {}
        headers = request.headers.get("access-control-request-headers", "")
        return {"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Headers": headers}


def _is_verified(challenge: str | None, verifier: str | None, *, must: bool) -> bool:
    """Whether a verifier fits a challenge (RFC 7636)."""
    if not challenge:
        return not must
    digest = hashlib.sha256((verifier or "").encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == challenge
