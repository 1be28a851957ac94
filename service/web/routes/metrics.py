"""`/metrics`: the service's figures, for a Prometheus that has a token with the scope for it."""

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

# No application keeps it out: it sees nobody's data, and must see when the database of one is down.
Scraper = Annotated[Identity, Security(Guard(SCOPE, vetoed=False), scopes=[SCOPE])]


# Swagger UI would offer its scope to everybody who signs in there.
@router.get("/metrics", include_in_schema=False)
async def metrics(request: Request, _scraper: Scraper) -> Response:
    """Requests, questions to the Hub and their times, the cache of identities, sign-ins, de-identification."""
    figures = resources_of(request).metrics
    figures.sample()
    return Response(await asyncio.to_thread(figures.text), media_type=CONTENT_TYPE_PLAIN_0_0_4)
