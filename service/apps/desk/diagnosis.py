"""The desk's part of `python -P -m service doctor`: its database."""

from service.apps.desk.errors import DatabaseUnavailableError
from service.apps.desk.storage.database import file_of
from service.apps.desk.storage.migrate import is_up_to_date
from service.doctor_finding import Finding, failed, ok, refused, unknown
from service.errors import ConfigurationError


async def look_at_database(url: str) -> Finding:
    """Return whether the database answers and its tables are up to date. Changes nothing."""
    file = file_of(url)
    if file is not None and not file.exists():
        return unknown("database", "there is none yet: the first start makes it")
    try:
        is_current = await is_up_to_date(url)
    except ConfigurationError as error:
        return refused("database", error)
    except DatabaseUnavailableError as error:
        return failed("database", f"it cannot be used: {error.reason}", "DATABASE_URL, or start the database")
    if not is_current:
        return failed(
            "database", "its tables are of an earlier version", "run python -P -m service migrate, or restart"
        )
    return ok("database", "it answers, and its tables are up to date")
