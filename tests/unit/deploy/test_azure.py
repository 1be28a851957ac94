"""The container group for Azure: what its SDK takes, and with which values and files it is filled in."""

import base64
import copy
import os
import re
import stat
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from service import __version__
from tests.support.azure import flaws
from tests.support.node import REPOSITORY
from tests.support.variables import known_variables

DEPLOY = REPOSITORY / "deploy/azure"
TEMPLATE = DEPLOY / "deploy-aci.yaml"
AWKWARD = [
    "'\"`$(id)${HOME}",
    "a: b # c",
    "- &x *y !z %w @v",
    "two\nlines\n\n",
    "\ttab and \\ and \x1b",
    "\x7f\x85\xa0\u2028\ufeff",
    "größe 雪 😀",
    " leading and trailing ",
    "null",
    "0123",
    "1e3",
    "=",
]


@pytest.fixture
def values(tmp_path: Path) -> dict[str, str]:
    """What the environment says, for every placeholder."""
    names = "GROUP LOCATION IDENTITY REGISTRY SERVICE_IMAGE NGINX_IMAGE PUBLIC_HOST"
    entra = "ENTRA_TENANT_ID ENTRA_CLIENT_ID ENTRA_OPENAPI_CLIENT_ID"
    files = {name: tmp_path / name.lower() for name in ("TLS_CERT", "TLS_KEY")}
    for name, path in files.items():
        path.write_bytes(f"{name} of a test\n".encode())
    said = {name: f"a {name.lower()}" for name in f"{names} {entra}".split()}
    return said | {name: str(path) for name, path in files.items()}


def fill_in(
    filled: Path, values: Mapping[str, str] | Mapping[bytes, bytes], *template: Path
) -> subprocess.CompletedProcess[str]:
    """Run the script as it stands, with this environment alone."""
    command = [sys.executable, "-I", str(DEPLOY / "fill_in.py"), str(filled), *map(str, template)]
    # The locale of a bare machine.
    return subprocess.run(command, env=values, capture_output=True, text=True, check=False, umask=0)


@pytest.fixture
def group(values: Mapping[str, str], tmp_path: Path) -> dict[str, Any]:
    """The group, filled in."""
    filled = tmp_path / "filled.yaml"
    done = fill_in(filled, values)
    assert (done.returncode, done.stderr) == (0, "")
    loaded: dict[str, Any] = yaml.safe_load(filled.read_text())
    return loaded


def strings(document: object) -> list[str]:
    """Return all texts in a document, keys too."""
    if isinstance(document, dict):
        return [text for pair in document.items() for each in pair for text in strings(each)]
    if isinstance(document, list):
        return [text for each in document for text in strings(each)]
    return [document] if isinstance(document, str) else []


