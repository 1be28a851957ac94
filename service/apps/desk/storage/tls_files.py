"""Which file for TLS to PostgreSQL cannot be read. The driver's error does not say, and may look like a dead server."""

import os
import ssl
from pathlib import Path
from urllib.parse import parse_qsl

_OPTIONS = ("sslrootcert", "sslcrl", "sslcert", "sslkey")
_VERIFYING = ("verify-ca", "verify-full")
_USUAL = "~/.postgresql/root.crt"  # of libpq's, which the driver reads if no other is named


def unreadable_file(url: str) -> str:
    """Return which file it is that the address names, and what to do; an empty string for none."""
    given = dict.fromkeys(("sslmode", *_OPTIONS), "") | dict(parse_qsl(url.partition("?")[2]))
    mode = given["sslmode"].replace("_", "-")
    if mode not in ("require", *_VERIFYING):
        return ""
    if given["sslrootcert"] == "system" and not _is_readable("system"):
        return "sslrootcert=system does not work with our driver: name a file, as in sslrootcert=/path/ca.pem"
    usual = os.path.expanduser(_USUAL)  # noqa: PTH111 - a user may have no home, and pathlib raises then
    if mode in _VERIFYING and not given["sslrootcert"] and not _is_readable(usual):
        return f"sslmode={mode} needs a CA's certificate, and {_USUAL} cannot be read: add sslrootcert=/path/ca.pem"
    named = next((name for name in _OPTIONS if given[name] and not _is_readable(given[name])), "")
    if named:
        return f"{named} names {given[named]}, which is no file that can be read: correct the path"
    trusted = given["sslrootcert"] or (usual if mode in _VERIFYING else "")
    if trusted and not _has_certificate(trusted):
        return f"sslrootcert names {trusted}, which has no certificate of a CA in PEM: correct the path"
    return ""


def _is_readable(path: str) -> bool:
    # In this order: pathlib raises if a folder on the way is closed to us.
    return "\0" not in path and os.access(path, os.R_OK) and Path(path).is_file()


def _has_certificate(path: str) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except (ssl.SSLError, OSError):
        return False
    return True
