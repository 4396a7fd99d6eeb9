"""Instants on servers that do not know the configured time zone by its name."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.servers import MariaDB
from support.sql import execute, records, source, window

from monolith_core.cli.extract import main as extract
from monolith_core.errors import PermanentError
from monolith_core.partition import ONE_DAY

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


def test_a_window_with_one_offset_is_read_rightly(url: str):
    assert found(url, WINTER) == [(WINTER, 2), (WINTER, 3)]


def test_an_instant_of_another_season_is_read_rightly(url: str):
    made = source(url, f"{BY_INSTANT.replace('id', 'id, later')}", timezone="Europe/Madrid")
    for _ in range(2):  # on the same connection
        assert {record.data["later"] for record in records(made, window(WINTER))} == {dt.datetime(2024, 7, 1, 14)}
    made.close()


def advice(days: str) -> str:
    return (
        f"{days}: the server does not know the time zone Europe/Madrid, whose clocks change; load its time zone tables "
        "(mariadb-tzinfo-to-sql /usr/share/zoneinfo | mariadb mysql), or set clock-changes = ignore if no TIMESTAMP "
        "column is compared or shown"
    )


def test_a_day_on_which_clocks_change_fails_and_says_what_to_do(url: str):
    with pytest.raises(PermanentError) as caught:
        found(url, SPRING, f"SELECT '{SPRING}' AS date, id FROM t WHERE at >= :start_date AND at < :next_date")
    assert str(caught.value) == advice("shop 2024-03-31")


def test_only_the_day_on_which_clocks_change_fails(url: str, tmp_path: Path):
    """The window is asked day by day; each other day is counted in its own offset."""
    execute(url, "SET time_zone = '+00:00'", "INSERT INTO t VALUES (7, '2024-03-30 22:59:00', NULL)")
    config = tmp_path / "monolith.ini"
    config.write_text(
        "[monolith]\ndatabase = sqlite:///archive.sqlite\ntimezone = Europe/Madrid\nsince = 2024-03-29\n"
        "until = 2024-04-02\n[phase:extract]\nsources = shop\ntargets = archive\n"
        f"[source:shop]\nuse = sql\ndatabase = {url}\nquery = {BY_INSTANT}\n"
        "[target:archive]\nuse = sql\n"
    )
    done = CliRunner().invoke(extract, [str(config)])
    assert done.exit_code == 1, done.output
    assert f"shop 2024-03-31 into archive failed: {advice('shop 2024-03-31')}" in done.output
    archive = f"sqlite:///{tmp_path}/archive.sqlite"
    assert execute(archive, "SELECT date, json_extract(data, '$.id') FROM record ORDER BY 1") == [
        ("2024-03-30", 7),
        ("2024-04-01", 6),
    ]
    assert execute(archive, "SELECT date FROM ledger WHERE state <> 'done'") == [("2024-03-31",)]


def test_a_query_without_days_cannot_be_divided(url: str):
    made = source(url, "SELECT at AS date, id FROM t", timezone="Europe/Madrid")
    with pytest.raises(PermanentError, match=r"^shop 2024-01-14\.\.2024-04-01: the server does not know the time zone"):
        list(records(made, window(WINTER - ONE_DAY, SPRING + ONE_DAY)))
    made.close()


def test_whoever_compares_no_instants_may_ignore_it(url: str):
    query = f"SELECT '{SPRING}' AS date, id FROM t WHERE id = 1"
    made = source(url, query, timezone="Europe/Madrid", clock_changes="ignore")
    assert [record.date for record in records(made, window(SPRING))] == [SPRING]
    made.close()


DATED = f"SELECT '{SPRING}' AS date, 1 AS id FROM"


@pytest.mark.parametrize(
    ("made", "query", "fails"),
    [
        ("TABLE d (day DATE)", f"{DATED} d", False),
        ("TABLE d (day DATE)", f"{DATED} d WHERE day <> '\N{SNOWMAN}\N{GRINNING FACE}'", False),
        ("TABLE d (day DATE)", f"{DATED} d WHERE day < Now()", True),
        ("TABLE d (day DATE, at TIMESTAMP NULL)", f"{DATED} d", True),
        ("VIEW d AS SELECT 1 AS one", f"{DATED} d", True),
    ],
)
def test_a_query_fails_only_where_it_may_tell_instants(mariadb: MariaDB, made: str, query: str, fails: bool):
    url = mariadb.url()
    execute(url, f"CREATE {made}", *(["INSERT INTO d (day) VALUES ('2024-03-30')"] if "TABLE" in made else []))
    asked = source(url, query, timezone="Europe/Madrid")
    try:
        if fails:
            with pytest.raises(PermanentError, match="does not know the time zone"):
                list(records(asked, window(SPRING)))
        else:
            assert [record.data["id"] for record in records(asked, window(SPRING))] == [1]
        assert ("days of 23 or 25 hours will fail" in asked.check()) == fails
    finally:
        asked.close()


def test_a_query_fails_where_another_database_that_it_names_has_instants(mariadb: MariaDB, url: str):
    other = url.rsplit("/", 1)[1].partition("?")[0]
    asked = source(mariadb.url(), f"{DATED} {other}.t LIMIT 1", timezone="Europe/Madrid")
    with pytest.raises(PermanentError, match="does not know the time zone"):
        list(records(asked, window(SPRING)))
    asked.close()


def test_an_instant_that_is_shown_is_not_ignored(url: str):
    made = source(url, BY_INSTANT, timezone="Europe/Madrid", clock_changes="ignore")
    with pytest.raises(PermanentError, match="does not know the time zone Europe/Madrid"):
        list(records(made, window(SPRING)))
    made.close()


def test_check_says_it_before_clocks_change(url: str):
    made = source(url, BY_INSTANT, timezone="Europe/Madrid")
    assert "warning: days of 23 or 25 hours will fail: the server does not know" in made.check()
    made.close()


def test_tables_that_are_loaded_while_the_server_runs_end_it():
    server = MariaDB()
    made = source(filled(server), BY_INSTANT, timezone="Europe/Madrid")
    try:
        with pytest.raises(PermanentError, match="load its time zone tables"):
            list(records(made, window(SPRING)))
        for values in (  # as mariadb-tzinfo-to-sql writes them
            "time_zone VALUES (1, 'N')",
            "time_zone_name VALUES ('Europe/Madrid', 1)",
            "time_zone_transition_type VALUES (1, 0, 3600, 0, 'CET'), (1, 1, 7200, 1, 'CEST')",
            "time_zone_transition VALUES (1, 1698541200, 0), (1, 1711846800, 1), (1, 1729990800, 0)",
        ):
            server.admin(f"INSERT INTO mysql.{values}")
        assert [(record.date, record.data["id"]) for record in records(made, window(SPRING))] == [(SPRING, 5)]
        assert "warning" not in made.check()
    finally:
        made.close()
        server.close()


def test_a_server_in_the_same_zone_needs_no_tables(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0/2,M10.5.0/3")
    server = MariaDB()
    try:
        assert found(filled(server), SPRING) == [(SPRING, 5)]
    finally:
        server.close()


def test_a_server_with_the_same_offset_by_chance_is_not_in_the_same_zone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TZ", "WAT-1")
    server = MariaDB()
    made = source(filled(server), BY_INSTANT.replace("id", "id, later"), timezone="Europe/Madrid")
    try:
        assert {record.data["later"] for record in records(made, window(WINTER))} == {dt.datetime(2024, 7, 1, 14)}
    finally:
        made.close()
        server.close()


def test_a_purge_deletes_what_the_query_reads(url: str):
    where = BY_INSTANT.partition("WHERE ")[2]
    made = source(url, BY_INSTANT, timezone="Europe/Madrid", purge_query=f"DELETE FROM t WHERE {where}")
    made.purge(window(WINTER))
    with pytest.raises(PermanentError, match=r"^shop 2024-03-31: the server does not know the time zone"):
        made.purge(window(SPRING - ONE_DAY, SPRING))
    made.purge(window(SPRING + ONE_DAY))
    made.close()
    assert execute(url, "SELECT id FROM t ORDER BY id") == [(1,), (4,), (5,)]


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
