"""In a notebook the client finds the service; its token goes nowhere else."""

import pytest

from service.client.address import Address, AddressUnknownError, find, route

OWN = "http://127.0.0.1:8000/services/fastapi/"
NOTEBOOK = {"SERVICE_FASTAPI_URL": OWN, "JUPYTERHUB_API_TOKEN": "own"}


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        (NOTEBOOK, OWN),
        ({"SERVICE_FASTAPI_URL": OWN.rstrip("/"), "JUPYTERHUB_API_TOKEN": "own"}, OWN),
        (
            {"JUPYTERHUB_PUBLIC_HUB_URL": "https://hub.example.org/jupyter/hub/", "JUPYTERHUB_API_TOKEN": "own"},
            "https://hub.example.org/jupyter/services/fastapi/",
        ),
    ],
    ids=["register()", "without a slash", "public_url of the Hub"],
)
def test_a_notebook_knows_where_it_is(environment: dict[str, str], url: str) -> None:
    """The environment that the Hub gives a notebook is enough."""
    assert find(None, None, service="fastapi", environment=environment) == Address(url, "own")


def test_another_service() -> None:
    """A service with another name has a variable of its own."""
    environment = NOTEBOOK | {"SERVICE_RED_CELLS_URL": "http://127.0.0.1:8000/services/red-cells/"}

    assert find(None, None, service="red-cells", environment=environment).url.endswith("/red-cells/")


def test_the_address_of_the_notebook_written_out() -> None:
    """Somebody who writes the address that the environment has needs no token."""
    assert find("http://127.0.0.1:8000/services/other", None, service="fastapi", environment=NOTEBOOK).token == "own"


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/services/fastapi/",
        "https://127.0.0.1:8000/services/fastapi/",
        "http://127.0.0.1:8001/services/fastapi/",
        "http://127.0.0.1:8000@evil.example/services/fastapi/",
    ],
)
def test_the_token_of_the_notebook_goes_to_nobody_else(url: str) -> None:
    """Another scheme, host or port is another place: the token for it must be given."""
    with pytest.raises(AddressUnknownError, match=r"No token|user name"):
        find(url, None, service="fastapi", environment=NOTEBOOK)


def test_what_is_given_counts() -> None:
    """Address and token that are given come first."""
    found = find("https://a.example/x", "mine", service="fastapi", environment=NOTEBOOK)

    assert found == Address("https://a.example/x/", "mine")


@pytest.mark.parametrize("url", ["hub.example.org", "ftp://hub.example.org/", "http://", "https:///x"])
def test_what_is_no_address(url: str) -> None:
    """It is named, with what an address begins with."""
    with pytest.raises(AddressUnknownError, match="http:// or https://"):
        find(url, "t", service="fastapi", environment={})


def test_neither_given_nor_found() -> None:
    """The message shows what to write."""
    with pytest.raises(AddressUnknownError, match=r'Client\("https://hub.example.org/services/fastapi/"\)'):
        find(None, "t", service="fastapi", environment={})


def test_no_token_in_a_repr() -> None:
    """The token is in no text that somebody may print."""
    assert "own" not in repr(find(None, None, service="fastapi", environment=NOTEBOOK))


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8000/user/eve/proxy/9000/",
        "http://127.0.0.1:8000/user/eve/services/fastapi/",
        "http://127.0.0.1:8000/",
    ],
)
def test_the_token_of_the_notebook_goes_to_no_server_of_another_user(url: str) -> None:
    """The servers of all users may have the origin of the Hub."""
    with pytest.raises(AddressUnknownError, match="No token"):
        find(url, None, service="fastapi", environment=NOTEBOOK)


@pytest.mark.parametrize("up", ["..", "%2e%2E", "x/.%2e/.."])
def test_an_address_does_not_lead_up(up: str) -> None:
    """Otherwise what looks like a service would be a server of a user."""
    with pytest.raises(AddressUnknownError, match=r"no `\.\.`"):
        find(f"http://127.0.0.1:8000/services/{up}/user/eve/", None, service="fastapi", environment=NOTEBOOK)


def test_no_password_in_an_address() -> None:
    """In the header it would stand in place of the token, and a repr would show it."""
    with pytest.raises(AddressUnknownError, match="user name") as caught:
        find("https://ann:s3cret@hub.example.org/", "t", service="fastapi", environment={})

    assert "s3cret" not in str(caught.value)


def test_a_token_from_a_file() -> None:
    """The line end at the end of the file is no part of it."""
    assert find("https://a.example/", "mine\n", service="fastapi", environment={}).token == "mine"


@pytest.mark.parametrize("token", ["s3cret x", "s3cret\r\nX-Admin: 1", "s3crét", "s3cret\0"])
def test_what_is_no_token(token: str) -> None:
    """It is refused before it gets into a header, whose error would quote it."""
    with pytest.raises(AddressUnknownError, match="one word") as caught:
        find("https://a.example/", token, service="fastapi", environment={})

    assert "s3cr" not in str(caught.value)


@pytest.mark.parametrize(
    "path", ["https://evil.example/x", "http:evil", "//https://evil.example", "../../user/eve/", "x/%2e%2e/%2e%2e/y"]
)
def test_a_route_is_below_the_service(path: str) -> None:
    """The token goes with every request, so no path leads away from the service."""
    with pytest.raises(ValueError, match="no path below"):
        route(OWN, path)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("hello", "hello"),
        ("/hello", "hello"),
        (f"{OWN}hello", "hello"),
        ("//evil.example/x", "evil.example/x"),
        ("hello?next=https://a.example/../b", "hello?next=https://a.example/../b"),
    ],
)
def test_routes(path: str, expected: str) -> None:
    """A path is relative to the service, with or without a slash."""
    assert route(OWN, path) == f"{OWN}{expected}"
