"""What is checked before the service begins to listen."""

import ssl

from service.errors import ConfigurationError
from service.server import tls
from service.settings import Settings


def check_tls(settings: Settings) -> None:
    """Raises ConfigurationError where https cannot be served, or a file of TLS is not there or does not load."""
    own = settings.tls_certfile, settings.tls_keyfile
    hubs = settings.ssl_certfile, settings.ssl_keyfile
    problems = []
    if settings.ssl_client_ca and (flaw := _flaw_of_authority(settings.ssl_client_ca)):
        problems.append(f"JUPYTERHUB_SSL_CLIENT_CA: {flaw}")
    if settings.ssl_certfile and (flaw := tls.flaw_of(settings.ssl_certfile, settings.ssl_keyfile or None)):
        problems.append(f"JUPYTERHUB_SSL_CERTFILE, JUPYTERHUB_SSL_KEYFILE: {flaw}")
    if all(own) and (flaw := tls.flaw_of(*own)):
        problems.append(f"SERVICE_TLS_CERT, SERVICE_TLS_KEY: {flaw}")
    if any(own) and not all(own):
        problems.append("SERVICE_TLS_CERT and SERVICE_TLS_KEY belong together: set both")
    elif any(own) and not settings.is_https:
        problems.append("SERVICE_TLS_CERT: no address in SERVICE_LISTEN is https")
    elif all(own) and all(hubs) and settings.service_url in settings.listen:
        problems.append("SERVICE_TLS_CERT: JUPYTERHUB_SERVICE_URL is served with the Hub's certificate (internal_ssl)")
    elif settings.is_https and not all(own) and not all(hubs):
        problems.append("SERVICE_TLS_CERT and SERVICE_TLS_KEY are needed: an address to listen at is https")
    if problems:
        raise ConfigurationError(problems)


def _flaw_of_authority(path: str) -> str:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except FileNotFoundError:
        return "there is no such file"
    except ssl.SSLError:
        return "not in PEM form"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return ""
