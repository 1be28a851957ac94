"""Checks before the service starts to listen."""

import ssl

from service.errors import ConfigurationError, NotYetError
from service.server import tls
from service.settings import Settings


def check_tls(settings: Settings) -> None:
    """Check whether https can be served.

    Raises:
        NotYetError: a certificate has expired, or is not valid yet.
        ConfigurationError: https cannot be served, or a certificate, key or CA cannot be loaded.
    """
    own = settings.tls_certfile, settings.tls_keyfile
    hubs = settings.ssl_certfile, settings.ssl_keyfile
    problems, passing = list[str](), list[str]()
    if settings.ssl_client_ca and (problem := _problem_with_ca(settings.ssl_client_ca)):
        problems.append(f"JUPYTERHUB_SSL_CLIENT_CA: {problem}")
    pairs = {
        "JUPYTERHUB_SSL_CERTFILE, JUPYTERHUB_SSL_KEYFILE": hubs if settings.ssl_certfile else None,
        "SERVICE_TLS_CERT, SERVICE_TLS_KEY": own if all(own) else None,
    }
    for names, pair in pairs.items():
        if pair and (problem := tls.problem_with(pair[0], pair[1] or None)):
            (passing if isinstance(problem, tls.OutOfDate) else problems).append(f"{names}: {problem}")
    if any(own) and not all(own):
        problems.append("SERVICE_TLS_CERT and SERVICE_TLS_KEY belong together: set both")
    elif any(own) and not settings.is_https:
        problems.append("SERVICE_TLS_CERT is set, but no address in SERVICE_LISTEN is https")
    elif all(own) and all(hubs) and settings.service_url in settings.listen:
        problems.append("SERVICE_TLS_CERT: JUPYTERHUB_SERVICE_URL is served with the Hub's certificate (internal_ssl)")
    elif settings.is_https and not all(own) and not all(hubs):
        problems.append("SERVICE_TLS_CERT and SERVICE_TLS_KEY are needed, because an address to listen at is https")
    if problems:
        raise ConfigurationError([*passing, *problems])
    if passing:
        raise NotYetError(passing)


def _problem_with_ca(path: str) -> str:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except FileNotFoundError:
        return "there is no such file"
    except ssl.SSLError:
        return "not in PEM form"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return ""
