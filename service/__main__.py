"""`python -m service`: serve where the Hub says (JUPYTERHUB_SERVICE_URL), with TLS where it gives certificates.

With arguments, do what they say instead; see `service.commands`.
"""

import logging.config
import ssl
import sys
from typing import Any
from urllib.parse import urlsplit

import uvicorn

from service import wire, workers
from service.app import create_app
from service.context import check_database, check_tls
from service.errors import ConfigurationError
from service.logs import log_config
from service.settings import Settings, load_settings

# Seconds that an idle connection stays open, as in the Hub's own servers. The Hub's proxy keeps its connections to us,
# and answers 503 when it sends a request into one that we are just closing; uvicorn would close them after 5.
_KEEP_ALIVE = 3600
# Seconds that a worker may give no sign of life, which it gives as soon as Python and the application are loaded: where
# many start on few cores, uvicorn's 5 would kill them before.
_WORKER_SILENCE = 30


def main() -> int:
    """Run until told to stop. Returns an exit status: 2 for a wrong configuration, said in plain words."""
    if len(sys.argv) > 1:
        from service.commands.app import app as commands  # noqa: PLC0415 - serving needs none of it

        logging.config.dictConfig(log_config("WARNING", form="text", stream="stderr"))
        commands(prog_name="python -m service")  # exits
    try:
        settings = load_settings()
        logging.config.dictConfig(log_config(form=settings.log))
        check_tls(settings)
        check_database(settings)
        app, options = create_app(settings), how_to_serve(settings)
    except ConfigurationError as error:
        print(error, file=sys.stderr)  # noqa: T201 - to whoever starts us
        return 2
    if settings.workers > 1:
        # Each builds an application of its own; that one can be built is known by now.
        return workers.serve(uvicorn.Config(workers.APPLICATION, factory=True, **options))
    uvicorn.run(app, **options)
    return 0


def how_to_serve(settings: Settings) -> dict[str, Any]:
    """The arguments of uvicorn, whether one process serves or several."""
    return {
        **listen(settings),
        **wire.OPTIONS,
        "workers": settings.workers,  # or WEB_CONCURRENCY would decide
        "log_config": log_config(form=settings.log),
        "access_log": False,  # `service.web.journal` writes one
        "server_header": False,
        "timeout_keep_alive": _KEEP_ALIVE,
        "timeout_graceful_shutdown": 30,
        "timeout_worker_healthcheck": _WORKER_SILENCE,
    }


def listen(settings: Settings) -> dict[str, Any]:
    """Where to listen; under the Hub's internal_ssl only to callers with a certificate of the Hub's CA."""
    address = urlsplit(settings.service_url)
    options: dict[str, Any] = {"host": address.hostname, "port": address.port or 80}
    if address.scheme == "https":
        if not settings.ssl_certfile or not settings.ssl_keyfile:
            missing = "JUPYTERHUB_SSL_CERTFILE and JUPYTERHUB_SSL_KEYFILE are needed: JUPYTERHUB_SERVICE_URL is https"
            raise ConfigurationError([missing])
        options |= {
            "port": address.port or 443,
            "ssl_certfile": settings.ssl_certfile,
            "ssl_keyfile": settings.ssl_keyfile,
            "ssl_ca_certs": settings.ssl_client_ca or None,
            "ssl_cert_reqs": ssl.CERT_REQUIRED if settings.ssl_client_ca else ssl.CERT_NONE,
        }
    return options


if __name__ == "__main__":
    sys.exit(main())
