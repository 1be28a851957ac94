"""Where each shell block of README and docs is executed, or why it is not. The one list of what is not.

A block is named by its page and by words that it contains. `test_docs_commands.py` fails for a block that is not here,
and for words that no block has.
"""

from collections.abc import Mapping

# Tests, below tests/, that take the block from the page and execute it.
ELSEWHERE: Mapping[tuple[str, str], str] = {
    ("README.md", "POST http://127.0.0.1:8000/services/fastapi/deidentify"): "integration/test_readme.py::test_a_note",
    ("README.md", "--data-binary @examples/note.json"): "integration/test_readme.py::test_a_note",
    ("README.md", "grant_type=password"): "integration/test_readme.py::test_shell",
    ("README.md", "./script/run "): "integration/test_scripts.py::test_start_prints_a_line_that_works",
    ("docs/client.md", "uvx "): "conformance/test_openapi_client.py",
    ("docs/deidentify.md", "-o masked-dask --dask"): "integration/test_deidentify_dask.py",
    ("docs/deidentify.md", "deidentify notes -o masked\n"): "integration/test_deidentify_job.py::test_as_documented",
    ("docs/deidentify.md", "visits.csv"): "integration/test_deidentify_tables.py::test_as_documented",
    ("docs/deidentify.md", "visits.tsv.gz"): "integration/test_deidentify_tables.py::test_as_documented",
    ("docs/desk.md", "/employees"): "integration/test_desk_routes.py::test_at_a_shell",
    ("docs/desk.md", "-X PATCH"): "integration/test_desk_routes.py::test_at_a_shell",
    ("docs/desk.md", "tickets.csv"): "integration/test_desk_routes.py::test_at_a_shell",
    ("docs/operate/backup.md", "/var/backups"): "integration/test_upkeep.py::test_a_backup_comes_back",
    ("docs/operate/container.md", "> .env"): "integration/test_container.py::test_the_lines_that_make_the_secrets",
    ("docs/tutorials/notebook.md", ""): "integration/test_tutorials.py::test_notebook",
    ("docs/tutorials/nothing-to-https.md", ""): "browser/test_tutorials.py::test_a_tutorial",
    ("docs/tutorials/own-application.md", ""): "integration/test_tutorials.py::test_own_application",
    ("docs/tutorials/support-team.md", ""): "browser/test_tutorials.py::test_a_tutorial",
    ("docs/use.md", "/deidentify/batch"): "integration/test_deidentify.py::test_the_docs_line",
}

_ROOT = "changes this machine as root; script/walk executes the same commands in a root file system of its own"
_DOCKER = "needs Docker; script/image builds and runs the images with buildah"
_AZURE = "needs Azure; unit/deploy/test_azure.py checks what it is given"
_CLUSTER = "needs a cluster; unit/deploy/test_kubernetes.py checks what it is given"
_SERVING = "asks the service that the block before it starts; examples/test_deidentification_example.py does so, too"
_HTTPS = "serves until stopped; integration/test_bare_environment.py starts such a Hub"
_ENTRA = "needs a tenant of Entra ID; integration/test_hubless.py starts such a service"
_SHELL = "needs a terminal and a browser; integration/test_shell.py has both"

