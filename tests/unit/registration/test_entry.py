"""The service's entry at the Hub, and the arguments that are refused."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jupyterhub.utils import url_path_join

from service.registration import entry
from service.registration.entry import RegistrationError

REPOSITORY = Path(entry.__file__).resolve().parents[2]
RIGHT: dict[str, Any] = {
    "name": "fastapi",
    "url": "http://127.0.0.1:10101",
    "routers": (),
    "api_token": None,
    "environment": {},
}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param("https://hub.example.org", "https://hub.example.org", id="canonical"),
        pytest.param("https://hub.example.org/", "https://hub.example.org", id="slash"),
        pytest.param("HTTPS://Hub.Example.org", "https://hub.example.org", id="upper case"),
        pytest.param("https://hub.example.org:443", "https://hub.example.org", id="default port, https"),
        pytest.param("http://hub.example.org:80", "http://hub.example.org", id="default port, http"),
        pytest.param("http://127.0.0.1:8000", "http://127.0.0.1:8000", id="port"),
        pytest.param("http://[::1]:8000", "http://[::1]:8000", id="IPv6"),
        pytest.param("http://[2001:DB8:0:0::1]", "http://[2001:db8::1]", id="IPv6, not compressed"),
    ],
)
def test_an_origin_is_written_as_browsers_do(said: str, expected: str) -> None:
    """The Hub compares redirect URIs literally, so an origin is always written in the same way."""
    assert entry.canonical_origin(said) == expected


@pytest.mark.parametrize(
    "said",
    [
        "hub.example.org",
        "//hub.example.org",
        "ftp://hub.example.org",
        "https://",
        "https://hub.example.org/base",
        "https://hub.example.org?x=1",
        "https://user@hub.example.org",
        "https://hub.example.org:port",
        "https://hub.example.org:99999",
        "https://hub.example.org:0",
        "https://hub example.org",
        "https://[::1::]",
        "https://hub.example.org\n",
    ],
)
def test_anything_but_an_origin_is_refused(said: str) -> None:
    """A public_host without a scheme, or with a path, is an error."""
    with pytest.raises(RegistrationError, match=r"public_host=.* must be an origin"):
        entry.canonical_origin(said)


@pytest.mark.parametrize("base_url", ["/", "/jupyter/", "/@/space%20word/", "/a/b/", "/a//b//"])
def test_the_redirect_uri_is_the_prefix_that_the_hub_makes(base_url: str) -> None:
    """The prefix is made as in `jupyterhub.services.service.Service.prefix`, encoded or not."""
    prefix = url_path_join(base_url, "services", "fastapi" + "/")

    assert entry.redirect_uri("https://h", base_url, "fastapi") == f"https://h{prefix}oauth_callback"


@pytest.mark.parametrize(
    ("argument", "value", "says"),
    [
        ("name", "", "name="),
        ("name", "Fast", "lower-case"),
        ("name", "a/b", "name="),
        ("name", "a b", "name="),
        ("name", "a-", "letter or digit last"),
        ("name", "9a", "a letter first"),
        ("url", "127.0.0.1:10101", "url="),
        ("url", "http://", "url="),
        ("url", "http://[::1", "url="),
        ("url", "http://127.0.0.1:99999", "url="),
        ("url", "unix:///run/x.sock", "url="),
        ("routers", ["notes"], "package.module:router"),
        ("routers", ["notes:router, x"], "package.module:router"),
        ("api_token", "short", "32 characters or more"),
        ("api_token", "", "32 characters or more"),
        ("environment", {"PUBLIC_HOST": "https://h"}, "public_host="),
    ],
)
def test_a_wrong_argument_is_named(argument: str, value: object, says: str) -> None:
    """Each wrong argument raises at once, in a sentence that names it."""
    with pytest.raises(RegistrationError, match=says):
        entry.check_arguments(**(RIGHT | {argument: value}))


@pytest.mark.parametrize("name", ["a", "fastapi", "fast-api.v2", "x_1"])
def test_a_name_that_is_the_same_everywhere_is_accepted(name: str) -> None:
    """Letters, digits and . _ - are the same in a URL, a cookie, a scope and a role."""
    entry.check_arguments(**(RIGHT | {"name": name, "routers": ["notes.api:router"], "api_token": "x" * 32}))


def test_a_short_token_is_not_repeated() -> None:
    """No error contains a token."""
    with pytest.raises(RegistrationError) as refused:
        entry.check_arguments(**(RIGHT | {"api_token": "hush"}))

    assert "hush" not in str(refused.value)


def test_an_external_service_needs_its_token() -> None:
    """The Hub makes tokens only for managed services."""
    with pytest.raises(RegistrationError, match="managed=False: needs api_token="):
        entry.check_external({}, api_token=None)


@pytest.mark.parametrize(
    ("settings", "given", "named"),
    [
        ({"SERVICE_PASSWORD_GRANT": "1"}, {}, "SERVICE_PASSWORD_GRANT"),
        ({"SERVICE_ROUTERS": ""}, {"command": ["x"]}, "command"),
        ({}, {"environment": {"A": "b"}}, "environment"),
    ],
)
def test_an_external_service_is_given_nothing_that_would_not_reach_it(
    settings: dict[str, str], given: dict[str, object], named: str
) -> None:
    """Settings that would not reach an external service are an error."""
    with pytest.raises(RegistrationError, match=rf"cannot set {named}:"):
        entry.check_external(settings, api_token="x" * 64, **given)


@pytest.mark.parametrize(
    "shared",
    [{"name": "fastapi"}, {"url": "http://127.0.0.1:10101"}, {"api_token": "hush" * 8}],
    ids=["name", "address", "token"],
)
def test_two_services_share_neither_name_nor_address_nor_token(shared: dict[str, str]) -> None:
    """A service with the name, address or token of another one is refused. The token is not shown."""
    mine = {"name": "fastapi", "url": "http://127.0.0.1:10101", "api_token": "hush" * 8}

    with pytest.raises(RegistrationError, match=f"^{next(iter(shared))}: .* already") as refused:
        entry.check_neighbours(mine, [{"name": "culler"}, {"name": "other", **shared}])

    assert "hush" not in str(refused.value)


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="no setpriv (util-linux) on this system")
def test_the_service_ends_with_the_hub() -> None:
    """The default command runs `-m service`, and sends SIGTERM to it when its parent is killed."""
    *prefix, python, dash_p, dash_m, package = entry.default_command()
    assert [python, dash_p, dash_m, package] == [sys.executable, "-P", "-m", "service"]
    starts = "import subprocess, sys; subprocess.Popen(sys.argv[1:]).wait()"
    speaks = "import time; print('up', flush=True); time.sleep(5); print('survived')"
    with subprocess.Popen([python, "-c", starts, *prefix, python, "-c", speaks], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"up\n"

        parent.kill()

        assert parent.stdout.read() == b""


@pytest.mark.parametrize("script", [None, "echo 'unrecognized option: pdeathsig'; exit 1"], ids=["missing", "busybox"])
def test_without_a_setpriv_that_can_the_service_is_started_all_the_same(
    script: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without setpriv, or with that of busybox, the default command starts the service without it."""
    if script is not None:
        (tmp_path / "setpriv").write_text(f"#!{shlex.quote('/bin/sh')}\n{script}\n")
        (tmp_path / "setpriv").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert entry.default_command() == [sys.executable, "-P", "-m", "service"]


