"""The files for Kubernetes at work: the chart's JupyterHub is told what values.yaml says, the service what its pod is.

The chart itself is not there: `told_by_the_chart` does what its jupyterhub_config.py does with the values.
"""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
import yaml

from tests.support.external import ExternalService
from tests.support.hub import RealHub
from tests.support.local_http import local_client
from tests.support.node import REPOSITORY
from tests.support.polling import eventually
from tests.support.ports import free_port

DEPLOY = REPOSITORY / "deploy/kubernetes"
HUB = REPOSITORY / ".venv/hub-5.5/bin/python"
TEAM = "c.JupyterHub.load_groups = {'desk-manager': {'users': ['other']}}"


def told_by_the_chart(values: Mapping[str, Any], api_token: str) -> str:
    """Return what jupyterhub_config.py of Zero to JupyterHub does with these values."""
    hub = values["hub"]
    services = [{"name": name, **service, "api_token": api_token} for name, service in hub["services"].items()]
    roles = [{"name": name, **role} for name, role in hub["loadRoles"].items()]
    lines = [f"c[{section!r}].update({config!r})" for section, config in hub["config"].items()]
    return "\n".join(
        [*lines, f"c.JupyterHub.services.extend({services!r})", f"c.JupyterHub.load_roles.extend({roles!r})", TEAM]
    )


def container() -> dict[str, Any]:
    """Return the container of the Deployment."""
    (deployment,) = (
        each for each in yaml.safe_load_all((DEPLOY / "service.yaml").read_text()) if each["kind"] == "Deployment"
    )
    (found,) = deployment["spec"]["template"]["spec"]["containers"]
    loaded: dict[str, Any] = found
    return loaded


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RealHub, str]]:
    """A Hub 5.5 and the service, with the files' own words but for addresses and secrets; and the service's address."""
    if not HUB.exists():
        pytest.skip("no JupyterHub 5.5: ./script/test conformance installs it")
    folder, api_token, address = (
        tmp_path_factory.mktemp("pod"),
        secrets.token_hex(32),
        f"http://127.0.0.1:{free_port()}",
    )
    hub = RealHub(register=None, python=str(HUB))
    origin = hub.url.rstrip("/")
    places = {"http://service-fastapi:8000": address, "https://hub.example.org": origin}
    text = (DEPLOY / "values.yaml").read_text()
    for there, here in places.items():
        text = text.replace(there, here)
    hub.options = replace(hub.options, config=told_by_the_chart(yaml.safe_load(text), api_token))
    environment = {each["name"]: each.get("value", "") for each in container()["env"]} | {
        "SERVICE_LISTEN": address,
        "PUBLIC_HOST": origin,
        "JUPYTERHUB_API_URL": hub.api_url,
        "JUPYTERHUB_API_TOKEN": api_token,
        "FORWARDED_ALLOW_IPS": "localhost",
        "DATABASE_URL": f"sqlite:///{folder}/desk.sqlite",
    }
    with ExternalService(environment, directory=folder), hub:
        yield hub, address


async def test_probes(cluster: tuple[RealHub, str]) -> None:
    """Every probe of the pod is answered with 200."""
    _, address = cluster
    paths = {value["httpGet"]["path"] for key, value in container().items() if key.endswith("Probe")}
    async with local_client() as client:

        async def answers() -> bool:
            return {(await client.get(address + path)).status_code for path in paths} == {200}

        await eventually(answers)


async def test_sign_in(cluster: tuple[RealHub, str]) -> None:
    """People sign in at the Hub and are known to the service, at the redirect URI that both have been told."""
    hub, _ = cluster
    async with hub.session("testuser") as browser:
        page = await browser.visit(f"{hub.service_url}me")

    assert (page.status_code, page.url.path, "testuser" in page.text) == (200, "/services/fastapi/me", True)


async def test_rights(cluster: tuple[RealHub, str]) -> None:
    """All users may de-identify, the desk's team has its roles, and the service may read what it must."""
    hub, _ = cluster
    note = {"text": "Seen 12/03/2019 by Dr. Smith.", "replacement": "tag"}
    user, manager = await hub.user_token("testuser"), await hub.user_token("other")

    masked = await hub.ask("POST", "deidentify", token=user, json=note)
    allowed = await hub.ask("GET", "desk/employees", token=manager)
    refused = await hub.ask("GET", "desk/employees", token=user)

    assert (masked.status_code, allowed.status_code, refused.status_code) == (200, 200, 403)
    assert masked.json()["text"] == "Seen [DATE] by Dr. [NAME]."
