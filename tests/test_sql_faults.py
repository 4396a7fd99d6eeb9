"""Faults that a DBA would think of, on real servers."""

from __future__ import annotations

import datetime as dt
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from support.servers import MariaDB, PostgreSQL, Server
from support.sql import archived, bare_target, execute, read, records, source, target, window
from support.staging import DAY, MemoryStaged, staged

from monolith_core.errors import MonolithError, PermanentError, TemporaryError
from monolith_core.plugin import Written

BY_DAYS = "SELECT * FROM t WHERE date BETWEEN :start_date AND :end_date"
ROWS = 60_000


def numbers(count: int, first: int = 0) -> MemoryStaged:
    return staged({"n": n, "text": "x" * 100} for n in range(first, first + count))


@pytest.fixture(params=["mariadb", "postgresql"])
def server(request: pytest.FixtureRequest) -> Server:
    found: Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="module", params=[MariaDB, PostgreSQL], ids=lambda kind: kind.kind)
def own_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server that a test may stop, if it starts it again."""
    started = request.param()
    yield started
    started.close()


@pytest.fixture
def url(server: Server) -> str:
    return server.url()


def fill(url: str, rows: int = ROWS) -> None:
    series = f"generate_series(1, {rows}) AS s(seq)" if "postgresql" in url else f"seq_1_to_{rows}"
    execute(
        url,
        "CREATE TABLE t (date DATE, n INT, s VARCHAR(300))",
        f"INSERT INTO t SELECT DATE '{DAY}', seq, REPEAT('x', 300) FROM {series}",
    )


def disconnect(server: Server) -> None:
    """End every connection of the tests' user, as an administrator would."""
    if isinstance(server, MariaDB):
        server.admin("KILL CONNECTION USER monolith")
    else:
        server.admin("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'monolith'")


class Interrupting(MemoryStaged):
    """Does something in the middle of being read, once."""

    def __init__(self, answer: MemoryStaged, act: Any) -> None:
        super().__init__(answer.partition, answer.records)
        self.act = act

    def __iter__(self):
        for number, record in enumerate(self.records):
            if number == len(self.records) // 2 and self.act is not None:
                act, self.act = self.act, None
                act()
            yield record


# Reading.


@pytest.mark.server
@pytest.mark.parametrize("how", ["disconnected", "killed"])
def test_connection_lost_in_the_middle_of_reading(own_server: Server, how: str):
    url = own_server.url()
    fill(url)
    made = source(url, BY_DAYS, fetch_size=100)
    answer = iter(records(made, window(DAY)))
    next(answer)
    disconnect(own_server) if how == "disconnected" else own_server.kill()
    with pytest.raises(TemporaryError, match=r"cannot be reached, or the connection was lost"):
        list(answer)
    if how == "killed":
        with pytest.raises(TemporaryError, match=r"cannot be reached"):
            list(records(made, window(DAY)))
        own_server.start()
    assert len(list(records(made, window(DAY)))) == ROWS
    made.close()


@pytest.mark.server
def test_a_query_that_is_stopped_by_the_administrator(mariadb: MariaDB):
    url = mariadb.url()
    made = source(url, "SELECT SLEEP(100) AS date")

    def stop() -> None:
        running = "SELECT id FROM information_schema.processlist WHERE info LIKE %s"
        while not (found := mariadb.admin(running, "SELECT SLEEP%")):
            pass
        mariadb.admin(f"KILL QUERY {found[0][0]}")

    stopper = threading.Thread(target=stop)
    stopper.start()
    # SLEEP itself ends early and gives 1 when it is stopped; other statements end with 1317.
    with pytest.raises(MonolithError):
        list(records(made, window(DAY)))
    stopper.join()
    made.close()


@pytest.mark.server
def test_a_server_that_does_not_answer_in_time(server: Server, url: str):
    slow = "SELECT SLEEP(20) AS date" if isinstance(server, MariaDB) else "SELECT pg_sleep(20) AS date"
    made = source(url, slow, timeout="0.2s")
    with pytest.raises(TemporaryError):
        list(records(made, window(DAY)))
    made.close()


