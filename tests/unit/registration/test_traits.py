"""Reading and writing a configuration without losing anything in it."""

import pytest
from traitlets.config import Config

from service.registration.traits import configured_base_url, is_on, read, sections_with, store


def appended(*items: object) -> Config:
    """Return a list as after `c.X.y.append(...)`."""
    c = Config()
    for item in items:
        c.JupyterHub.services.append(item)
    return c


@pytest.mark.parametrize(
    ("c", "empty", "expected"),
    [
        pytest.param(Config(), [], [], id="unset list"),
        pytest.param(Config(), set(), set(), id="unset set"),
        pytest.param(Config(JupyterHub={"services": [1]}), [], [1], id="list"),
        pytest.param(Config(JupyterHub={"services": (1,)}), [], [1], id="tuple for a list"),
        pytest.param(Config(JupyterHub={"services": ["x"]}), set(), {"x"}, id="list for a set"),
        pytest.param(appended(1, 2), [], [1, 2], id="appended to"),
    ],
)
def test_a_container_is_read_however_it_was_set(c: Config, empty: object, expected: object) -> None:
    """Unset, plain and lazy containers are read as plain ones of the type of the trait."""
    assert read(c.JupyterHub, "services", empty) == expected


def test_reading_changes_nothing() -> None:
    """What the operator appends after a read still counts."""
    c = appended(1)

    read(c.JupyterHub, "services", [])
    read(c.JupyterHub, "load_roles", [])
    c.JupyterHub.services.append(2)

    assert read(c.JupyterHub, "services", []) == [1, 2]
    assert "load_roles" not in c.JupyterHub


@pytest.mark.parametrize(
    ("before", "value", "merged"),
    [([1], [2], [1, 2]), ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}), ({"a"}, {"b"}, {"a", "b"})],
    ids=["list", "dict", "set"],
)
def test_what_is_stored_where_nothing_was_is_added_to_other_files(
    before: object, value: object, merged: object
) -> None:
    """A file that load_subconfig() reads adds to the main one, which it does not see."""
    main, sub = Config(JupyterHub={"x": before}), Config()

    store(sub.JupyterHub, "x", value)
    main.merge(sub)

    assert main.JupyterHub.x == merged


def test_a_plain_value_is_replaced_by_a_plain_one() -> None:
    """A plain value does not become lazy."""
    c = Config(JupyterHub={"services": [1]})

    store(c.JupyterHub, "services", [1, 2])

    assert c.JupyterHub.services == [1, 2]


def test_a_trait_is_found_in_any_section() -> None:
    """A trait of a spawner or authenticator may be set on any class of it."""
    c = Config(
        Spawner={"server_token_scopes": ["a"]}, KubeSpawner={"server_token_scopes": ["b"]}, JupyterHub={"port": 1}
    )

    assert [section.server_token_scopes for section in sections_with(c, "server_token_scopes")] == [["a"], ["b"]]


@pytest.mark.parametrize(
    ("c", "expected"),
    [
        (Config(), False),
        (Config(Authenticator={"manage_groups": False}), False),
        (Config(Authenticator={"manage_groups": True}), True),
        (Config(GenericOAuthenticator={"manage_groups": True}), True),
    ],
    ids=["unset", "off", "on", "on in a subclass"],
)
def test_a_switch_is_on_where_any_section_says_so(c: Config, expected: bool) -> None:  # noqa: FBT001
    """It is on if any section sets it, because the configuration does not say which class is used."""
    assert is_on(c, "manage_groups") is expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, "/"),
        ({"base_url": "/x/"}, "/x/"),
        ({"base_url": "x"}, "x"),
        ({"bind_url": "http://:8000/y/"}, "/y/"),
        ({"bind_url": "http://:8000"}, ""),
        ({"bind_url": "http://:8000/y/", "base_url": "/x/"}, "/x/"),
    ],
    ids=["nothing", "base_url", "without slashes", "bind_url", "bind_url without path", "both"],
)
def test_the_base_url_is_where_the_hub_has_it_from(said: dict[str, str], expected: str) -> None:
    """It is `base_url`, or the path of `bind_url` (`JupyterHub._default_base_url`)."""
    assert configured_base_url(Config(JupyterHub=said).JupyterHub) == expected
