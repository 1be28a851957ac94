"""Files for TLS to PostgreSQL that cannot be read."""

from pathlib import Path

import pytest
import trustme

from service.apps.desk.errors import DatabaseTlsError
from service.apps.desk.storage.database import open_database
from service.apps.desk.storage.tls_files import unreadable_file

ADDRESS = "postgresql://u:canary@127.0.0.1:1/d"


@pytest.fixture
def ca(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A certificate that can be read, and a home without one."""
    monkeypatch.setenv("HOME", str(tmp_path))
    path = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(path)
    return path


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("sslmode=verify-full", "sslmode=verify-full needs a CA's certificate, and ~/.postgresql/root.crt cannot"),
        ("sslmode=verify_ca&sslrootcert=", "sslmode=verify-ca needs a CA's certificate"),
        ("sslmode=verify-full&sslrootcert=system", "sslrootcert=system does not work with our driver: name a file"),
        ("sslmode=require&sslrootcert=/no/ca.pem", "sslrootcert names /no/ca.pem, which is no file that can be read"),
        ("sslmode=require&sslrootcert=%00", "sslrootcert names"),
        ("sslmode=verify-ca&sslrootcert=/", "sslrootcert names /, which is no file that can be read"),
        ("sslmode=verify-ca&sslrootcert={text}", "sslrootcert names {text}, which has no certificate of a CA in PEM"),
        ("sslmode=verify-full&sslrootcert={ca}&sslcert=/no/me.pem", "sslcert names /no/me.pem, which is no file"),
    ],
)
async def test_which_file_cannot_be_read(ca: Path, query: str, said: str) -> None:
    """The driver fails before it connects, and the reason names the file and the option, without the address."""
    text = ca.with_name("notes.txt")
    text.write_text("no certificate")

    with pytest.raises(DatabaseTlsError) as refused:
        async with open_database(f"{ADDRESS}?{query.format(ca=ca, text=text)}") as database, database.read():
            pass

    assert refused.value.reason.startswith(said.format(text=text))
    assert "canary" not in refused.value.reason
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    "query", ["", "?sslmode=require", "?sslmode=prefer&sslrootcert=/no/ca.pem", "?sslmode=verify-full&sslrootcert={ca}"]
)
def test_nothing_is_wrong(ca: Path, query: str) -> None:
    """Files that can be read, or that the driver does not read, are no problem."""
    assert unreadable_file(ADDRESS + query.format(ca=ca)) == ""


def test_the_usual_certificate_will_do(ca: Path) -> None:
    """Without `sslrootcert`, the driver reads the file of libpq's."""
    usual = ca.parent / ".postgresql" / "root.crt"
    usual.parent.mkdir()
    ca.rename(usual)

    assert unreadable_file(f"{ADDRESS}?sslmode=verify-full") == ""
