"""Checks of a certificate and its key, and reloading them."""

import contextlib
import logging
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from service.errors import ConfigurationError, NotYetError
from service.server.checks import check_tls
from service.server.tls import ServerTLS, problem_with
from tests.support.certificates import DAY, HOST, Certificates, leaf_of, lock
from tests.unit.conftest import settings_of


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    """Pairs of files."""
    return Certificates(tmp_path)


def flaw(pair: tuple[Path, Path]) -> str:
    """Return the problem with a pair."""
    return problem_with(str(pair[0]), str(pair[1]))


def test_a_pair_that_is_good(certificates: Certificates, tmp_path: Path) -> None:
    """A valid pair is accepted, in two files or in one, in any order."""
    certificate, key = certificates.pair()
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(key.read_bytes() + certificate.read_bytes())
    other.write_bytes(certificate.read_bytes() + key.read_bytes())

    assert flaw((certificate, key)) == ""
    assert (problem_with(str(one), None), problem_with(str(other), str(other))) == ("", "")


def test_what_can_be_wrong(certificates: Certificates, tmp_path: Path) -> None:
    """Each problem is one sentence. It names the file, and quotes nothing of it."""
    certificate, key = certificates.pair()
    text, gone = tmp_path / "text", tmp_path / "gone"
    text.write_text("canary")
    locked = lock(certificates.pair("locked")[1])

    assert [
        flaw((gone, key)),
        flaw((certificate, gone)),
        flaw((tmp_path, key)),
        flaw((certificate, tmp_path)),
        flaw((text, key)),
        flaw((certificate, text)),
        flaw((key, certificate)),
        flaw((certificate, locked)),
        flaw((certificate, certificates.pair("other")[1])),
    ] == [
        "there is no such file for the certificate",
        "there is no such file for the key",
        "the certificate cannot be read: Is a directory",
        "the key cannot be read: Is a directory",
        "the certificate is not in PEM form",
        "the key is not in PEM form",
        "the certificate is not in PEM form",
        "the key has a passphrase, which the service cannot enter",
        "the key does not belong to the certificate",
    ]


def test_when_it_is_valid(certificates: Certificates) -> None:
    """A certificate that has expired or is not yet valid is refused, with the time."""
    assert flaw(certificates.pair(begins=-3, ends=-1)).startswith("the certificate expired at 20")
    assert flaw(certificates.pair(begins=1)).startswith("the certificate is not valid before 20")


def test_a_key_that_is_too_short(tmp_path: Path) -> None:
    """A short key is refused at the start, with OpenSSL's reason."""
    key = rsa.generate_private_key(65537, 1024)  # noqa: S505 - that is the point
    name, now = x509.Name([]), datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now - DAY, now + DAY)
    (tmp_path / "weak.pem").write_bytes(builder.sign(key, SHA256()).public_bytes(Encoding.PEM))
    (tmp_path / "weak.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    said = flaw((tmp_path / "weak.pem", tmp_path / "weak.key"))

    assert said == "OpenSSL refuses the certificate or the key: EE_KEY_TOO_SMALL"


LISTENING = "http://127.0.0.1:8000", "https://127.0.0.1:8443", "unix:/run/s.sock"
GOOD = {"tls_certfile": "server.pem", "tls_keyfile": "server.key"}
HUBS = {"ssl_certfile": "server.pem", "ssl_keyfile": "server.key", "ssl_client_ca": "ca.pem"}
UNDER_THE_HUB = {"service_url": "https://127.0.0.1:9"}


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        ({}, None),
        ({"listen_given": LISTENING, **GOOD}, None),
        (UNDER_THE_HUB | HUBS, None),
        (UNDER_THE_HUB | GOOD, None),
        ({"listen_given": LISTENING, **HUBS}, None),
        ({"listen_given": LISTENING, **HUBS, **GOOD}, None),
        (HUBS, None),
        ({"listen_given": LISTENING}, "SERVICE_TLS_CERT and SERVICE_TLS_KEY are needed"),
        (UNDER_THE_HUB, "SERVICE_TLS_CERT and SERVICE_TLS_KEY are needed"),
        (UNDER_THE_HUB | {"ssl_certfile": "both.pem"}, "SERVICE_TLS_CERT and SERVICE_TLS_KEY are needed"),
        ({"listen_given": LISTENING, "tls_keyfile": "server.key"}, "belong together"),
        ({"listen_given": LISTENING, "tls_certfile": "server.pem"}, "belong together"),
        (GOOD, "but no address in SERVICE_LISTEN is https"),
        ({"listen_given": LISTENING[2:], **GOOD}, "but no address in SERVICE_LISTEN is https"),
        (UNDER_THE_HUB | HUBS | GOOD, "JUPYTERHUB_SERVICE_URL is served with the Hub's certificate"),
    ],
    ids=lambda value: None if value is None or isinstance(value, str) else "+".join(value) or "nothing",
)
def test_what_goes_together(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch, told: dict[str, object], problem: str | None
) -> None:
    """An https address needs a certificate. At JUPYTERHUB_SERVICE_URL, that is the Hub's with internal_ssl."""
    certificate, key = certificates.pair()
    (certificate.parent / "both.pem").write_bytes(key.read_bytes() + certificate.read_bytes())
    monkeypatch.chdir(certificate.parent)
    if problem is None:
        check_tls(settings_of(**told))
        return
    with pytest.raises(ConfigurationError) as raised:
        check_tls(settings_of(**told))
    assert len(raised.value.problems) == 1
    assert problem in raised.value.problems[0]


