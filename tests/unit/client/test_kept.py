"""Where a sign-in at a shell is kept: for its user alone, whole, and in the keyring if there is one."""

import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

from service.client import kept
from service.client.address import Address, AddressUnknownError, find
from service.client.kept import Kept, KeptError

URL = "https://hub.example.org/services/fastapi/"
OTHER = "https://hub.example.org/services/other/"
FAR = 4_000_000_000.0
SIGN_IN = Kept(URL, "secret", FAR)


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of a user with a home of their own, on a machine without a keyring."""
    monkeypatch.setitem(sys.modules, "keyring", None)
    return {"HOME": str(tmp_path)}


class Keyring(ModuleType):
    """What the package keyring offers, in memory."""

    def __init__(self, *, keeps: bool = True) -> None:
        super().__init__("keyring")
        self.keeps = keeps
        self.passwords: dict[tuple[str, str], str] = {}

    def set_password(self, service: str, user: str, password: str) -> None:
        """Keep it, as a backend does; or not, as that of a machine without a desktop does."""
        if not self.keeps:
            raise RuntimeError("No recommended backend was available.")
        self.passwords[service, user] = password

    def get_password(self, service: str, user: str) -> str | None:
        """Return it."""
        return self.passwords.get((service, user))

    def delete_password(self, service: str, user: str) -> None:
        """Forget it. Raises where there is none, as backends do."""
        del self.passwords[service, user]


def test_a_file_for_its_user_alone(environment: dict[str, str], tmp_path: Path) -> None:
    """It has mode 0600 in a folder of 0700, whatever the umask, and nothing else is left in there."""
    mask = os.umask(0)
    try:
        path = kept.keep(environment, SIGN_IN)
    finally:
        os.umask(mask)

    assert path == tmp_path / ".config" / "service-fastapi" / "sign-ins.json"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert list(path.parent.iterdir()) == [path]
    assert kept.find(environment, URL) == SIGN_IN
    assert "secret" not in repr(SIGN_IN)


def test_several(environment: dict[str, str]) -> None:
    """Each address has one sign-in, the latest is the default, and after signing out the address is still known."""
    kept.keep(environment, SIGN_IN)
    kept.keep(environment, Kept(OTHER, "other"))
    kept.keep(environment, Kept(URL, "newer"))
    kept.forget(environment, OTHER)

    assert kept.load(environment) == [Kept(URL, "newer"), Kept(OTHER, "", 0.0)]
    assert kept.find(environment, None) == Kept(URL, "newer")
    assert kept.find(environment, "https://hub.example.org/services/third/") is None


def test_xdg(environment: dict[str, str], tmp_path: Path) -> None:
    """XDG_CONFIG_HOME names the folder, if it is absolute."""
    assert kept.place(environment | {"XDG_CONFIG_HOME": "/x"}) == Path("/x/service-fastapi/sign-ins.json")
    assert kept.place(environment | {"XDG_CONFIG_HOME": "x"}) == tmp_path / ".config/service-fastapi/sign-ins.json"
    assert kept.place({}) is None
    assert kept.load({}) == []
    with pytest.raises(KeptError, match="no home directory"):
        kept.keep({}, SIGN_IN)


def test_on_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python has no owners of files there, and modes say nothing: the profile is the user's own."""
    monkeypatch.delattr(os, "geteuid")
    environment = {"USERPROFILE": str(tmp_path)}

    path = kept.keep(environment, SIGN_IN)
    path.chmod(0o666)

    assert path == tmp_path / ".config" / "service-fastapi" / "sign-ins.json"
    assert kept.load(environment) == [SIGN_IN]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o602])
def test_a_file_of_others(environment: dict[str, str], mode: int) -> None:
    """A file that others may read or write is refused: the token in it may be known, or not be ours."""
    path = kept.keep(environment, SIGN_IN)
    path.chmod(mode)

    for use in (kept.load, kept.check_place):
        with pytest.raises(KeptError, match="not yours alone"):
            use(environment)


