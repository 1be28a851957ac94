"""script/start.py: what it says when the Hub is ready."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from traitlets.config.loader import Config

from service.registration import register
from tests.support.node import REPOSITORY

SHOWN, MADE_UP = '--data-urlencode "password=$HUB_PASSWORD"', "-d password=passwd"


@pytest.fixture(scope="module")
def start() -> ModuleType:
    """The script, as a module."""
    spec = importlib.util.spec_from_file_location("start", REPOSITORY / "script/start.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("authenticator", "password", "named", "typed"),
    [
        ("", "", "passwd", MADE_UP),
        ("", "chosen", "the one in HUB_PASSWORD", SHOWN),
        ("native", "chosen", "their own, at first the one in HUB_PASSWORD", SHOWN),
        ("native", "", "their own", "-d password=…"),
        ("pam", "", "the one that this machine knows", SHOWN),
    ],
)
def test_which_password(
    monkeypatch: pytest.MonkeyPatch, start: ModuleType, authenticator: str, password: str, named: str, typed: str
) -> None:
    """The banner names the password that counts, and never one that nobody has set."""
    monkeypatch.setenv("HUB_AUTHENTICATOR", authenticator)
    monkeypatch.setenv("HUB_PASSWORD", password)
    monkeypatch.delenv("HUB_PASSWORD_FILE", raising=False)

    assert start.password_words(is_new=False) == (named, typed)


def test_a_password_in_a_file(monkeypatch: pytest.MonkeyPatch, start: ModuleType, tmp_path: Path) -> None:
    """Its path may have a space, and may come from `.env`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HUB_PASSWORD", raising=False)
    monkeypatch.delenv("HUB_PASSWORD_FILE", raising=False)
    (tmp_path / ".env").write_text('HUB_PASSWORD_FILE="p w"\n')
    file = start.password_file()
    monkeypatch.setenv("HUB_PASSWORD_FILE", file)

    assert file == "p w"
    assert start.password_words(is_new=False)[1] == """--data-urlencode "password=$(cat 'p w')\""""


def test_which_service(start: ModuleType) -> None:
    """The banner is about the service that register() added, also where an operator adds others after it."""
    config = Config()
    config.JupyterHub.services = [{"name": "before", "url": "http://127.0.0.1:1"}]
    register(config, name="ours")
    config.JupyterHub.services.append({"name": "prometheus", "api_token": "x" * 64})

    assert start.registered(config)["name"] == "ours"
