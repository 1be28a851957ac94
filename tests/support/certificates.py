"""Certificates good and bad, as PEM files, of an authority of the test's own."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

HOST = "127.0.0.1"
DAY = timedelta(days=1)


class Certificates:
    """Pairs of files in a folder; each is `(certificate, key)`."""

    def __init__(self, directory: Path) -> None:
        """Make the authority."""
        self._directory = directory
        self.authority = trustme.CA()
        self.ca = directory / "ca.pem"
        self.authority.cert_pem.write_to_path(self.ca)
        self._issuer = self.authority.create_child_ca()  # as public ones have; its certificate is in the chain

    def pair(self, name: str = "server", *, begins: int = -1, ends: int = 30) -> tuple[Path, Path]:
        """Write a pair that is valid from and to so many days from now."""
        now = datetime.now(UTC)
        leaf = self._issuer.issue_cert(HOST, not_before=now + begins * DAY, not_after=now + ends * DAY)
        certificate, key = self._directory / f"{name}.pem", self._directory / f"{name}.key"
        certificate.write_bytes(b"".join(pem.bytes() for pem in leaf.cert_chain_pems))
        leaf.private_key_pem.write_to_path(key)
        return certificate, key

    def trusting(self) -> ssl.SSLContext:
        """Return what a client needs that trusts the authority."""
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        return context


def leaf_of(certificate: Path) -> str:
    """Return the certificate without its chain, as `ssl.DER_cert_to_PEM_cert` writes one."""
    return certificate.read_text().partition("-----END")[0] + "-----END CERTIFICATE-----\n"


def lock(key: Path) -> Path:
    """Lock a key with a passphrase."""
    loaded = load_pem_private_key(key.read_bytes(), None)
    encryption = BestAvailableEncryption(b"passphrase")
    key.write_bytes(loaded.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    return key
