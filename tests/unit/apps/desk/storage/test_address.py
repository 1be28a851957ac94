"""Options of a PostgreSQL address that asyncpg does not have."""

import pytest

from service.apps.desk.storage.address import Address, address_for_driver, refused_option

PLAIN = "postgresql://u:p%40@h/d"


@pytest.mark.parametrize(
    ("query", "kept", "seconds"),
    [
        ("", "", None),
        ("?sslmode=verify-full&application_name=a%20b", "?sslmode=verify-full&application_name=a%20b", None),
        ("?connect_timeout=7", "", 7),
        ("?connect_timeout=0", "", None),
        ("?channel_binding=prefer&gssencmode=disable&sslmode=require", "?sslmode=require", None),
        ("?connect_timeout=2&options=-c%20work_mem%3D4MB", "?options=-c+work_mem%3D4MB", 2),
    ],
)
def test_what_the_driver_gets(query: str, kept: str, seconds: int | None) -> None:
    """An option that asks for what we do anyway is left out; a time limit is ours; the rest goes on to the driver."""
    assert address_for_driver(PLAIN + query) == Address(PLAIN + kept, seconds)


@pytest.mark.parametrize(
    ("said", "option"),
    [
        ('unrecognized configuration parameter "nonsense"', "nonsense"),
        ("unsupported startup parameter: nonsense", "nonsense"),
        ('unrecognized configuration parameter "jit"', ""),
    ],
)
def test_which_option_a_server_refuses(said: str, option: str) -> None:
    """A server's or a pooler's refusal is of an option only if the address has it."""
    assert refused_option(f"{PLAIN}?nonsense=1&sslmode=prefer", said) == option
