"""Names of variables that fastapi-azure-auth's users know, and ours in their place."""

from collections.abc import Mapping

# Its documentation has them in `.env`: https://intility.github.io/fastapi-azure-auth/single-tenant/fastapi_configuration
_OURS = {
    "TENANT_ID": "ENTRA_TENANT_ID",
    "APP_CLIENT_ID": "ENTRA_CLIENT_ID",
    "OPENAPI_CLIENT_ID": "ENTRA_OPENAPI_CLIENT_ID",
    "BACKEND_CORS_ORIGINS": "ALLOW_ORIGINS",
}
_HOW = {"ALLOW_ORIGINS": ", origins separated by commas"}


def found(variables: Mapping[str, str]) -> list[str]:
    """Return a sentence for each of their variables that is set, if ours is not."""
    return [
        f"{theirs} is not read here: set {ours}{_HOW.get(ours, '')}."
        for theirs, ours in _OURS.items()
        if variables.get(theirs) and not variables.get(ours)
    ]