@pytest.mark.parametrize(
    ("more", "inherited", "expected"),
    [
        pytest.param({}, "", [str(REPOSITORY)], id="none"),
        pytest.param({}, f"/x{os.pathsep}/y", [str(REPOSITORY), "/x", "/y"], id="the Hub's"),
        pytest.param({}, f"/x{os.pathsep}{REPOSITORY}", [str(REPOSITORY), "/x"], id="the Hub's has it last"),
        pytest.param({}, f"{os.pathsep}/x", [str(REPOSITORY), "/x"], id="the working folder"),
        pytest.param({"PYTHONPATH": "/z"}, "/x", [str(REPOSITORY), "/z"], id="the operator's"),
        pytest.param({"PYTHONPATH": str(REPOSITORY)}, "/x", [str(REPOSITORY)], id="the operator's has it"),
    ],
)
def test_from_a_checkout_the_service_finds_its_package(
    more: dict[str, str], inherited: str, expected: list[str]
) -> None:
    """The checkout is put first in the PYTHONPATH of the service."""
    environment = entry.service_environment({}, more, python_path=inherited)

    assert environment["PYTHONPATH"].split(os.pathsep) == expected


def test_what_the_hub_inherits_to_the_service_is_not_said_again() -> None:
    """If the Hub has the checkout in its PYTHONPATH, the service inherits that."""
    assert entry.service_environment({}, {}, python_path=str(REPOSITORY)) == {}


