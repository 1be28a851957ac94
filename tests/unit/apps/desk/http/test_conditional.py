"""ETags: the version that a client has, and the version that a change was made for."""

from dataclasses import dataclass

import pytest
from fastapi import Request, Response

from service.apps.desk.errors import PreconditionRequiredError, UnquotedVersionError, VersionConflictError
from service.apps.desk.http.conditional import unless_known, version_in
from service.errors import ServiceError


@dataclass
class Thing:
    """Something stored."""

    version: int = 7


@pytest.mark.parametrize("header", ['"7"', '  "7" '])
def test_one_tag_of_ours_names_a_version(header: str) -> None:
    """The ETag that came with a thing names the version that a change is made for."""
    assert version_in(header) == 7


@pytest.mark.parametrize("header", ["", "  ", "*", " * "], ids=["absent", "blank", "star", "star among blanks"])
def test_a_change_says_which_version_it_is_for(header: str) -> None:
    """A change without an ETag, or for any version, is refused: updates would be lost."""
    with pytest.raises(PreconditionRequiredError):
        version_in(header)


NOT_OURS = {
    "weak": 'W/"7"',
    "two": '"7", "8"',
    "more": '"7"x',
    "other quotes": "'7'",
    "a zero before": '"07"',
    "zero": '"0"',
    "minus": '"-7"',
    "a fraction": '"7.0"',
    "an Arabic digit": '"\u0667"',
    "empty": '""',
    "words": '"abc"',
    "beyond what is counted": f'"{"9" * 19}"',
    "long": "x" * 9000,
}


@pytest.mark.parametrize("header", NOT_OURS.values(), ids=NOT_OURS.keys())
def test_a_tag_that_is_none_of_ours_matches_nothing(header: str) -> None:
    """A weak ETag, a list, an ETag of others and nonsense match no version. Nobody has changed anything, though."""
    with pytest.raises(VersionConflictError, match="Send exactly the one that came"):
        version_in(header)


@pytest.mark.parametrize("header", ["7", " 7 "])
def test_a_version_without_quotes_is_told_so(header: str) -> None:
    """A version without quotes is not a conflict: the error says what to send."""
    with pytest.raises(UnquotedVersionError, match='Send If-Match: "7"'):
        version_in(header)


def test_errors_are_told_apart_by_code() -> None:
    """The codes differ for a missing ETag, one without quotes and one that does not match."""
    codes: dict[type[ServiceError], str] = {
        PreconditionRequiredError: "precondition_required",
        VersionConflictError: "version_conflict",
        UnquotedVersionError: "unquoted_version",
    }
    assert {kind: kind.code for kind in codes} == codes


@pytest.mark.parametrize(
    ("header", "is_known"),
    [
        ('"7"', True),
        ('W/"7"', True),
        ('"6", "7"', True),
        ('"a,b", W/"7"', True),
        ("*", True),
        ('"6"', False),
        ('"77"', False),
        ("7", False),
        ("", False),
    ],
)
def test_what_a_client_has_is_not_sent_again(header: str, is_known: bool) -> None:  # noqa: FBT001
    """`If-None-Match` with the thing's tag, strong or weak, alone or among others, is answered by 304 and the tag."""
    request = Request({"type": "http", "headers": [(b"if-none-match", header.encode())]})
    response, thing = Response(), Thing()

    answer = unless_known(request, response, thing)

    if is_known:
        assert isinstance(answer, Response)
        assert (answer.status_code, answer.headers["ETag"]) == (304, '"7"')
    else:
        assert (answer, response.headers["ETag"]) == (thing, '"7"')
