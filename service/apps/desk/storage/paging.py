"""Keyset pagination: a page begins after the last row of the page before it, which an index finds.

A cursor holds the values of the columns that the list is sorted by: those of a page's last row lead to the next page,
and those of its first row to the previous one. It is bound to the list, its order and its filters. A made-up cursor
leads to another place in the same list, and to nothing else.
"""

import base64
import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from pydantic import BaseModel
from sqlalchemy import Column, ColumnElement, RowMapping, Select, bindparam, func, select, tuple_

from service.apps.desk.domain.fields import MAX_ID
from service.apps.desk.domain.queries import MAX_COUNT, MAX_PAGE, AuditQuery, Page, PageQuery, TicketQuery
from service.apps.desk.errors import InvalidCursorError

T = TypeVar("T", bound=BaseModel)
Query = TypeVar("Query", bound=PageQuery)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)  # as fine as both databases keep time
_LATEST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND


class Order:
    """How a list is sorted: by `columns`, the last of which is unique."""

    def __init__(self, *columns: Column[Any], descending: bool) -> None:
        self.columns = columns
        down = [column.desc() for column in columns]
        up = [column.asc() for column in columns]
        # Built once, because building them is slow in SQLAlchemy.
        here = tuple_(*columns)
        place = tuple_(*(bindparam(f"place_{column.key}", type_=column.type) for column in columns))
        self.by, self.back = (down, up) if descending else (up, down)
        self.after, self.before = (here < place, here > place) if descending else (here > place, here < place)

    def part(self, query: PageQuery, *, of: str) -> "Part":
        """Return the part of the list that a query asks for. `of`: the list's name.

        Raises:
            InvalidCursorError: the cursor is of another list.
        """
        bindings = _binding(query, of), _binding(query, f"{of} before")
        if query.cursor is None:
            return Part(self, query.limit, bindings, place=None, is_backward=False)
        for binding, is_backward in zip(bindings, (False, True), strict=True):
            if place := _decode(query.cursor, self.columns, binding=binding):
                return Part(self, query.limit, bindings, place=place, is_backward=is_backward)
        raise InvalidCursorError


@dataclass(frozen=True, slots=True)
class Part:
    """The rows after a place in a list, or before it; from the beginning if `place` is None."""

    order: Order
    limit: int
    bindings: tuple[str, str]
    place: tuple[object, ...] | None
    is_backward: bool

    @property
    def parameters(self) -> dict[str, object]:
        """The parameters of the statement that `of` returns."""
        pairs = zip(self.order.columns, self.place or (), strict=self.place is not None)
        return {f"place_{column.key}": value for column, value in pairs}

    def of(self, statement: Select[Any]) -> Select[Any]:
        """Limit a statement to these rows, and one more, which says whether there is another page."""
        if self.place is not None:
            statement = statement.where(self.order.before if self.is_backward else self.order.after)
        return self.sorted(statement)

    def sorted(self, statement: Select[Any]) -> Select[Any]:
        """Sort the rows of a statement and limit their number likewise. They may be rows of several parts."""
        return statement.order_by(*(self.order.back if self.is_backward else self.order.by)).limit(self.limit + 1)

    def page(self, rows: Sequence[RowMapping], kind: type[T], *, count: int | None = None) -> Page[T]:
        """Make a page of the rows that the statement returned."""
        shown, has_more = list(rows[: self.limit]), len(rows) > self.limit
        if self.is_backward:
            shown.reverse()
        has_next, has_previous = (True, has_more) if self.is_backward else (has_more, self.place is not None)
        items = [kind.model_validate({name: row[name] for name in kind.model_fields}) for row in shown]
        following = self._cursor(shown[-1], self.bindings[0]) if shown and has_next else None
        previous = self._cursor(shown[0], self.bindings[1]) if shown and has_previous else None
        return Page(items=items, next=following, previous=previous, count=count)

    def _cursor(self, row: RowMapping, binding: str) -> str:
        return _encode([row[column.key] for column in self.order.columns], binding=binding)


async def every(find: Callable[[Query], Awaitable[Page[T]]], query: Query) -> AsyncIterator[T]:
    """Yield the whole list from the query's cursor on, page by page. `find` returns a page."""
    cursor = query.cursor
    while True:
        page = await find(query.model_copy(update={"cursor": cursor, "limit": MAX_PAGE, "count": False}))
        for item in page.items:
            yield item
        if (cursor := page.next) is None:
            return


def counting(statement: Select[Any]) -> Select[Any]:
    """Count the rows of a statement, as far as `MAX_COUNT`."""
    return select(func.count()).select_from(statement.limit(MAX_COUNT).subquery())


def filters(
    query: TicketQuery | AuditQuery, exact: Mapping[Column[Any], object], *, moment: Column[Any]
) -> list[ColumnElement[bool]]:
    """Return a query's filters: columns that must have a value, if it is not None, and the time in `moment`."""
    wanted = [column == value for column, value in exact.items() if value is not None]
    if query.since:
        wanted.append(moment >= query.since)
    if query.until:
        wanted.append(moment < query.until)
    return wanted


def _binding(query: PageQuery, of: str) -> str:
    asked = f"{of} {query.model_dump_json(exclude={'cursor', 'limit', 'count'})}"
    return hashlib.blake2s(asked.encode(), digest_size=8).hexdigest()


def _encode(place: Sequence[object], *, binding: str) -> str:
    values = [(value - _EPOCH) // _MICROSECOND if isinstance(value, datetime) else value for value in place]
    data = json.dumps([binding, *values], ensure_ascii=False, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(cursor: str, columns: Sequence[Column[Any]], *, binding: str) -> tuple[object, ...] | None:
    """Return the place that a cursor names; None if the cursor is not ours, or of another list."""
    try:
        bound, *values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        place = tuple(_value(value, column.type.python_type) for value, column in zip(values, columns, strict=True))
        is_ours = bound == binding and _encode(place, binding=binding) == cursor
    except (ValueError, TypeError, RecursionError):
        return None
    return place if is_ours else None


def _value(value: object, kind: type) -> object:
    if kind is datetime and type(value) is int and 0 <= value <= _LATEST:
        return _EPOCH + value * _MICROSECOND
    if kind is int and type(value) is int and 1 <= value <= MAX_ID:
        return value
    if kind is str and isinstance(value, str) and "\0" not in value:
        return value
    raise ValueError(kind)
