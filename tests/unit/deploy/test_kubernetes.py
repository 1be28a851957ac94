"""The manifests for Kubernetes: what its schemas take, and whether they agree with each other and with the service."""

import copy
import runpy
import subprocess
import sys
from typing import Any

import kubernetes_validate
import pytest
import yaml
from jupyterhub.app import JupyterHub
from traitlets.config import Config

from service.registration import register
from service.settings import Settings
from tests.support.node import REPOSITORY
from tests.support.variables import known_variables

DEPLOY = REPOSITORY / "deploy/kubernetes"
ACCESS = "access:services!service=fastapi"
VERSIONS = ("1.37", "1.30")  # the newest that the schemas have, and the first that knows preStop: sleep
MANIFESTS = {
    "headless Service" if each["spec"].get("clusterIP") == "None" else each["kind"]: each
    for each in yaml.safe_load_all((DEPLOY / "service.yaml").read_text())
}
POD = MANIFESTS["Deployment"]["spec"]["template"]
(CONTAINER,) = POD["spec"]["containers"]
KINDS = ["Deployment", "Service", "headless Service", "PodDisruptionBudget", "HorizontalPodAutoscaler", "NetworkPolicy"]


def environment() -> dict[str, Any]:
    """Return the container's settings, `value` or `valueFrom` by name."""
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in CONTAINER["env"]}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_kubernetes_takes_it(kind: str, version: str) -> None:
    """Every manifest is right by the schema of its kind, which knows each of its keys."""
    assert kubernetes_validate.validate(MANIFESTS[kind], version, strict=True) == version


def test_all_kinds_are_checked() -> None:
    """No manifest is left out above."""
    assert list(MANIFESTS) == KINDS


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("Deployment", ["spec", "template", "spec", "containers", 0, "readinessProbe", "httpGet"]),
        ("Service", ["spec", "ports", 0]),
        ("headless Service", ["spec"]),
        ("PodDisruptionBudget", ["spec"]),
        ("HorizontalPodAutoscaler", ["spec", "metrics", 0, "resource", "target"]),
        ("NetworkPolicy", ["spec", "egress", 1, "to", 0]),
    ],
    ids=KINDS,
)
def test_a_misspelled_key_is_found(kind: str, path: list[str | int]) -> None:
    """However deep a key is that is spelled wrong, the check above fails."""
    wrong = copy.deepcopy(MANIFESTS[kind])
    place: Any = wrong
    for step in path:
        place = place[step]
    place["misspelled"] = 1

    with pytest.raises(kubernetes_validate.ValidationError, match="misspelled"):
        kubernetes_validate.validate(wrong, VERSIONS[0], strict=True)


