"""What the examples start from."""

import shutil
from collections.abc import Iterator

import pytest

from tests.support.node import NodeToolError, configurable_http_proxy
from tests.support.shipped_hub import ShippedHub, shipped_hub


@pytest.fixture(scope="session")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ShippedHub]:
    """The Hub of the shipped configuration, for all who leave it running."""
    pytest.importorskip("jupyterhub", reason="no JupyterHub installed: pip install '.[hub]'")
    if shutil.which("curl") is None:
        pytest.skip("no curl installed: apt-get install curl")
    try:
        configurable_http_proxy()
    except NodeToolError as error:
        pytest.skip(str(error))
    with shipped_hub(tmp_path_factory.mktemp("shipped") / "state") as hub:
        yield hub
