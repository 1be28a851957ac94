"""`python -P -m service password`: who may get a new password by it, and what it refuses."""

from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("nativeauthenticator", reason="no JupyterHub installed: pip install '.[hub]'")

from jupyterhub import orm
from nativeauthenticator.orm import UserInfo
from sqlalchemy import text
from typer.testing import CliRunner, Result

from service.authenticators import passwords
from service.commands.app import app

NEW = "a new one that is long enough"
CONFIG = """
c.JupyterHub.authenticator_class = "service.authenticators.PasswordAuthenticator"
c.JupyterHub.db_url = "sqlite:///{folder}/hub.sqlite"
c.Authenticator.admin_users = {{"ada"}}
"""

Asked = Callable[..., Result]


@pytest.fixture
def asked(tmp_path: Path) -> Asked:
    """Run the command with a configuration in a folder of its own, and a password from a pipe."""

    def run(*arguments: str, typed: str = NEW, config: str = CONFIG) -> Result:
        file = tmp_path / "jupyterhub_config.py"
        file.write_text(config.format(folder=tmp_path))
        return CliRunner().invoke(app, ["password", *arguments, "-f", str(file)], input=f"{typed}\n")

    return run


@pytest.fixture
def database(tmp_path: Path) -> Callable[[], orm.Session]:
    """Open the Hub's database, which is there as after a start that was refused."""

    def opened() -> orm.Session:
        return orm.new_session_factory(f"sqlite:///{tmp_path}/hub.sqlite")()

    with opened() as session:
        UserInfo.__table__.create(session.get_bind(), checkfirst=True)
    return opened


def stored(database: Callable[[], orm.Session], name: str) -> bytes:
    """Return the hash of a user's password."""
    with database() as session:
        account = UserInfo.find(session, name)
        assert account is not None
        assert account.is_authorized
        return bytes(account.password)


def test_the_first_password(asked: Asked, database: Callable[[], orm.Session]) -> None:
    """On a Hub without an account, it makes one that may sign in. Names are as the Hub spells them."""
    result = asked("Ada")

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "ada has a new password, and is signed out everywhere.\n"
    assert passwords.matches(stored(database, "ada"), NEW)


def test_a_lost_administrator(asked: Asked, database: Callable[[], orm.Session]) -> None:
    """With --admin, its user may sign in again and is an administrator. Sessions end, and tokens if asked for."""
    with database() as session:
        user = orm.User(name="grace")
        session.add_all([user, UserInfo(username="grace", password=passwords.hashed("x"), is_authorized=False)])
        session.commit()
        before = user.cookie_id
        session.add(orm.OAuthClient(identifier="jupyterhub", secret="", redirect_uri=""))
        session.add(orm.APIToken(user=user, note="script", scopes=[], client_id="jupyterhub", prefix="p", hashed="h"))
        session.commit()

    kept = asked("grace", "--admin")
    deleted = asked("grace", "--delete-tokens")

    assert (kept.exit_code, deleted.exit_code) == (0, 0)
    assert "API tokens that still work: 1." in kept.stdout
    assert "grace is an administrator of the Hub." in kept.stdout
    assert "API tokens deleted: 1." in deleted.stdout
    assert passwords.matches(stored(database, "grace"), NEW)
    with database() as session:
        found = orm.User.find(session, "grace")
        assert found.admin
        assert found.cookie_id != before
        assert list(found.api_tokens) == []


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        pytest.param("short", "A password must have 12 to 1024 characters", id="short"),
        pytest.param("", "A password must have 12 to 1024 characters", id="nothing"),
        pytest.param("ada has a long password", "not contain the user name", id="with the name"),
    ],
)
def test_the_rules_hold(asked: Asked, database: Callable[[], orm.Session], typed: str, said: str) -> None:
    """A password that the Hub's pages would refuse is refused, and not shown."""
    result = asked("ada", typed=typed)

    assert result.exit_code == 1
    assert said in result.stderr
    assert not typed or typed not in result.output
    with database() as session:
        assert UserInfo.all_users(session) == []


@pytest.mark.usefixtures("database")
def test_another_authenticator(asked: Asked) -> None:
    """A Hub that keeps no passwords is named, with its authenticator."""
    result = asked(
        "ada", config="c.JupyterHub.authenticator_class = 'null'\nc.JupyterHub.db_url = '{folder}/hub.sqlite'"
    )

    assert result.exit_code == 2
    assert "the Hub's authenticator is NullAuthenticator" in result.stderr


def test_no_database(asked: Asked, tmp_path: Path) -> None:
    """In a wrong folder no second database is made, which would look like success."""
    result = asked("ada")

    assert result.exit_code == 2
    assert "the Hub's database is not here" in result.stderr
    assert not (tmp_path / "hub.sqlite").exists()


def test_a_database_that_refuses(asked: Asked, database: Callable[[], orm.Session]) -> None:
    """One sentence says why, without what was to be written: the hash of the password, the secret of a session."""
    with database() as session:
        session.execute(
            text("CREATE TRIGGER refuse BEFORE INSERT ON users_info BEGIN SELECT RAISE(ABORT, 'database is busy'); END")
        )
        session.commit()

    result = asked("ada")

    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert "database is busy" in result.output
    assert "argon2" not in result.output
    assert "INSERT" not in result.output
