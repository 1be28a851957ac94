"""The service over https, seen by curl: which TLS it speaks, and what it says of certificates that are no good."""

import asyncio
import contextlib
import os
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.support.certificates import HOST, Certificates, lock
from tests.support.crew import PATH, START_LIMIT, Crew
from tests.support.ports import free_port

Start = Callable[..., Crew]


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    """Pairs of files."""
    return Certificates(tmp_path)


def told(pair: tuple[Path, Path]) -> dict[str, str]:
    """Return the variables for https with a pair."""
    return {
        "SERVICE_LISTEN": f"https://{HOST}:{free_port()}",
        "SERVICE_TLS_CERT": str(pair[0]),
        "SERVICE_TLS_KEY": str(pair[1]),
    }


async def curl(address: str, ca: Path, version: str) -> str:
    """Ask with one version of TLS, as a client would that speaks them all; return the answer, or curl's status."""
    by = ["--tlsv1.0", "--tls-max", version, "--ciphers", "DEFAULT:@SECLEVEL=0"]
    ended = await asyncio.create_subprocess_exec(
        *("curl", "--silent", "--max-time", "30", "--cacert", str(ca), *by, f"{address}{PATH}health/live"),
        stdout=asyncio.subprocess.PIPE,
        env={"OPENSSL_CONF": "/dev/null", "PATH": os.environ["PATH"]},  # Debian's may rule out the old ones
    )
    said, _ = await ended.communicate()
    return said.decode() or f"status {ended.returncode}"


@contextlib.asynccontextmanager
async def lenient(pair: tuple[Path, Path]) -> AsyncIterator[str]:
    """Serve https with every version of TLS there is."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("DEFAULT:@SECLEVEL=0")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 6\r\n\r\nserved")
        writer.close()

    async with await asyncio.start_server(answer, HOST, 0, ssl=context) as server:
        yield f"https://{HOST}:{server.sockets[0].getsockname()[1]}"


VERSIONS = ("1.0", "1.1", "1.2", "1.3")
REFUSED = "status 35"  # no handshake (curl's manual, EXIT CODES)
SERVED = '{"status":"alive"}'


@pytest.mark.parametrize(
    ("minimum", "expected"),
    [("", [REFUSED, REFUSED, SERVED, SERVED]), ("1.3", [REFUSED, REFUSED, REFUSED, SERVED])],
    ids=["unset", "1.3"],
)
async def test_versions(start_crew: Start, certificates: Certificates, minimum: str, expected: list[str]) -> None:
    """TLS 1.0 and 1.1 are refused, and 1.2 where SERVICE_TLS_MIN says so, to a curl that speaks each elsewhere."""
    pair = certificates.pair()
    environment = told(pair)
    await start_crew(**environment, SERVICE_TLS_MIN=minimum).started()
    ours = environment["SERVICE_LISTEN"]
    async with lenient(pair) as theirs:
        answers = [await curl(theirs, certificates.ca, version) for version in VERSIONS]

    assert answers == ["served"] * 4
    assert [await curl(ours, certificates.ca, version) for version in VERSIONS] == expected


@pytest.mark.parametrize("workers", [1, 3])
async def test_what_is_said_at_the_start(start_crew: Start, certificates: Certificates, workers: int) -> None:
    """A certificate that has expired is said in one sentence before anything listens, and so is a lock.

    The status is 75 where a renewal helps, else 2.
    """
    expired, locked = certificates.pair("old", begins=-3, ends=-1), lock(certificates.pair("locked")[1])
    for pair, status, head, flaw in (
        (expired, 75, "The service cannot start yet:", "the certificate expired at "),
        ((certificates.pair()[0], locked), 2, "The configuration is wrong:", "the key has a passphrase"),
    ):
        crew = start_crew(workers=workers, **told(pair))

        assert crew.process.wait(START_LIMIT) == status
        first, *lines = crew.log.read_text().splitlines()
        assert (first, len(lines)) == (head, 1)
        assert lines[0].startswith(f"  - SERVICE_TLS_CERT, SERVICE_TLS_KEY: {flaw}")
        crew.log.write_text("")
