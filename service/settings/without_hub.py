"""Is there a Hub? And what Entra ID's variables, and those of a service without a Hub, must be together.

A service that was meant to be beside a Hub must not start without: one variable that speaks of a Hub is enough for it.
"""

from collections.abc import Mapping

# What the Hub tells a service, and may be said where there is none.
_OF_PLACE = {"JUPYTERHUB_SERVICE_URL", "JUPYTERHUB_SERVICE_PREFIX", "JUPYTERHUB_BASE_URL"}
_TOKEN = "JUPYTERHUB_API_TOKEN"  # noqa: S105 - its name
_MISSING = (
    f"{_TOKEN} is not set. The Hub sets it for a service it starts; set it by hand for an external service. "
    "A service without a Hub needs ENTRA_TENANT_ID and ENTRA_CLIENT_ID instead, and no variable of a Hub."
)
_ENTRA = ("ENTRA_TENANT_ID", "ENTRA_CLIENT_ID")


def has_hub(told: Mapping[str, str]) -> bool:
    """Whether these variables are those of a service beside a Hub; so it is where Entra ID is not set up either."""
    speaks_of_hub = any(name.startswith("JUPYTERHUB_") and name not in _OF_PLACE for name in told)
    return speaks_of_hub or not any(name in told for name in _ENTRA)


def problems_of(told: Mapping[str, str]) -> dict[str, str]:
    """Return what is wrong with these variables together, by the name of the one to set or change."""
    needed = {}
    if has_hub(told):
        needed[_TOKEN] = _MISSING
    if any(name.startswith("ENTRA_") for name in told):
        needed |= {name: f"{name} is not set. Entra ID needs {' and '.join(_ENTRA)}." for name in _ENTRA}
    if "ENTRA_OPENAPI_CLIENT_ID" in told:
        why = "ENTRA_OPENAPI_CLIENT_ID needs it, as a redirect URI of Entra ID is absolute."
        needed["PUBLIC_HOST"] = f"PUBLIC_HOST is not set. {why}"
    return {name: problem for name, problem in needed.items() if name not in told}
