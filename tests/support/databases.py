"""Databases that have the desk's tables already: applying the revisions costs more than most tests do."""

import tempfile
from pathlib import Path

from service.apps.desk.storage.migrate import migrate
from tests.support.postgres import Postgres

_sqlite_files: list[bytes] = []  # one, once it was made
_templates: dict[Postgres, str] = {}  # server -> the database on it that others are copied from


async def sqlite_with_tables(path: Path) -> str:
    """Make an SQLite file with the desk's tables, and return its address."""
    if not _sqlite_files:
        with tempfile.TemporaryDirectory() as folder:
            template = Path(folder) / "desk.sqlite"
            await migrate(f"sqlite:///{template}")
            _sqlite_files.append(template.read_bytes())
    path.write_bytes(_sqlite_files[0])  # noqa: ASYNC240 (some kilobytes, and nobody else on the loop)
    return f"sqlite:///{path}"


async def postgres_with_tables(server: Postgres) -> str:
    """Make a database with the desk's tables on the server, and return its address."""
    if server not in _templates:
        template = server.database()
        await migrate(template)
        _templates[server] = template.rpartition("/")[2]
    return server.database(template=_templates[server])
