"""The files for Traefik, which is not run here, have what nginx's and Caddy's are shown to need."""

import re
from itertools import product
from typing import Any

import pytest
import yaml

from tests.support.node import REPOSITORY

FOLDER = REPOSITORY / "deploy" / "forward-auth"
SAID = ("X-Auth-Request-User", "X-Auth-Request-Groups", "Remote-User", "Remote-Groups")


def read(name: str) -> Any:  # noqa: ANN401 - YAML
    """Return what a file says."""
    return yaml.safe_load((FOLDER / name).read_text())


@pytest.fixture(name="http")
def _http() -> Any:  # noqa: ANN401 - YAML
    return read("traefik-dynamic.yml")["http"]


def believed() -> list[str]:
    """Return the headers by which applications know people, from nginx's file."""
    names = re.findall(r"^proxy_set_header (\S+)", (FOLDER / "identity.conf").read_text(), re.MULTILINE)
    return [name for name in names if name not in {"Cookie", "Authorization"}]


def spellings(name: str) -> list[str]:
    """Return a header's name with each dash as it is, or an underscore; Traefik overlooks upper and lower case."""
    first, *parts = name.split("-")
    marks = product("-_", repeat=len(parts))
    return [first + "".join(mark + part for mark, part in zip(chosen, parts, strict=True)) for chosen in marks]


def test_identities_are_deleted_first(http: Any) -> None:  # noqa: ANN401
    """Before the question every spelling is deleted of each header that says who is calling."""
    first, second = http["routers"]["data"]["middlewares"]
    deleted = http["middlewares"][first]["headers"]["customRequestHeaders"]

    assert set(deleted.values()) == {""}
    assert {each for name in believed() for each in spellings(name)} <= set(deleted)
    assert set(SAID) < set(believed())
    assert {"X-Original-Method", "X-Original-URI"} <= set(deleted)
    assert "forwardAuth" in http["middlewares"][second]


def test_the_question(http: Any) -> None:  # noqa: ANN401
    """Nobody is believed who says which request it is; browsers are sent on; the answer alone says who is calling."""
    auth = http["middlewares"]["hub"]["forwardAuth"]

    assert auth["address"].endswith("/_hub/auth?redirect=1")
    assert auth["trustForwardHeader"] is False
    assert set(auth["authResponseHeaders"]) == {*SAID, "Cookie", "Authorization"}
    assert "forwardedHeaders" not in read("traefik.yml")["entryPoints"]["websecure"]


def test_what_is_not_asked_about(http: Any) -> None:  # noqa: ANN401
    """The paths of signing in alone, and from outside not that of the question."""
    routers = http["routers"]

    assert {name for name in routers if "hub" not in routers[name].get("middlewares", [])} == {"data-sign-in"}
    assert "PathPrefix(`/_hub/`) && !PathRegexp(`(?i)^/+_hub/+auth`)" in routers["data-sign-in"]["rule"]


def test_the_parts_fit(http: Any) -> None:  # noqa: ANN401
    """Every name that a router uses is there."""
    static = read("traefik.yml")
    for router in http["routers"].values():
        assert router["service"] in http["services"]
        assert set(router.get("middlewares", [])) <= set(http["middlewares"])
        assert set(router["entryPoints"]) <= set(static["entryPoints"])
        assert router["tls"]["certResolver"] in static["certificatesResolvers"]
