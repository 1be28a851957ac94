"""A TLS proxy in front of the Hub's proxy, as an operator has one: another port, another name, a certificate.

It is a second instance of the Hub's own (configurable-http-proxy): it keeps Host and says X-Forwarded-Proto: https.
The name exists in these tests alone, as do `OTHER_HOSTS`, of other sites: `transport` and `chromium_flags` know where
they are and whom to trust.
"""

import base64
import contextlib
import functools
import hashlib
import secrets
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import trustme
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_pem_x509_certificate

from tests.support.node import configurable_http_proxy
from tests.support.polling import BUSY
from tests.support.ports import free_ports
from tests.support.process import KeptProcess, clean_environment, wait_until_it_listens

HOST = "hub.example.org"  # reserved for documentation (RFC 2606)
OTHER_HOSTS = ("app.example.net", "elsewhere.example.com")  # likewise
# Of a Hub with subdomains, by plain http: browsers trust it all the same, and say who asks (`Sec-Fetch-Site`).
DOMAIN = "hub.localhost"
SIBLING_HOST = "evil.example.net"  # of the site of the first of them
_HOSTS = (HOST, *OTHER_HOSTS, SIBLING_HOST)


@functools.cache
def authority() -> trustme.CA:
    """Return the certificate authority of this run."""
    return trustme.CA()


@functools.cache
def certificate() -> trustme.LeafCert:
    """Return the certificate of all these hosts, also for whoever listens on this machine without a name."""
    return authority().issue_cert(*_HOSTS, "127.0.0.1")


def write_certificate(folder: Path) -> tuple[Path, Path]:
    """Write the certificate into a folder. Returns the file of its key, and that of its chain."""
    key, chain = folder / "key.pem", folder / "chain.pem"
    certificate().private_key_pem.write_to_path(key)
    chain.write_bytes(b"".join(pem.bytes() for pem in certificate().cert_chain_pems))
    return key, chain


def chromium_flags() -> list[str]:
    """Return the flags by which Chromium finds these hosts and no other name, and trusts their certificate."""
    leaf = load_pem_x509_certificate(certificate().cert_chain_pems[0].bytes())
    key = leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pin = base64.b64encode(hashlib.sha256(key).digest()).decode()
    known = ", ".join(f"MAP {host} 127.0.0.1" for host in (*_HOSTS, DOMAIN, f"*.{DOMAIN}"))
    return [
        f"--host-resolver-rules={known}, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        f"--ignore-certificate-errors-spki-list={pin}",
    ]


class TlsFront:
    """The proxy: its origin is known before it runs, so that a Hub can be told.

    front = TlsFront()
    hub = make_hub(register={"public_host": front.origin})
    with front.before(hub.url): ...
    """

    def __init__(self) -> None:
        """Choose the ports; nothing runs yet."""
        self._port, self._api_port = free_ports(2)
        self.origin = f"https://{HOST}:{self._port}"

    @contextlib.contextmanager
    def before(self, url: str) -> Iterator[None]:
        """Pass everything on to the server at `url`, whose path is part of each request anyway."""
        with tempfile.TemporaryDirectory(prefix="tls-") as name:
            directory = Path(name)
            target = httpx.URL(url).copy_with(raw_path=b"/")
            process = KeptProcess(
                [*configurable_http_proxy(), *self._options(directory), "--default-target", str(target).rstrip("/")],
                env=clean_environment(CONFIGPROXY_AUTH_TOKEN=secrets.token_hex(16)),
                cwd=directory,
                log=directory / "log",
            )
            try:
                wait_until_it_listens(process, directory / "log", self._port, timeout=BUSY)
                yield
            finally:
                process.close()

    def _options(self, directory: Path) -> list[str]:
        key, chain = write_certificate(directory)
        options = {
            "ip": "127.0.0.1",
            "port": self._port,
            "api-ip": "127.0.0.1",
            "api-port": self._api_port,
            "ssl-key": key,
            "ssl-cert": chain,
        }
        return [word for option, value in options.items() for word in (f"--{option}", str(value))]

    def transport(self) -> httpx.AsyncBaseTransport:
        """Return what an httpx client needs to reach the origin: the address, and trust in its certificate."""
        return transport()


def transport(**options: Any) -> httpx.AsyncBaseTransport:  # noqa: ANN401 (httpx checks them)
    """Return what an httpx client needs to reach these hosts at any port."""
    return _Resolving(verify=trusting(), trust_env=False, **options)


def trusting() -> ssl.SSLContext:
    """Return what a client needs to trust the certificate."""
    context = ssl.create_default_context()
    authority().configure_trust(context)
    return context


class _Resolving(httpx.AsyncHTTPTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host not in _HOSTS:
            raise httpx.ConnectError(f"{request.url.host} is nowhere", request=request)
        # The Host header is made already, and names the server; so must SNI.
        address = request.url.copy_with(host="127.0.0.1")
        extensions = {**request.extensions, "sni_hostname": request.url.host}
        sent = httpx.Request(
            request.method, address, headers=request.headers, stream=request.stream, extensions=extensions
        )
        return await super().handle_async_request(sent)
