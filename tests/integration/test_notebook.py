"""A notebook calls the service with the token its server has, as the README shows."""

import ast

from tests.support.hub import RealHub
from tests.support.markdown import blocks
from tests.support.node import REPOSITORY

EXAMPLE = next(
    block.code for block in blocks(REPOSITORY / "README.md", "python") if "JUPYTERHUB_API_TOKEN" in block.code
)


async def test_is_its_user(hub: RealHub) -> None:
    """The README's lines, in a kernel that the Hub spawned, show who the notebook belongs to."""
    user = "other"
    async with hub.notebook(user) as notebook:
        shown = ast.literal_eval(await notebook.run(EXAMPLE.replace("http://127.0.0.1:8000/", hub.url)))

        assert (shown["kind"], shown["name"]) == ("user", user)
        assert "access:services!service=fastapi" in shown["scopes"]
        # The Hub's model of somebody with a running server is another.
        everything = await hub.user_token(user)
        reply = await hub.ask("GET", "me", token=everything)
        assert (reply.status_code, reply.json()["name"]) == (200, user)
        assert reply.json()["servers"][""]["ready"]
