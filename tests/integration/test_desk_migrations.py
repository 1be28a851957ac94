"""How the desk's tables come to be: from nothing, from the revision before, and by many processes at once."""

import secrets
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
import trustme
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, insert, text

from service.apps.desk.domain.queries import AuditQuery, CommentQuery, EmployeeQuery, TicketQuery
from service.apps.desk.domain.values import CommentNew, EmployeeNew, TicketNew
from service.apps.desk.errors import DatabaseUnavailableError
from service.apps.desk.storage import tables
from service.apps.desk.storage.database import open_database
from service.apps.desk.storage.desk import open_desk
from service.apps.desk.storage.migrate import VERSION_TABLE, migrate
from service.errors import ConfigurationError
from tests.support.certificates import Certificates
from tests.support.polling import PROGRAM
from tests.support.ports import free_port
from tests.support.postgres import Postgres, postgres, programs
from tests.support.process import clean_environment

REPOSITORY = Path(__file__).parents[2]
PROCESSES = 4
PASSWORD = "canary-password"


def revisions() -> list[str]:
    """All revisions, the first one first."""
    config = Config()
    config.set_main_option("script_location", "service.apps.desk:migrations")
    return [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()][::-1]


def differences(connection: Connection) -> list[Any]:
    """What the database has other than `service.apps.desk.storage.tables`."""

    def is_meant(thing: Any, name: str, *_: object) -> bool:  # noqa: ANN401
        is_elsewhere = "postgresql_using" in [*getattr(thing, "kwargs", ())] and connection.dialect.name != "postgresql"
        return name != VERSION_TABLE and not is_elsewhere

    options = {"include_object": is_meant}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), tables.metadata))


async def is_as_the_code_has_it(url: str) -> bool:
    """Whether the database's tables and indexes are those of `service.apps.desk.storage.tables`."""
    async with open_database(url) as database, database.read() as connection:
        return await connection.run_sync(differences) == []


async def say(url: str, statement: str) -> None:
    """Change a database by hand."""
    async with open_database(url) as database, database.write() as connection:
        await connection.execute(text(statement))


