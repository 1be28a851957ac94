"""What our cookies are called, where they go, and how long they stay."""

from datetime import timedelta
from http.cookies import Morsel, SimpleCookie
from typing import Any

import pytest

from service.auth import cookies
from service.auth.hub import problems_of
from tests.unit.conftest import PREFIX, settings_of


def made(kind: str, *, secure: bool = False, **settings: Any) -> Morsel[str]:  # noqa: ANN401
    """Make a cookie of a kind, and read it as a browser does."""
    known = settings_of(**settings)
    text = {
        "auth": lambda: cookies.auth_cookie(known, "sealed", secure=secure, max_age=60),
        "state": lambda: cookies.state_cookie(known, cookies.state_cookie_base(known), "sealed", secure=secure),
        "xsrf": lambda: cookies.xsrf_cookie(known, "sealed", secure=secure),
    }[kind]()
    (morsel,) = SimpleCookie(text).values()
    return morsel


def flags(morsel: Morsel[str]) -> dict[str, object]:
    """Return the attributes that are set."""
    return {name: value for name, value in morsel.items() if value}


LAX = {"path": PREFIX, "samesite": "Lax"}


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("auth", "service-fastapi", {**LAX, "httponly": True, "max-age": "60"}),
        ("state", "service-fastapi-oauth-state", {**LAX, "httponly": True, "max-age": "600"}),
        ("xsrf", "_xsrf", {**LAX, "httponly": True}),
    ],
)
def test_flags_over_http(kind: str, name: str, expected: dict[str, object]) -> None:
    """Cookies have the names that HubOAuth gives them, our path, SameSite=Lax and HttpOnly."""
    morsel = made(kind)

    assert (morsel.key, flags(morsel)) == (name, expected)


@pytest.mark.parametrize("kind", ["auth", "state", "xsrf"])
def test_flags_over_https(kind: str) -> None:
    """Over https every cookie is Secure, and otherwise as over http."""
    assert flags(made(kind, secure=True)) == flags(made(kind)) | {"secure": True}


@pytest.mark.parametrize(
    ("prefix", "path"),
    [
        ("/services/my service/", "/services/my%20service/"),
        ("/services/Łódź/", "/services/%C5%81%C3%B3d%C5%BA/"),
        ("/services/a=b,c/", "/services/a=b,c/"),
        ("/@/space%20word/", "/@/space%20word/"),
    ],
)
def test_the_path_is_written_as_browsers_write_it(prefix: str, path: str) -> None:
    """They compare it literally. The Hub does not encode the name of a service."""
    assert made("auth", service_prefix=prefix)["path"] == path


@pytest.mark.parametrize(
    ("settings", "variable"),
    [
        ({"client_id_given": "service-my service"}, "CLIENT_ID"),
        ({"client_id_given": "service-łódź"}, "CLIENT_ID"),
        ({"client_id_given": "", "service_name": 'a"b'}, "CLIENT_ID"),
        ({"client_id_given": "service-a=b"}, "CLIENT_ID"),
        ({"service_prefix": "/services/a;b/"}, "SERVICE_PREFIX"),
        ({"service_prefix": "/services/łódź/"}, "SERVICE_PREFIX"),
        ({"service_prefix": "/services/a?b/"}, "SERVICE_PREFIX"),
    ],
    ids=str,
)
def test_names_under_which_nobody_could_sign_in(settings: dict[str, str], variable: str) -> None:
    """They end the start, and the error names the variable."""
    (problem,) = problems_of(settings_of(**settings))

    assert problem.startswith(f"JUPYTERHUB_{variable}: ")
    assert "give the service" in problem


@pytest.mark.parametrize(
    "settings",
    [
        {"client_id_given": "service-a.b_c-1"},
        {"service_prefix": "/services/my service/"},
        {"service_prefix": "/services/łódź/", "public_host": "https://hub.example.org"},
    ],
    ids=str,
)
def test_names_under_which_people_can_sign_in(settings: dict[str, str]) -> None:
    """A redirect URI of PUBLIC_HOST has the path encoded, so that the Hub can send people back to any."""
    assert cookies.problem_with_names(settings_of(**settings)) == ""


