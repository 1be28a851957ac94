"""tornado with JupyterHub's `HubOAuthenticated`, as its documentation has it."""

import asyncio
import json
import os
from urllib.parse import urlsplit

from jupyterhub.services.auth import HubOAuthenticated
from jupyterhub.utils import url_path_join
from tornado.web import Application, RequestHandler, authenticated


class Me(HubOAuthenticated, RequestHandler):  # type: ignore[misc] # they ship no types
    """Says who calls."""

    @authenticated
    def get(self) -> None:
        """Answer with the Hub's model."""
        self.set_header("Content-Type", "application/json")
        self.write(json.dumps(self.get_current_user()))


async def main() -> None:
    """Serve where the Hub says."""
    address = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
    routes = [(url_path_join(os.environ["JUPYTERHUB_SERVICE_PREFIX"], "me"), Me)]
    Application(routes, cookie_secret=os.urandom(32)).listen(address.port or 0, address.hostname or "")
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
