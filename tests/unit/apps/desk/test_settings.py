"""The settings of the desk: the database's address and the policy file."""

import traceback
from pathlib import Path

import pytest
from pydantic import SecretStr

from service.apps.desk.settings import DeskSettings, database_url
from service.errors import ConfigurationError
from service.settings import Settings, read_settings

DATABASES = {
    "a file by its path": ("sqlite:////var/lib/desk.sqlite", "sqlite:////var/lib/desk.sqlite"),
    "a file beside us": ("sqlite:///desk 1.sqlite", "sqlite:///desk 1.sqlite"),
    "a file, with the driver": ("sqlite+aiosqlite:////desk.sqlite", "sqlite:////desk.sqlite"),
    "a server": ("postgresql://u@h/d", "postgresql://u@h/d"),
    "a server, as Heroku has it": ("postgres://u:p%40@h:5432/d", "postgresql://u:p%40@h:5432/d"),
    "a server, with the driver": ("postgresql+asyncpg://u@h/d?sslmode=require", "postgresql://u@h/d?sslmode=require"),
    "a server, in capitals": ("PostgreSQL://u@h/d", "postgresql://u@h/d"),
    "a server by its socket": ("postgresql:///d?host=/run/postgresql", "postgresql:///d?host=/run/postgresql"),
    "several servers": ("postgresql://u@a:1,b:2/d", "postgresql://u@a:1,b:2/d"),
}


@pytest.mark.parametrize(("given", "url"), DATABASES.values(), ids=DATABASES)
def test_a_database_is_named_in_one_form(given: str, url: str) -> None:
    """A database's address has one form in the settings, whether it was given with a driver or without."""
    settings = read_settings(DeskSettings, {"DATABASE_URL": given})
    assert database_url(Settings(api_token=SecretStr("t")), settings).get_secret_value() == url


@pytest.mark.parametrize("given", [{}, {"DATABASE_URL": ""}], ids=["not set", "empty"])
def test_a_database_is_a_file_in_the_state_folder(tmp_path: Path, given: dict[str, str]) -> None:
    """The database is a file in the state folder unless `DATABASE_URL` names another."""
    core = Settings(api_token=SecretStr("t"), state_given=str(tmp_path))
    assert (
        database_url(core, read_settings(DeskSettings, given)).get_secret_value() == f"sqlite:///{tmp_path}/desk.sqlite"
    )


WRONG_DATABASES = [
    "canary", "mysql://u:canary@h/d", "postgresql+psycopg2://u:canary@h/d", "sqlite+pysqlite:///canary", "postgresql://",
    "postgresql:u:canary@h", "postgresql://u:canary#x@h/d", "postgresql://u:canary x@h/d", "postgresql://u:canary\n@h/d",
    "postgresql://u:canär@h/d", "sqlite://", "sqlite:///", "sqlite://canary", "sqlite:///:memory:", "sqlite:canary",
    "sqlite:///canary?mode=ro", "sqlite:///file:canary?cache=shared", "sqlite:///canary#x",
]  # fmt: skip


@pytest.mark.parametrize("text", WRONG_DATABASES)
def test_a_wrong_value_is_named_and_not_shown(text: str) -> None:
    """One line names the variable and says what it must be. No text of the error has its value, which may be secret."""
    with pytest.raises(ConfigurationError) as caught:
        read_settings(DeskSettings, {"DATABASE_URL": text})

    [problem] = caught.value.problems
    assert problem.startswith("DATABASE_URL: must be")
    assert "canar" not in f"{caught.value!r} {''.join(traceback.format_exception(caught.value))}"


def test_settings_show_no_password() -> None:
    """Neither the text nor the JSON of the settings shows the password."""
    settings = read_settings(DeskSettings, {"DATABASE_URL": "postgresql://u:canary@h/d"})
    assert "canary" not in f"{settings} {settings!r} {settings.model_dump()} {settings.model_dump_json()}"


def test_a_wrong_policy_ends_the_start() -> None:
    """A policy file that cannot be read is refused at the start, in a sentence that names the setting."""
    with pytest.raises(ConfigurationError) as refused:
        read_settings(DeskSettings, {"DESK_POLICY": "/nowhere/policy.toml"})

    assert refused.value.problems == ("DESK_POLICY: the file cannot be read: No such file or directory",)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("channel_binding=require", "channel_binding must be disable or prefer"),
        ("gssencmode=require", "gssencmode must be disable or prefer"),
        ("connect_timeout=soon", "connect_timeout must be a number of seconds"),
        *(
            (f"{name}=1", f"must be without the option {name},")
            for name in ("keepalives", "pgbouncer", "tcp_user_timeout")
        ),
    ],
)
def test_an_option_that_the_driver_does_not_have(option: str, said: str) -> None:
    """An option of libpq's or of another driver that cannot be had is named, in one sentence."""
    with pytest.raises(ConfigurationError) as caught:
        read_settings(DeskSettings, {"DATABASE_URL": f"postgresql://u:canary@h/d?sslmode=require&{option}"})

    [problem] = caught.value.problems
    assert problem.startswith("DATABASE_URL: ")
    assert said in problem
    assert "canary" not in problem
