"""A Hub in which people have passwords of their own, without notebooks; the service is started by somebody else.

compose.yaml runs it, and so does docs/operate/one-machine.md.

Environment:
    API_TOKEN: the service's token.
    PUBLIC_HOST: the origin that people see.
    HUB_PASSWORD: the first password of `admin`.
    SERVICE_URL: where the service listens.
    HUB_STATE: the folder for everything that lasts.
    RUNTIME_DIRECTORY: a folder that is empty at each start. systemd sets it.
    HUB_IP: where the Hub and its API listen, 0.0.0.0 by default.
    HUB_PORT: 8000 by default. The Hub's API is 81 above it.
    TRUSTED_DOWNSTREAM_IPS: the proxies in front of the Hub's, separated by commas. They say where requests come from.
"""

import os
from pathlib import Path

from jupyterhub.spawner import Spawner
from tornado.web import HTTPError

from service.registration import register

c = get_config()  # noqa: F821 (JupyterHub puts it here)

state = Path(os.environ["HUB_STATE"])
address = os.environ.get("HUB_IP") or "0.0.0.0"  # noqa: S104 (a container's own network)
port = int(os.environ.get("HUB_PORT") or 8000)
proxy = Path("node_modules/configurable-http-proxy/bin/configurable-http-proxy").resolve()  # the image's working folder
c.JupyterHub.bind_url = f"http://{address}:{port}"
c.JupyterHub.hub_bind_url = f"http://{address}:{port + 81}"  # for the service, on a network of these two
c.JupyterHub.hub_connect_url = f"http://127.0.0.1:{port + 81}"
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{port + 1}"
# The Hub ends the process whose number is in this file, and does not start if it may not. After a reset of the machine,
# another process has that number. So the file must not outlive the machine.
c.ConfigurableHTTPProxy.pid_file = str(Path(os.environ.get("RUNTIME_DIRECTORY") or state) / "proxy.pid")
c.ConfigurableHTTPProxy.command = ["node", str(proxy)] if proxy.exists() else ["configurable-http-proxy"]
c.JupyterHub.trusted_downstream_ips = [each for each in os.environ.get("TRUSTED_DOWNSTREAM_IPS", "").split(",") if each]
c.JupyterHub.db_url = f"sqlite:///{state / 'jupyterhub.sqlite'}"
c.JupyterHub.upgrade_db = True  # keeps a copy of the old one
c.JupyterHub.cookie_secret_file = str(state / "cookie_secret")

c.JupyterHub.authenticator_class = "service.authenticators.PasswordAuthenticator"
c.PasswordAuthenticator.first_users = {"admin": os.environ["HUB_PASSWORD"]}
c.Authenticator.admin_users = {"admin"}
c.Authenticator.allow_all = True  # with an account, which only an administrator makes


class NoNotebooks(Spawner):
    """Starts no notebooks: in the Hub's own container they could read all its secrets. Use DockerSpawner instead."""

    async def start(self):
        """Refuse to start one."""
        raise HTTPError(403, "This Hub starts no notebooks.")

    async def poll(self):
        """Say that none runs."""
        return 0

    async def stop(self, now=False):  # noqa: FBT002 (the Hub's signature)
        """Do nothing."""


c.JupyterHub.spawner_class = NoNotebooks
c.JupyterHub.default_url = "/services/fastapi/"

register(
    c,
    url=os.environ["SERVICE_URL"],
    managed=False,
    apps=["deidentify", "desk"],
    public_host=os.environ["PUBLIC_HOST"],
    api_token=os.environ["API_TOKEN"],
)
