"""The settings of our pages: who may read the documentation of the API, and who may show pages in a frame."""

from pydantic import BaseModel, Field

from service.settings.types import Origins


class PageSettings(BaseModel):
    """Whether `/docs` and `/openapi.json` take a sign-in, and the origins whose pages may show ours in a frame."""

    docs_sign_in: bool = Field(default=False, validation_alias="SERVICE_DOCS_SIGN_IN")
    frame_origins: Origins = Field(default=(), validation_alias="SERVICE_FRAME_ORIGINS")
