"""What happens to a table `record` behind monolith's back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from monolith_core.record import content_id
from support.sql import execute

DAY = "2024-01-05"
NEXT = "2024-01-06"


def _ids(url: str, day: str) -> list[str]:
    """The ids of a day as literals of the database, sorted."""
    rows = execute(url, f"SELECT id FROM record WHERE date = '{day}' ORDER BY id")
    return [literal(url, bytes(row[0])) for row in rows]


def literal(url: str, identity: bytes) -> str:
    return f"'\\x{identity.hex()}'" if url.startswith("postgresql") else f"x'{identity.hex()}'"


def insert(url: str, source: str, day: str, data: str, identity: bytes | None = None) -> None:
    """Add a record by hand; its id is right unless one is given."""
    made = identity or content_id(source, dt.date.fromisoformat(day), "fact", data.encode())
    execute(url, f"INSERT INTO record VALUES ('{day}', '{source}', {literal(url, made)}, 'fact', '{data}')")


def deleted(url: str) -> None:
    execute(url, f"DELETE FROM record WHERE date = '{DAY}' AND id = {_ids(url, DAY)[0]}")


def added(url: str) -> None:
    insert(url, "visits", DAY, '{"n":99}')


def added_with_any_id(url: str) -> None:
    insert(url, "visits", DAY, '{"n":99}', bytes(range(16)))


def replaced(url: str) -> None:
    """One gone and one more: the count is right."""
    deleted(url)
    added(url)


def swapped(url: str) -> None:
    """A record of each of two days is on the other one."""
    first, second = _ids(url, DAY)[0], _ids(url, NEXT)[0]
    execute(
        url,
        f"UPDATE record SET date = '2000-01-01' WHERE date = '{DAY}' AND id = {first}",
        f"UPDATE record SET date = '{DAY}' WHERE date = '{NEXT}' AND id = {second}",
        f"UPDATE record SET date = '{NEXT}' WHERE date = '2000-01-01'",
    )


def emptied(url: str) -> None:
    execute(url, f"DELETE FROM record WHERE date = '{DAY}'")


def dropped(url: str) -> None:
    execute(url, "DROP TABLE record")


def changed(url: str) -> None:
    """A body under an unchanged id."""
    execute(url, f"UPDATE record SET data = '{{\"n\":99}}' WHERE date = '{DAY}' AND id = {_ids(url, DAY)[0]}")


def recategorized(url: str) -> None:
    execute(url, f"UPDATE record SET category = 'other' WHERE date = '{DAY}' AND id = {_ids(url, DAY)[0]}")


def stray(url: str) -> None:
    """A day that nobody archived."""
    insert(url, "visits", "2023-05-05", '{"n":1}')


Damage = Callable[[str], None]