def test_the_service_can_be_imported_from_anywhere(tmp_path: Path) -> None:
    """With this entry, `service` can be imported in any working directory."""
    environment = entry.service_environment({}, {}, python_path="")

    subprocess.run([sys.executable, "-c", "import service"], env=environment, cwd=tmp_path, check=True)


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """Our package in a folder named site-packages."""
    package = tmp_path / "site-packages" / "service"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    return package.parent


@pytest.mark.parametrize("other", ["service/__init__.py", "service.py"])
def test_another_package_called_service_on_the_python_path(installed: Path, tmp_path: Path, other: str) -> None:
    """The registration is refused if PYTHONPATH leads to another package named `service`."""
    (tmp_path / other).parent.mkdir(exist_ok=True)
    (tmp_path / other).touch()

    with pytest.raises(RegistrationError, match=rf"^PYTHONPATH: the service would run {tmp_path}/{other}, another"):
        entry.service_python_path(installed, f"/nowhere:{tmp_path}")


def test_a_folder_called_service_on_the_python_path(installed: Path, tmp_path: Path) -> None:
    """A folder without __init__.py does no harm: Python prefers our package."""
    (tmp_path / "service").mkdir()

    assert entry.service_python_path(installed, str(tmp_path)) == str(tmp_path)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param("", "", id="none"),
        pytest.param("/nowhere:{home}", "/nowhere:{home}", id="others"),
        pytest.param(":/nowhere:", "/nowhere", id="empty entries, which mean the working folder"),
    ],
)
def test_the_python_path_of_an_installed_service(installed: Path, given: str, expected: str) -> None:
    """The service gets the PYTHONPATH of the Hub, without the working directory."""
    assert entry.service_python_path(installed, given.format(home=installed)) == expected.format(home=installed)


def test_settings_are_strings_and_only_those_that_say_something() -> None:
    """Empty settings are left out, the operator's win, and numbers become text."""
    said = entry.service_environment(
        {"SERVICE_APPS": "", "SERVICE_PASSWORD_GRANT": "1"},
        {"HUB_CACHE_TTL": 60, "PYTHONPATH": str(REPOSITORY)},
        python_path="",
    )

    assert said == {"SERVICE_PASSWORD_GRANT": "1", "HUB_CACHE_TTL": "60", "PYTHONPATH": str(REPOSITORY)}


@pytest.mark.parametrize("given", ["fastapi2/oauth_callback", "fastapi", "other/oauth_callback"])
def test_a_redirect_uri_at_a_neighbour(given: str) -> None:
    """The codes of a sign-in must come below our own prefix: another service may have one that begins like it."""
    usual = "https://hub.example.org/services/fastapi/oauth_callback"

    with pytest.raises(RegistrationError, match=r"must begin with https://hub\.example\.org/services/fastapi/"):
        entry.chosen_redirect_uri(f"https://hub.example.org/services/{given}", usual)


@pytest.mark.parametrize("members", [{"users": ["ada"]}, {"groups": ["staff"]}], ids=["users", "groups"])
def test_members_of_roles_that_the_authenticator_gives(members: dict[str, list[str]]) -> None:
    """The Hub would not start with them. A role for a service, or for nobody, is let be."""
    entry.check_roles_have_no_members([{"name": "a", "services": ["fastapi"]}, {"name": "b", "users": []}])

    with pytest.raises(RegistrationError, match="must not give a to anybody"):
        entry.check_roles_have_no_members([{"name": "a", **members}])


@pytest.mark.parametrize("port", [0, 65_536, 99_999])
def test_a_port_that_no_browser_asks(port: int) -> None:
    """PUBLIC_HOST with such a port is refused: nobody could come back to it."""
    with pytest.raises(RegistrationError, match="public_host="):
        entry.canonical_origin(f"https://hub.example.org:{port}")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (5, "5"), (0.0, "0.0"), ("", ""), ("a", "a"), (True, "1"), (False, ""), (None, ""), (["a", 0], "a,0")],
)
def test_an_option_becomes_the_text_of_a_setting(value: object, text: str) -> None:
    """A limit of 0 is not the same as none: the service would take its default, which may be without a limit."""
    assert entry.as_setting(value) == text
