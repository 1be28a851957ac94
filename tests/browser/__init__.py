"""What only a real browser can show: Chromium before a real Hub, with the network closed to everything else.

`--screenshots DIR` keeps what it saw. The pictures of README and docs are made anew by
`script/test browser -k picture --screenshots docs/images`.
"""

import pytest

pytest.importorskip("playwright", reason="no playwright installed: pip install '.[test]'")
