"""A JupyterHub to try the service with: four users, one password, notebooks, all on this machine.

`script/run` starts it; `jupyterhub -f jupyterhub_config.py` does too, from any folder, where requirements.txt is
installed. For a Hub of your own the last statement is what you need.

Environment: HUB_PORT (8000), HUB_IP (127.0.0.1), HUB_PASSWORD (passwd), HUB_STATE (the folder .hub beside this file),
PUBLIC_HOST (the origin that browsers see, like https://hub.example.org, where a proxy with TLS stands in front).
"""

import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

from jupyterhub.auth import Authenticator

from service.registration import register

c = get_config()  # noqa: F821 (JupyterHub puts it here)

root = Path(__file__).resolve().parent
state = Path(os.environ.get("HUB_STATE") or root / ".hub").resolve()
state.mkdir(mode=0o700, parents=True, exist_ok=True)
state.chmod(0o700)

# The proxy's node, the notebooks' Python and `jupyterhub-singleuser` are in the folder of the Python that runs this.
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"

# A Hub that is killed cannot end what it started, so the kernel does (util-linux; busybox's setpriv cannot).
ends_with_hub = ["setpriv", "--pdeathsig", "TERM", "--"]
if not shutil.which("setpriv") or subprocess.run([*ends_with_hub, "true"], capture_output=True, check=False).returncode:
    ends_with_hub = []

# Only the first is public. The distances are odd, so that no second Hub some round number further up meets the others.
port = int(os.environ.get("HUB_PORT") or 8000)
c.JupyterHub.bind_url = f"http://{os.environ.get('HUB_IP') or '127.0.0.1'}:{port}"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{port + 81}"
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{port + 182}"
service_url = f"http://127.0.0.1:{port + 283}"

c.JupyterHub.db_url = f"sqlite:///{state / 'jupyterhub.sqlite'}"
c.JupyterHub.upgrade_db = True  # keeps a copy of the old one
c.JupyterHub.cookie_secret_file = str(state / "cookie_secret")
c.ConfigurableHTTPProxy.pid_file = str(state / "proxy.pid")

proxy = root / "node_modules" / "configurable-http-proxy" / "bin" / "configurable-http-proxy"
c.ConfigurableHTTPProxy.command = [*ends_with_hub, *(["node", str(proxy)] if proxy.exists() else [proxy.name])]


class OnePassword(Authenticator):
    """Everybody has the same password; for trying things out, like the Hub's DummyAuthenticator, which lost its own."""

    async def authenticate(self, handler, data):  # noqa: ARG002 (the Hub's signature)
        """Return the user's name where the password is right; `allowed_users` decides who that may be."""
        expected = os.environ.get("HUB_PASSWORD") or "passwd"
        is_right = secrets.compare_digest(data["password"].encode(), expected.encode())
        return data["username"] if is_right else None


c.JupyterHub.authenticator_class = OnePassword
c.Authenticator.allowed_users = {"testuser", "support", "manager", "admin"}
c.Authenticator.admin_users = {"admin"}

c.JupyterHub.spawner_class = "jupyterhub.spawner.SimpleLocalProcessSpawner"
c.SimpleLocalProcessSpawner.home_dir_template = str(state / "home" / "{username}")
c.Spawner.cmd = [*ends_with_hub, sys.executable, "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root"] if os.geteuid() == 0 else []  # it would refuse, where the Hub does not
c.Spawner.default_url = "/lab"

# Kept, so that whoever is signed in to the service still is after a restart.
api_token = state / "api_token"
api_token.touch(mode=0o600)
if not api_token.read_text():
    api_token.write_text(secrets.token_hex(32))

register(
    c,
    name="fastapi",
    url=service_url,
    public_host=os.environ.get("PUBLIC_HOST"),
    apps=["deidentify"],
    api_token=api_token.read_text(),
    allow_token_in_url=True,
    password_grant=True,
)
