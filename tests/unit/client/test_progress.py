"""A progress bar is of text where the notebook has no widgets."""

import os
import sys
import warnings
from types import ModuleType, SimpleNamespace

import pytest

from service.client.progress import progress_of


def test_a_notebook_without_widgets(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """The bar is shown, and fits into a cell. Nobody is warned: there is nothing that a caller should do about it."""
    monkeypatch.setattr(os, "get_terminal_size", lambda _file: os.terminal_size((200, 50)))  # where the Hub was started
    for name in ("auto", "autonotebook", "notebook"):
        monkeypatch.delitem(sys.modules, f"tqdm.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "ipykernel.zmqshell", ModuleType("ipykernel.zmqshell"))
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=object))
    monkeypatch.setitem(sys.modules, "ipywidgets", None)

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        with progress_of(1, wanted=True) as bar:
            bar.update()

    assert [str(each.message) for each in warned] == []
    shown = capfd.readouterr().err
    assert "1.00/1.00" in shown
    assert max(map(len, shown.splitlines())) <= 80