@pytest.mark.server
@pytest.mark.parametrize("kind", ["source", "target"])
def test_wrong_password(server: Server, url: str, kind: str):
    wrong = server.url_of(url.rpartition("/")[2], password="wr0ng:pass")
    made = source(wrong, BY_DAYS) if kind == "source" else bare_target(wrong)
    with pytest.raises(
        PermanentError, match=r"access denied.*; check user and password in the option database"
    ) as caught:
        made.check()
    assert "wr0ng" not in str(caught.value)
    assert str(caught.value).startswith(made.options.location())
    made.close()


@pytest.mark.server
def test_unknown_database(server: Server):
    made = bare_target(server.url_of("nosuch"))
    with pytest.raises(PermanentError, match=r"there is no such database|access denied|has not the right"):
        made.setup()
    made.close()


def test_unknown_table_and_column(database_url: str):
    execute(database_url, "CREATE TABLE t (date DATE)")
    for query, message in [
        ("SELECT * FROM nosuch", "there is no such table: .*nosuch.*; check the query"),
        ("SELECT nosuch FROM t", "there is no such column: .*nosuch.*; check the query"),
        ("SELECT date FROM t WHERE", "the query is not understood"),
    ]:
        made = source(database_url, query)
        with pytest.raises(PermanentError, match=message):
            made.check()
        with pytest.raises(PermanentError, match=message):
            list(records(made, window(DAY)))
        made.close()


@pytest.mark.server
def test_nobody_listens(server: Server):
    gone = server.url_of("x").replace(str(server.port), "1")
    made = source(gone, BY_DAYS)
    with pytest.raises(TemporaryError, match=r"cannot be reached"):
        made.check()
    made.close()


@pytest.mark.server
def test_too_many_connections(mariadb: MariaDB):
    url = mariadb.url()
    fill(url, 1)
    mariadb.admin("CREATE OR REPLACE USER single@'%' IDENTIFIED BY 's' WITH MAX_USER_CONNECTIONS 1")
    mariadb.admin(f"GRANT SELECT ON {url.rpartition('/')[2]}.* TO single@'%'")
    single = mariadb.url_of(url.rpartition("/")[2], user="single", password="s")
    made = source(single, BY_DAYS)
    with transaction(single), pytest.raises(TemporaryError, match="has too many connections"):
        list(records(made, window(DAY)))
    assert len(list(records(made, window(DAY)))) == 1
    made.close()


@pytest.mark.server
def test_text_that_is_not_utf_8_in_the_tables_own_character_set(mariadb: MariaDB):
    url = mariadb.url()
    execute(url, "CREATE TABLE t (date DATE, s VARBINARY(9))", f"INSERT INTO t VALUES ('{DAY}', x'ff')")
    assert read(url, BY_DAYS)[0].data == {"s": b"\xff"}


# Writing.


@pytest.mark.server
@pytest.mark.parametrize("how", ["disconnected", "killed"])
def test_connection_lost_in_the_middle_of_writing(own_server: Server, how: str):
    url = own_server.url()
    made = target(url, batch_size=100)
    before, after = numbers(500), numbers(2000, first=250)
    made.replace(before.partition, before)
    act = (lambda: disconnect(own_server)) if how == "disconnected" else own_server.kill
    with pytest.raises(TemporaryError, match=r"cannot be reached, or the connection was lost"):
        made.replace(after.partition, Interrupting(after, act))
    if how == "killed":
        own_server.start()
    assert archived(url) == before.rows()
    assert made.replace(after.partition, after) == Written(1750, 250, 250)
    assert archived(url) == after.rows()
    made.close()


@pytest.mark.server
def test_the_server_was_restarted_between_two_partitions(own_server: Server):
    url = own_server.url()
    made = target(url)
    answer = numbers(10)
    made.replace(answer.partition, answer)
    own_server.restart()
    assert made.replace(answer.partition, answer) == Written(0, 0, 10)
    made.close()


@contextmanager
def transaction(url: str) -> Iterator[sa.Connection]:
    engine = sa.create_engine(url, isolation_level="READ COMMITTED")
    with engine.connect() as connection:
        yield connection
        connection.rollback()
    engine.dispose()


