"""Instants on servers that do not know the configured time zone by its name."""

from __future__ import annotations

import datetime as dt

import pytest
from support.servers import MariaDB
from support.sql import execute, records, source, window

from monolith_core.errors import PermanentError

pytestmark = pytest.mark.server

WINTER = dt.date(2024, 1, 15)
SPRING = dt.date(2024, 3, 31)
BY_INSTANT = "SELECT at AS date, id FROM t WHERE at >= :start_date AND at < :next_date"


@pytest.fixture
def url(mariadb: MariaDB) -> str:
    """Rows 1 to 4 around a day of winter in Madrid, 5 and 6 around the day on which its clocks change."""
    return filled(mariadb)


def filled(server: MariaDB) -> str:
    url = server.url()
    instants = ["01-14 22:59", "01-14 23:00", "01-15 22:59", "01-15 23:00", "03-31 21:59", "03-31 22:00"]
    rows = ", ".join(f"({number}, '2024-{at}:00', '2024-07-01 12:00')" for number, at in enumerate(instants, 1))
    execute(
        url,
        "SET time_zone = '+00:00'",
        "CREATE TABLE t (id INT, at TIMESTAMP NULL, later TIMESTAMP NULL)",
        f"INSERT INTO t VALUES {rows}",
    )
    return url


def found(url: str, day: dt.date, query: str = BY_INSTANT) -> list[tuple[dt.date, object]]:
    made = source(url, query, timezone="Europe/Madrid")
    try:
        return [(record.date, record.data["id"]) for record in records(made, window(day))]
    finally:
        made.close()


def test_a_window_with_one_offset_is_read_rightly_and_without_a_warning(url: str, caplog: pytest.LogCaptureFixture):
    assert found(url, WINTER) == [(WINTER, 2), (WINTER, 3)]
    assert caplog.messages == []


def test_an_instant_of_another_season_is_read_rightly(url: str):
    made = source(url, f"{BY_INSTANT.replace('id', 'id, later')}", timezone="Europe/Madrid")
    for _ in range(2):  # on the same connection
        assert {record.data["later"] for record in records(made, window(WINTER))} == {dt.datetime(2024, 7, 1, 14)}
    made.close()


def test_two_offsets_in_a_window_are_warned_of_once_a_source(url: str, caplog: pytest.LogCaptureFixture):
    made = source(url, BY_INSTANT, timezone="Europe/Madrid")
    for _ in range(2):
        list(records(made, window(SPRING)))
    made.close()
    assert caplog.messages == [
        "the server does not know the time zone Europe/Madrid, so TIMESTAMP columns are not read rightly from "
        "2024-03-31 to 2024-03-31; load its time zone tables (mariadb-tzinfo-to-sql)"
    ]


def test_nothing_is_said_where_there_are_no_instants(url: str, caplog: pytest.LogCaptureFixture):
    assert found(url, SPRING, f"SELECT '{SPRING}' AS date, id FROM t WHERE id = 1") == [(SPRING, 1)]
    assert caplog.messages == []


def test_a_server_in_the_same_zone_needs_no_tables(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0/2,M10.5.0/3")
    server = MariaDB()
    try:
        assert found(filled(server), SPRING) == [(SPRING, 5)]
    finally:
        server.close()
    assert caplog.messages == []


def test_a_purge_deletes_what_the_query_reads(url: str):
    where = BY_INSTANT.partition("WHERE ")[2]
    made = source(url, BY_INSTANT, timezone="Europe/Madrid", purge_query=f"DELETE FROM t WHERE {where}")
    made.purge(window(WINTER))
    with pytest.raises(PermanentError, match=r"^shop 2024-03-31 is not purged: the server does not know the time zone"):
        made.purge(window(SPRING))
    made.close()
    assert execute(url, "SELECT id FROM t ORDER BY id") == [(1,), (4,), (5,), (6,)]


def test_a_purge_of_postgresql_counts_days_in_the_zone(postgresql):
    url = postgresql.url()
    execute(url, "CREATE TABLE t (at TIMESTAMPTZ)", "INSERT INTO t VALUES ('2024-01-14 22:59Z'), ('2024-01-14 23:00Z')")
    made = source(
        url,
        "SELECT at AS date FROM t",
        timezone="Europe/Madrid",
        purge_query="DELETE FROM t WHERE at >= :start_date AND at < :next_date",
    )
    made.purge(window(WINTER))
    made.close()
    assert execute(url, "SELECT at = '2024-01-14 22:59Z' FROM t") == [(True,)]
