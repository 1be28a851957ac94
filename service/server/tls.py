"""TLS for our own sockets: checks the certificate and its key, and reloads them when they are renewed."""

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
Stamp = tuple[int, int, int] | None  # changes whenever the file changes; None if there is no file

_MINIMUM = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
CHECK_INTERVAL = 2  # seconds; changed files are loaded once two checks in a row have seen the same


class OutOfDate(str):
    """A problem that a renewal of the certificate mends, or the right time."""

    __slots__ = ()


class _ProblemError(Exception):
    pass


def problem_with(certfile: str, keyfile: str | None) -> str:
    """Return why a certificate and its key cannot be used now; an empty string if they can.

    Both may be in the same PEM file.
    """
    keyfile = keyfile or certfile
    try:
        certificate = _read("certificate", certfile, load_pem_x509_certificate)
        key = _read("key", keyfile, partial(load_pem_private_key, password=None))
    except _ProblemError as problem:
        return str(problem)
    if key.public_key() != certificate.public_key():
        return "the key does not belong to the certificate"
    now = datetime.now(UTC)
    if now > certificate.not_valid_after_utc:
        return OutOfDate(f"the certificate expired at {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC: renew it")
    if now < certificate.not_valid_before_utc:
        begin = f"{certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
        return OutOfDate(f"the certificate is not valid before {begin}; check the clock of this machine, too")
    try:
        _context(certfile, keyfile)
    except (ssl.SSLError, OSError) as error:
        return f"OpenSSL refuses the certificate or the key: {getattr(error, 'reason', None) or error.strerror}"
    return ""


def _read(what: str, path: str, load: Callable[[bytes], T]) -> T:
    try:
        return load(Path(path).read_bytes())
    except FileNotFoundError:
        raise _ProblemError(f"there is no such file for the {what}") from None
    except OSError as error:
        raise _ProblemError(f"the {what} cannot be read: {error.strerror}") from None
    except TypeError:
        raise _ProblemError(f"the {what} has a passphrase, which the service cannot enter") from None
    except ValueError:
        raise _ProblemError(f"the {what} is not in PEM form") from None


def _context(certfile: str, keyfile: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certfile, keyfile, password="")  # otherwise OpenSSL asks for one on the terminal
    return context


class ServerTLS:
    """The TLS context for uvicorn (`context`). `reload` must be called every `CHECK_INTERVAL` seconds.

    With the file `client_ca`, only clients with a certificate of that CA can connect.
    """

    def __init__(self, certfile: str, keyfile: str, *, client_ca: str = "", minimum: Literal["1.2", "1.3"]) -> None:
        self._files = (certfile, keyfile)
        self._client_ca = client_ca
        self._minimum = minimum
        self._current: ssl.SSLContext | None = None
        self._seen: tuple[Stamp, ...] = ()
        self._checked: tuple[Stamp, ...] = ()

    def context(self, *_: object) -> ssl.SSLContext:
        """Return the context to listen with. Each handshake uses the newest certificate."""
        self._seen = self._checked = self._stamps()
        try:
            listening = self._current = self._load()
        except OSError:  # this worker replaces another one while the files are invalid
            _log.error("This process cannot serve https: %s", problem_with(*self._files))
            sys.exit(1)
        listening.sni_callback = self._choose  # also called if the client sends no server name
        return listening

    def _choose(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        if self._current is not None:
            connection.context = self._current

    async def reload(self) -> None:
        """Load certificate and key if the files have changed. Invalid ones are logged once, and the old ones stay."""
        before, self._seen = self._seen, self._stamps()
        if self._seen == self._checked or self._seen != before:  # unchanged, or not yet written completely
            return
        self._checked = self._seen
        if problem := problem_with(*self._files):
            _log.error("The new certificate is refused, and the old one stays in use: %s", problem)
            return
        try:
            self._current = self._load()
        except OSError:  # it has changed again; the next check sees that
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
        found = Path(path).stat()  # follows links: certbot and Kubernetes renew by changing a link
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
