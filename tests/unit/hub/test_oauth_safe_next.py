"""Where a browser may be sent after signing in: below our own prefix, and nowhere else."""

import re
from urllib.parse import parse_qsl, urljoin, urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from service.hub.oauth import safe_next, without_token

PREFIX = "/services/fastapi/"
ORIGIN = "https://hub.example.org"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("/services/fastapi/", "/services/fastapi/"),
        ("/services/fastapi/me", "/services/fastapi/me"),
        ("/services/fastapi/a/b/", "/services/fastapi/a/b/"),
        ("/services/fastapi/me?", "/services/fastapi/me"),
        ("/services/fastapi/me?a=1&b=%2F&c", "/services/fastapi/me?a=1&b=%2F&c"),
        ("/services/fastapi/me?to=https://elsewhere.test//x", "/services/fastapi/me?to=https://elsewhere.test//x"),
        ("/services/fastapi/me?q=..%2F..&r=/../", "/services/fastapi/me?q=..%2F..&r=/../"),
        ("/services/fastapi/me?a=%FF+%20", "/services/fastapi/me?a=%FF+%20"),
        ("/services/fastapi/me?#part", "/services/fastapi/me"),
        ("/services/fastapi/me#//evil.test", "/services/fastapi/me"),
        ("/services/fastapi/a%20b/%C3%A9", "/services/fastapi/a%20b/%C3%A9"),
        ("/services/fastapi/a..b/...", "/services/fastapi/a..b/..."),
        ("/services/fastapi/x:y@z;p=1", "/services/fastapi/x:y@z;p=1"),
        ("/services/fastapi/http:/x", "/services/fastapi/http:/x"),
    ],
)
def test_an_address_of_ours_is_kept(address: str, expected: str) -> None:
    """Path and query stay as they were sent. A fragment never reaches a server."""
    assert safe_next(address, prefix=PREFIX) == expected


@pytest.mark.parametrize(
    "address",
    [
        None,
        "",
        "/",
        "me",
        "./me",
        "?next",
        "#",
        # another origin
        "//evil.test",
        "//evil.test/services/fastapi/",
        "///evil.test",
        "////evil.test/services/fastapi/",
        "https://evil.test/services/fastapi/",
        "https:/services/fastapi/",
        "https:services/fastapi/",
        "HTTPS://evil.test",
        "javascript:alert(1)",
        "javascript://services/fastapi/%0aalert(1)",
        "data:text/html,x",
        "https://hub.example.org/services/fastapi/",
        "https://hub.example.org@evil.test/services/fastapi/",
        "//hub.example.org:x@evil.test/services/fastapi/",
        "/services/fastapi//evil.test",
        "/services/fastapi//evil.test?x",
        "//[",
        "http://[::1",
        # backslashes
        "\\\\evil.test",
        "/\\evil.test",
        "\\/evil.test",
        "/services/fastapi/\\evil.test",
        "/services/fastapi\\me",
        "\\services\\fastapi\\",
        "/services/fastapi/..\\..\\user",
        "/services/fastapi/%5c..%5c..",
        "/services/fastapi/%5C",
        "/services/fastapi/me?a=\\b",
        # dot segments
        "/services/fastapi/..",
        "/services/fastapi/.",
        "/services/fastapi/../../user/eve/",
        "/services/fastapi/./../other/",
        "/services/fastapi/%2e%2e/other/",
        "/services/fastapi/.%2E/other/",
        "/services/fastapi/%2e./other/",
        "/services/fastapi/%2e",
        "/services/fastapi/x/..%2f..%2f..%2fuser/eve",
        "/services/fastapi/%2e%2e%2fother",
        "/services/fastapi/..?x",
        "/services/fastapi/..#x",
        "/services/x/../fastapi/",
        # encoded slashes
        "/services/fastapi/%2fevil.test",
        "/services/fastapi/%2F%2Fevil.test",
        "%2f%2fevil.test",
        "/%2fevil.test",
        # controls and white space, which browsers strip or servers split at
        "/services/fastapi/\r\nSet-Cookie: a=b",
        "/services/fastapi/me\n",
        "\t/services/fastapi/",
        " /services/fastapi/",
        "/services/fastapi/ ",
        "/\t/evil.test",
        "/services/fastapi/\t",
        "/services/fastapi/\x00",
        "/services/fastapi/\x7f",
        "/services/fastapi/%0d%0aSet-Cookie:%20a=b",
        "/services/fastapi/%09",
        "/services/fastapi/%00",
        "/services/fastapi/.%09./other/",
        "/services/fastapi/me?a=\nb",
        # not ASCII: slashes and dots that some normalize
        "/services/fastapi/é",
        "/services/fastapi/\u2215\u2215evil.test",
        "\uff0f\uff0fevil.test",
        "/services/fastapi/\u2025/other",
        "/services/fastapi/\ud800",
        # looks like ours
        "/services/fastapi",
        "/services/fastapi?x",
        "/services/fastapi-evil/",
        "/services/fastapi.evil/",
        "/services/fastapi%2f",
        "/services/fastapi%2f..%2fother/",
        "/services/%66astapi/",
        "/%73ervices/fastapi/",
        "/services%2ffastapi/me",
        "/SERVICES/fastapi/",
        "/services//fastapi/",
        "/x/services/fastapi/",
        "services/fastapi/",
        # too long for a state that rides in URLs
        "/services/fastapi/" + "a" * 2000,
        "/services/fastapi/?" + "a" * 2000,
    ],
)
def test_any_other_address_becomes_our_start_page(address: str | None) -> None:
    """An address that is not certainly ours leads to the prefix, however it is written."""
    assert safe_next(address, prefix=PREFIX) == PREFIX


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("/me", "/me"),
        ("/?a=1", "/?a=1"),
        ("//evil.test", "/"),
        ("///evil.test", "/"),
        ("/\\evil.test", "/"),
        ("/%2fevil.test", "/"),
        ("/%5cevil.test", "/"),
        ("/.//evil.test", "/"),
        ("/%2e//evil.test", "/"),
        ("/\t/evil.test", "/"),
        ("//[", "/"),
    ],
)
def test_a_service_at_the_root_is_no_open_redirect(address: str, expected: str) -> None:
    """With the prefix `/` every path is ours, but not an address that a browser reads as another host."""
    assert safe_next(address, prefix="/") == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("/@/space%20word/services/x/me", "/@/space%20word/services/x/me"),
        ("/@/space word/services/x/me", "/@/space%20word/services/x/"),
        ("/%40/space%20word/services/x/me", "/@/space%20word/services/x/"),
    ],
)
def test_an_encoded_prefix_is_compared_encoded(address: str, expected: str) -> None:
    """Browsers send the prefix encoded, as the Hub's links have it."""
    assert safe_next(address, prefix="/@/space%20word/services/x/") == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ""),
        ("token=x", ""),
        ("token", ""),
        ("token=", ""),
        ("a=1&token=x&b=2", "a=1&b=2"),
        ("token=x&token=y&a", "a"),
        ("%74oken=x&a=1", "a=1"),
        ("%74%6F%6b%65%6E=x&a=1", "a=1"),
        ("a=%FF+%20&&b&token=x", "a=%FF+%20&&b"),
        ("a=token&mytoken=1&token2=2&Token=3", "a=token&mytoken=1&token2=2&Token=3"),
        ("a=1;token=x", "a=1;token=x"),  # one parameter to servers: a
    ],
)
def test_only_a_token_is_removed(query: str, expected: str) -> None:
    """A token in an address never goes into a redirect. Other parameters stay exactly as they are."""
    assert without_token(query) == expected
    assert safe_next(f"{PREFIX}me?{query}", prefix=PREFIX) == f"{PREFIX}me" + (f"?{expected}" if expected else "")


