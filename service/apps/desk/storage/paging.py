"""Pages of a list by keyset: a page begins behind the last row of the page before, which an index finds.

A cursor holds that row's values of the columns that the list is sorted by. It is bound to the list, its order and its
filters. Somebody who makes one up gets another place in the same list, and nothing else.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from pydantic import BaseModel
from sqlalchemy import Column, RowMapping, Select, bindparam, tuple_

from service.apps.desk.domain.fields import MAX_ID
from service.apps.desk.domain.values import Page, PageQuery
from service.apps.desk.errors import InvalidCursorError

T = TypeVar("T", bound=BaseModel)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)  # as fine as both databases keep time
_LATEST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND


class Order:
    """How a list is sorted: by `columns`, the last of which tells all rows apart."""

    def __init__(self, *columns: Column[Any], descending: bool) -> None:
        self.columns = columns
        self._by = [column.desc() if descending else column for column in columns]
        # Made once: that is slow in SQLAlchemy.
        here = tuple_(*columns)
        place = tuple_(*(bindparam(f"place_{column.key}", type_=column.type) for column in columns))
        self._beyond = here < place if descending else here > place

    def page_of(self, statement: Select[Any], query: PageQuery, *, of: str) -> tuple[Select[Any], dict[str, object]]:
        """Limit `statement` to the requested page and one more row. Returns its parameters, too. `of`: the list's name.

        Raises:
            InvalidCursorError: the cursor is of another list.
        """
        ordered = statement.order_by(*self._by).limit(query.limit + 1)
        if query.cursor is None:
            return ordered, {}
        place = _decode(query.cursor, self.columns, binding=_binding(query, of))
        parameters = {f"place_{column.key}": value for column, value in zip(self.columns, place, strict=True)}
        return ordered.where(self._beyond), parameters

    def page(self, rows: Sequence[RowMapping], query: PageQuery, kind: type[T], *, of: str) -> Page[T]:
        """Make a page of the rows that the statement of `page_of` returned."""
        shown = rows[: query.limit]
        following = None
        if len(rows) > query.limit:
            following = _encode([shown[-1][column.key] for column in self.columns], binding=_binding(query, of))
        items = [kind.model_validate({name: row[name] for name in kind.model_fields}) for row in shown]
        return Page(items=items, next=following)


def _binding(query: PageQuery, of: str) -> str:
    asked = f"{of} {query.model_dump_json(exclude={'cursor', 'limit'})}"
    return hashlib.blake2s(asked.encode(), digest_size=8).hexdigest()


def _encode(place: Sequence[object], *, binding: str) -> str:
    values = [(value - _EPOCH) // _MICROSECOND if isinstance(value, datetime) else value for value in place]
    data = json.dumps([binding, *values], ensure_ascii=False, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(cursor: str, columns: Sequence[Column[Any]], *, binding: str) -> tuple[object, ...]:
    try:
        bound, *values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        place = tuple(_value(value, column.type.python_type) for value, column in zip(values, columns, strict=True))
        is_ours = bound == binding and _encode(place, binding=binding) == cursor
    except (ValueError, TypeError, RecursionError):
        is_ours = False
    if not is_ours:
        raise InvalidCursorError
    return place


def _value(value: object, kind: type) -> object:
    if kind is datetime and type(value) is int and 0 <= value <= _LATEST:
        return _EPOCH + value * _MICROSECOND
    if kind is int and type(value) is int and 1 <= value <= MAX_ID:
        return value
    if kind is str and isinstance(value, str) and "\0" not in value:
        return value
    raise ValueError(kind)
