"""Which passwords are allowed, how they are stored, and how they are checked."""

import bcrypt
import pytest

pytest.importorskip("nativeauthenticator", reason="no JupyterHub installed: pip install '.[hub]'")

from service.authenticators import passwords

GOOD = "correct horse battery"


def flaw(password: str, *, name: str = "ada", length: int = 12, classes: int = 1, check_common: bool = True) -> str:
    """Return the problem with a password of ada, or of somebody else."""
    return passwords.problem_with(password, name=name, length=length, classes=classes, check_common=check_common)


def test_a_good_one() -> None:
    """A long password needs no digits or signs."""
    assert flaw(GOOD) == ""


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("", "have 12 to 1024 characters"),
        ("elevenchars", "have 12 to 1024 characters"),
        ("x" * 1025, "have 12 to 1024 characters"),
        ("e\u0301x" * 380, "have 12 to 1024 characters"),  # 760 characters in NFKC, and 1140 as it was typed
        ("I am Ada Lovelace", "not contain the user name"),
    ],
    ids=["empty", "short", "endless", "endless as it was typed", "the name"],
)
def test_what_it_lacks_is_said(password: str, words: str) -> None:
    """A password that is not allowed is refused with the reason."""
    assert flaw(password).removeprefix("A password must ") == f"{words}."


def test_one_that_is_too_long_is_not_read_to_its_end() -> None:
    """Strangers may send any number of combining marks. To normalize all of them would take the Hub hours."""
    assert "have 12 to 1024 characters" in flaw("x" + "\u0315\u0300" * 250_000)


@pytest.mark.parametrize("name", ["", "a", "bo"])
def test_a_name_that_many_passwords_contain(name: str) -> None:
    """Only names of three characters or more may not be in a password."""
    assert flaw("a bottle of ink", name=name) == ""
    assert "user name" in flaw("a bottle of ink", name="ink")


def test_all_that_it_lacks_is_said_at_once() -> None:
    """All reasons are given at once."""
    assert flaw("ada", classes=2) == (
        "A password must have 12 to 1024 characters; have characters of 2 of these kinds: small letters, capitals,"
        " digits, other characters; not contain the user name."
    )


@pytest.mark.parametrize(
    ("password", "classes"),
    [
        ("abcdefghijkl", 1),
        ("abcdefghijkL", 2),
        ("abcdefghij1L", 3),
        ("abcdefghi!1L", 4),
        ("ÄÖÜäöüßéèñçø", 2),
        ("汉字" * 6, 1),
    ],
)
def test_kinds_of_characters(password: str, classes: int) -> None:
    """Small letters, capitals, digits and other characters count as kinds, in any script."""
    assert flaw(password, classes=classes) == ""
    if classes < 4:
        assert "kinds" in flaw(password, classes=classes + 1)


@pytest.mark.parametrize("password", ["password", "PassWord", "123456", "qwertyuiop"])
def test_common_ones(password: str) -> None:
    """Common passwords are refused, in upper or lower case, unless this is turned off."""
    assert "most common" in flaw(password, length=1)
    assert flaw(password, length=1, check_common=False) == ""


def test_stored_with_argon2() -> None:
    """The hash is Argon2id, different each time, and matches this password only, to its last character."""
    long = "x" * 100
    stored, again = passwords.hashed(long), passwords.hashed(long)

    assert stored.startswith(b"$argon2id$")
    assert stored != again
    assert passwords.matches(stored, long)
    # bcrypt would not see beyond 72 bytes.
    assert not passwords.matches(stored, "x" * 99 + "y")
    assert not passwords.is_outdated(stored)


def test_one_password_by_several_keyboards() -> None:
    """A letter with an accent is the same from every keyboard."""
    assert passwords.matches(passwords.hashed("caf\u00e9 au lait"), "cafe\u0301 au lait")


def test_what_native_authenticator_has_stored() -> None:
    """Hashes of bcrypt are still accepted, and are replaced."""
    stored = bcrypt.hashpw(GOOD.encode(), bcrypt.gensalt(rounds=4))

    assert (passwords.matches(stored, GOOD), passwords.matches(stored, "another")) == (True, False)
    assert passwords.is_outdated(stored)


@pytest.mark.parametrize(
    "stored",
    [b"", b"nonsense", b"$2", b"$argon2id$", passwords.placeholder()],
    ids=["nothing", "nonsense", "half of bcrypt", "half of argon2", "nobody's"],
)
@pytest.mark.parametrize("password", ["x", "x" * 2000], ids=["short", "endless"])
def test_nothing_fits_nonsense(stored: bytes, password: str) -> None:
    """No password matches an invalid hash."""
    assert not passwords.matches(stored, password)
