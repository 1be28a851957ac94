"""`python -P -m service`: serves at the addresses in SERVICE_LISTEN, or at the Hub's JUPYTERHUB_SERVICE_URL.

With arguments it runs a command instead; see `service.commands`.
"""

import os
import sys
from importlib.util import find_spec

if __name__ == "__main__" and not sys.flags.safe_path:  # `python -P -m service` without -P
    # The working directory is first in sys.path: a file there with the name of a module would be imported instead.
    folder = sys.path.pop(0)
    os.putenv("PYTHONSAFEPATH", "1")  # for the processes that this one starts
    if __file__ == os.path.join(folder, "service", "__main__.py"):  # noqa: PTH118 - pathlib may not be loaded yet
        sys.path.append(folder)  # we run from a checkout that is not installed, and are found there only

if __name__ == "__main__":
    from service import distribution

    if found := distribution.problem():
        sys.exit(found)  # before what we import fails, which would not say why

    if len(sys.argv) > 1:
        from service.client.commands import COMMANDS, run

        if sys.argv[1] in COMMANDS:  # they need no extra
            sys.exit(run(sys.argv[1:]))

    from service.errors import HOW_TO_INSTALL
    from service.server import placeholder

    _extra = ("dotenv", "jinja2", "prometheus_client", "python_multipart", "trustme", "typer", "uvicorn")
    if _missing := ", ".join(name for name in _extra if find_spec(name) is None):
        print(f"The service needs {_missing}: {HOW_TO_INSTALL.format('serve')}", file=sys.stderr)  # noqa: T201
        placeholder.run(os.environ)
        sys.exit(2)

import logging.config
import signal
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from typing import Any

import uvicorn

from service.app import create_app
from service.application import configure
from service.errors import ConfigurationError, NotYetError
from service.logs import log_config
from service.registration.applications import import_path_of
from service.server import placeholder, protocol, starting, workers
from service.server.checks import check_tls
from service.server.proxies import BehindProxies
from service.server.sockets import Config, Listener, listening
from service.server.tls import CHECK_INTERVAL, ServerTLS
from service.settings import Settings, load_settings

# Exit statuses. EX_TEMPFAIL is the one of sysexits.h for trying again later.
_WRONG_CONFIGURATION, _NOT_YET = 2, os.EX_TEMPFAIL
_RETRY = 60  # seconds after which a managed service that could not start ends, so that the Hub starts it anew
# Seconds that an idle connection stays open; the same as in the Hub's own servers. The Hub's proxy reuses connections,
# and answers 503 if we close one just as it sends a request. uvicorn would close them after 5 seconds.
_KEEP_ALIVE = 3600
# Seconds after which a worker that does not respond is killed. It responds once Python and the application are loaded.
# If many workers start on few cores, that takes longer than uvicorn's 5 seconds.
_WORKER_TIMEOUT = 30
_TRACEBACKS = (
    "SERVICE_TRACEBACKS is on: the log shows exceptions whole, which may quote what callers send, such as tokens and"
    " patients' texts. Use it for development only."
)


def main() -> int:
    """Run until stopped. Returns an exit status, after printing what is wrong.

    2 stands for a wrong configuration, 75 for one that may work later.
    """
    if len(sys.argv) > 1:
        from service.commands.app import app as commands  # noqa: PLC0415 - not needed for serving

        logging.config.dictConfig(log_config("WARNING", form="text", stream="stderr"))
        commands(prog_name="python -P -m service")  # exits
    with ExitStack() as stack:
        try:
            settings = load_settings()
            logging.config.dictConfig(log_options(settings))
            if settings.tracebacks:
                logging.getLogger("service").warning(_TRACEBACKS)
            check_tls(settings)
            configured = configure(settings)
            app = BehindProxies(create_app(settings, configured=configured), settings.forwarded_allow_ips)
            options = uvicorn_options(settings)
            listeners = stack.enter_context(listening(settings.listen))
            # The first process of a container would ignore SIGTERM while it waits. Any other would end by it before it
            # has cleaned up, as uvicorn raises the signal again when it has stopped.
            signal.signal(signal.SIGTERM, signal.default_int_handler)
            # One of its own: an open context cannot be handed to workers, as `options` are.
            tls = tls_options(settings)["ssl_context_factory"]() if settings.is_https else None
            with starting.answering(listeners, prefix=settings.prefix, tls=tls):
                for each in configured:
                    each.application.prepare(settings, each.settings)
        except ConfigurationError as error:
            print(error, file=sys.stderr)  # noqa: T201 - the message for whoever starts the service
            return _NOT_YET if isinstance(error, NotYetError) else _WRONG_CONFIGURATION
        except KeyboardInterrupt:
            return 0
        for address in settings.listen:
            logging.getLogger("uvicorn.error").info("Uvicorn running on %s", address)  # as uvicorn itself would log it
        if settings.workers > 1:
            # Each worker builds its own application. Building one here has shown that it works.
            return workers.serve(settings, listeners, **options)
        return serve(Config(app, listeners, **options), listeners)


def serve(config: Config, listeners: Sequence[Listener]) -> int:
    """Serve in this process until stopped. Returns an exit status."""
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run([bound for _, bound in listeners])
    return 0


def uvicorn_options(settings: Settings) -> dict[str, Any]:
    """Return the options of uvicorn for one process or several."""
    return {
        **tls_options(settings),
        **protocol.options(),
        "workers": settings.workers,  # without it, WEB_CONCURRENCY would decide
        "log_config": log_options(settings),
        "access_log": False,  # `service.web.middleware.access_log` writes ours
        "server_header": False,
        "timeout_keep_alive": _KEEP_ALIVE,
        "timeout_graceful_shutdown": 30,
        "timeout_worker_healthcheck": _WORKER_TIMEOUT,
    }


def log_options(settings: Settings) -> dict[str, Any]:
    """Return the configuration of logging that the settings ask for."""
    paths = [*settings.routers, *(import_path_of(name) or "" for name in settings.apps)]
    own = {path.partition(":")[0].partition(".")[0] for path in paths if ":" in path}
    return log_config(settings.log_level, form=settings.log, own=own, tracebacks=settings.tracebacks)


def tls_options(settings: Settings) -> dict[str, Any]:
    """Return the options of uvicorn for TLS, which are empty if no address is https. See `check_tls`."""
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
    return {"ssl_context_factory": server.context, "callback_notify": server.reload, "timeout_notify": CHECK_INTERVAL}


def main_or_placeholder() -> int:
    """As `main`, but a service of the Hub's that cannot start answers 503: until stopped if its configuration is wrong.

    Otherwise for a minute, as the next start may succeed.
    """
    try:
        status = main()
    except SystemExit as ended:  # uvicorn's, if what runs before the first request fails
        status = ended.code if isinstance(ended.code, int) else 1
    except Exception:  # code of others, such as a router
        logging.getLogger("service").exception("The service cannot start.")
        status = 1
    if status:
        placeholder.run(os.environ, seconds=None if status == _WRONG_CONFIGURATION else _RETRY)
    return status


if __name__ == "__main__":
    sys.exit(main() if len(sys.argv) > 1 else main_or_placeholder())
