"""PUBLIC. Calls the service from notebooks and scripts. It needs httpx, and nothing else of this package."""

from service.client.address import AddressUnknownError
from service.client.async_client import AsyncClient
from service.client.client import Client
from service.client.errors import ClientError, NoteError, ProblemError, UnreachableError
from service.client.kept import KeptError
from service.client.notes import Masked, Note, NoteFields, Options

__all__ = [
    "AddressUnknownError",
    "AsyncClient",
    "Client",
    "ClientError",
    "KeptError",
    "Masked",
    "Note",
    "NoteError",
    "NoteFields",
    "Options",
    "ProblemError",
    "UnreachableError",
]
