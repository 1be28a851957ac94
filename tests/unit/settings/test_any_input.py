"""With any environment, the service gets consistent settings, or an error that names the wrong variables."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import ConfigurationError
from service.settings import Settings, load_settings

VARIABLES = [str(field.validation_alias) for field in Settings.model_fields.values()]
# So that none of the others lacks one that it needs.
NEEDED = {
    "JUPYTERHUB_API_TOKEN": "t" * 32,
    "PUBLIC_HOST": "https://hub.example.org",
    "ENTRA_TENANT_ID": "11111111-aaaa-4aaa-8aaa-111111111111",
    "ENTRA_CLIENT_ID": "22222222-bbbb-4bbb-8bbb-222222222222",
}
PIECES = [
    *("http://", "https://", "//", "/", "?", "#", "@", ":", ".", "..", "%2f", "%", " ", "\\", "[::1]", "[", "]", "a"),
    *(
        "hub.example.org",
        "8000",
        "-1",
        "1e999",
        "nan",
        "0",
        "true",
        "{",
        "}",
        '"samesite"',
        ":",
        "[]",
        "null",
        '["a"]',
        ",",
    ),
]
CHARACTERS = st.characters(exclude_characters="\0", exclude_categories=["Cs"])  # as an environment can hold them
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(CHARACTERS, max_size=4), min_size=1, max_size=5).map("".join)


def read() -> tuple[Settings | None, tuple[str, ...]]:
    """Return the settings, or the error."""
    try:
        return load_settings(), ()
    except ConfigurationError as error:
        return None, error.problems


@given(st.dictionaries(st.sampled_from(VARIABLES), TEXTS, max_size=4))
@settings(max_examples=300)
def test_any_environment(environment: dict[str, str]) -> None:
    """The settings have a valid prefix, redirect URI and origin. Otherwise the error names variables."""
    with pytest.MonkeyPatch.context() as patch:
        for name in VARIABLES:
            patch.delenv(name, raising=False)
        for name, value in {**NEEDED, **environment}.items():
            patch.setenv(name, value)
        known, problems = read()

    if known is None:
        # One variable's name may begin with another's.
        named = [name for name in environment if any(re.match(rf"{name}\b", text) for text in problems)]
        assert len(problems) == len(named) > 0
        return
    assert known.prefix.startswith("/")
    assert known.prefix.endswith("/")
    assert not known.root_path.endswith("/")
    assert known.redirect_uri
    assert known.hub_url.endswith("hub/")
    assert known.public_origin.count("/") in {0, 2}
    assert known.api_token.get_secret_value() not in repr(known)