def test_a_folder_of_others(environment: dict[str, str]) -> None:
    """Nothing is written where others may put another file in its place."""
    path = kept.keep(environment, SIGN_IN)
    path.parent.chmod(0o770)

    with pytest.raises(KeptError, match="not yours alone"):
        kept.keep(environment, SIGN_IN)
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("content", ["", "{", "[1]", '[{"url": 1}]', "\udcff"])
def test_a_file_that_is_none_of_ours(environment: dict[str, str], content: str) -> None:
    """It is refused, and not quoted."""
    path = kept.keep(environment, SIGN_IN)
    path.write_bytes(content.encode(errors="surrogateescape"))

    with pytest.raises(KeptError, match="no file of sign-ins"):
        kept.load(environment)


def test_a_keyring(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is one, the token is there and in no file."""
    keyring = Keyring()
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    path = kept.keep(environment, SIGN_IN)

    assert "secret" not in path.read_text()
    assert kept.find(environment, URL) == SIGN_IN
    kept.forget(environment, URL)
    assert keyring.passwords == {}
    assert kept.find(environment, URL) == Kept(URL, "", 0.0)


def test_a_keyring_that_keeps_nothing(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine without a desktop the token is in the file."""
    monkeypatch.setitem(sys.modules, "keyring", Keyring(keeps=False))
    kept.keep(environment, SIGN_IN)

    assert kept.find(environment, URL) == SIGN_IN
    kept.forget(environment, URL)
    assert kept.find(environment, URL) == Kept(URL, "", 0.0)


def test_a_keyring_that_cannot_be_opened_when_signing_out(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has signed out, as by SSH, is not signed in again where the keyring is open."""
    keyring = Keyring()
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    kept.keep(environment, SIGN_IN)
    with monkeypatch.context() as elsewhere:
        elsewhere.setitem(sys.modules, "keyring", None)
        shut = kept.find(environment, URL)
        kept.forget(environment, URL)
    found = kept.find(environment, URL)

    assert keyring.passwords
    assert shut is not None
    assert found is not None
    assert (shut.token, shut.is_shut, found.token, found.is_shut) == ("", True, "", False)


def test_the_client_takes_it(environment: dict[str, str]) -> None:
    """Who is signed in need not tell address and token; the token goes to its own address alone."""
    kept.keep(environment, Kept(OTHER, "other"))
    kept.keep(environment, SIGN_IN)

    assert find(None, None, service="fastapi", environment=environment) == Address(URL, "secret")
    assert find(None, None, service="other", environment=environment) == Address(OTHER, "other")
    assert find(URL.rstrip("/"), None, service="fastapi", environment=environment) == Address(URL, "secret")
    assert find(None, "mine", service="fastapi", environment=environment | {"SERVICE_FASTAPI_URL": URL}).token == "mine"
    for url in ("https://hub.example.org/services/third/", "http://hub.example.org/services/fastapi/"):
        with pytest.raises(AddressUnknownError, match="No token"):
            find(url, None, service="fastapi", environment=environment)
    with pytest.raises(AddressUnknownError, match="Where is the service"):
        find(None, None, service="third", environment=environment)


def test_in_a_notebook(environment: dict[str, str]) -> None:
    """There its own address and token count."""
    kept.keep(environment, SIGN_IN)
    notebook = {"SERVICE_FASTAPI_URL": "http://127.0.0.1:8000/services/fastapi/", "JUPYTERHUB_API_TOKEN": "own"}

    assert find(None, None, service="fastapi", environment=environment | notebook).token == "own"


def test_one_that_is_over(environment: dict[str, str]) -> None:
    """An expired token is not sent."""
    kept.keep(environment, Kept(URL, "secret", 1.0))

    with pytest.raises(AddressUnknownError, match=f"service login {URL}"):
        find(None, None, service="fastapi", environment=environment)
