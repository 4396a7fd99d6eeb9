"""The time zone in which a session counts days, also on a MariaDB or MySQL that knows no zones by name."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from monolith_core import Window
from monolith_plugins_sql.conversions import conversions

TIMESTAMP = 7
"""The protocol's number of the type TIMESTAMP, the one that MariaDB and MySQL convert to the session's time zone."""
_UNKNOWN_ZONE = 1298


def count_days(connection: Connection, timezone: ZoneInfo, window: Window) -> bool:
    """Let the session count the window's days in `timezone`; whether it can.

    A server that does not know the zone by name, and is not itself in one with the same clocks, is given the zone's
    offset from UTC. That can be done if it is one for all of the window.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT set_config('TimeZone', %s, false)", (timezone.key,))
    if connection.dialect.name not in ("mysql", "mariadb"):
        return True
    _read_as_usual(connection)
    if _set(connection, "+00:00" if timezone.key in ("UTC", "Etc/UTC") else timezone.key):
        return True
    edges = _edges(timezone, window)
    connection.exec_driver_sql("SET SESSION time_zone = DEFAULT")  # a window before may have set another one
    if _agrees(connection, [*edges, *_seasons(timezone, window)]):
        return True
    offset = edges[0].utcoffset() or dt.timedelta(0)
    if any(edge.utcoffset() != offset for edge in edges) or not _set(connection, _written(offset)):
        return False
    _read_exactly(connection, offset, timezone)
    return True


def unknown(connection: Connection, timezone: ZoneInfo) -> str:
    """That the server does not know the zone, and what to do about it."""
    load = "mysql_tzinfo_to_sql /usr/share/zoneinfo | mysql mysql"
    if getattr(connection.dialect, "is_mariadb", False):
        load = "mariadb-tzinfo-to-sql /usr/share/zoneinfo | mariadb mysql"
    return (
        f"the server does not know the time zone {timezone.key}, whose clocks change; load its time zone tables "
        f"({load}), or set clock-changes = ignore if no TIMESTAMP column is compared or shown"
    )


def _set(connection: Connection, zone: str) -> bool:
    """Set the session's time zone; whether the server knows it."""
    try:
        connection.exec_driver_sql("SET SESSION time_zone = %s", (zone,))
    except DBAPIError as error:
        if error.orig is None or error.orig.args[:1] != (_UNKNOWN_ZONE,):
            raise
        return False
    return True


def _edges(timezone: ZoneInfo, window: Window) -> list[dt.datetime]:
    """The window's first instant and its end, and between them each midnight after which the offset is another one."""
    days = [*window.days(), window.next_date]
    midnights = [dt.datetime.combine(day, dt.time(), timezone) for day in days]
    changes = [after for before, after in pairwise(midnights[:-1]) if before.utcoffset() != after.utcoffset()]
    return [midnights[0], *changes, midnights[-1]]


def _seasons(timezone: ZoneInfo, window: Window) -> Iterator[dt.datetime]:
    """Instants of other times that a row of the window may tell: a winter's and a summer's of many years."""
    for year in range(1990, min(window.end.year, 2036) + 2):
        for month in (1, 7):
            yield dt.datetime(year, month, 1, tzinfo=timezone)


def _agrees(connection: Connection, edges: list[dt.datetime]) -> bool:
    """Whether the time zone that the server itself is in has the same instants."""
    texts = [edge.strftime("%Y-%m-%d %H:%M:%S") for edge in edges]
    query = f"SELECT {', '.join(['UNIX_TIMESTAMP(%s)'] * len(edges))}"
    return tuple(connection.exec_driver_sql(query, tuple(texts)).one()) == tuple(edge.timestamp() for edge in edges)


def _written(offset: dt.timedelta) -> str:
    minutes = int(offset.total_seconds()) // 60
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def _read_as_usual(connection: Connection) -> None:
    """Let PyMySQL read a TIMESTAMP as it is, also on a connection that has read in another season's offset."""
    if connection.dialect.driver == "pymysql":
        _decoders(connection)[TIMESTAMP] = conversions()[TIMESTAMP]


def _read_exactly(connection: Connection, offset: dt.timedelta, timezone: ZoneInfo) -> None:
    """Let PyMySQL read each TIMESTAMP in the zone: in another season than the window's its offset is another one."""
    if connection.dialect.driver == "pymysql":
        _decoders(connection)[TIMESTAMP] = _moved(conversions()[TIMESTAMP], dt.timezone(offset), timezone)


def _decoders(connection: Connection) -> dict[int, Callable[[str], Any]]:
    """The connection's own conversions; an empty dictionary if this PyMySQL has none."""
    return getattr(connection.connection.driver_connection, "decoders", {})


def _moved(read: Callable[[str], Any], session: dt.timezone, timezone: ZoneInfo) -> Callable[[str], Any]:
    @lru_cache(4096)
    def moved(text: str) -> Any:
        value = read(text)
        if not isinstance(value, dt.datetime):  # 0000-00-00 00:00:00
            return value
        return value.replace(tzinfo=session).astimezone(timezone).replace(tzinfo=None)

    return moved
