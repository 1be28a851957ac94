"""A certificate and its key: what is wrong with them, and TLS that takes up renewed ones while it serves."""

import logging
import ssl
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate

_log = logging.getLogger("service")

T = TypeVar("T")
Stamp = tuple[int, int, int] | None  # what changes with a file; None where it is not there

_MINIMUM = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
LOOK_EVERY = 2  # seconds; a pair is taken up when two looks in a row have seen the same


class _FlawError(Exception):
    pass


def flaw_of(certfile: str, keyfile: str | None) -> str:
    """Why a certificate and its key cannot be used now, in words; empty where they can. Both may be in one PEM file."""
    keyfile = keyfile or certfile
    try:
        certificate = _read("certificate", certfile, load_pem_x509_certificate)
        key = _read("key", keyfile, partial(load_pem_private_key, password=None))
    except _FlawError as flaw:
        return str(flaw)
    if key.public_key() != certificate.public_key():
        return "the key does not belong to the certificate"
    now = datetime.now(UTC)
    if now > certificate.not_valid_after_utc:
        return f"the certificate expired at {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC: renew it"
    if now < certificate.not_valid_before_utc:
        begin = f"{certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
        return f"the certificate is not valid before {begin}; look at this machine's clock, too"
    try:
        _context(certfile, keyfile)
    except (ssl.SSLError, OSError) as error:
        return f"OpenSSL refuses the certificate or the key: {getattr(error, 'reason', None) or error.strerror}"
    return ""


def _read(what: str, path: str, load: Callable[[bytes], T]) -> T:
    try:
        return load(Path(path).read_bytes())
    except FileNotFoundError:
        raise _FlawError(f"there is no such file for the {what}") from None
    except OSError as error:
        raise _FlawError(f"the {what} cannot be read: {error.strerror}") from None
    except TypeError:
        raise _FlawError(f"the {what} is locked with a passphrase, and nobody is there to type it") from None
    except ValueError:
        raise _FlawError(f"the {what} is not in PEM form") from None


def _context(certfile: str, keyfile: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certfile, keyfile, password="")  # or OpenSSL asks the terminal for one
    return context


class ServerTLS:
    """What uvicorn needs to serve https: `context`, and `renew`, to be called every `LOOK_EVERY` seconds.

    With `client_ca`, a file, only callers with a certificate of that authority are heard.
    """

    def __init__(self, certfile: str, keyfile: str, *, client_ca: str = "", minimum: Literal["1.2", "1.3"]) -> None:
        self._files = (certfile, keyfile)
        self._client_ca = client_ca
        self._minimum = minimum
        self._current: ssl.SSLContext | None = None
        self._seen: tuple[Stamp, ...] = ()
        self._judged: tuple[Stamp, ...] = ()

    def context(self, *_: object) -> ssl.SSLContext:
        """Return the context to listen with; each handshake is made with the certificate that is the newest then."""
        self._seen = self._judged = self._stamps()
        try:
            listening = self._current = self._load()
        except OSError:  # a worker that takes the place of another, while the files are no good
            _log.error("This process cannot serve https: %s", flaw_of(*self._files))
            sys.exit(1)
        listening.sni_callback = self._choose  # also called where the client names no server
        return listening

    def _choose(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        if self._current is not None:
            connection.context = self._current

    async def renew(self) -> None:
        """Take up the pair of files where it has changed; one that cannot be used is refused, and said once."""
        before, self._seen = self._seen, self._stamps()
        if self._seen == self._judged or self._seen != before:  # nothing new, or just being written
            return
        self._judged = self._seen
        if flaw := flaw_of(*self._files):
            _log.error("The new certificate is refused, the one before stays: %s", flaw)
            return
        try:
            self._current = self._load()
        except OSError:  # changed again since; the next look sees it
            return
        _log.info("The new certificate is in use")

    def _load(self) -> ssl.SSLContext:
        context = _context(*self._files)
        context.minimum_version = _MINIMUM[self._minimum]
        if self._client_ca:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self._client_ca)
        return context

    def _stamps(self) -> tuple[Stamp, ...]:
        return tuple(_stamp(path) for path in self._files)


def _stamp(path: str) -> Stamp:
    try:
        found = Path(path).stat()  # follows links: certbot and Kubernetes renew by turning one
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