PIECES = [
    *"/\\.?#&=;:@%+ \t\r\n\x00e[",
    *("//", "..", "%2e", "%2E", "%2f", "%2F", "%5c", "%09", "%0d%0a", "%25", "%00", "%", "http:", "https://"),
    *("services", "fastapi", "evil.test", "//evil.test", "user:pw@", "é", "\u2044", "\uff0f", "\ud800", "javascript:"),
    *("/services/fastapi", PREFIX, "token=x", "%74oken=x", "a=1"),
]  # fmt: skip


@given(
    st.one_of(
        st.text(max_size=40),
        st.lists(st.sampled_from(PIECES), max_size=9).map("".join),
        st.lists(st.sampled_from(PIECES), max_size=9).map(lambda pieces: PREFIX + "".join(pieces)),
    ),
    st.sampled_from([PREFIX, "/"]),
)
@example("/.//evil.test", "/")
@settings(max_examples=250)
def test_a_browser_stays_with_us_whatever_the_address(address: str, prefix: str) -> None:
    """Resolved by Python or as browsers do it, the result is on our origin, below the prefix, and has no token."""
    result = safe_next(address, prefix=prefix)

    for resolved in (urljoin(f"{ORIGIN}/hub/login", result), browsers_join(ORIGIN, result)):
        parts = urlsplit(resolved)
        assert f"{parts.scheme}://{parts.netloc}" == ORIGIN
        assert parts.path.startswith(prefix)
        assert not parts.path.startswith("//")
        assert "token" not in dict(parse_qsl(parts.query, keep_blank_values=True))
    assert safe_next(result, prefix=prefix) == result


def browsers_join(origin: str, address: str) -> str:
    """Resolve an address against our origin by the WHATWG algorithm (https://url.spec.whatwg.org/#url-parsing)."""
    address = re.sub(r"[\t\n\r]", "", address.strip("".join(map(chr, range(33)))))
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", address):
        return address
    path, mark, query = address.partition("#")[0].partition("?")
    path = path.replace("\\", "/")
    if path.startswith("//"):
        return "https:" + "//" + path.lstrip("/")
    segments: list[str] = []
    *folders, last = path.split("/")[1:] or [""]
    for segment in folders:
        plain = segment.lower().replace("%2e", ".")
        if plain == "..":
            segments[-1:] = []
        elif plain != ".":
            segments.append(segment)
    plain = last.lower().replace("%2e", ".")
    if plain == "..":
        segments[-1:] = []
    return f"{origin}/" + "/".join([*segments, "" if plain in {".", ".."} else last]) + mark + query


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("/a/../b", "https://hub.example.org/b"),
        ("/a/%2E./b/.", "https://hub.example.org/b/"),
        ("/\\evil.test/", "https://evil.test/"),
        ("/\t/evil.test/", "https://evil.test/"),
        (" javascript:x", "javascript:x"),
        ("/a/.//b?c", "https://hub.example.org/a//b?c"),
    ],
)
def test_the_imitated_browser_resolves_as_a_real_one(address: str, expected: str) -> None:
    """Otherwise it would prove nothing. The expected values are Chromium's `new URL(address, origin).href`."""
    assert browsers_join(ORIGIN, address) == expected