@pytest.mark.server
def test_lock_wait(server: Server, url: str):
    made = target(url)
    before, after = numbers(10), numbers(10, first=5)
    made.replace(before.partition, before)
    waiting = bare_target(url)
    with locks_given_up(server, url), transaction(url) as other:
        other.exec_driver_sql("DELETE FROM record")
        with pytest.raises(TemporaryError, match=r"another transaction holds the rows or the table"):
            waiting.replace(after.partition, after)
    waiting.close()
    assert archived(url) == before.rows()
    assert made.replace(after.partition, after) == Written(5, 5, 5)
    made.close()


@contextmanager
def locks_given_up(server: Server, url: str) -> Iterator[None]:
    """Let new connections wait for locks no longer than a second."""
    if isinstance(server, MariaDB):
        server.admin("SET GLOBAL innodb_lock_wait_timeout = 1")
        yield
        server.admin("SET GLOBAL innodb_lock_wait_timeout = 50")
    else:
        server.admin(f"ALTER DATABASE {url.rpartition('/')[2]} SET lock_timeout = '200ms'")
        yield


@pytest.mark.server
def test_deadlock(server: Server, url: str):
    """Another transaction holds a row that the target deletes, then asks for one that the target has inserted."""
    made = target(url, batch_size=10)
    before, after = numbers(1), numbers(30, first=1)
    extra = staged([{"n": 1}], source="other")
    for answer in before, extra:
        made.replace(answer.partition, answer)
    outcomes: list[object] = []
    held = threading.Event()

    with transaction(url) as other:
        other.exec_driver_sql("DELETE FROM record WHERE source = 'other'")

        def write() -> None:
            def both() -> None:
                held.set()

            # One transaction: shop first, then the other source's row, which is held.
            try:
                with made._database.writing() as connection:
                    made._replace(made._writer(connection, after.partition), Interrupting(after, both))
                    empty = staged([], source="other")
                    made._replace(made._writer(connection, empty.partition), empty)
            except MonolithError as error:
                outcomes.append(error)

        writer = threading.Thread(target=write)
        writer.start()
        held.wait(20)
        try:
            # Waits for the writer's rows, which waits for ours: one of the two is chosen as the victim.
            other.exec_driver_sql("DELETE FROM record WHERE source = 'shop'")
        except sa.exc.DBAPIError as error:
            outcomes.append(error)
        other.rollback()
        writer.join(30)
    victims = [error for error in outcomes if isinstance(error, TemporaryError)]
    assert all(isinstance(error, TemporaryError | sa.exc.DBAPIError) for error in outcomes)
    assert len(outcomes) == 1
    for error in victims:
        assert "another transaction holds the rows" in str(error)
    made.replace(after.partition, after)
    made.close()
    assert {row for row in archived(url) if row[1] == "shop"} == after.rows()


@pytest.mark.server
def test_a_reader_without_the_right_to_write(server: Server, url: str):
    made = target(url)
    before = numbers(3)
    made.replace(before.partition, before)
    made.close()
    reader = reader_of(server, url)
    made = bare_target(reader)
    for act in (made.check, lambda: made.replace(before.partition, numbers(4))):
        with pytest.raises(PermanentError, match=r"the user has not the right: .*; grant it, or use another user"):
            act()
    made.setup()
    assert made.replace(before.partition, before) == Written(0, 0, 3)
    assert dict(made.digests(None)) == {before.partition: before.digest}
    made.close()
    assert len(read(reader)) == 3


@pytest.mark.server
def test_a_user_who_may_not_create_the_table(server: Server, url: str):
    made = bare_target(reader_of(server, url))
    with pytest.raises(PermanentError, match=r"the user has not the right"):
        made.setup()
    made.close()


def reader_of(server: Server, url: str) -> str:
    """The database's URL for a user who may only read."""
    database = url.rpartition("/")[2]
    if isinstance(server, MariaDB):
        server.admin("CREATE USER IF NOT EXISTS onlooker@'%' IDENTIFIED BY 'r'")
        server.admin(f"GRANT SELECT ON {database}.* TO onlooker@'%'")
    else:
        if not server.admin("SELECT 1 FROM pg_roles WHERE rolname = 'onlooker'"):
            server.admin("CREATE USER onlooker PASSWORD 'r'")
        server.admin("GRANT SELECT ON ALL TABLES IN SCHEMA public TO onlooker", database=database)
    return server.url_of(database, user="onlooker", password="r")