def container(group: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a container's properties."""
    (found,) = (each["properties"] for each in group["properties"]["containers"] if each["name"] == name)
    loaded: dict[str, Any] = found
    return loaded


def test_the_sdk_takes_it(group: dict[str, Any]) -> None:
    """Every key is known, every type right, nothing required is missing; before and after it is filled in."""
    assert flaws(yaml.safe_load(TEMPLATE.read_text())) == []
    assert flaws(group) == []


def test_what_the_sdk_does_not_take(group: dict[str, Any]) -> None:
    """An unknown key, a missing one, a wrong type and what Azure says itself are found, at any depth."""
    wrong = copy.deepcopy(group)
    wrong["propertys"] = {}
    wrong["id"] = "mine"
    wrong["properties"]["restartPolizy"] = "Always"
    service, nginx = (each["properties"] for each in wrong["properties"]["containers"])
    del service["resources"]["requests"]["memoryInGB"], nginx["image"]
    service["environmentVariables"][0]["valu"] = "x"
    service["livenessProbe"]["exec"]["command"] = "python"
    nginx["ports"][0]["port"] = "443"
    wrong["properties"]["volumes"][1]["secret"]["tls.key"] = 5
    properties = "properties.containers"

    assert sorted(flaws(wrong)) == sorted(
        [
            "propertys: is not known",
            "id: is Azure's to say",
            "properties.restartPolizy: is not known",
            f"{properties}[0].properties.resources.requests.memoryInGB: is missing",
            f"{properties}[1].properties.image: is missing",
            f"{properties}[0].properties.environmentVariables[0].valu: is not known",
            f"{properties}[0].properties.livenessProbe.exec.command: must be a list",
            f"{properties}[1].properties.ports[0].port: must be int",
            "properties.volumes[1].secret[tls.key]: must be str",
        ]
    )


def test_no_placeholder_is_left(group: dict[str, Any], values: Mapping[str, str]) -> None:
    """All that the environment says is in it, files as base64, and no placeholder."""
    (tls,) = (each["secret"] for each in group["properties"]["volumes"] if each["name"] == "tls")

    assert [text for text in strings(group) if "${" in text] == []
    assert {name for name, value in values.items() if value not in strings(group)} == {"TLS_CERT", "TLS_KEY"}
    assert base64.b64decode(tls["tls.crt"]) == b"TLS_CERT of a test\n"
    assert base64.b64decode(tls["tls.key"]) == b"TLS_KEY of a test\n"


def test_the_side_car(group: dict[str, Any]) -> None:
    """It is given all files that its nginx.conf names, and looks for the service where that listens."""
    mounts = {each["name"]: each["mountPath"] for each in container(group, "nginx")["volumeMounts"]}
    files = {
        f"{mounts[volume['name']]}/{name}": base64.b64decode(content).decode()
        for volume in group["properties"]["volumes"]
        for name, content in volume["secret"].items()
    }
    sidecar = files[container(group, "nginx")["command"][2]]
    named = {word.rstrip(";") for word in sidecar.split() if word.startswith("/etc/nginx/")}

    assert {path for path in named if path not in files and not path.endswith("sidecar.conf")} == set()
    settings = {each["name"]: each["value"] for each in container(group, "service")["environmentVariables"]}
    assert f"server {settings['SERVICE_LISTEN'].removeprefix('http://')};" in sidecar


def test_settings(group: dict[str, Any]) -> None:
    """The service knows every setting that it is given, and only nginx is reached from outside."""
    service = container(group, "service")
    known = known_variables()

    assert {each["name"] for each in service["environmentVariables"]} <= known
    assert "ports" not in service
    assert group["properties"]["ipAddress"]["ports"] == container(group, "nginx")["ports"]


@pytest.mark.parametrize("secret", AWKWARD)
def test_awkward_secrets(secret: str, tmp_path: Path) -> None:
    """Whatever a secret is made of, it arrives; as a key too."""
    template, filled = tmp_path / "template.yaml", tmp_path / "filled.yaml"
    template.write_text("list:\n  - secureValue: ${SECRET}\nkeys:\n  ${SECRET}: 1\n# ${COMMENT}\n")

    done = fill_in(filled, {"SECRET": secret}, template)

    assert (done.returncode, done.stderr) == (0, "")
    assert yaml.safe_load(filled.read_text()) == {"list": [{"secureValue": secret}], "keys": {secret: 1}}


def test_what_is_missing_is_named(values: dict[str, str], tmp_path: Path) -> None:
    """Every value and file that is missing is named at once, no value shown, and nothing written."""
    filled = tmp_path / "filled.yaml"
    Path(values["TLS_KEY"]).write_bytes(b"")
    values |= {"TLS_CERT": str(tmp_path / "nowhere"), "GROUP": ""}
    del values["ENTRA_CLIENT_ID"]

    done = fill_in(filled, {os.fsencode(k): os.fsencode(v) for k, v in values.items()} | {b"REGISTRY": b"\xff"})

    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "GROUP: is not set",
        "REGISTRY: is no UTF-8",
        "ENTRA_CLIENT_ID: is not set",
        "TLS_CERT: No such file or directory: no file to be read",
        "TLS_KEY: is an empty file",
    ]
    assert not filled.exists()


def test_a_placeholder_beside_other_text(tmp_path: Path) -> None:
    """What would come out with quotes in the middle is refused."""
    template = tmp_path / "template.yaml"
    template.write_text("image: registry/${NAME}\n")

    done = fill_in(tmp_path / "filled.yaml", {"NAME": "x"}, template)

    assert (done.returncode, done.stderr) == (2, "image: registry/${NAME}: a placeholder must be all of a value\n")


def test_nobody_else_may_read_it(values: Mapping[str, str], tmp_path: Path) -> None:
    """The copy is its owner's alone, also in place of one that was not, or that was a link to elsewhere."""
    filled, elsewhere = tmp_path / "filled.yaml", tmp_path / "elsewhere"
    elsewhere.touch(mode=0o666)
    filled.symlink_to(elsewhere)

    assert fill_in(filled, values).returncode == 0

    assert (filled.is_symlink(), stat.S_IMODE(filled.stat().st_mode)) == (False, 0o600)
    assert elsewhere.read_text() == ""


def test_nothing_secret_in_the_template() -> None:
    """All that differs from one place to another, secrets among it, is a placeholder."""
    template = yaml.safe_load(TEMPLATE.read_text())
    secrets = [value for volume in template["properties"]["volumes"] for value in volume["secret"].values()]

    assert [value for value in secrets if not value.startswith("${base64 ")] == []


def test_the_build_is_one_that_the_dockerfile_takes() -> None:
    """It has BuildKit, which `RUN --mount` needs, a stage that is there, and is sent with the Dockerfile."""
    build, push = yaml.safe_load((DEPLOY / "build.yaml").read_text(encoding="utf-8"))["steps"]
    stage = re.search(r"--target (\S+)", build["build"])
    tag = re.search(r"--tag (\S+)", build["build"])

    assert build["env"] == ["DOCKER_BUILDKIT=1"]
    assert stage is not None
    assert f" AS {stage[1]}\n" in (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")
    assert tag is not None
    assert push["push"] == [tag[1]]
    assert f"--set tag={__version__} ." in (REPOSITORY / "docs/operate/azure.md").read_text(encoding="utf-8")
    sent = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {"!Dockerfile", "!deploy/azure/build.yaml"} <= {*sent}
