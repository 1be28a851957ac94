"""What is said of a place where nobody can listen."""

from pathlib import Path

import pytest

from service.errors import ConfigurationError, NotYetError
from service.server.sockets import listening


def test_a_link_to_nothing(tmp_path: Path) -> None:
    """It stays, and nobody is said to listen there."""
    path = tmp_path / "s.sock"
    path.symlink_to(tmp_path / "gone")

    with pytest.raises(ConfigurationError) as refused, listening([f"unix:{path}"]):
        pass

    [problem] = refused.value.problems
    assert problem.endswith(f"cannot listen at unix:{path}: there is a link to nothing")
    assert path.is_symlink()


ABSENT = "http://192.0.2.1:8000"


def test_what_may_pass() -> None:
    """An address that the machine lacks may come, and so may the name server. The start may succeed later."""
    with pytest.raises(NotYetError) as refused, listening([ABSENT, "http://service.invalid:8000"]):
        pass

    assert len(refused.value.problems) == 2
    assert str(refused.value).startswith("The service cannot start yet:\n  - SERVICE_LISTEN or ")


def test_what_may_pass_beside_what_stays(tmp_path: Path) -> None:
    """Where one problem needs a correction the configuration is wrong."""
    with pytest.raises(ConfigurationError) as refused, listening([ABSENT, f"unix:{tmp_path}/nowhere/s.sock"]):
        pass

    assert not isinstance(refused.value, NotYetError)
    assert len(refused.value.problems) == 2