def run(url: str, *commands: Sequence[str]) -> list[tuple[int, str]]:
    """Run `python -P -m service …` at once for each of these; return exit status and what was said."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-P", "-m", "service", *command],
            env=clean_environment(
                JUPYTERHUB_API_TOKEN=secrets.token_hex(32),
                JUPYTERHUB_SERVICE_NAME="fastapi",
                SERVICE_APPS="desk",
                SERVICE_LISTEN=f"http://127.0.0.1:{free_port()}",
                DATABASE_URL=url,
                HOME="/nonexistent",
            ),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for command in commands
    ]
    said = [process.communicate(timeout=PROGRAM)[0] for process in processes]
    return [(process.returncode, words) for process, words in zip(processes, said, strict=True)]


@pytest.mark.parametrize("before", revisions()[:-1])
async def test_a_database_of_an_earlier_revision_is_brought_up_to_date(empty_database_url: str, before: str) -> None:
    """The data stays, and the tables become those of the code."""
    assert await migrate(empty_database_url, to=before) == before
    assert not await is_as_the_code_has_it(empty_database_url)
    stamps: dict[str, object] = {"version": 1} | dict.fromkeys(("created", "updated"), datetime(2026, 3, 1, tzinfo=UTC))
    employee = {"first_name": "Zoë", "last_name": "Okonkwo", "search": "zoë\nokonkwo", "name_key": "okonkwo zoe"}
    ticket = {"title": "Old", "description": "", "status": "open", "employee_id": 1, "owner": "ada"}
    ticket |= {"search": "old", "title_key": "old"}
    account = {"name": "ada", "first_name": "Ada", "last_name": "", "disabled": False, "login_denied": False}
    async with open_database(empty_database_url) as database, database.write() as connection:
        await connection.execute(insert(tables.employees).values(employee | stamps))
        await connection.execute(insert(tables.tickets).values(ticket | stamps))
        await connection.execute(insert(tables.accounts).values(account | stamps | {"search": "ada"}))

    assert await migrate(empty_database_url) == revisions()[-1]
    assert await is_as_the_code_has_it(empty_database_url)
    async with open_desk(empty_database_url) as desk:
        (zoe,) = (await desk.employees.find(EmployeeQuery(text="ZOË"))).items
        (old,) = (await desk.tickets.find(TicketQuery(text="old"))).items
        assert (old.employee_id, old.owner, old.version) == (zoe.id, (await desk.accounts.get("ada")).name, 1)
        await desk.tickets.create(TicketNew(title="x", employee_id=zoe.id), by="ada")
        comment = await desk.comments.add(old.id, CommentNew(text="still"), by="ada")
        assert (await desk.comments.find(old.id, CommentQuery())).items == [comment]
        assert len((await desk.audit.find(AuditQuery())).items) == 2


async def test_an_empty_database_gets_the_tables_that_the_code_knows(empty_database_url: str) -> None:
    """An empty database gets all tables. A second run does nothing."""
    assert await migrate(empty_database_url) == revisions()[-1]
    assert await is_as_the_code_has_it(empty_database_url)
    assert await migrate(empty_database_url) == revisions()[-1]


async def test_what_was_broken_off_is_begun_anew(empty_database_url: str) -> None:
    """If a revision fails the database stays as it was: all revisions are applied, or none."""
    await say(empty_database_url, "CREATE TABLE audit (mine INTEGER)")
    with pytest.raises(Exception, match="already exists"):
        await migrate(empty_database_url)
    await say(empty_database_url, "DROP TABLE audit")
    assert await migrate(empty_database_url) == revisions()[-1]
    assert await is_as_the_code_has_it(empty_database_url)


async def test_many_processes_start_at_once(empty_database_url: str) -> None:
    """Of several processes one makes the tables, and the others wait."""
    ended = run(empty_database_url, *[["migrate"]] * PROCESSES)

    assert ended == [(0, f"The tables are at revision {revisions()[-1]}.\n")] * PROCESSES
    assert await is_as_the_code_has_it(empty_database_url)


@pytest.mark.parametrize("command", [["migrate"], []], ids=["migrate", "serve"])
async def test_a_database_of_a_later_version_is_left_alone(empty_database_url: str, command: list[str]) -> None:
    """The service does not start, and says in a sentence what to do."""
    await migrate(empty_database_url)
    await say(empty_database_url, f"UPDATE {VERSION_TABLE} SET version_num = '9999'")  # noqa: S608 - a constant
    ((status, said),) = run(empty_database_url, command)

    flaw = "DATABASE_URL: a later version of the service has changed the database (to 9999): run that one"
    assert (status, said) == (2, f"The configuration is wrong:\n  - {flaw}\n")


WRONG = {
    "no such database": ("/nowhere", "user, password, database or right (its code 3D000)"),
    "no such user": ("nobody", "user, password, database or right (its code 28000)"),
    "a parameter that there is not": ("?sslmode=perhaps", "does not accept the host, the port or a parameter"),
    "no certificate of a CA": ("?sslmode=verify-full", "~/.postgresql/root.crt cannot be read: add sslrootcert="),
    "the CAs of the system": ("?sslmode=verify-full&sslrootcert=system", "sslrootcert=system does not work"),
    "a CA that is not there": (
        "?sslmode=require&sslrootcert=/no/ca.pem",
        "sslrootcert names /no/ca.pem, which is no file",
    ),
}


@pytest.mark.parametrize(("wrong", "reason"), WRONG.values(), ids=WRONG)
def test_a_server_that_does_not_let_us_in_ends_the_start(postgresql: Postgres, wrong: str, reason: str) -> None:
    """The message is one sentence, without the password and the address."""
    address = f"127.0.0.1:{postgresql.port}"
    user, rest = (wrong, "/postgres") if wrong.isalpha() else ("postgres", wrong if wrong[0] == "/" else f"/x{wrong}")
    ((status, said),) = run(f"postgresql://{user}:{PASSWORD}@{address}{rest}", [])

    assert (status, len(said.splitlines())) == (2, 2)
    assert reason in said
    assert PASSWORD not in said
    assert address not in said


async def test_a_server_that_is_not_there_yet_is_waited_for(postgresql: Postgres) -> None:
    """It is waited for as long as the caller says, and no longer."""
    with pytest.raises(DatabaseUnavailableError) as refused:
        await migrate(f"postgresql://postgres:{PASSWORD}@127.0.0.1:{free_port()}/desk", patience=1)
    assert refused.value.reason == "ConnectionRefusedError"
    url = postgresql.database()
    assert await migrate(url, patience=0) == revisions()[-1]
    postgresql.drop(url)


async def test_options_of_the_address(postgresql: Postgres) -> None:
    """Options of libpq's that ask for nothing special are taken, and one that the server does not know is named."""
    url = postgresql.database()
    mark = "&" if "?" in url else "?"
    options = "connect_timeout=5&channel_binding=prefer&gssencmode=disable&application_name=desk"

    assert await migrate(f"{url}{mark}{options}", patience=0) == revisions()[-1]
    with pytest.raises(ConfigurationError, match="DATABASE_URL: the server does not take the option nonsense"):
        await migrate(f"{url}{mark}nonsense=canary", patience=0)
    postgresql.drop(url)