@pytest.mark.server
def test_a_read_only_server(server: Server, url: str):
    made = target(url)
    before, after = numbers(3), numbers(3, first=1)
    made.replace(before.partition, before)
    made.close()
    name = url.rpartition("/")[2]
    on, off = (
        ("SET GLOBAL read_only = 1", "SET GLOBAL read_only = 0")
        if isinstance(server, MariaDB)
        else (
            f"ALTER DATABASE {name} SET default_transaction_read_only = on",
            f"ALTER DATABASE {name} RESET default_transaction_read_only",
        )
    )
    server.admin(on)
    try:
        made = bare_target(url)
        with pytest.raises(PermanentError, match=r"the database is read-only: .*; make it writable, or use the server"):
            made.replace(after.partition, after)
        assert len(read(url)) == 3
        made.close()
    finally:
        server.admin(off)
    assert archived(url) == before.rows()


def test_a_read_only_file(sqlite_url: str):
    made = target(f"{sqlite_url}")
    before = numbers(3)
    made.replace(before.partition, before)
    made.close()
    made = bare_target(sqlite_url.replace("sqlite:///", "sqlite:///file:") + "?mode=ro&uri=true")
    with pytest.raises(PermanentError, match=r"the database is read-only: .*; make it writable"):
        made.replace(before.partition, numbers(4))
    made.close()
    assert archived(sqlite_url) == before.rows()


def test_a_file_that_is_no_database(tmp_path: Path):
    (tmp_path / "notes.txt").write_text("These are notes, not a database. " * 100)
    made = bare_target(f"sqlite:///{tmp_path}/notes.txt")
    with pytest.raises(PermanentError, match=r"the file is damaged or no SQLite database"):
        made.setup()
    made.close()


def test_a_folder_that_is_not_there(tmp_path: Path):
    made = bare_target(f"sqlite:///{tmp_path}/none/a.sqlite")
    with pytest.raises(PermanentError, match=r"the file cannot be opened: .*; check that its folder exists"):
        made.setup()
    made.close()


def test_a_full_sqlite_database(sqlite_url: str):
    made = target(sqlite_url)
    before, after = numbers(50), numbers(20_000)
    made.replace(before.partition, before)

    def limited(connection: Any, record: Any) -> None:
        connection.execute("PRAGMA max_page_count = 60").close()

    made.close()
    made = bare_target(sqlite_url)
    sa.event.listen(made._database.engine, "connect", limited)
    with pytest.raises(PermanentError, match=r"the disk or the table space is full: .*; free or add space"):
        made.replace(after.partition, after)
    assert archived(sqlite_url) == before.rows()
    assert made.replace(before.partition, before) == Written(0, 0, 50)
    made.close()


@pytest.mark.server
def test_a_full_table_space_of_mariadb():
    class Small(MariaDB):
        """Everything is in one table space that cannot grow beyond 20 MB."""

        def command(self) -> list[str]:
            path = "--innodb-data-file-path=ibdata1:12M:autoextend:max:20M"
            return [*super().command(), path, "--innodb-file-per-table=0"]

    server = Small()
    with closing(server):
        url = server.url()
        made = target(url)
        before, after = numbers(50), numbers(150_000)
        made.replace(before.partition, before)
        with pytest.raises(PermanentError, match=r"the disk or the table space is full: .*; free or add space"):
            made.replace(after.partition, after)
        assert archived(url) == before.rows()
        made.close()


def test_a_database_that_another_process_locks(sqlite_url: str):
    made = target(sqlite_url)
    before = numbers(3)
    made.replace(before.partition, before)
    made.close()
    made = bare_target(sqlite_url, timeout="0.1s")
    engine = sa.create_engine(sqlite_url)
    with engine.connect() as other:
        other.exec_driver_sql("BEGIN IMMEDIATE")
        with pytest.raises(TemporaryError, match=r"another transaction holds .*: database is locked"):
            made.replace(before.partition, numbers(4))
        assert len(read(sqlite_url)) == 3
        other.rollback()
    engine.dispose()
    assert made.replace(before.partition, numbers(4)) == Written(1, 0, 3)
    made.close()


# Sizes.