def test_selectors() -> None:
    """Whatever selects pods selects ours, and what scales or names a workload names the Deployment."""
    labels = POD["metadata"]["labels"].items()
    selectors = [
        MANIFESTS["Deployment"]["spec"]["selector"]["matchLabels"],
        MANIFESTS["Service"]["spec"]["selector"],
        MANIFESTS["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        MANIFESTS["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
        POD["spec"]["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"],
    ]
    scaled = MANIFESTS["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]

    assert [selector for selector in selectors if not selector.items() <= labels] == []
    assert scaled == {
        "apiVersion": MANIFESTS["Deployment"]["apiVersion"],
        "kind": "Deployment",
        "name": MANIFESTS["Deployment"]["metadata"]["name"],
    }


def test_ports() -> None:
    """Probes, Service and NetworkPolicy mean the port at which the service listens; the Hub is told the Service's."""
    (port,) = CONTAINER["ports"]
    (service,) = MANIFESTS["Service"]["spec"]["ports"]
    (ingress,) = MANIFESTS["NetworkPolicy"]["spec"]["ingress"]
    probes = [value["httpGet"]["port"] for key, value in CONTAINER.items() if key.endswith("Probe")]
    hub = yaml.safe_load((DEPLOY / "values.yaml").read_text())["hub"]

    assert environment()["SERVICE_LISTEN"] == f"http://0.0.0.0:{port['containerPort']}"
    assert {*probes, service["targetPort"], ingress["ports"][0]["port"]} == {port["name"]}
    name = MANIFESTS["Service"]["metadata"]["name"]
    assert hub["services"]["fastapi"]["url"] == f"http://{name}:{service['port']}"


def test_nobody_but_the_proxy_is_believed() -> None:
    """FORWARDED_ALLOW_IPS names the pods of the Hub's proxy and no network; only they and the Hub may connect."""
    headless, policy = MANIFESTS["headless Service"], MANIFESTS["NetworkPolicy"]["spec"]
    (ingress,) = policy["ingress"]

    assert settings_of(environment()).forwarded_allow_ips == (headless["metadata"]["name"],)
    assert headless["spec"]["selector"] == ingress["from"][0]["podSelector"]["matchLabels"]
    assert [source["podSelector"]["matchLabels"]["app.kubernetes.io/component"] for source in ingress["from"]] == [
        "proxy",
        "hub",
    ]
    assert "Ingress" in policy["policyTypes"]


def test_settings() -> None:
    """The service knows every setting that it is given, and takes them; secrets come from Secrets."""
    given = environment()
    known = known_variables()
    secret = {name for name, value in given.items() if isinstance(value, dict)}

    assert set(given) <= known
    assert secret == {"JUPYTERHUB_API_TOKEN", "DATABASE_URL"}
    assert given["JUPYTERHUB_API_TOKEN"] == {
        "secretKeyRef": {"name": "hub", "key": f"hub.services.{given['JUPYTERHUB_SERVICE_NAME']}.apiToken"}
    }
    settings = settings_of(given)
    hub = yaml.safe_load((DEPLOY / "values.yaml").read_text())["hub"]
    assert settings.redirect_uri == hub["services"][settings.service_name]["oauth_redirect_uri"]


def settings_of(given: dict[str, Any]) -> Settings:
    """Return what the service makes of the container's environment."""
    secrets = {"JUPYTERHUB_API_TOKEN": "a" * 64, "DATABASE_URL": "postgresql://user:password@postgresql/desk"}
    return Settings.model_validate(given | secrets)


def test_probes() -> None:
    """Each probe asks where the service answers; tests/conformance asks these addresses."""
    prefix = settings_of(environment()).prefix
    paths = {key: value["httpGet"]["path"] for key, value in CONTAINER.items() if key.endswith("Probe")}

    assert paths == {
        "startupProbe": f"{prefix}health/live",
        "livenessProbe": f"{prefix}health/live",
        "readinessProbe": f"{prefix}health/ready",
    }


def test_time_to_stop() -> None:
    """A pod has time for its last requests: what it waits for the proxy, and the 30 seconds of the service."""
    waits = CONTAINER["lifecycle"]["preStop"]["sleep"]["seconds"]

    assert POD["spec"]["terminationGracePeriodSeconds"] >= waits + 30


def test_the_pod_can_do_little() -> None:
    """No root, no capability, no token of Kubernetes', no file system to write to but /tmp."""
    assert POD["spec"]["automountServiceAccountToken"] is False
    assert POD["spec"]["enableServiceLinks"] is False
    assert POD["spec"]["securityContext"]["runAsNonRoot"] is True
    assert POD["spec"]["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert CONTAINER["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_values() -> None:
    """values.yaml is what register() says to a Hub 5.5, in the chart's words."""
    told = ["--public-host", "https://hub.example.org", "--apps", "deidentify,desk"]
    command = [sys.executable, str(DEPLOY / "make_values.py"), *told]
    made = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout

    assert made == (DEPLOY / "values.yaml").read_text()


PROGRAM = runpy.run_path(str(DEPLOY / "make_values.py"))
MADE = PROGRAM["made"]


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (["--public-host", "hub.example.org"], "error: public_host='hub.example.org': must be an origin"),
        (["--public-host", "https://hub.example.org", "--name", "A"], "error: name='A': must be"),
    ],
)
def test_wrong_arguments(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], told: list[str], said: str
) -> None:
    """What `register()` refuses is told in a sentence."""
    monkeypatch.setattr(sys, "argv", ["make_values.py", *told])
    with pytest.raises(SystemExit):
        PROGRAM["main"]()

    assert said in capsys.readouterr().err


