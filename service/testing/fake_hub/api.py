"""The endpoints of the fake Hub, with the statuses, the JSON and the order of checks of a real one."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import httpx

from service.testing.fake_hub import administration
from service.testing.fake_hub.replies import Reply, base, json_of, refusal, token_model
from service.testing.fake_hub.state import Code, Owner, State, Token, challenge_of

VERSION = "6.1.1"
NOTE = "python -P -m service login, on"  # service/registration/shell_tokens.py
OAUTH_TOKEN_LIFETIME = 1_209_600  # seconds: the Hub's default of 14 days (jupyterhub/app.py, oauth_token_expires_in)
CREDENTIAL = re.compile(r"(?:token|bearer)\s+(\S+)", re.IGNORECASE)  # jupyterhub/handlers/base.py, auth_header_pat


def answer(state: State, request: httpx.Request, path: str) -> httpx.Response:
    """Answer a request. `path` is relative to the API: "/user".

    Raises:
        AssertionError: no service has a reason to send this.

    """
    match request.method, path.split("/")[1:]:
        case "GET", [""]:
            reply: Reply = 200, {"version": VERSION}
        case _, ["groups" | "users", *_] if found := administration.answer(
            state, request, path, sender=_credential(state, request)
        ):
            reply = found
        case "GET", ["user"]:
            reply = _user(state, request)
        case "GET", ["services", name]:
            reply = _service(state, request, name)
        case "POST", ["services", name, "shell-tokens"]:
            reply = _issue_for_code(state, request, name)
        case "DELETE", ["services", _, "shell-tokens"]:
            reply = _delete_for_shell(state, request)
        case "POST", ["oauth2", "token"]:
            reply = _exchange(state, request)
        case "POST", ["users", name, "tokens"]:
            reply = _issue(state, request, name)
        case "DELETE", ["users", name, "tokens", token_id]:
            reply = _delete(state, request, name, token_id)
        case _:
            message = f"a service has no reason to send {request.method} {request.url}"
            raise AssertionError(message)
    return _response(*reply)


def _credential(state: State, request: httpx.Request) -> Token | None:
    """Return the token in the Authorization header, if it is valid; jupyterhub/handlers/base.py, get_auth_token."""
    found = CREDENTIAL.fullmatch(request.headers.get("Authorization", ""))
    return state.tokens.get(found[1]) if found else None


def _user(state: State, request: httpx.Request) -> Reply:
    """jupyterhub/apihandlers/users.py, SelfAPIHandler."""
    token = _credential(state, request)
    return refusal(403) if token is None else (200, _model(token))


def _service(state: State, request: httpx.Request, name: str) -> Reply:
    """jupyterhub/apihandlers/services.py, ServiceAPIHandler. As `register()` does it, a service may read itself alone.

    Its `info` says that a browser's sign-in gets all custom scopes, as `State.grant` does it.
    """
    sender = _credential(state, request)
    if sender is None or (sender.owner.name, name) != (state.service, state.service):
        return refusal(403)
    custom = {scope for owner in state.owners.values() for scope in owner.scopes if scope.startswith("custom:")}
    info = {"oauth_redirect_uri": "", "oauth_client_allowed_scopes": sorted(custom)}
    return 200, {"kind": "service", "name": name, "admin": False, "prefix": f"/services/{name}/", "info": info}


def _exchange(state: State, request: httpx.Request) -> Reply:
    """oauthlib/oauth2/rfc6749/grant_types/authorization_code.py, validate_token_request, in its order."""
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded", request.headers
    form = dict(parse_qsl(request.content.decode()))
    if refused := _refused_client(state, form):
        return refused
    code = state.codes.get(form["code"])
    if code is None:
        return _oauth_error("invalid_grant")
    if refused := _refused_proof(state, form, code):
        return refused
    del state.codes[form["code"]]
    return 200, _bearer(state, code)


def _refused_client(state: State, form: Mapping[str, str]) -> Reply | None:
    if form.get("grant_type") != "authorization_code":
        return _oauth_error("unsupported_grant_type")
    if "code" not in form:
        return _oauth_error("invalid_request", "Missing code parameter.")
    if (form.get("client_id"), form.get("client_secret")) != (state.client_id, state.api_token):
        return 401, {"error": "invalid_client"}
    return None


def _refused_proof(state: State, form: Mapping[str, str], code: Code) -> Reply | None:
    if code.challenge and "code_verifier" not in form:
        return _oauth_error("invalid_request", "Code verifier required.")
    if code.challenge and code.challenge != challenge_of(form["code_verifier"]):
        return _oauth_error("invalid_grant")  # the code stays valid, as at the Hub
    if form.get("redirect_uri", state.redirect_uri) != state.redirect_uri:
        return _oauth_error("invalid_request", "Mismatching redirect URI.")
    return None


def _bearer(state: State, code: Code) -> Mapping[str, Any]:
    value = state.issue(code.owner, scopes=code.scopes, session_id=code.session_id, client=state.client_id)
    scope = " ".join(sorted(scope.partition("=")[0] if "!user=" in scope else scope for scope in code.scopes))
    return {"access_token": value, "expires_in": OAUTH_TOKEN_LIFETIME, "token_type": "Bearer", "scope": scope}


def _issue(state: State, request: httpx.Request, name: str) -> Reply:
    """jupyterhub/apihandlers/users.py, UserTokenListAPIHandler.post."""
    wanted = json_of(request)
    sender = _credential(state, request)
    if sender is None:  # only then does the Hub check the password
        auth = wanted.get("auth") or {}
        owner = state.owners.get(administration.normal(auth.get("username", "")))
        if owner is None or owner.kind != "user" or auth.get("password") != owner.password:
            return refusal(403)
        sender = Token("", owner, owner.scopes)
    if name not in state.owners or not _may_manage_tokens(sender, name):
        kind = sender.owner.kind.title()
        return refusal(403, f"{kind} {name} not found or no permissions to generate tokens")
    return _issued(state, state.owners[name], wanted, sender=sender.owner)


def _issued(state: State, owner: Owner, wanted: Mapping[str, Any], *, sender: Owner) -> Reply:
    expires_in, scopes = wanted.get("expires_in"), wanted.get("scopes")
    if expires_in is not None and not (isinstance(expires_in, int) and expires_in > 0):
        return refusal(400, f"expires_in must be a positive integer or null, not {expires_in!r}")
    if scopes is not None and "inherit" in scopes:
        scopes = None
    if not_held := {base(scope) for scope in scopes or ()} - {base(scope) for scope in owner.scopes}:
        return refusal(400, f"Not assigning requested scopes {','.join(not_held)} not held by User {owner.name}")
    note = "Requested via api" if sender is owner else f"Requested via api by {sender.kind} {sender.name}"
    value = state.issue(owner, scopes=scopes)
    expires_at = None if expires_in is None else "2026-01-01T01:00:00.000000Z"
    model = token_model(state.tokens[value], note=wanted.get("note") or note, expires_at=expires_at)
    return 201, {**model, "token": value}


def _delete(state: State, request: httpx.Request, name: str, token_id: str) -> Reply:
    """jupyterhub/apihandlers/users.py, UserTokenAPIHandler.delete."""
    sender = _credential(state, request)
    if sender is None:
        return refusal(403, "Missing or invalid credentials.")
    if not any(base(scope) == "tokens" for scope in sender.scopes):
        return refusal(403, "Action is not authorized with current scopes; requires any of [tokens]")
    if not _may_manage_tokens(sender, name):
        return refusal(404, "No access to resources or resources not found")
    doomed = [t for t in state.tokens.values() if t.id == token_id and t.owner.name == name]
    if not doomed:
        return refusal(404, f"No such token {token_id} for user {name}")
    state.delete(doomed[0])
    return 204, {}


def _issue_for_code(state: State, request: httpx.Request, name: str) -> Reply:
    """service/registration/shell_tokens.py, ShellTokens.post."""
    sender = _credential(state, request)
    if sender is None or (sender.owner.name, name) != (state.service, state.service):
        return refusal(403, "Only the service may exchange its codes")
    wanted = json_of(request)
    kinds = {"code": str, "user": str, "machine": str, "expires_in": int}
    if any(type(wanted.get(name)) is not kind for name, kind in kinds.items()):
        return refusal(400, "The request is incomplete")
    code = state.codes.pop(wanted["code"], None)
    if code is None or code.owner.name != wanted["user"] or wanted["expires_in"] < 1:
        return refusal(400, "The code is wrong")
    note = f"{NOTE} {wanted['machine']}"
    value = state.issue(code.owner, scopes=code.scopes, note=note)
    model = token_model(state.tokens[value], note=note, expires_at="2026-01-01T01:00:00.000000Z")
    return 201, {**model, "token": value, "expires_in": wanted["expires_in"]}


def _delete_for_shell(state: State, request: httpx.Request) -> Reply:
    """service/registration/shell_tokens.py, ShellTokens.delete."""
    sender = _credential(state, request)
    if sender is None or not sender.note.startswith(NOTE):
        return refusal(403, "This token was not made for a shell")
    state.delete(sender)
    return 204, {}


def _may_manage_tokens(sender: Token, name: str) -> bool:
    return bool({"tokens", f"tokens!user={name}"} & sender.scopes)


def _model(token: Token) -> Mapping[str, Any]:
    """Return the Hub's model of the owner of a token. It depends on the scopes of the token."""
    owner = token.owner
    model: dict[str, Any] = {"kind": owner.kind, "name": owner.name, "admin": owner.admin}
    if owner.kind == "user":
        model |= {"groups": list(owner.groups), "user_info": None}
    if f"read:users!user={owner.name}" in token.scopes:
        model |= {
            "roles": ["user"],
            "created": "2026-01-01T00:00:00.000000Z",
            "last_activity": "2026-01-01T00:00:00.000000Z",
            "pending": None,
            "server": f"/user/{owner.name}/" if owner.servers else None,
            "servers": dict(owner.servers),
        }
    return model | {"token_id": token.id, "session_id": token.session_id, "scopes": sorted(token.scopes)}


def _oauth_error(error: str, description: str | None = None) -> Reply:
    return 400, {"error": error} | ({"error_description": description} if description else {})


def _response(status: int, model: Mapping[str, Any]) -> httpx.Response:
    headers = {"X-JupyterHub-Version": VERSION}
    if model.get("error") == "invalid_client":
        headers["WWW-Authenticate"] = 'Bearer error="invalid_client"'
    if status == httpx.codes.NO_CONTENT:
        return httpx.Response(status, headers=headers)
    return httpx.Response(status, headers=headers, json=dict(model))