@pytest.fixture
def packet(mariadb: MariaDB) -> Iterator[Any]:
    """Set the server's max_allowed_packet for new connections."""
    [(before,)] = mariadb.admin("SELECT @@GLOBAL.max_allowed_packet")

    def limit(size: int) -> None:
        mariadb.admin(f"SET GLOBAL max_allowed_packet = {size}")

    yield limit
    limit(before)


@pytest.mark.server
def test_batches_stay_below_the_largest_packet(mariadb: MariaDB, packet: Any):
    url = mariadb.url()
    packet(64 * 1024)
    made = target(url)
    answer = staged({"n": n, "text": "'\"\\é" * (n % 3000)} for n in range(300))
    made.replace(answer.partition, answer)
    made.close()
    assert archived(url) == answer.rows()


@pytest.mark.server
def test_a_record_that_is_larger_than_a_packet(mariadb: MariaDB, packet: Any):
    url = mariadb.url()
    packet(16 * 2**20)
    made = target(url)
    large, fits = staged([{"text": "x" * 20_000_000}, {"n": 1}]), staged([{"text": "x" * 15_000_000}, {"n": 1}])
    with pytest.raises(PermanentError) as caught:
        made.replace(large.partition, large)
    assert "a record of 20,000,011 bytes needs a statement of 20,00" in str(caught.value)
    assert "the server takes 16,777,216; raise its max_allowed_packet" in str(caught.value)
    assert archived(url) == set()
    assert made.replace(fits.partition, fits) == Written(2, 0, 0)
    made.close()
    packet(64 * 2**20)
    made = target(url)
    assert made.replace(large.partition, large) == Written(1, 1, 1)
    made.close()
    assert {len(record.data) for record in read(url)} == {20_000_011, 7}


@pytest.mark.parametrize("size", [20_000_000])
def test_large_records_where_there_is_no_such_limit(sqlite_url: str, size: int):
    made, answer = target(sqlite_url), staged([{"text": "x" * size}])
    made.replace(answer.partition, answer)
    made.close()
    assert archived(sqlite_url) == answer.rows()


@pytest.mark.server
def test_a_category_that_is_too_long(mariadb: MariaDB):
    url = mariadb.url()
    made = target(url)
    answer = staged([{"n": 1}], category="é" * 256)
    with pytest.raises(PermanentError, match=r"has 256 characters; the table takes 255; shorten it at the source"):
        made.replace(answer.partition, answer)
    fits = staged([{"n": 1}], category="é" * 255)
    made.replace(fits.partition, fits)
    made.close()
    assert archived(url) == fits.rows()


@pytest.mark.server
def test_a_server_that_is_lax_about_values(mariadb: MariaDB):
    """Where the server would cut what does not fit, our sessions do not let it."""
    mariadb.admin("SET GLOBAL sql_mode = ''")
    try:
        url = mariadb.url()
        made = target(url)
        execute(url, "ALTER TABLE record MODIFY data VARCHAR(20) NOT NULL")
        answer = staged([{"text": "x" * 50}])
        with pytest.raises(PermanentError, match=r"a value does not fit: .*Data too long"):
            made.replace(answer.partition, answer)
        made.close()
        assert archived(url) == set()
    finally:
        mariadb.admin("SET GLOBAL sql_mode = DEFAULT")


@pytest.mark.server
def test_postgresql_dates_that_python_has_not(postgresql: PostgreSQL):
    url = postgresql.url()
    execute(url, "CREATE TABLE t (date DATE, at TIMESTAMP)", f"INSERT INTO t VALUES ('{DAY}', 'infinity')")
    made = source(url, BY_DAYS)
    with pytest.raises(PermanentError, match=r"a value does not fit: timestamp too large"):
        list(records(made, window(DAY)))
    made.close()


def test_rows_of_other_days_are_given_on_for_the_stage_to_refuse(database_url: str):
    other = DAY + dt.timedelta(days=40)
    execute(database_url, "CREATE TABLE t (date DATE)", f"INSERT INTO t VALUES ('{other}')")
    made = source(database_url, "SELECT * FROM t")
    assert [record.date for record in records(made, window(DAY))] == [other]
    made.close()


def test_driver_of_postgresql_is_missing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    made = bare_target("postgresql://user@host/name")
    with pytest.raises(MonolithError, match=r"install it with: pip install 'monolith-plugin-sql\[postgresql\]'"):
        made.setup()
