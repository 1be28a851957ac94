"""What the fake Hub answers about groups, users and the age of tokens: to services that may."""

from typing import Any

import httpx

from service.testing.fake_hub.replies import Reply, base, refusal
from service.testing.fake_hub.state import Owner, State, Token


def answer(state: State, request: httpx.Request, path: str, *, sender: Token | None) -> Reply | None:
    """Answer what an application may ask for itself; None for what is no such question."""
    match request.method, path.split("/")[1:]:
        case "GET", ["groups", group]:
            return _refused(sender, "groups", group=group) or _group(state, group)
        case "POST" | "DELETE", ["groups", group, "users"]:
            return _refused(sender, "groups", group=group) or _regroup(state, request, group)
        case "GET", ["users", name, "tokens", *token_id]:
            return _refused(sender, "read:tokens", user=name) or _tokens(state, name, token_id)
        case "POST", ["users"]:
            return _refused(sender, "admin:users") or _create(state, request)
        case _:
            return None


def _refused(sender: Token | None, needed: str, **resource: str) -> Reply | None:
    """jupyterhub/scopes.py, needs_scope: without the scope 403, with it for something else 404."""
    held = sender.scopes if sender else frozenset()
    if needed == "read:tokens":
        held |= {scope.replace("tokens", "read:tokens") for scope in held if base(scope) == "tokens"}
    if {needed, *(f"{needed}!{kind}={name}" for kind, name in resource.items())} & held:
        return None
    if any(base(scope) == needed for scope in held):
        return refusal(404, "No access to resources or resources not found")
    return refusal(403, f"Action is not authorized with current scopes; requires any of [{needed}]")


def _group(state: State, group: str) -> Reply:
    """jupyterhub/apihandlers/groups.py, GroupAPIHandler.get."""
    if group not in state.groups:
        return refusal(404, f"No such group: {group}")
    users = sorted(owner.name for owner in state.owners.values() if group in owner.groups)
    return 200, {"kind": "group", "name": group, "users": users, "properties": {}}


def _regroup(state: State, request: httpx.Request, group: str) -> Reply:
    """jupyterhub/apihandlers/groups.py, GroupUsersAPIHandler."""
    if group not in state.groups:
        return refusal(404, f"No such group: {group}")
    found: list[Owner] = []
    for name in _json(request)["users"]:
        owner = state.owners.get(_normal(name))
        if owner is None or owner.kind != "user":
            return refusal(400, f"No such user: {_normal(name)}")
        found.append(owner)
    for owner in found:
        state.regroup(owner, group, is_in=request.method == "POST")
    return _group(state, group)


def _tokens(state: State, name: str, token_id: list[str]) -> Reply:
    """jupyterhub/apihandlers/users.py, UserTokenListAPIHandler.get and UserTokenAPIHandler.get."""
    owner = state.owners.get(name)
    if owner is None or owner.kind != "user":
        return refusal(404, f"No such user: {name}")
    models = [_token(token) for token in state.tokens.values() if token.owner.name == name]
    if not token_id:
        return 200, {"api_tokens": models}
    of_that_id = [model for model in models if model["id"] == token_id[0]]
    return (200, of_that_id[0]) if of_that_id else refusal(404, f"No such token {token_id[0]} for user {name}")


def _create(state: State, request: httpx.Request) -> Reply:
    """jupyterhub/apihandlers/users.py, UserListAPIHandler.post; the names of users it made stand in a list there."""
    names = [_normal(name) for name in _json(request)["usernames"]]
    new = [name for name in names if name not in state.owners]
    if not new:
        return refusal(409, f"All {len(names)} users already exist")
    for name in new:
        state.add(Owner(name))
    return 201, {"created": new}


def _token(token: Token) -> dict[str, Any]:
    return {
        "user": token.owner.name,
        "id": token.id,
        "kind": "api_token",
        "roles": [],
        "scopes": sorted(token.scopes),
        "created": token.created.isoformat().replace("+00:00", "Z"),
        "last_activity": None,
        "expires_at": None,
        "note": "",
        "session_id": token.session_id,
        "oauth_client": "JupyterHub",
    }


def _normal(name: str) -> str:
    """jupyterhub/auth.py, Authenticator.normalize_username."""
    return name.lower()


def _json(request: httpx.Request) -> dict[str, Any]:
    return dict(httpx.Response(200, content=request.content).json())