@pytest.mark.parametrize("secure", [True, False])
def test_host_prefix(secure: bool) -> None:  # noqa: FBT001
    """A `__Host-` cookie is Secure, has the path `/` and no domain, or browsers drop it; `_xsrf` keeps its name."""
    options = {"cookie_host_prefix": True, "cookie_options": {"domain": "example.org", "secure": False}}
    auth, state, xsrf = (made(kind, secure=secure, **options) for kind in ("auth", "state", "xsrf"))

    assert (auth.key, state.key, xsrf.key) == (
        "__Host-service-fastapi",
        "__Host-service-fastapi-oauth-state",
        "_xsrf",
    )
    assert {(m["path"], m["domain"], m["secure"]) for m in (auth, state)} == {("/", "", True)}
    assert (xsrf["path"], xsrf["domain"]) == (PREFIX, "example.org")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({"samesite": "Strict"}, {"samesite": "Strict"}, id="samesite"),
        pytest.param({"SameSite": "None", "secure": True}, {"samesite": "None", "secure": True}, id="any case"),
        pytest.param({"domain": "example.org"}, {"domain": "example.org"}, id="domain"),
        pytest.param({"path": "/", "httponly": False, "max_age": 9, "max-age": 9, "expires": 9}, {}, id="ours"),
        pytest.param({"colour": "red"}, {}, id="no such option"),
        pytest.param({"domain": None, "samesite": None, "secure": None, "partitioned": None}, {}, id="null"),
    ],
)
def test_cookie_options(options: dict[str, object], expected: dict[str, object]) -> None:
    """JUPYTERHUB_COOKIE_OPTIONS decides on domain, Secure and SameSite; path, lifetime and HttpOnly are ours."""
    assert flags(made("auth", cookie_options=options)) == flags(made("auth")) | expected


def every_cookie(**settings: Any) -> list[str]:  # noqa: ANN401
    """Return a Set-Cookie value of each kind, over http; the last removes one."""
    known = settings_of(**settings)
    return [
        cookies.auth_cookie(known, "sealed", secure=False, max_age=60),
        cookies.state_cookie(known, cookies.state_cookie_base(known), "sealed", secure=False),
        cookies.link_cookie(known, "sealed", secure=False, max_age=timedelta(minutes=1)),
        cookies.shell_cookie(known, "sealed", secure=False),
        cookies.xsrf_cookie(known, "sealed", secure=False),
        *cookies.cleared(known, [cookies.auth_cookie_name(known)]),
    ]


@pytest.mark.parametrize("option", ["partitioned", "Partitioned"])
def test_partitioned(option: str) -> None:
    """The option makes every cookie Partitioned, with each Python, and Secure, or browsers would ignore it."""
    plain = every_cookie()

    assert every_cookie(cookie_options={option: True}) == [f"{text}; Secure; Partitioned" for text in plain]
    assert every_cookie(cookie_options={option: False}) == plain


def test_a_session_may_end_with_the_browser() -> None:
    """If the token's lifetime is not known, the cookie has none, and ends with the browser."""
    text = cookies.auth_cookie(settings_of(), "sealed", secure=False, max_age=None)

    assert "max-age" not in text.lower()
    assert "expires" not in text.lower()


@pytest.mark.parametrize("settings", [{}, {"cookie_options": {"domain": "example.org"}}, {"cookie_host_prefix": True}])
def test_clearing_reaches_the_cookie_that_was_set(settings: dict[str, Any]) -> None:
    """A cookie is cleared with the name, path and domain that it was set with."""
    known = settings_of(**settings)
    (text,) = cookies.cleared(known, [cookies.auth_cookie_name(known)])
    (gone,) = SimpleCookie(text).values()
    kept = made("auth", **settings)

    assert [gone[name] for name in ("path", "domain")] == [kept[name] for name in ("path", "domain")]
    assert (gone.key, gone.value, gone["max-age"]) == (kept.key, "", "0")


@pytest.mark.parametrize(
    ("host", "domains"),
    [
        ("jupyter.example.org:8000", ["", "jupyter.example.org", "example.org"]),
        ("localhost", [""]),
        ("127.0.0.1:8000", [""]),
        ("[::1]:8000", [""]),
        ("evil.test; Path=/", [""]),
        ("", [""]),
    ],
)
def test_clearing_reaches_wherever_it_may_have_been_set(host: str, domains: list[str]) -> None:
    """Several cookies of our name are cleared at every path and domain from which the browser may send them here."""
    path = f"{PREFIX}desk/a%20b"
    texts = cookies.cleared_wherever(settings_of(), "service-fastapi", path=path, host=host)
    gone = [next(iter(SimpleCookie(text).values())) for text in texts]
    paths = ["/", "/services", "/services/", PREFIX[:-1], PREFIX, f"{PREFIX}desk", f"{PREFIX}desk/", path]

    assert {(each.key, each.value, each["max-age"]) for each in gone} == {("service-fastapi", "", "0")}
    assert [(each["path"], each["domain"]) for each in gone] == [(at, domain) for domain in domains for at in paths]


def test_clearing_a_partitioned_cookie() -> None:
    """Where ours are partitioned, both are cleared: ours, and those that are not, as from before the option was set."""
    name, place = "service-fastapi", {"path": f"{PREFIX}me", "host": "a.example.org"}
    known = settings_of(cookie_options={"partitioned": True})
    texts = cookies.cleared_wherever(known, name, **place)

    assert texts == [*cookies.cleared_wherever(settings_of(), name, **place), *cookies.cleared(known, [name])]


def test_clearing_is_bounded() -> None:
    """A long path does not make the answer too long, and a `;` in the path does not add an attribute."""
    texts = cookies.cleared_wherever(
        settings_of(), "service-fastapi", path="/a;Domain=x" + "/" * 10_000, host="a." * 100 + "example.org"
    )

    assert len(texts) <= 48
    assert not any("Domain=x" in text for text in texts)


