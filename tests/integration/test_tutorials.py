"""The tutorials of docs/tutorials, run as their readers run them, beside a real Hub."""

import os
import re
from pathlib import Path

from tests.support.hub import RealHub
from tests.support.node import REPOSITORY
from tests.support.ports import free_ports
from tests.support.session import Session
from tests.support.tutorials import PATH, Tutorial

TUTORIALS = REPOSITORY / "docs/tutorials"
PASSWORD = "tutorial-password"

# The tests have an environment with the same packages; script/walk installs the package by pip.
INSTALL = """python3 -m venv .venv
. .venv/bin/activate
pip install '../service-fastapi[testing]' jupyterhub 'uvicorn[standard]'
npm install configurable-http-proxy
"""


async def test_own_application(tmp_path: Path) -> None:
    """The application greets in a browser and by token, and only who has the role changes the greeting."""
    public, hub, proxy, service = free_ports(4)
    front = f"http://127.0.0.1:{public}"
    own_ports = (
        f"--JupyterHub.hub_bind_url=http://127.0.0.1:{hub} --ConfigurableHTTPProxy.api_url=http://127.0.0.1:{proxy}"
    )
    with Tutorial(
        TUTORIALS / "own-application.md",
        tmp_path,
        addresses={"http://127.0.0.1:8000": front, "10101": str(service)},
        instead={INSTALL: "", "jupyterhub\n": f"jupyterhub {own_ports}\n"},
        serving={"jupyterhub": "JupyterHub is now running"},
        path=os.pathsep.join([str(REPOSITORY / "node_modules/.bin"), PATH]),
    ) as tutorial:
        await tutorial.run(until="jupyterhub\n")
        async with Session(f"{front}/") as browser:
            greeter = f"{front}/services/greeter/"
            page = await browser.sign_in("alice", password=PASSWORD, at=await browser.visit(greeter))
            assert (str(page.url), page.text) == (greeter, "Hello, alice!")

            await tutorial.run()

            assert (await browser.visit(greeter)).text == "Welcome, alice!"
            xsrf = {"X-XSRFToken": browser.cookie("_xsrf", path="/services/greeter/") or ""}
            assert (await browser.fetch("PUT", f"{greeter}word?new=Hi", headers=xsrf)).status_code == 200


async def test_notebook(hub: RealHub, tmp_path: Path) -> None:
    """Each cell prints what the page shows, in a server that a Hub spawned; what is saved names nobody."""
    with Tutorial(
        TUTORIALS / "notebook.md",
        tmp_path,
        instead={
            # The Hub of the tests runs; integration/test_scripts.py starts one by this script.
            "./script/run": "echo The Hub is ready.",
            # It is installed.
            "%pip install -q pandas": "",
        },
    ) as tutorial:
        async with hub.notebook("testuser") as notebook:
            await tutorial.run(cell=notebook.run)
            saved = await notebook.run('print(open("masked.csv").read())')

    assert re.fullmatch("DEIDENTIFY_SECRET=[0-9a-f]{64}\n", (tmp_path / ".env").read_text())
    assert not [
        name for name in ("4839201", "7720415", "Quackenbush", "Quimby", "coach", "617-555-0142") if name in saved
    ]
    for row, date in zip(saved.strip().splitlines()[1:], ("2019-03-12", "2019-03-26", "2019-04-02"), strict=True):
        assert date not in row
