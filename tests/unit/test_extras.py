"""What each extra is for: without it, all else can be imported, and the service says how to install it."""

import json
import pkgutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import service.auth
import service.hub
import service.registration
from tests.support.installed import canonical, declared, distributions, run_with

START = "import runpy; runpy.run_module('service', run_name='__main__', alter_sys=True)"
IMPORT_ALL = "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]"
HOW = "pip install '.[serve]' in a checkout of the service"


def modules(package: str, path: Sequence[str]) -> list[str]:
    """Return a package and all its modules, but for Entra ID's, which have an extra of their own."""
    found = [each.name for each in pkgutil.walk_packages(path, prefix=f"{package}.")]
    return [package, *(name for name in found if name != "service.auth.providers.entra")]


@pytest.mark.parametrize(
    ("package", "path"), [("service.auth", service.auth.__path__), ("service.hub", service.hub.__path__)]
)
def test_what_others_take_needs_no_extra(package: str, path: Sequence[str]) -> None:
    """`pip install .` brings all that `service.auth` and `service.hub` import."""
    names = modules(package, path)
    ran = run_with((), IMPORT_ALL, *names)

    assert len(names) > 15
    assert ran.returncode == 0, ran.stderr


def test_tests_of_another_application_need_one_extra() -> None:
    """With `[testing]` alone, `open_service` runs an application that is not this service."""
    code = """
import runpy, anyio
from service.testing import open_service

async def main():
    async with open_service(lambda: runpy.run_path("examples/hub_auth/starlette_app.py")["app"]) as service:
        print((await service.user("alice").get("hello")).json())

anyio.run(main)
"""
    ran = run_with(["testing"], code)

    assert (ran.returncode, ran.stdout) == (0, "{'hello': 'alice'}\n"), ran.stderr


def test_signing_in_at_a_shell_needs_no_extra(tmp_path: Path) -> None:
    """`pip install .` brings what `login`, `token` and `logout` need."""
    keep = "import os; from service.client import kept; kept.keep(os.environ, kept.Kept('https://hub.test/', 'secret'))"
    code = f"import os; os.environ.update(HOME={str(tmp_path)!r}, XDG_CONFIG_HOME=''); {keep}; {START}"
    shown, offered, refused = (run_with((), code, *asked) for asked in (["token"], ["login", "--help"], ["login"]))

    assert (shown.returncode, shown.stdout) == (0, "secret\n"), shown.stderr
    assert (offered.returncode, "--days" in offered.stdout) == (0, True), offered.stderr
    assert (refused.returncode, "needs a terminal" in refused.stderr) == (1, True), refused.stderr


def test_registration_needs_nothing() -> None:
    """It runs in the Hub's process, which need not have our dependencies. One module stands on the Hub itself."""
    names = modules("service.registration", service.registration.__path__)
    names.remove("service.registration.shell_tokens")
    ran = run_with(None, IMPORT_ALL, *names)

    assert ran.returncode == 0, ran.stderr


def test_the_service_needs_one_extra() -> None:
    """With `[serve]` alone it has all its commands."""
    ran = run_with(["serve"], START, "--help")

    assert ran.returncode == 0, ran.stderr
    assert "doctor" in ran.stdout


def modules_of_the_extra() -> list[str]:
    """Return the modules of the packages that only `[serve]` brings, of those that it lists."""
    listed = {canonical(Requirement(each).name) for each in declared("service-fastapi", "serve")}
    packages = listed - set(distributions(()))
    return sorted({"python-dotenv": "dotenv"}.get(name, name.replace("-", "_")) for name in packages)


@pytest.mark.parametrize("arguments", [(), ("doctor",)], ids=["to serve", "a command"])
def test_without_it_the_service_says_how_to_install_it(arguments: Sequence[str]) -> None:
    """One sentence, on standard error, for whoever starts it or reads the Hub's log."""
    ran = run_with((), START, *arguments)

    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == f"The service needs {', '.join(modules_of_the_extra())}: {HOW}\n"


def test_only_what_is_missing_is_named() -> None:
    """A single package that is not there is named alone."""
    hide = f"Finder.hidden = {{'typer'}}\n{START}"
    ran = run_with(["serve"], hide)

    assert (ran.returncode, ran.stderr) == (2, f"The service needs typer: {HOW}\n")


def test_an_env_file_needs_the_extra(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Where nothing can read `.env`, the start ends and says so, as its settings may be what keeps people out."""
    folder = tmp_path_factory.mktemp("with-env-file")
    (folder / ".env").write_text("JUPYTERHUB_API_TOKEN=canary\n")
    (folder / ".env").chmod(0o600)
    code = """
import json, os
from service.errors import ConfigurationError
from service.settings import load_settings
variables = {"JUPYTERHUB_API_TOKEN": "0123456789abcdef0123456789abcdef"}
load_settings(variables)
os.chdir(sys.argv[1])
try:
    load_settings(variables)
except ConfigurationError as error:
    print(json.dumps(error.problems))
"""
    ran = run_with((), code, str(folder))

    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == [".env: cannot be read without python-dotenv: pip install python-dotenv"]
