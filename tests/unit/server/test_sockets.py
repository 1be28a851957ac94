"""What is said of a place where nobody can listen."""

from pathlib import Path

import pytest

from service.errors import ConfigurationError
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
