"""The settings of pages that are open to everybody unless an operator closes them."""

from pydantic import BaseModel, Field


class PageSettings(BaseModel):
    """Whether the API's documentation, `/docs` and `/openapi.json`, takes a sign-in."""

    docs_sign_in: bool = Field(default=False, validation_alias="SERVICE_DOCS_SIGN_IN")