async def test_a_server_is_verified(tmp_path: Path) -> None:
    """A server with a certificate of the CA that the address names is taken, and another one ends the start."""
    bin_ = programs()
    if bin_ is None:
        pytest.skip("no PostgreSQL installed: apt-get install postgresql")
    ours, other = trustme.CA(), trustme.CA()
    ours.cert_pem.write_to_path(tmp_path / "ours.pem")
    other.cert_pem.write_to_path(tmp_path / "other.pem")
    leaf = ours.issue_cert("127.0.0.1")
    files = {"server.crt": leaf.cert_chain_pems[0].bytes(), "server.key": leaf.private_key_pem.bytes()}
    with postgres(bin_, settings=["ssl=on"], files=files) as server:
        url = f"{server.database()}?sslmode=verify-full&sslrootcert={tmp_path}"

        assert await migrate(f"{url}/ours.pem", patience=0) == revisions()[-1]
        with pytest.raises(ConfigurationError, match="certificate is from no CA of sslrootcert"):
            await migrate(f"{url}/other.pem", patience=0)


@pytest.mark.parametrize(("begins", "ends"), [(-3, -1), (1, 3)], ids=["expired", "not yet valid"])
async def test_a_servers_certificate_that_is_out_of_date(tmp_path: Path, begins: int, ends: int) -> None:
    """It is waited for: it may be renewed, or the clock of this machine set."""
    bin_ = programs()
    if bin_ is None:
        pytest.skip("no PostgreSQL installed: apt-get install postgresql")
    certificates = Certificates(tmp_path)
    certificate, key = (path.read_bytes() for path in certificates.pair(begins=begins, ends=ends))
    files = {"server.crt": certificate, "server.key": key}
    with postgres(bin_, settings=["ssl=on"], files=files) as server, pytest.raises(DatabaseUnavailableError) as refused:
        await migrate(f"{server.database()}?sslmode=verify-full&sslrootcert={certificates.ca}", patience=0)
    assert refused.value.reason == "its certificate has expired or is not valid yet"


async def test_the_hubs_own_revision_is_left_alone(postgresql: Postgres) -> None:
    """The Hub may live in the same database, and keeps its revision in Alembic's usual table."""
    url = postgresql.database()
    await say(url, "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    await say(url, "INSERT INTO alembic_version VALUES ('4621fec11365')")
    await migrate(url)
    connection = await asyncpg.connect(url)
    found = await connection.fetch("SELECT version_num FROM alembic_version")
    await connection.close()
    postgresql.drop(url)

    assert [row["version_num"] for row in found] == ["4621fec11365"]


async def test_without_the_extension_text_is_found_too(postgresql: Postgres, caplog: pytest.LogCaptureFixture) -> None:
    """Somebody who may not have pg_trgm is told once, and searches without an index."""
    url = postgresql.database()
    await say(url, "CREATE ROLE plain LOGIN")
    await say(url, "GRANT ALL ON SCHEMA public TO plain")
    as_plain = urlsplit(url)._replace(netloc=f"plain@127.0.0.1:{postgresql.port}").geturl()
    await migrate(as_plain)
    async with open_desk(as_plain) as desk:
        zoe = await desk.employees.create(EmployeeNew(first_name="Zoë", last_name="Okonkwo"), by="manager")
        ticket = await desk.tickets.create(TicketNew(title="Printer", employee_id=zoe.id), by="ada")
        found = (await desk.tickets.find(TicketQuery(text="RINT"))).items
    postgresql.drop(url)

    assert found == [ticket]
    assert caplog.text.count("pg_trgm cannot be had") == 1


def test_there_is_one_way_and_more_than_one_step() -> None:
    """The revisions form one line, with more than one step."""
    config = Config()
    config.set_main_option("script_location", "service.apps.desk:migrations")
    assert len(ScriptDirectory.from_config(config).get_heads()) == 1
    assert len(revisions()) > 1


async def test_an_address_that_is_wrong_is_not_shown() -> None:
    """Neither a wrong address nor its password is shown, even if the error appears only when it is used."""
    with pytest.raises(ConfigurationError) as refused:
        await migrate(f"postgresql://postgres:{PASSWORD}@127.0.0.1:port/desk")
    assert PASSWORD not in str(refused.value)
    assert refused.value.__cause__ is None
