"""The audit as a file, and files for Excel."""

import csv
import io
import json

import pytest

from tests.support.desk import Desk, version


@pytest.mark.parametrize("list_", ["tickets", "employees", "accounts", "audit"])
async def test_a_file_for_excel(desk: Desk, list_: str) -> None:
    """A file begins with a byte order mark if the request asks for one."""
    plain, marked = [(await desk.admin.get(f"desk/{list_}.csv", params=asked)).content for asked in ({}, {"bom": "1"})]

    assert marked == b"\xef\xbb\xbf" + plain


async def test_the_audit_as_a_file(desk: Desk) -> None:
    """The file has all entries that match the filters, with `before` and `after` as JSON."""
    ticket = await desk.ticket(title="=1+1")
    await desk.admin.patch("desk/tickets/1", json={"status": "closed"}, headers=version(ticket))
    reply = await desk.admin.get("desk/audit.csv?thing=ticket/1&limit=1")
    rows = list(csv.DictReader(io.StringIO(reply.text, newline="")))

    assert [row["what"] for row in rows] == ["ticket.changed", "ticket.created"]
    assert (json.loads(rows[0]["before"]), json.loads(rows[0]["after"])) == ({"status": "open"}, {"status": "closed"})
    assert (rows[1]["before"], json.loads(rows[1]["after"])["title"]) == ("", "=1+1")
