"""An engine and philter-lite beside it, loaded once for all tests: each takes seconds."""

import pytest

from service.apps.deidentify.engine.engine import Engine
from service.apps.deidentify.engine.tagging import RuleTagger


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The engine with our own tagger, whatever nltk has installed."""
    return Engine.load(RuleTagger())
