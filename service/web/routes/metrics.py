"""`/metrics`, for a Prometheus that has a token with the required scope."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Request, Security
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from service.auth.guard import Guard
from service.hub.models import Identity
from service.resources import resources_of

SCOPE = "custom:service:metrics"

router = APIRouter()

# No vetoes: it shows nobody's data, and must work while the database of an application is down.
Scraper = Annotated[Identity, Security(Guard(SCOPE, vetoed=False), scopes=[SCOPE])]


# In the schema, Swagger UI would ask for its scope whenever somebody signs in there.
@router.get("/metrics", include_in_schema=False)
async def show(request: Request, _scraper: Scraper) -> Response:
    """Return all metrics in the text format of Prometheus."""
    metrics = resources_of(request).metrics
    metrics.sample()
    return Response(await asyncio.to_thread(metrics.text), media_type=CONTENT_TYPE_PLAIN_0_0_4)
