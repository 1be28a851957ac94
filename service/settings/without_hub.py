"""Decides whether there is a Hub, and which variables the service then needs, with Entra ID and without a Hub.

A service that was meant to run beside a Hub must not start without one. So a single variable of a Hub means that there
is one.
"""

from collections.abc import Mapping

# Variables that the Hub sets, but that may also be set without a Hub.
_LOCATION = {"JUPYTERHUB_SERVICE_URL", "JUPYTERHUB_SERVICE_PREFIX", "JUPYTERHUB_BASE_URL"}
_TOKEN = "JUPYTERHUB_API_TOKEN"  # noqa: S105 - the name of the variable
_MISSING = (
    f"{_TOKEN} is not set. The Hub sets it for a service it starts; set it by hand for an external service. "
    "A service without a Hub needs ENTRA_TENANT_ID and ENTRA_CLIENT_ID instead, and no other JUPYTERHUB_ variable. "
    "With SERVICE_SIGN_IN=none, applications that keep nothing serve everybody on this machine."
)
_ENTRA = ("ENTRA_TENANT_ID", "ENTRA_CLIENT_ID")
_SIGN_IN = "SERVICE_SIGN_IN"
_NO_SIGN_IN = {"none", "none-public"}


def has_hub(variables: Mapping[str, str]) -> bool:
    """Whether these variables are those of a service beside a Hub. They are if Entra ID is not set up either."""
    mentions_hub = any(name.startswith("JUPYTERHUB_") and name not in _LOCATION for name in variables)
    return mentions_hub or not any(name in variables for name in _ENTRA)


def problems_with(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the problems of these variables together, by the name of the variable to set."""
    if variables.get(_SIGN_IN) in _NO_SIGN_IN:
        return {}  # see `problems_without_sign_in`
    needed = {}
    if has_hub(variables):
        needed[_TOKEN] = _MISSING
    if any(name.startswith("ENTRA_") for name in variables):
        needed |= {name: f"{name} is not set. Entra ID needs {' and '.join(_ENTRA)}." for name in _ENTRA}
    if "ENTRA_OPENAPI_CLIENT_ID" in variables:
        why = "ENTRA_OPENAPI_CLIENT_ID needs it, because a redirect URI at Entra ID must be absolute."
        needed["PUBLIC_HOST"] = f"PUBLIC_HOST is not set. {why}"
    return {name: problem for name, problem in needed.items() if name not in variables}


def problems_without_sign_in(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the problem with a service without sign-in that has variables of a Hub or of Entra ID, also unknown ones.

    Such a service was meant to ask who is calling, so it must not serve everybody because of one more variable.
    """
    if variables.get(_SIGN_IN) not in _NO_SIGN_IN:
        return {}
    found = sorted(name for name, value in variables.items() if value and name.startswith(("JUPYTERHUB_", "ENTRA_")))
    if not found:
        return {}
    told = f"{_SIGN_IN}: nobody signs in here, but {', '.join(found)} is set: remove one or the other."
    return {_SIGN_IN: told}