def test_names_with_spaces(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Lists are separated by commas, with spaces or without."""
    printed = []
    for apps in ("deidentify,desk", " deidentify, desk ,"):
        monkeypatch.setattr(sys, "argv", ["make_values.py", "--public-host", "https://hub.example.org", "--apps", apps])
        PROGRAM["main"]()
        printed.append(capsys.readouterr().out)

    assert printed[0] == printed[1]


@pytest.mark.parametrize("hub_version", ["5.5", "6.1.1"])
@pytest.mark.parametrize("grant", [None, ["research"]], ids=["all users", "a group"])
def test_values_say_what_register_does(hub_version: str, grant: list[str] | None) -> None:
    """In the chart's words, for either Hub, nothing is left out that register() sets."""
    options: dict[str, Any] = {
        "public_host": "https://hub.example.org",
        "apps": ["deidentify", "desk"],
        "grant": grant,
        "hub_version": hub_version,
        "lab_scopes": ["custom:deidentify:use"],
    }
    c = Config()
    register(c, managed=False, api_token="a" * 64, **options)
    hub = MADE(**options)["hub"]

    said = JupyterHub(config=Config(hub["config"]))
    meant = JupyterHub(config=c)
    others = set(c.JupyterHub) - {"services", "load_roles"}
    assert {name: getattr(said, name) for name in others} == {name: getattr(meant, name) for name in others}
    assert [{"name": name, **role} for name, role in hub["loadRoles"].items()] == list(meant.load_roles)
    assert hub["config"]["Spawner"] == {"oauth_client_allowed_scopes": [ACCESS, "custom:deidentify:use"]}


@pytest.mark.parametrize("hub_version", ["5.5", "6.1.1"])
def test_values_give_all_users_access(hub_version: str) -> None:
    """Without `grant` all users have access: from the role `user` with Hub 5, from extra_user_scopes with Hub 6."""
    hub = MADE(public_host="https://hub.example.org", apps=["deidentify"], hub_version=hub_version)["hub"]
    scopes = {
        "5.5": hub["loadRoles"].get("user", {}).get("scopes"),
        "6.1.1": hub["config"]["JupyterHub"].get("extra_user_scopes"),
    }

    given = {"5.5": ["self", ACCESS, "custom:deidentify:use"], "6.1.1": [ACCESS, "custom:deidentify:use"]}
    assert scopes == {version: given[version] if version == hub_version else None for version in given}


@pytest.mark.parametrize(
    ("option", "trait"),
    [("shell_sign_in", "JupyterHub.extra_handlers"), ("password_grant", "Authenticator.post_auth_hook")],
)
def test_what_values_cannot_say(option: str, trait: str) -> None:
    """What register() would add to the Hub as code is refused, not left out."""
    with pytest.raises(ValueError, match=f"^{trait}: a file of values cannot say"):
        MADE(public_host="https://hub.example.org", **{option: True})


def test_values_for_some_groups() -> None:
    """Those for others are made by the same script: the groups that may, and no token."""
    hub = MADE(
        public_host="https://hub.example.org", base_url="/hubs/a/", grant=["research", "clinic"], hub_version="5.5"
    )["hub"]

    assert hub["loadRoles"]["fastapi-users"]["groups"] == ["research", "clinic"]
    assert "user" not in hub["loadRoles"]
    uri = "https://hub.example.org/hubs/a/services/fastapi/oauth_callback"
    assert hub["services"]["fastapi"]["oauth_redirect_uri"] == uri
    assert "api_token" not in hub["services"]["fastapi"]
