"""What the Hub has issued to somebody, and its end when their password changes."""

from typing import Any

from jupyterhub import orm
from sqlalchemy.orm import Session

_THE_HUB = "jupyterhub"  # the client of tokens that were made at the Hub itself, not by signing in to a service


def end_sessions(db: Session, user: orm.User, *, but: str | None = None) -> None:
    """Delete the tokens and codes of somebody's browser sessions, and their cookie at the Hub; the caller commits.

    Args:
        db: The Hub's.
        user: Whose.
        but: The id of a session whose tokens stay.

    """
    tokens = filter(_is_of_session, _tokens(db, user))
    codes = db.query(orm.OAuthCode).filter(orm.OAuthCode.user_id == user.id)
    for each in (*tokens, *codes):
        if but is None or each.session_id != but:
            db.delete(each)
    user.cookie_id = orm.new_token()


def delete_api_tokens(db: Session, user: orm.User) -> None:
    """Delete the tokens that somebody has made, and those of their running servers; the caller commits."""
    for token in _api_tokens(db, user):
        db.delete(token)


def count_api_tokens(db: Session, user: orm.User) -> int:
    """How many such tokens there are that have not expired."""
    return sum(not token.expired for token in _api_tokens(db, user))


def _api_tokens(db: Session, user: orm.User) -> list[Any]:
    return [token for token in _tokens(db, user) if not _is_of_session(token)]


def _tokens(db: Session, user: orm.User) -> list[Any]:
    return list(db.query(orm.APIToken).filter(orm.APIToken.user_id == user.id))


def _is_of_session(token: Any) -> bool:  # noqa: ANN401 - the Hub has no types
    return token.session_id is not None or token.client_id != _THE_HUB