@pytest.mark.parametrize(("begins", "ends"), [(-3, -1), (1, 3)], ids=["expired", "not yet valid"])
def test_what_may_pass(certificates: Certificates, begins: int, ends: int) -> None:
    """Time may mend a certificate that is out of date. Where another problem stays, the configuration is wrong."""
    certificate, key = map(str, certificates.pair(begins=begins, ends=ends))
    pair = {"tls_certfile": certificate, "tls_keyfile": key, "listen_given": LISTENING}

    with pytest.raises(NotYetError) as not_yet:
        check_tls(settings_of(**pair))
    with pytest.raises(ConfigurationError) as wrong:
        check_tls(settings_of(**pair, ssl_client_ca="/gone"))

    assert [len(not_yet.value.problems), len(wrong.value.problems)] == [1, 2]
    assert not isinstance(wrong.value, NotYetError)


class Serving:
    """The TLS of a server, with a pair of files."""

    def __init__(self, certificates: Certificates, *, folder: Path | None = None, client_ca: str = "") -> None:
        """Start with a valid pair, or with the pair in a folder."""
        self.certificates = certificates
        self.certificate, self.key = (folder / "tls.pem", folder / "tls.key") if folder else certificates.pair()
        self.tls = ServerTLS(str(self.certificate), str(self.key), client_ca=client_ca, minimum="1.2")
        self._context = self.tls.context()

    def put(self, certificate: Path, key: Path) -> None:
        """Replace the pair by renaming, as certbot and Kubernetes do."""
        certificate.rename(self.certificate)
        key.rename(self.key)

    async def look(self, times: int = 2) -> None:
        """Let it check its files."""
        for _ in range(times):
            await self.tls.reload()

    def shown(self, client: ssl.SSLContext | None = None) -> bytes:
        """Do a handshake in memory. Return the certificate of the server."""
        to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        trusting = client or self.certificates.trusting()
        caller = trusting.wrap_bio(to_client, to_server, server_hostname=HOST)
        server = self._context.wrap_bio(to_server, to_client, server_side=True)
        for side in (caller, server, caller, server):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
        return caller.getpeercert(binary_form=True) or b""


@pytest.fixture
def serving(certificates: Certificates) -> Serving:
    """The TLS of a server."""
    return Serving(certificates)


def der(certificate: Path) -> bytes:
    """Return a certificate as in a handshake."""
    return ssl.PEM_cert_to_DER_cert(leaf_of(certificate))


async def test_a_renewed_pair(serving: Serving, caplog: pytest.LogCaptureFixture) -> None:
    """A new pair is used once two checks have seen it. A check may happen between writing its two files."""
    caplog.set_level(logging.INFO)
    before = serving.shown()
    serving.put(*serving.certificates.pair("new"))
    await serving.look(1)
    assert serving.shown() == before

    await serving.look(1)

    assert before != serving.shown() == der(serving.certificate)
    assert caplog.messages == ["The new certificate is in use"]


async def test_a_renewal_by_links(certificates: Certificates, tmp_path: Path) -> None:
    """If the files are links, as with certbot and Kubernetes, their targets count."""
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    for folder in ("first", "second"):
        for file in certificates.pair(folder):
            file.rename(tmp_path / folder / f"tls{file.suffix}")
    (tmp_path / "live").symlink_to("first")
    server = Serving(certificates, folder=tmp_path / "live")
    (tmp_path / "turned").symlink_to("second")
    (tmp_path / "turned").rename(tmp_path / "live")

    await server.look()

    assert server.shown() == der(tmp_path / "second/tls.pem")


async def test_a_pair_that_is_no_good(serving: Serving, caplog: pytest.LogCaptureFixture) -> None:
    """An invalid pair is refused and logged once. The next valid pair is used."""
    before = serving.shown()
    serving.put(serving.certificates.pair("new")[0], serving.certificates.pair("other")[1])
    await serving.look(5)
    assert serving.shown() == before
    serving.certificate.unlink()
    await serving.look(5)
    assert serving.shown() == before
    serving.put(*serving.certificates.pair("old", begins=-3, ends=-1))
    await serving.look(5)
    assert serving.shown() == before
    refused = "The new certificate is refused, and the old one stays in use: "
    lines = [message.removeprefix(refused) for message in caplog.messages]
    assert lines[:2] == [
        "the key does not belong to the certificate",
        "there is no such file for the certificate",
    ]
    assert [line.startswith("the certificate expired at") for line in lines[2:]] == [True]

    serving.put(*serving.certificates.pair("good"))
    await serving.look()

    assert before != serving.shown() == der(serving.certificate)


async def test_nothing_new(serving: Serving, caplog: pytest.LogCaptureFixture) -> None:
    """If nothing has changed, nothing is read or logged."""
    caplog.set_level(logging.INFO)
    await serving.look(3)

    assert caplog.messages == []


async def test_callers_are_judged_after_a_renewal_too(certificates: Certificates) -> None:
    """After a renewal, clients still need a certificate of the Hub's CA."""
    serving = Serving(certificates, client_ca=str(certificates.ca))
    serving.put(*certificates.pair("new"))
    await serving.look()
    known, other = certificates.trusting(), certificates.trusting()
    known.load_cert_chain(*certificates.pair("caller"))
    trustme.CA().issue_cert("caller").configure_cert(other)

    assert serving.shown(known) == der(serving.certificate)
    for stranger in (certificates.trusting(), other):
        with pytest.raises(ssl.SSLError, match="CERTIFICATE"):
            serving.shown(stranger)
