"""What tickets, employees and accounts share: create, get, find, change, delete, each with its audit entry."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError
from sqlalchemy import Column, ColumnElement, CompoundSelect, Select, Table, delete, insert, select, union, update
from sqlalchemy.ext.asyncio import AsyncConnection

from service.apps.desk.domain.fields import fold
from service.apps.desk.domain.queries import MAX_COUNT, Page, SortedQuery
from service.apps.desk.domain.values import Stored
from service.apps.desk.errors import NotFoundError, VersionConflictError
from service.apps.desk.storage import audit
from service.apps.desk.storage.database import Clock, Database
from service.apps.desk.storage.paging import Order, counting, every
from service.errors import ConflictError

New = TypeVar("New", bound=BaseModel)
Thing = TypeVar("Thing", bound=Stored)
Query = TypeVar("Query", bound=SortedQuery)

Fields = Mapping[str, Any]
Guard = Callable[[AsyncConnection], Awaitable[None]]
"""Is called in the transaction of a change, before it, and raises what keeps it from being made."""

_STAMPS = {"version", "created", "updated"}


class Records(ABC, Generic[New, Thing, Query]):
    """The records of one table. Methods may raise DatabaseUnavailableError; those that write also DatabaseFullError."""

    noun: ClassVar[str]
    table: ClassVar[Table]
    key: ClassVar[Column[Any]]
    key_form: ClassVar[TypeAdapter[Any]]
    change_form: ClassVar[TypeAdapter[Any]]
    sorts: ClassVar[Mapping[str, Column[Any]]]
    foreign_key_error: ClassVar[type[ConflictError]] = ConflictError  # the error for a broken foreign key

    def __init__(self, database: Database, *, kind: type[Thing], now: Clock) -> None:
        self._database = database
        self._kind = kind
        self._now = now
        self._orders = {
            f"{sign}{name}": Order(*dict.fromkeys((column, self.key)), descending=bool(sign))
            for name, column in self.sorts.items()
            for sign in ("", "-")
        }

    @abstractmethod
    def _derived(self, fields: Fields) -> dict[str, Any]:
        """Return the columns that are computed from the fields, to search and sort by."""

    @abstractmethod
    async def _judged(
        self, connection: AsyncConnection, before: Thing | None, given: Fields, *, by: str
    ) -> dict[str, Any]:
        """Check `given` against the stored thing `before` (None for a new one), and return the columns to write."""

    def _wanted(self, query: Query) -> list[ColumnElement[bool]]:  # noqa: ARG002 - for those that have filters
        """Return the filters other than text."""
        return []

    async def create(self, new: New, *, by: str) -> Thing:
        """Create a thing. `by`: the actor, for the audit. Raises ConflictError if it conflicts with another one."""
        async with self._database.write(foreign_key_error=self.foreign_key_error) as connection:
            return await self._insert(connection, await self._judged(connection, None, new.model_dump(), by=by), by=by)

    async def get(self, key: int | str) -> Thing:
        """Return a thing. Raises NotFoundError."""
        async with self._database.read() as connection:
            return await self._read(connection, key)

    async def some(self, keys: Collection[int] | Collection[str]) -> Mapping[Any, Thing]:
        """Return the things with these keys, by key. Keys without a thing are left out."""
        statement = select(*self._columns()).where(self.key.in_(keys))
        async with self._database.read() as connection:
            rows = (await connection.execute(statement)).mappings().all()
        return {row[self.key.key]: self._kind.model_validate(dict(row)) for row in rows}

    async def find(self, query: Query, *, or_matching: ColumnElement[bool] | None = None) -> Page[Thing]:
        """Return a page of the list. `or_matching`: finds more things than those that contain the text of the query.

        Raises:
            InvalidCursorError: the cursor is of another list.
        """
        order = self._orders[query.sort]
        part = order.part(query, of=self.noun)
        ways = self._ways(query, or_matching)
        statement = select(*self._columns(), *order.columns)
        if len(ways) == 1:
            page = part.of(statement.where(*ways[0]))
        else:  # each way by the index that suits it
            page = part.sorted(statement.where(self.key.in_(self._keys(ways, order.columns, part.of))))
        async with self._database.read() as connection:
            rows = (await connection.execute(page, part.parameters)).mappings().all()
            count = await connection.scalar(self._counting(ways)) if query.count else None
        return part.page(rows, self._kind, count=count)

    def _ways(self, query: Query, or_matching: ColumnElement[bool] | None) -> list[list[ColumnElement[bool]]]:
        """Return the ways in which a thing is found, by its own text or by `or_matching`: conditions for each."""
        wanted = self._wanted(query)
        if query.text is None:
            return [wanted]
        return [[*wanted, each] for each in (self._having(query.text), or_matching) if each is not None]

    def _having(self, text: str) -> ColumnElement[bool]:
        """Return the condition for a thing with this text."""
        return self.table.c.search.contains(fold(text), autoescape=True)

    def _keys(
        self,
        ways: Sequence[Sequence[ColumnElement[bool]]],
        columns: Sequence[Column[Any]],
        limited: Callable[[Select[Any]], Select[Any]],
    ) -> CompoundSelect[Any]:
        """Select the keys of what is found in any of the ways."""
        found = [limited(select(*dict.fromkeys((self.key, *columns))).where(*way)).subquery() for way in ways]
        return union(*(select(each.c[self.key.key]) for each in found))

    def _counting(self, ways: Sequence[Sequence[ColumnElement[bool]]]) -> Select[Any]:
        found = self._keys(ways, (), lambda statement: statement.limit(MAX_COUNT))
        return counting(select(found.subquery()))

    def export(self, query: Query, *, or_matching: ColumnElement[bool] | None = None) -> AsyncIterator[Thing]:
        """Yield the whole list from the cursor on, page by page. Changes made meanwhile may be in it or not."""
        return every(partial(self.find, or_matching=or_matching), query)

    async def change(
        self, key: int | str, patch: Fields, *, version: int, by: str, guard: Guard | None = None
    ) -> Thing:
        """Apply a patch to this version of the thing, and return it. A patch that changes nothing leaves no trace.

        Raises:
            NotFoundError: there is no such thing.
            VersionConflictError: it has another version now.
            ConflictError: something else stands in the way of the change.
            Whatever `guard` raises.
            pydantic.ValidationError: a field is unknown, cannot be changed or is wrong.
        """
        given = self.change_form.validate_python(dict(patch))
        async with self._database.write(foreign_key_error=self.foreign_key_error) as connection:
            if guard:
                await guard(connection)
            before = await self._read(connection, key, version=version)
            changed = {name: value for name, value in given.items() if getattr(before, name) != value}
            if not changed:
                return before
            row = await self._judged(connection, before, changed, by=by)
            derived = self._derived({**before.model_dump(), **changed})
            after = await self._update(connection, before, {**row, **derived})
            await self._record(connection, "changed", before, after, by=by, fields=set(changed))
            return after

    async def delete(self, key: int | str, *, version: int, by: str, guard: Guard | None = None) -> None:
        """Delete this version. Raises NotFoundError, VersionConflictError, ConflictError, and whatever `guard` does."""
        async with self._database.write(foreign_key_error=self.foreign_key_error) as connection:
            if guard:
                await guard(connection)
            before = await self._read(connection, key, version=version)
            gone = await connection.execute(delete(self.table).where(*self._this(before)))
            if not gone.rowcount:
                raise VersionConflictError
            await self._record(connection, "deleted", before, None, by=by)

    def _columns(self) -> Sequence[Column[Any]]:
        return [self.table.c[name] for name in self._kind.model_fields]

    def _this(self, thing: Thing) -> list[ColumnElement[bool]]:
        return [self.key == getattr(thing, self.key.key), self.table.c.version == thing.version]

    async def _read(self, connection: AsyncConnection, key: object, *, version: int | None = None) -> Thing:
        try:
            valid = self.key_form.validate_python(key)
        except ValidationError:  # nothing can have this key
            raise NotFoundError from None
        found = (await connection.execute(select(*self._columns()).where(self.key == valid))).mappings().one_or_none()
        if found is None:
            raise NotFoundError
        thing = self._kind.model_validate(dict(found))
        if version is not None and thing.version != version:
            raise VersionConflictError
        return thing

    async def _insert(self, connection: AsyncConnection, fields: Fields, *, by: str) -> Thing:
        now = self._now()
        row = {**fields, **self._derived(fields), "version": 1, "created": now, "updated": now}
        stored = await connection.execute(insert(self.table).values(row).returning(*self._columns()))
        thing = self._kind.model_validate(dict(stored.mappings().one()))
        await self._record(connection, "created", None, thing, by=by)
        return thing

    async def _update(self, connection: AsyncConnection, before: Thing, row: Fields) -> Thing:
        row = {**row, "version": before.version + 1, "updated": max(self._now(), before.updated)}
        statement = update(self.table).where(*self._this(before)).values(row).returning(*self._columns())
        found = (await connection.execute(statement)).mappings().one_or_none()
        if found is None:
            raise VersionConflictError
        return self._kind.model_validate(dict(found))

    async def _record(
        self,
        connection: AsyncConnection,
        what: str,
        before: Thing | None,
        after: Thing | None,
        *,
        by: str,
        fields: set[str] | None = None,
    ) -> None:
        def shown(thing: Thing | None) -> dict[str, Any] | None:
            return None if thing is None else thing.model_dump(mode="json", include=fields, exclude=_STAMPS)

        thing = before if after is None else after
        name = f"{self.noun}/{getattr(thing, self.key.key)}"
        when = self._now() if after is None else after.updated
        await audit.record(
            connection, f"{self.noun}.{what}", name, by=by, when=when, before=shown(before), after=shown(after)
        )
