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
    "A service without a Hub needs ENTRA_TENANT_ID and ENTRA_CLIENT_ID instead, and no other JUPYTERHUB_ variable."
)
_ENTRA = ("ENTRA_TENANT_ID", "ENTRA_CLIENT_ID")


def has_hub(variables: Mapping[str, str]) -> bool:
    """Whether these variables are those of a service beside a Hub. They are if Entra ID is not set up either."""
    mentions_hub = any(name.startswith("JUPYTERHUB_") and name not in _LOCATION for name in variables)
    return mentions_hub or not any(name in variables for name in _ENTRA)


def problems_with(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the problems of these variables together, by the name of the variable to set."""
    needed = {}
    if has_hub(variables):
        needed[_TOKEN] = _MISSING
    if any(name.startswith("ENTRA_") for name in variables):
        needed |= {name: f"{name} is not set. Entra ID needs {' and '.join(_ENTRA)}." for name in _ENTRA}
    if "ENTRA_OPENAPI_CLIENT_ID" in variables:
        why = "ENTRA_OPENAPI_CLIENT_ID needs it, because a redirect URI at Entra ID must be absolute."
        needed["PUBLIC_HOST"] = f"PUBLIC_HOST is not set. {why}"
    return {name: problem for name, problem in needed.items() if name not in variables}
