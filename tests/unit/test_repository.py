"""What the repository tells people to run: nobody else's packages or images, and no port that strangers reach."""

import json
import re
from collections.abc import Mapping

import pytest
import yaml

from tests.support.repository import texts

TEXTS = texts()
NAME = "service-fastapi"
# pip resolves this one within the checkout that it installs: an extra that has the others.
OWN_EXTRA = '  "service-fastapi[dask,deidentify,desk,entra,serve,tables,testing]",'


def found(pattern: str, given: Mapping[str, str] = TEXTS) -> dict[str, list[str]]:
    """Return the lines that match, by the file they are in."""
    matches = {path: [line for line in text.splitlines() if re.search(pattern, line)] for path, text in given.items()}
    return {path: lines for path, lines in matches.items() if lines}


@pytest.mark.parametrize(
    "line",
    [
        "pip install 'service-fastapi[desk]'",
        "pip install service-fastapi",
        'pip install -U "service-fastapi"',
        "uv add service-fastapi",
        '  "service-fastapi[desk]>=1",',
        "service-fastapi==0.1.0",
        "npx service-fastapi",
    ],
)
def test_such_a_line_is_found(line: str) -> None:
    """The check below notices each way to install from an index."""
    assert found(BY_NAME, {"x": line})


@pytest.mark.parametrize(
    "line", ["pip install '.[desk]'", "/opt/service-fastapi/bin/pip install -c requirements.txt '.[desk]'", OWN_EXTRA]
)
def test_such_a_line_is_not(line: str) -> None:
    """It leaves alone what installs a checkout."""
    assert found(BY_NAME, {"x": line}) in ({}, {"x": [OWN_EXTRA]})


BY_NAME = (
    rf"(?:\b(?:pip|pipx|uv|uvx|conda|npm|npx|yarn)\b(?: [^\s`]+)*? ['\"]?{NAME}\b(?!/))"
    rf"|(?:(?<![\w/.-]){NAME}(?:\[[\w,]+\]|[=<>~!]=))"
)


def test_nothing_is_installed_by_our_name_from_an_index() -> None:
    """The name belongs to nobody on PyPI and npm, so whoever takes it would be run: docs and messages never name it."""
    lines = found(BY_NAME)

    assert lines.keys() == {"pyproject.toml"}  # where extras ask for others of our own extras
    assert [line for line in lines["pyproject.toml"] if not re.search(rf'"{NAME}\[[\w,]+\]"', line)] == []


def test_the_node_package_is_private() -> None:
    """Npm neither publishes nor fetches it."""
    assert json.loads(TEXTS["package.json"])["private"] is True


def images() -> set[str]:
    """Return all names of our images that are built, run or pulled somewhere."""
    named = rf"(?:[\w.$-]+/)*{NAME}(?::[\w.-]+)?"
    commands = rf"(?:-t|--tag|--image|push|pull|image:) ({named})\b|^\s+({named})$|(?:docker|podman) run .* ({named})$"
    matches = [match for text in TEXTS.values() for match in re.findall(commands, text, re.MULTILINE)]
    return {name for match in matches for name in match if name}


def test_no_image_of_ours_can_be_pulled_from_strangers() -> None:
    """An image that has not been built is not looked for at a public registry: localhost has none."""
    assert {name for name in images() if not name.startswith(("localhost/", "registry.example.org/"))} == {
        f"$Registry/{NAME}"  # of az acr run --registry exampleregistry, which is one's own
    }


def test_ports_are_published_on_purpose() -> None:
    """Every port of a container is published at an address that is named, but for https."""
    published = re.compile(r"(?:docker|podman) run\b(?:.|\\\n)*?(?:-p|--publish)[ =](\S+)")
    ports = [port for text in TEXTS.values() for port in published.findall(text)]
    compose = yaml.safe_load(TEXTS["deploy/container/compose.yaml"])["services"].values()
    ports += [port for service in compose for port in service.get("ports", [])]

    assert set(ports) == {"127.0.0.1:8000:8000", "127.0.0.1:8080:8080", "10.0.0.7:10101:10101", "443:8443"}


def test_no_password_is_shipped() -> None:
    """Addresses of databases have placeholders or variables for passwords, and no manifest has a secret of its own."""
    addresses = {match for text in TEXTS.values() for match in re.findall(r"postgresql://[\w]+:([^@\s]+)@", text)}

    assert {one for one in addresses if "$" not in one and "{" not in one} <= {"password", "p%40ssword"}
    assert found(r"^kind: Secret\b") == {}


def test_crypt_keys_and_cookie_secrets_are_not_in_the_repository() -> None:
    """Neither is one set to a value, nor is a Hub told to take what everybody knows."""
    assert found(r"JUPYTERHUB_CRYPT_KEY=\S|cookie_secret = |DummyAuthenticator\.password = ") == {}
