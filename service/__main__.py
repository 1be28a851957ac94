"""`python -P -m service`: serve where SERVICE_LISTEN says, or the Hub (JUPYTERHUB_SERVICE_URL).

With arguments, do what they say instead; see `service.commands`.
"""

import os
import sys

if __name__ == "__main__" and not sys.flags.safe_path:  # `python -P -m service` without -P
    # The working folder is first on the path: any file there that is named like a module would be run.
    folder = sys.path.pop(0)
    os.putenv("PYTHONSAFEPATH", "1")  # for the processes that this one starts
    if __file__ == os.path.join(folder, "service", "__main__.py"):  # noqa: PTH118 - pathlib may not be loaded yet
        sys.path.append(folder)  # a checkout that is not installed: these processes find our package there

import logging.config
import signal
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from typing import Any

import uvicorn

from service.app import create_app
from service.application import configure
from service.errors import ConfigurationError
from service.logs import log_config
from service.server import protocol, workers
from service.server.checks import check_tls
from service.server.proxies import BehindProxies
from service.server.sockets import Config, Place, listening
from service.server.tls import LOOK_EVERY, ServerTLS
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
        commands(prog_name="python -P -m service")  # exits
    with ExitStack() as stack:
        try:
            settings = load_settings()
            logging.config.dictConfig(log_config(form=settings.log))
            check_tls(settings)
            for each in configure(settings):
                each.application.prepare(settings, each.settings)
            app = BehindProxies(create_app(settings), settings.forwarded_allow_ips)
            options = how_to_serve(settings)
            places = stack.enter_context(listening(settings.listen))
        except ConfigurationError as error:
            print(error, file=sys.stderr)  # noqa: T201 - to whoever starts us
            return 2
        if settings.workers > 1:
            # Each builds an application of its own; that one can be built is known by now.
            return workers.serve(settings, places, **options)
        return serve(Config(app, places, **options), places)


def serve(config: Config, places: Sequence[Place]) -> int:
    """Serve in this process until told to stop. Returns an exit status."""
    # uvicorn ends as the signal would have ended it, and what is left to do after it would not be done.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run([bound for _, bound in places])
    return 0


def how_to_serve(settings: Settings) -> dict[str, Any]:
    """The arguments of uvicorn, whether one process serves or several."""
    return {
        **tls(settings),
        **protocol.options(),
        "workers": settings.workers,  # or WEB_CONCURRENCY would decide
        "log_config": log_config(form=settings.log),
        "access_log": False,  # `service.web.middleware.access_log` writes one
        "server_header": False,
        "timeout_keep_alive": _KEEP_ALIVE,
        "timeout_graceful_shutdown": 30,
        "timeout_worker_healthcheck": _WORKER_SILENCE,
    }


def tls(settings: Settings) -> dict[str, Any]:
    """The arguments for TLS where an address is https; see `check_tls` for whose certificate it is."""
    if not settings.is_https:
        return {}
    if settings.tls_certfile:
        server = ServerTLS(settings.tls_certfile, settings.tls_keyfile, minimum=settings.tls_minimum)
    else:
        server = ServerTLS(
            settings.ssl_certfile,
            settings.ssl_keyfile,
            client_ca=settings.ssl_client_ca,
            minimum=settings.tls_minimum,
        )
    return {"ssl_context_factory": server.context, "callback_notify": server.renew, "timeout_notify": LOOK_EVERY}


if __name__ == "__main__":
    sys.exit(main())
