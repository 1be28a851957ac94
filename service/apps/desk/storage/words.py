"""Search for people: by words in any order, because a name is written in several ways."""

from typing import Any

from sqlalchemy import Column, ColumnElement, and_

from service.apps.desk.domain.fields import fold

_AROUND = ",;()"  # signs at the ends of words, as in "Okonkwo, Zoë"


def has_words(column: Column[Any], text: str) -> ColumnElement[bool]:
    """Return the condition that a column with folded text has each word of `text`, in any order."""
    folded = fold(text)
    words = [word.strip(_AROUND) for word in folded.split()]
    wanted = dict.fromkeys(word for word in words if word) or [folded]
    return and_(*(column.contains(word, autoescape=True) for word in wanted))
