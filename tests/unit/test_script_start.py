"""script/start.py: what it says when the Hub is ready."""

import importlib.util

import pytest

from tests.support.node import REPOSITORY

SHOWN, MADE_UP = '--data-urlencode "password=$HUB_PASSWORD"', "-d password=passwd"


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
    monkeypatch: pytest.MonkeyPatch, authenticator: str, password: str, named: str, typed: str
) -> None:
    """The banner names the password that counts, and never one that nobody has set."""
    monkeypatch.setenv("HUB_AUTHENTICATOR", authenticator)
    monkeypatch.setenv("HUB_PASSWORD", password)
    monkeypatch.delenv("HUB_PASSWORD_FILE", raising=False)
    spec = importlib.util.spec_from_file_location("start", REPOSITORY / "script/start.py")
    assert spec is not None
    assert spec.loader is not None
    start = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(start)

    assert start.password_words(is_new=False) == (named, typed)
