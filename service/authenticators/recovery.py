"""Sets a password in the Hub's database, for people who may read the Hub's configuration, at a shell.

It reads the configuration as `jupyterhub token` does. The Hub may run meanwhile.
"""

from pathlib import Path
from typing import Any

from jupyterhub import orm, roles
from jupyterhub.app import JupyterHub
from nativeauthenticator.orm import UserInfo
from sqlalchemy.exc import SQLAlchemyError

from service.authenticators import PasswordAuthenticator, passwords, sessions
from service.errors import ConfigurationError

_SQLITE = "sqlite:///"


class OfflineHub:
    """A Hub's database and authenticator, as its configuration has them; nothing is started.

    Raises:
        ConfigurationError: the configuration has another authenticator, or its database is not there.
    """

    def __init__(self, config: Path) -> None:
        hub = JupyterHub(log_level="ERROR")
        hub.load_config_file(str(config.resolve()))
        hub.upgrade_db = hub.reset_db = False  # only a start of the Hub may change its tables
        if not issubclass(hub.authenticator_class, PasswordAuthenticator):
            name = hub.authenticator_class.__name__
            raise ConfigurationError([f"{config}: the Hub's authenticator is {name}, so its passwords are not here"])
        _check_file(hub.db_url)
        hub.init_db()
        self._db = hub.db
        self._authenticator = hub.authenticator_class(parent=hub, is_serving=False, _deprecated_db_session=hub.db)

    def name_of(self, given: str) -> str:
        """Return a name as the Hub spells it."""
        return str(self._authenticator.normalize_username(given))

    def problem_with(self, name: str, password: str) -> str:
        """Say why the rules for passwords, or for names, do not allow this; an empty string if they do."""
        if not name or not self._authenticator.can_be_name(name):
            return f"{name!r} cannot be the name of a user of the Hub."
        return str(self._authenticator.problem_with(password, name=name))

    def set_password(self, name: str, password: str, *, is_admin: bool, with_tokens: bool) -> str:
        """Store a password, let its owner sign in, and end the owner's sessions. Returns what was done, in sentences.

        Args:
            name: of a user, who may have no account yet.
            password: it follows the rules: see `problem_with`.
            is_admin: also make the user an administrator of the Hub.
            with_tokens: also delete the user's API tokens.

        Raises:
            ConfigurationError: the database refuses it, such as while another process holds it.

        """
        try:
            return self._set_password(name, password, is_admin=is_admin, with_tokens=with_tokens)
        except SQLAlchemyError as error:  # its own text has the values that were to be written
            self._db.rollback()
            reason, *_ = str(getattr(error, "orig", None) or type(error).__name__).splitlines()
            raise ConfigurationError([f"The Hub's database has refused the change: {reason}"]) from None

    def _set_password(self, name: str, password: str, *, is_admin: bool, with_tokens: bool) -> str:
        account = self._authenticator.get_user(name)
        if account is None:
            account = UserInfo(username=name)
            self._db.add(account)
        account.password, account.is_authorized = passwords.hashed(password), True
        done = f"{name} has a new password, and is signed out everywhere."
        user = self._user(name, is_made=is_admin)
        if user is not None:
            number = sessions.count_api_tokens(self._db, user)
            if with_tokens:
                sessions.delete_api_tokens(self._db, user)
            sessions.end_sessions(self._db, user)
            if number:
                done += f" API tokens {'deleted' if with_tokens else 'that still work'}: {number}."
        if is_admin:
            user.admin = True
            if orm.Role.find(self._db, "admin") is not None:  # else the Hub's first start does it
                roles.assign_default_roles(self._db, entity=user)
            done += f" {name} is an administrator of the Hub."
        self._db.commit()
        return done

    def _user(self, name: str, *, is_made: bool) -> Any:  # noqa: ANN401 - the Hub has no types
        user = orm.User.find(self._db, name)
        if user is None and is_made:
            user = orm.User(name=name)
            self._db.add(user)
        return user


def _check_file(url: str) -> None:
    """Refuse an SQLite file that is not there: it would be made, and the Hub would know nothing of it."""
    if url.startswith(_SQLITE) and not (file := Path(url.removeprefix(_SQLITE))).exists():
        raise ConfigurationError(
            [f"{file.resolve()}: the Hub's database is not here; run this with the Hub's environment, in its folder"]
        )
