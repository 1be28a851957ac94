"""What only a real browser can show: Chromium before a real Hub, with the network closed to everything else.

`--screenshots DIR` keeps what it saw. `script/pictures` makes the pictures of README and docs anew.
"""

import pytest

pytest.importorskip("playwright", reason="no playwright installed: pip install '.[test]'")