# Why a block is executed by no test.
NOT_HERE: Mapping[tuple[str, str], str] = {
    ("README.md", "docker build"): _DOCKER,
    (
        "README.md",
        "-r requirements-node.txt",
    ): "installs from the network; integration/test_bare_environment.py runs the last line",
    ("docs/adopt.md", "pip install ."): "installs from the network; script/walk installs the package so",
    ("docs/client.md", "pip install"): "installs from the network; script/walk installs the package so",
    (
        "docs/deidentify.md",
        "SERVICE_SIGN_IN=none",
    ): "serves until stopped; examples/test_deidentification_example.py starts it",
    ("docs/deidentify.md", "curl -fsS http://127.0.0.1:10101"): _SERVING,
    ("docs/operate/container.md", "http://127.0.0.1:8080"): _SERVING,
    ("docs/evaluation.md", "evaluate gold"): "loads the whole engine; unit/apps/deidentify/test_commands.py runs it",
    (
        "docs/deidentify.md",
        "deidentify,ner",
    ): "installs from the network; unit/apps/deidentify/http/test_model.py asks the model",
    ("docs/desk.md", "desk bootstrap"): "needs a desk without an administrator; integration/test_desk_roles.py runs it",
    ("docs/use.md", "service login"): _SHELL,
    ("docs/use.md", "service token"): _SHELL,
    ("docs/extend.md", "uvicorn --factory"): "serves until stopped; integration/test_extend.py starts it so",
    ("docs/operate/azure.md", "az group create"): _AZURE,
    ("docs/operate/azure.md", "fill_in.py"): _AZURE,
    ("docs/operate/azure.md", "az container logs"): _AZURE,
    (
        "docs/operate/backup.md",
        "docker compose",
    ): "needs Docker; integration/test_upkeep.py does the same on one machine",
    ("docs/operate/container.md", "docker build"): _DOCKER,
    ("docs/operate/container.md", "--read-only"): _DOCKER,
    ("docs/operate/container.md", "443:8443"): _DOCKER,
    ("docs/operate/cors.md", "./script/run"): "serves until stopped; browser tests of CORS start such a Hub",
    ("docs/operate/cors.md", "http.server"): "serves until stopped; Python's own",
    ("docs/operate/entra.md", "HUB_AUTHENTICATOR=entra"): _ENTRA,
    ("docs/operate/entra.md", "JUPYTERHUB_SERVICE_URL=http://127.0.0.1:10101"): _ENTRA,
    ("docs/operate/entra.md", "JUPYTERHUB_SERVICE_URL=http://localhost:8000"): _ENTRA,
    ("docs/operate/forward-auth.md", "deploy/forward-auth"): _ROOT,
    ("docs/operate/kubernetes.md", "docker push"): _CLUSTER,
    ("docs/operate/kubernetes.md", "helm upgrade"): _CLUSTER,
    ("docs/operate/kubernetes.md", "kubectl apply"): _CLUSTER,
    ("docs/operate/nginx.md", "nginx -t"): _ROOT,
    ("docs/operate/nginx.md", "certbot renew"): _ROOT,
    ("docs/operate/nginx.md", "daemon off"): "serves until stopped; integration/test_nginx.py::test_sidecar starts it",
    (
        "docs/operate/one-machine.md",
        "",
    ): "is of root; script/walk executes the page in a root file system of its own",
    ("docs/operate/systemd.md", "python3 -m venv"): _ROOT,
    ("docs/operate/systemd.md", "JUPYTERHUB_API_TOKEN="): _ROOT,
    ("docs/operate/systemd.md", "systemctl enable"): _ROOT,
    ("docs/operate/systemd.md", "usermod"): _ROOT,
    ("docs/operate/systemd.md", "curl https://hub.example.org"): "asks a machine that only the reader has",
    ("docs/operate/systemd.md", "certbot-deploy-hook"): _ROOT,
    ("docs/operate/systemd.md", "/etc/service-fastapi/tls"): _ROOT,
    ("docs/operate/systemd.md", "systemctl edit"): _ROOT,
    ("docs/operate/systemd.md", "systemd-run"): _ROOT,
    ("docs/operate/systemd.md", "systemctl reload nginx"): _ROOT,
    ("docs/operate/tls.md", "SERVICE_LISTEN="): "serves until stopped; integration/test_listening.py starts it so",
    ("docs/operate/tls.md", "https://localhost:8000/"): _HTTPS,
    ("docs/operate/tls.md", "--host 192.168.0.16"): _HTTPS,
    ("docs/operate/tls.md", "--tls-max"): "asks that service; integration/test_tls.py asks in the same way",
    ("docs/operate/tls.md", "/run/fastapi"): _ROOT,
}
