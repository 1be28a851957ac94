"""The settings of Entra ID, whose tokens are accepted in addition to the Hub's, or instead of them."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from service.settings.types import EntraAuthority, Grants, Guid


class EntraSettings(BaseModel):
    """The tenant, the registrations there, and what their tokens grant."""

    entra_tenant_id: Guid | Literal[""] = Field(default="", validation_alias="ENTRA_TENANT_ID")
    entra_client_id: Guid | Literal[""] = Field(default="", validation_alias="ENTRA_CLIENT_ID")
    entra_openapi_client_id: Guid | Literal[""] = Field(default="", validation_alias="ENTRA_OPENAPI_CLIENT_ID")
    entra_scope: Annotated[str, Field(pattern=r"^[\w.-]+$")] = Field(
        default="user_impersonation", validation_alias="ENTRA_SCOPE"
    )
    entra_grants: Grants = Field(default={}, validation_alias="ENTRA_GRANTS")
    entra_authority: EntraAuthority = Field(
        default="https://login.microsoftonline.com", validation_alias="ENTRA_AUTHORITY"
    )
    # Whether the API has signing keys of its own at Entra ID (claims mapping)
    entra_own_keys: bool = Field(default=False, validation_alias="ENTRA_OWN_KEYS")
