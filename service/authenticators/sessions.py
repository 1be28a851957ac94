"""Ends the sessions and deletes the tokens of a user of the Hub, for a change of the password."""

from typing import Any

from jupyterhub import orm
from sqlalchemy.orm import Session

_THE_HUB = "jupyterhub"  # the OAuth client of tokens that were not made by signing in to a service


def end_sessions(db: Session, user: orm.User, *, but: str | None = None) -> None:
    """End the browser sessions of a user: delete their tokens and codes, and invalidate the Hub's cookie.

    The caller commits.

    Args:
        db: the database session of the Hub.
        user: the user.
        but: the id of a session to keep.

    """
    tokens = filter(_is_of_session, _tokens(db, user))
    codes = db.query(orm.OAuthCode).filter(orm.OAuthCode.user_id == user.id)
    for each in (*tokens, *codes):
        if but is None or each.session_id != but:
            db.delete(each)
    user.cookie_id = orm.new_token()


def delete_api_tokens(db: Session, user: orm.User) -> None:
    """Delete the API tokens of a user, and those of the user's running servers. The caller commits."""
    for token in _api_tokens(db, user):
        db.delete(token)


def count_api_tokens(db: Session, user: orm.User) -> int:
    """Return how many API tokens of a user and of the user's running servers are valid."""
    return sum(not token.expired for token in _api_tokens(db, user))


def _api_tokens(db: Session, user: orm.User) -> list[Any]:
    return [token for token in _tokens(db, user) if not _is_of_session(token)]


def _tokens(db: Session, user: orm.User) -> list[Any]:
    return list(db.query(orm.APIToken).filter(orm.APIToken.user_id == user.id))


def _is_of_session(token: Any) -> bool:  # noqa: ANN401 - the Hub has no types
    return token.session_id is not None or token.client_id != _THE_HUB
