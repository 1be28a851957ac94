"""Run the Hub of jupyterhub_config.py: check its ports first, and print where to go when it is ready.

`script/run` and the container run this. Arguments go to JupyterHub.
"""

import errno
import fcntl
import os
import shlex
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jupyterhub.app import JupyterHub
from traitlets.config.loader import Config, LazyConfigValue, PyFileConfigLoader

from service.errors import ConfigurationError
from service.registration import RegistrationError
from service.settings.env_file import read_env_file

CONFIG = Path(__file__).resolve().parents[1] / "jupyterhub_config.py"

ONLY_TOLD = {"--help", "--help-all", "-h", "--version", "-V"}  # with these, nothing starts

BANNER = """
The Hub is ready.

  Open     {front}/services/{name}/ (notebooks: {front}/)
  {how}

Ctrl-C ends it.
"""


class Hub(JupyterHub):  # type: ignore[misc]  # jupyterhub ships no types
    """A JupyterHub that prints where to go when everything is started.

    It must not be called JupyterHub: traitlets would read that section of the configuration twice.
    """

    password_is_new = False

    async def start(self) -> None:
        """Start everything, then print the banner."""
        await super().start()
        if not self.subapp and not self.generate_config:
            print(banner(self.config, is_new=self.password_is_new), flush=True)


def main() -> None:
    """Check the configuration, the state folder and the ports, then run the Hub."""
    if not ONLY_TOLD.isdisjoint(sys.argv):
        Hub.launch_instance(sys.argv[1:])
        return
    file = password_file()
    Hub.password_is_new = bool(file) and not Path(file).exists()  # jupyterhub_config.py makes it
    try:
        config = PyFileConfigLoader(CONFIG.name, path=str(CONFIG.parent)).load_config()
    except (OSError, RegistrationError) as error:
        sys.exit(f"jupyterhub_config.py: {error}")
    hold_state(Path(config.JupyterHub.cookie_secret_file).parent)
    for purpose, url in listeners(config).items():
        refuse_unless_free(purpose, url)
    # No proxy of ours is alive, as its port is free. One that was killed left its process number in this file. Another
    # process may have that number by now, in a new container the Hub itself, and the Hub would end it.
    Path(config.ConfigurableHTTPProxy.pid_file).unlink(missing_ok=True)
    Hub.launch_instance([f"--config={CONFIG}", *sys.argv[1:]])


def password_file() -> str:
    """Return HUB_PASSWORD_FILE, from `.env` too."""
    with suppress(ConfigurationError):  # jupyterhub_config.py says what is wrong
        return {**read_env_file(), **os.environ}.get("HUB_PASSWORD_FILE", "")
    return ""


def hold_state(folder: Path) -> None:
    """Let only one Hub use the folder: a second one would end the proxy of the first."""
    lock = os.open(folder / "lock", os.O_CREAT | os.O_WRONLY, 0o600)  # never closed: held until this process ends
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"A Hub is running on {folder} already: end it, or give this one another folder with HUB_STATE.")


def listeners(config: Config) -> dict[str, str]:
    """Return the URLs at which something is going to listen, by purpose."""
    return {
        "the Hub's public port": config.JupyterHub.bind_url,
        "the Hub's own API": config.JupyterHub.hub_bind_url,
        "the proxy's API": config.ConfigurableHTTPProxy.api_url,
        "the service": registered(config)["url"],
    }


def registered(config: Config) -> dict[str, Any]:
    """Return the entry that register() made, by the field that only it writes: operators may add others after it."""
    services = config.JupyterHub.services
    entries = services.get_value([]) if isinstance(services, LazyConfigValue) else services
    return dict(next(entry for entry in entries if "oauth_redirect_uri" in entry.get("info", {})))


def refuse_unless_free(purpose: str, url: str) -> None:
    """Exit with one sentence if nothing can listen at this URL."""
    host, port = urlsplit(url).hostname or "", urlsplit(url).port
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        # As servers do: connections that have ended, and that the kernel still keeps, do not matter.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                sys.exit(f"Port {port} ({purpose}) is in use: end what listens there, or choose others with HUB_PORT.")
            sys.exit(f"Cannot listen at {host}:{port} ({purpose}; {error.strerror}): change HUB_PORT or HUB_IP.")


def banner(config: Config, *, is_new: bool) -> str:
    """Say where to go, who may sign in, and how at a shell. `is_new`: the password was made at this start."""
    public = urlsplit(config.JupyterHub.bind_url)
    is_everywhere = public.hostname in {"0.0.0.0", "::"}  # noqa: S104 (compared)
    local = f"{public.scheme}://127.0.0.1:{public.port}" if is_everywhere else f"{public.scheme}://{public.netloc}"
    name = registered(config)["name"]
    front = (os.environ.get("PUBLIC_HOST") or local).rstrip("/")
    if os.environ.get("HUB_AUTHENTICATOR") == "entra":
        return BANNER.format(front=front, name=name, how="Sign in  with Entra ID")
    admins = config.Authenticator.admin_users
    users = sorted(config.Authenticator.allowed_users - admins)
    password, typed = password_words(is_new=is_new)
    sign_in = f"Sign in  as {', '.join(users)} or {', '.join(sorted(admins))} (Hub admin); password: {password}"
    trusting = trust_of_curl(config)
    curl = (
        f"Or       curl {trusting}-d grant_type=password -d username={users[-1]} {typed} {local}/services/{name}/token"
    )
    return BANNER.format(front=front, name=name, how=f"{sign_in}\n  {curl}")


def trust_of_curl(config: Config) -> str:
    """Return curl's argument for the authority that `python -P -m service certificates` puts beside a certificate."""
    certificate = config.JupyterHub.get("ssl_cert")
    authority = Path(certificate or "").absolute().with_name("ca.pem")
    return f"--cacert {shlex.quote(str(authority))} " if certificate and authority.exists() else ""


def password_words(*, is_new: bool) -> tuple[str, str]:
    """Return what the banner says about the password, and curl's argument with it.

    A password that somebody chose is never printed. One that was made at this start is printed once.
    """
    file, authenticator = os.environ.get("HUB_PASSWORD_FILE"), os.environ.get("HUB_AUTHENTICATOR")
    named, typed = "the one in HUB_PASSWORD", '--data-urlencode "password=$HUB_PASSWORD"'
    if authenticator == "pam":
        return "the one that this machine knows", typed
    if not os.environ.get("HUB_PASSWORD"):
        if file:
            named = Path(file).read_text().strip() if is_new else f"the one in {file}"
            typed = f'--data-urlencode "password=$(cat {shlex.quote(file)})"'
        elif authenticator == "native":  # those who have one got it from `python -P -m service password`
            return "their own", "-d password=…"
        else:
            named, typed = "passwd", "-d password=passwd"
    return f"their own, at first {named}" if authenticator == "native" else named, typed


if __name__ == "__main__":
    main()
