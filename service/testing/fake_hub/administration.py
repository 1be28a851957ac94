"""The endpoints of the fake Hub for groups, users and the age of tokens, for services that have the scopes."""

import httpx

from service.testing.fake_hub.replies import Reply, base, json_of, refusal, token_model
from service.testing.fake_hub.state import Owner, State, Token


def answer(state: State, request: httpx.Request, path: str, *, sender: Token | None) -> Reply | None:
    """Answer a request that an application may send in its own name; None for any other request."""
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
    """As jupyterhub/scopes.py, needs_scope: 403 without the scope, 404 if it is for something else."""
    held = sender.scopes if sender else frozenset()
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
    for name in json_of(request)["users"]:
        owner = state.owners.get(normal(name))
        if owner is None or owner.kind != "user":
            return refusal(400, f"No such user: {normal(name)}")
        found.append(owner)
    for owner in found:
        state.regroup(owner, group, is_in=request.method == "POST")
    return _group(state, group)


def _tokens(state: State, name: str, token_id: list[str]) -> Reply:
    """jupyterhub/apihandlers/users.py, UserTokenListAPIHandler.get and UserTokenAPIHandler.get."""
    owner = state.owners.get(name)
    if owner is None or owner.kind != "user":
        return refusal(404, f"No such user: {name}")
    models = [token_model(token) for token in state.tokens.values() if token.owner.name == name]
    if not token_id:
        return 200, {"api_tokens": models}
    of_that_id = [model for model in models if model["id"] == token_id[0]]
    return (200, of_that_id[0]) if of_that_id else refusal(404, f"No such token {token_id[0]} for user {name}")


def _create(state: State, request: httpx.Request) -> Reply:
    """jupyterhub/apihandlers/users.py, UserListAPIHandler.post; the Hub returns the created users in a list."""
    names = [normal(name) for name in json_of(request)["usernames"]]
    new = [name for name in names if name not in state.owners]
    if not new:
        return refusal(409, f"All {len(names)} users already exist")
    for name in new:
        state.add(Owner(name))
    return 201, {"created": new}


def normal(name: str) -> str:
    """jupyterhub/auth.py, Authenticator.normalize_username."""
    return name.lower()
