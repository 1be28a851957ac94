"""A sealed value opens only unchanged, in time, and with the right key."""

import base64
import hmac
import string
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.hub.sealing import Sealer, decode, derive_key, encode, fingerprint

MINUTE = timedelta(minutes=1)
ALPHABET = string.ascii_letters + string.digits + "-_"


class Clock:
    """Seconds since the epoch, set by the test."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def sealer(secret: str = "api-token", *, purpose: str = "testing", clock: Clock | None = None) -> Sealer:
    """Return the sealer that every worker makes from the same API token."""
    return Sealer(secret, purpose=purpose, now=clock or Clock())


@given(st.text(max_size=300))
def test_what_is_sealed_opens_again(text: str) -> None:
    """Any worker with the same secret gets the text back unchanged."""
    assert sealer().open(sealer().seal(text, lifetime=MINUTE)) == text


def test_a_sealed_value_can_stand_in_a_url_and_a_cookie() -> None:
    """It consists of letters, digits, - and _ only. Sealing the same text twice gives different values."""
    first, second = (sealer().seal("attack at dawn", lifetime=MINUTE) for _ in range(2))

    assert set(first) <= set(ALPHABET)
    assert first != second
    assert b"attack" not in base64.urlsafe_b64decode(first + "==")


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        pytest.param(0, "text", id="at once"),
        pytest.param(59.9, "text", id="just in time"),
        pytest.param(60, None, id="at its expiry"),
        pytest.param(1e9, None, id="long after"),
    ],
)
def test_it_opens_within_its_lifetime(later: float, expected: str | None) -> None:
    """The lifetime is sealed together with the text, so nobody can extend it."""
    clock = Clock()
    sealed = sealer(clock=clock).seal("text", lifetime=MINUTE)

    clock.now += later

    assert sealer(clock=clock).open(sealed) == expected


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(sealer(purpose="another purpose"), id="another purpose"),
        pytest.param(sealer("another-token"), id="another key"),
        pytest.param(sealer("api-token testing", purpose=""), id="secret and purpose run together"),
    ],
)
def test_it_opens_for_nobody_else(other: Sealer) -> None:
    """A value opens only for its own purpose and with the secret that sealed it."""
    assert other.open(sealer().seal("text", lifetime=MINUTE)) is None


def test_a_changed_bit_is_noticed() -> None:
    """A sealed value with one changed bit does not open, whether that is in nonce, expiry, text or tag."""
    data = decode(sealer().seal("text", lifetime=MINUTE))
    assert data is not None

    for place in range(len(data) * 8):
        changed = bytearray(data)
        changed[place // 8] ^= 1 << place % 8
        assert sealer().open(encode(bytes(changed))) is None


def test_a_changed_character_is_noticed() -> None:
    """Nor does one with a character changed, added or removed."""
    sealed = sealer().seal("text", lifetime=MINUTE)

    for place, character in enumerate(sealed):
        after = sealed[place + 1 :]
        spelled = [sealed[:place] + other + after for other in {*ALPHABET, *"+/=.é\n "} - {character}]
        for changed in (*spelled, sealed[:place] + after):
            assert sealer().open(changed) is None


@pytest.mark.parametrize("text", ["", "1", "12", "123"], ids=["0", "1", "2", "3"])
@pytest.mark.parametrize(
    "respell",
    [
        pytest.param(lambda sealed: sealed + "=" * (-len(sealed) % 4 or 4), id="padded"),
        pytest.param(lambda sealed: sealed + "\n", id="line end"),
        pytest.param(lambda sealed: f" {sealed}", id="space before"),
        pytest.param(lambda sealed: sealed[:9] + "\r\n" + sealed[9:], id="folded"),
        pytest.param(lambda sealed: sealed[:9] + "!" + sealed[9:], id="stray character"),
        pytest.param(lambda sealed: sealed.replace("-", "+").replace("_", "/") + "+", id="standard alphabet"),
        pytest.param(lambda sealed: sealed + "\uff21", id="full width"),
        pytest.param(lambda sealed: sealed + "A", id="one more"),
    ],
)
def test_one_value_has_one_encoding(text: str, respell: Callable[[str], str]) -> None:
    """Characters that base64 decoders ignore are refused. Otherwise one value could have many encodings."""
    sealed = sealer().seal(text, lifetime=MINUTE)

    assert sealer().open(respell(sealed)) is None


def test_stray_bits_at_the_end_are_refused() -> None:
    """The last character may contain bits that decoding drops. Only one of its variants is accepted."""
    assert decode("QQ") == b"A"
    assert [decode(f"Q{last}") for last in "RSTUVWXYZabcdef"] == [None] * 15


@given(st.one_of(st.text(max_size=200), st.binary(max_size=200).map(encode), st.text(ALPHABET, max_size=200)))
def test_any_other_text_gives_none_and_never_an_error(text: str) -> None:
    """Whatever stands in a cookie or a URL, opening it returns None."""
    assert sealer().open(text) is None


@pytest.mark.parametrize("length", [8_193, 1_000_000])
def test_a_value_that_is_too_long_is_not_decrypted(length: int) -> None:
    """Nobody can make the service decrypt megabytes."""
    assert sealer().open(sealer().seal("x" * length, lifetime=MINUTE)) is None
    assert sealer().open("A" * length) is None


@given(st.binary(max_size=60))
def test_encoding_is_base64url_without_padding(data: bytes) -> None:
    """RFC 4648 section 5, as in the standard library. Decoding returns the data."""
    assert encode(data) == base64.urlsafe_b64encode(data).decode().rstrip("=")
    assert decode(encode(data)) == data


def test_keys_are_derived_for_one_purpose_each() -> None:
    """32 bytes by HKDF-SHA256 (RFC 5869), the same in every release: otherwise an update would sign everybody out."""
    key = derive_key("api-token", purpose="xsrf token")

    extracted = hmac.digest(bytes(32), b"api-token", "sha256")
    assert key == hmac.digest(extracted, b"service-fastapi xsrf token\x01", "sha256")
    assert key != derive_key("api-token", purpose="session cookie")
    assert key != derive_key("api-token2", purpose="xsrf token")


def test_a_fingerprint_tells_its_parts_apart() -> None:
    """Parts are kept apart, their order counts, and nobody can make a fingerprint without the key."""
    key = derive_key("api-token", purpose="xsrf token")
    made = fingerprint(key, "ab", "c")

    assert made == fingerprint(key, "ab", "c")
    others = [("a", "bc"), ("abc",), ("abc", ""), ("", "abc"), ("c", "ab"), ("ab", "c", "")]
    assert made not in {fingerprint(key, *parts) for parts in others}
    assert made != fingerprint(bytes(32), "ab", "c")


def test_a_nonce_of_96_bits() -> None:
    """Before the text come a nonce of twelve bytes and the expiry, after it a tag of sixteen (NIST SP 800-38D)."""
    data = decode(sealer().seal("text", lifetime=MINUTE))

    assert data is not None
    assert len(data) == 12 + 8 + len("text") + 16