def test_clearing_a_host_cookie() -> None:
    """A `__Host-` cookie can only be at the path `/` without a domain, so only that one is cleared."""
    known = settings_of(cookie_host_prefix=True)
    texts = cookies.cleared_wherever(known, cookies.auth_cookie_name(known), path=PREFIX, host="a.example.org")

    assert [text.partition("; ")[2] for text in texts] == ["HttpOnly; Max-Age=0; Path=/; SameSite=Lax; Secure"]


def test_sign_ins_under_way_are_told_by_name() -> None:
    """Our state cookies are those of our name, with or without a suffix; another service's are left alone."""
    ours = ["service-fastapi-oauth-state", "service-fastapi-oauth-state-1a2b3c4d"]
    theirs = ["service-fastapi", "service-fastapi-2-oauth-state", "service-fastapi-oauth-states", "_xsrf"]
    theirs += [f"service-fastapi-oauth-state{rest}" for rest in ("-a(b", "-", "-1a2b3c4\xe9", "-1a2b3c4d-1a2b3c4d")]

    assert cookies.state_cookies_among(settings_of(), [*theirs, *ours]) == ours


@pytest.mark.parametrize(
    ("scheme", "forwarded", "public_host", "expected"),
    [
        ("http", None, "", False),
        ("https", None, "", True),
        ("wss", None, "", True),
        ("http", "https", "", True),
        ("http", "https,http", "", True),
        ("http", " https , http", "", True),
        ("http", "http,https", "", False),
        ("https", "http", "", False),
        ("http", "", "", False),
        ("http", None, "https://hub.example.org", True),
        ("http", "http", "https://hub.example.org", True),
        ("https", "https", "http://hub.example.org", False),
    ],
)
def test_is_secure(scheme: str, forwarded: str | None, public_host: str, expected: bool) -> None:  # noqa: FBT001
    """PUBLIC_HOST says whether the browser uses https. Otherwise the first proxy says so, or else the connection."""
    headers = [] if forwarded is None else [(b"x-forwarded-proto", forwarded.encode())]

    assert cookies.is_secure({"scheme": scheme, "headers": headers}, settings_of(public_host=public_host)) is expected


@pytest.mark.parametrize("word", ["none", "None"])
def test_for_frames_of_other_sites(word: str) -> None:
    """With SameSite=None every cookie is Secure, also one that is removed, or browsers would ignore it."""
    assert all("; Secure" in text for text in every_cookie(cookie_options={"samesite": word}))


def test_every_cookie_over_https() -> None:
    """Each kind is Secure there, also that with the token of a link, so none is sent where others can read it."""
    known = settings_of()
    over_https = [
        cookies.auth_cookie(known, "sealed", secure=True, max_age=60),
        cookies.state_cookie(known, cookies.state_cookie_base(known), "sealed", secure=True),
        cookies.link_cookie(known, "sealed", secure=True, max_age=timedelta(minutes=1)),
        cookies.shell_cookie(known, "sealed", secure=True),
        cookies.xsrf_cookie(known, "sealed", secure=True),
    ]

    assert over_https == [f"{text}; Secure" for text in every_cookie()[:5]]


def test_sign_ins_under_way_of_a_client_with_signs_in_its_name() -> None:
    """A name is taken literally, with signs that mean something in a pattern."""
    settings = settings_of(client_id_given="service-a.b+c")
    base = cookies.state_cookie_base(settings)
    ours, others = [base, f"{base}-0123abcd"], [base.replace(".", "x"), base.replace("+", "b")]

    assert cookies.state_cookies_among(settings, [*ours, *others]) == ours


def test_clearing_at_a_deep_path() -> None:
    """At most twelve paths and four domains are cleared, however many there are."""
    texts = cookies.cleared_wherever(settings_of(), "service-fastapi", path="/a" * 1000, host="b.c.d.e.example.org")

    assert len(texts) == 12 * 4 + 1
    assert sum(map(len, texts)) < 6 * 1024


@pytest.mark.parametrize(
    ("path", "host"),
    [
        (f"{PREFIX}{'x' * 15_000}", "hub.example.org"),
        (f"/{'x' * 1000}" * 12, "hub.example.org"),
        ("/a" * 1000, "a." * 100 + "example.org"),
    ],
    ids=["a long name", "long names", "a long host"],
)
def test_clearing_takes_few_headers(path: str, host: str) -> None:
    """However long the names are, a proxy passes the answer on, and the cookie at our own place is cleared."""
    texts = cookies.cleared_wherever(settings_of(), "service-fastapi", path=path, host=host)

    assert sum(len(f"Set-Cookie: {text}\r\n") for text in texts) < 10 * 1024
    assert set(cookies.cleared(settings_of(), ["service-fastapi"])) <= set(texts)
