"""Is there a Hub? And what Entra ID's variables, and those of a service without a Hub, must be together.

A service that was meant to be beside a Hub must not start without: one variable that speaks of a Hub is enough for it.
"""

from collections.abc import Mapping

# What the Hub tells a service, and may be said where there is none.
_OF_PLACE = {"JUPYTERHUB_SERVICE_URL", "JUPYTERHUB_SERVICE_PREFIX", "JUPYTERHUB_BASE_URL"}
_ENTRA = ("ENTRA_TENANT_ID", "ENTRA_CLIENT_ID")


def has_hub(given: Mapping[str, str]) -> bool:
    """Whether these variables are those of a service beside a Hub; so it is where Entra ID is not set up either."""
    speaks_of_hub = any(name.startswith("JUPYTERHUB_") and name not in _OF_PLACE for name in given)
    return speaks_of_hub or not any(name in given for name in _ENTRA)


def problems_of(given: Mapping[str, str]) -> dict[str, str]:
    """Return what is wrong with these variables together, by the name of the one to change."""
    problems = {}
    if any(name.startswith("ENTRA_") for name in given):
        problems = {name: f"{name} is not set. Entra ID needs {' and '.join(_ENTRA)}." for name in _ENTRA}
    if "ENTRA_OPENAPI_CLIENT_ID" in given:
        why = "ENTRA_OPENAPI_CLIENT_ID needs it, as a redirect URI of Entra ID is absolute."
        problems["PUBLIC_HOST"] = f"PUBLIC_HOST is not set. {why}"
    return {name: problem for name, problem in problems.items() if name not in given} | _of_no_hub(given)


def _of_no_hub(given: Mapping[str, str]) -> dict[str, str]:
    if has_hub(given):
        return {}
    apps = [name.strip() for name in given.get("SERVICE_APPS", "").split(",")]
    problems = {"SERVICE_APPS": "SERVICE_APPS: the desk needs a Hub, and JUPYTERHUB_API_TOKEN is not set"}
    return problems if "desk" in apps else {}
