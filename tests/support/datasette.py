"""Datasette (https://datasette.io), an application of somebody else's, with one table and a form to add to it."""

import contextlib
import json
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.support.polling import BUSY
from tests.support.ports import free_port
from tests.support.process import KeptProcess, clean_environment, wait_until_log_says

START_LIMIT = BUSY
PLUGINS = Path(__file__).with_name("datasette_plugins")
TABLE = "/data/notes"
SEEN = "/-/headers"  # a page that shows what arrived, by our plugin
FORM = "/data/add"  # a page with a form, which Datasette protects by a token of its own
QUERIES = {"add": {"sql": "insert into notes (text) values (:text)", "write": True, "allow": {"id": "*"}}}


class Datasette:
    """Where it listens, as a proxy is told."""

    def __init__(self, folder: Path) -> None:
        """Make its files in `folder`; it runs in `running`."""
        self._folder = folder
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"

    @contextlib.contextmanager
    def running(self) -> Iterator["Datasette"]:
        """Run it meanwhile."""
        database, metadata = self._folder / "data.db", self._folder / "metadata.json"
        with contextlib.closing(sqlite3.connect(database)) as connection, connection:
            connection.execute("create table notes (id integer primary key, text text)")
        metadata.write_text(json.dumps({"databases": {"data": {"queries": QUERIES}}}))
        command = [sys.executable, "-m", "datasette", "serve", str(database), "--port", str(self.port)]
        options = ["--metadata", str(metadata), "--plugins-dir", str(PLUGINS)]
        log = self._folder / "log"
        process = KeptProcess([*command, *options], env=clean_environment(), cwd=self._folder, log=log)
        try:
            wait_until_log_says(process, log, "Uvicorn running on", start=0, timeout=START_LIMIT)
            yield self
        finally:
            process.close()
