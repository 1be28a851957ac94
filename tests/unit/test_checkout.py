"""The files that editors, pre-commit, GitHub and Dependabot read are valid, and agree with the rest of the checkout."""

import configparser
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from service import __version__
from tests.support.node import REPOSITORY

WORKFLOW = REPOSITORY / ".github/workflows/checks.yaml"
RELEASE = REPOSITORY / ".github/workflows/release.yaml"
FORMS = sorted((REPOSITORY / ".github/ISSUE_TEMPLATE").glob("*.yml"))
DEPENDABOT = REPOSITORY / ".github/dependabot.yml"
PRE_COMMIT = REPOSITORY / ".pre-commit-config.yaml"
FOLDERS = ("service", "tests", "bench", "deploy", "docs", "examples", "script", "website", ".ci", ".github")
TEXTS = {".conf", ".css", ".html", ".in", ".ini", ".js", ".json", ".md", ".py", ".toml", ".txt", ".yaml", ".yml"}


def loaded(file: Path) -> dict[str, Any]:
    """Return what a YAML file holds."""
    content: dict[str, Any] = yaml.load(file.read_text(), Loader=yaml.BaseLoader)  # noqa: S506 (makes texts, and nothing else)
    return content


def checked(*command: str) -> str:
    """Run a module of ours that validates a file; return what it says against it."""
    done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, check=False, timeout=120)
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.parametrize(
    ("schema", "file"),
    [
        ("vendor.github-workflows", WORKFLOW),
        ("vendor.github-workflows", RELEASE),
        ("vendor.dependabot", DEPENDABOT),
        *(
            ("vendor.github-issue-config" if each.name == "config.yml" else "vendor.github-issue-forms", each)
            for each in FORMS
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Path) else "",
)
def test_github_can_read_it(schema: str, file: Path) -> None:
    """Workflows, Dependabot's configuration and the forms for issues are valid."""
    assert checked("check_jsonschema", "--builtin-schema", schema, str(file)) == ""


def test_pre_commit_can_read_it() -> None:
    """pre-commit's configuration is valid."""
    assert checked("pre_commit", "validate-config", str(PRE_COMMIT)) == ""


def test_pre_commit_runs_parts_of_script_test() -> None:
    """Each hook runs script/test, with parts that it has."""
    (repository,) = loaded(PRE_COMMIT)["repos"]
    known = re.search(r"^    (lint \| .*)\) chosen=", (REPOSITORY / "script/test").read_text(), re.MULTILINE)
    assert known

    for hook in repository["hooks"]:
        command, *parts = hook["entry"].split()
        assert command == "./script/test"
        assert parts
        assert set(parts) <= set(known[1].split(" | "))


def test_the_workflow_runs_the_checks_on_the_oldest_and_the_newest_python() -> None:
    """It calls .ci/run, and nothing else, with the first and the last of the versions that pyproject.toml names."""
    tests = loaded(WORKFLOW)["jobs"]["tests"]
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    versions = [each.rpartition(" ")[2] for each in project["classifiers"] if re.search(r":: 3\.\d+$", each)]

    assert tests["strategy"]["matrix"]["python"] == [versions[0], versions[-1]]
    assert [step["run"] for step in tests["steps"] if "run" in step] == [".ci/run"]


def test_the_workflow_builds_every_image() -> None:
    """Each target that docs/operate/container.md tells people to build is one of the Dockerfile's."""
    targets = set(loaded(WORKFLOW)["jobs"]["image"]["strategy"]["matrix"]["target"])
    stages = set(re.findall(r"^FROM \S+ AS (\S+)", (REPOSITORY / "Dockerfile").read_text(), re.MULTILINE))

    assert {"service", "hub"} == targets <= stages


@pytest.mark.parametrize("workflow", [WORKFLOW, RELEASE], ids=lambda path: path.name)
def test_actions_are_pinned(workflow: Path) -> None:
    """An action is named by its commit, as a tag can be moved; a workflow may only read."""
    used = re.findall(r"uses: (.*)", workflow.read_text())

    assert used
    assert [each for each in used if not re.fullmatch(r"\S+@[0-9a-f]{40} # v[\d.]+|\./\S+", each)] == []
    assert loaded(workflow)["permissions"] == {"contents": "read"}


def test_a_release_is_built_by_script_release_and_audited() -> None:
    """What is published was built and checked by the script, and only the job that publishes may prove who it is."""
    jobs = loaded(RELEASE)["jobs"]
    commands = [step.get("run", "") for step in jobs["build"]["steps"]]

    assert "script/release --build dist" in commands
    assert any("pip-audit" in command for command in commands)
    assert {name: job.get("permissions") for name, job in jobs.items()} == {
        "checks": None,
        "build": None,
        "publish": {"id-token": "write"},
        "image": None,
    }


def test_nothing_is_published_before_the_checks_have_passed() -> None:
    """All that uploads something waits for the workflow of every commit."""
    jobs = loaded(RELEASE)["jobs"]

    assert jobs["checks"]["uses"] == f"./{WORKFLOW.relative_to(REPOSITORY)}"
    assert "workflow_call" in loaded(WORKFLOW)["on"]
    assert jobs["publish"]["needs"] == jobs["image"]["needs"] == ["checks", "build"]


def test_the_image_is_published_under_the_name_that_manifests_have() -> None:
    """Name and version are those of the Deployment."""
    jobs = loaded(RELEASE)["jobs"]
    (name,) = (each["image"] for each in jobs["image"]["strategy"]["matrix"]["include"] if each["target"] == "service")
    told = [step["run"] for step in jobs["image"]["steps"] if "GITHUB_ENV" in step.get("run", "")]
    deployed = re.findall(
        r"image: registry\.example\.org/(\S+)", (REPOSITORY / "deploy/kubernetes/service.yaml").read_text()
    )

    assert deployed == [f"{name}:{__version__}"]
    assert told == ['echo "IMAGE=$REGISTRY/${{ matrix.image }}:${GITHUB_REF_NAME#v}" >>"$GITHUB_ENV"']


def test_a_report_needs_what_the_doctor_says() -> None:
    """The form for bugs asks for the doctor's output, with the command."""
    (bug,) = (each for each in FORMS if each.name == "bug.yml")
    (doctor,) = (field for field in loaded(bug)["body"] if field.get("id") == "doctor")

    assert "python -P -m service doctor" in doctor["attributes"]["description"]
    assert doctor["validations"] == {"required": "true"}


def test_dependabot_knows_every_folder_of_pins() -> None:
    """Wherever pinned requirements are, Dependabot looks."""
    (pip,) = (each for each in loaded(DEPENDABOT)["updates"] if each["package-ecosystem"] == "pip")
    pinned = [*REPOSITORY.glob("requirements*.txt"), *(REPOSITORY / "tests").rglob("hubs/*.txt")]

    assert set(pip["directories"]) == {f"/{path.parent.relative_to(REPOSITORY)}".replace("/.", "/") for path in pinned}


def editor_config() -> configparser.ConfigParser:
    """Return .editorconfig, its lines before the first section as DEFAULT's."""
    config = configparser.ConfigParser()
    config.read_string(f"[DEFAULT]\n{(REPOSITORY / '.editorconfig').read_text()}")
    return config


def test_editors_and_ruff_agree() -> None:
    """A line is as long for editors as for ruff."""
    ruff = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["ruff"]

    assert editor_config().getint("*.py", "max_line_length") == ruff["line-length"]


def test_files_are_as_editors_leave_them() -> None:
    """UTF-8, ends of lines of Unix, one at the end of the file, and none with blanks before it."""
    assert dict(editor_config()["*"]) | {"charset": "utf-8", "end_of_line": "lf"} == dict(editor_config()["*"])
    files = [path for folder in FOLDERS for path in (REPOSITORY / folder).rglob("*") if path.suffix in TEXTS]
    texts = {path: path.read_bytes().decode() for path in files if "swagger-ui" not in path.parts}

    assert [path for path, text in texts.items() if text and not text.endswith("\n")] == []
    assert [path for path, text in texts.items() if "\r\n" in text] == []
    assert [
        path for path, text in texts.items() if path.suffix != ".md" and re.search(r"[ \t]$", text, re.MULTILINE)
    ] == []
