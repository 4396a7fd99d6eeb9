"""A read that is given up is ended on its server: stuck threads and closed sockets leave no query behind."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from sqlalchemy.event import listen
from support.servers import MariaDB, Server
from support.sql import execute, records, source, window
from support.staging import DAY

from monolith_core.errors import IdleTimeout, MonolithError, TemporaryError
from monolith_core.executor import WindowTask
from monolith_core.partition import ONE_DAY
from monolith_core.runner.extraction import extract
from monolith_core.runner.local import local
from monolith_plugins_sql.reads import Reads
from monolith_plugins_sql.source import SqlSource

ENDLESS = {
    "mariadb": "SELECT SLEEP(600) AS date FROM seq_1_to_9",
    "postgresql": "SELECT pg_sleep(600) AS date FROM generate_series(1, 9)",
}
COUNTING = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n AS date FROM c WHERE n < 0"


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.server) for name in ENDLESS])
def server(request: pytest.FixtureRequest) -> Server:
    found: Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def endless(server: Server) -> Iterator[SqlSource]:
    made = source(server.url(), ENDLESS[server.kind])
    yield made
    made.close()


def running(server: Server) -> set[int]:
    """The connections of the tests' user in which a query runs that sleeps."""
    if isinstance(server, MariaDB):
        query = "SELECT id FROM information_schema.processlist WHERE user = 'monolith' AND info LIKE '%SLEEP(600)%'"
    else:
        query = "SELECT pid FROM pg_stat_activity WHERE usename = 'monolith' AND wait_event = 'PgSleep'"
    return {number for (number,) in server.admin(query)}


def await_running(server: Server, so: Callable[[set[int]], bool]) -> set[int]:
    with deadline(30) as over:
        while not so(found := running(server)):
            assert not over.is_set(), f"running: {found}"
    return found


@contextmanager
def deadline(seconds: float) -> Iterator[threading.Event]:
    over = threading.Event()
    timer = threading.Timer(seconds, over.set)
    timer.start()
    try:
        yield over
    finally:
        timer.cancel()


class Reader:
    """A thread that reads from a source, as the engine's worker threads do."""

    def __init__(self, made: SqlSource, days: int = 0) -> None:
        self.error: MonolithError | None = None
        self._thread = threading.Thread(target=self._read, args=(made, window(DAY + days * ONE_DAY)))
        self._thread.start()

    def _read(self, made: SqlSource, asked) -> None:
        try:
            list(made.extract(asked))
        except MonolithError as error:
            self.error = error

    def join(self) -> MonolithError | None:
        self._thread.join(30)
        assert not self._thread.is_alive()
        return self.error


def test_closing_ends_what_is_stuck(server: Server, endless: SqlSource):
    readers = [Reader(endless), Reader(endless, days=1)]
    await_running(server, lambda found: len(found) == 2)
    endless.close()
    await_running(server, lambda found: not found)
    assert [type(reader.join()) for reader in readers] == [TemporaryError, TemporaryError]


def test_asking_again_ends_what_is_stuck_in_the_same_days_only(server: Server, endless: SqlSource):
    other = Reader(endless, days=1)
    kept = await_running(server, lambda found: len(found) == 1)
    first = Reader(endless)
    [replaced] = await_running(server, lambda found: len(found) == 2) - kept
    again = Reader(endless)
    assert isinstance(first.join(), TemporaryError)
    now = await_running(server, lambda found: len(found) == 2 and replaced not in found)
    assert kept < now
    endless.close()
    for reader in other, again:
        reader.join()


@pytest.mark.server
def test_a_query_whose_reader_waited_too_long_is_ended(mariadb: MariaDB):
    """The driver has closed its socket by then, which a server that computes does not notice."""
    made = source(mariadb.url(), ENDLESS["mariadb"], timeout="2s")
    with pytest.raises(TemporaryError):
        list(made.extract(window(DAY)))
    await_running(mariadb, lambda found: len(found) == 1)
    with pytest.raises(TemporaryError):
        list(made.extract(window(DAY + ONE_DAY)))
    await_running(mariadb, lambda found: len(found) == 1)
    made.close()
    await_running(mariadb, lambda found: not found)


async def test_the_engine_gives_up_and_closes(server: Server, endless: SqlSource):
    task = WindowTask(Path(), "", "shop", window(DAY), ask=lambda: endless.extract(window(DAY)))
    with pytest.raises(IdleTimeout):
        await extract(local(), task, timeout=2)
    # The thread that was given up may still be on its way to its query.
    await trio.to_thread.run_sync(await_running, server, lambda found: len(found) == 1)
    await trio.to_thread.run_sync(endless.close)
    await trio.to_thread.run_sync(await_running, server, lambda found: not found)


async def test_a_read_whose_row_is_refused_is_closed_at_once(sqlite_url: str):
    """Left to the collector, it would end long after its source was closed, with a traceback."""
    execute(sqlite_url, "CREATE TABLE t (date DATE)", f"INSERT INTO t VALUES ('{DAY + ONE_DAY}'), ('{DAY}')")
    made = source(sqlite_url, "SELECT date FROM t")
    task = WindowTask(Path(), "", "shop", window(DAY), ask=lambda: made.extract(window(DAY)))
    with pytest.raises(MonolithError, match="outside of the days asked for") as refused:
        await extract(local(), task, timeout=60)
    assert [read.left for read in made._reads._reads] == [True]
    made.close()
    del refused


def test_a_reader_that_lets_go_late_raises_nothing(sqlite_url: str):
    execute(sqlite_url, "CREATE TABLE t (date DATE)", f"INSERT INTO t VALUES ('{DAY}'), ('{DAY}')")
    made = source(sqlite_url, "SELECT date FROM t")
    answer = made.extract(window(DAY))
    next(answer)
    made.close()
    answer.close()


def test_a_read_that_is_given_up_while_it_connects_asks_nothing(sqlite_url: str):
    execute(sqlite_url, "CREATE TABLE t (date DATE)")
    made = source(sqlite_url, "SELECT * FROM t")
    connecting, closed = threading.Event(), threading.Event()

    def wait(connection: object, record: object) -> None:
        connecting.set()
        closed.wait(30)

    listen(made._database.engine, "connect", wait)
    reader = Reader(made)
    connecting.wait(30)
    made.close()
    closed.set()
    assert "this read was given up" in str(reader.join())


def test_sqlite_is_interrupted(sqlite_url: str):
    execute(sqlite_url, "CREATE TABLE t (date DATE)")
    made = source(sqlite_url, COUNTING.replace("n < 0", "seen(n) < 0"))
    begun = threading.Event()

    def seen(number: int) -> int:
        begun.set()
        return number

    listen(made._database.engine, "connect", lambda raw, record: raw.create_function("seen", 1, seen))
    reader = Reader(made)
    assert begun.wait(30)
    made.close()
    assert "this read was given up" in str(reader.join())


@pytest.mark.server
@pytest.mark.parametrize("kind", ["sqlite", *ENDLESS])
def test_a_read_that_is_given_up_before_its_query_begins_is_ended(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, sqlite_url: str, kind: str
):
    """Nothing runs then that could be interrupted."""
    url = sqlite_url if kind == "sqlite" else request.getfixturevalue(kind).url()
    execute(sqlite_url, "CREATE TABLE t (date DATE)")
    made = source(url, COUNTING if kind == "sqlite" else ENDLESS[kind])
    begun, closed = threading.Event(), threading.Event()
    begin = Reads._begin

    def begin_and_wait(reads: Reads, read: Any, connection: Any) -> None:
        begin(reads, read, connection)
        begun.set()
        closed.wait(30)

    monkeypatch.setattr(Reads, "_begin", begin_and_wait)
    reader = Reader(made)
    assert begun.wait(30)
    made.close()
    closed.set()
    assert "this read was given up" in str(reader.join())


@pytest.mark.server
def test_a_server_that_is_gone_is_no_reason_to_fail(caplog: pytest.LogCaptureFixture):
    server = MariaDB()
    try:
        made = source(server.url(), ENDLESS["mariadb"])
        reader = Reader(made)
        await_running(server, lambda found: len(found) == 1)
        server.kill()
        assert isinstance(reader.join(), TemporaryError)
        with caplog.at_level(logging.INFO):
            made.close()
    finally:
        server.close()
    assert any("a query that was given up may go on on the server: mysql://" in line for line in caplog.messages)


def test_reads_that_end_leave_nothing_to_end(database_url: str):
    execute(database_url, "CREATE TABLE t (date DATE)", f"INSERT INTO t VALUES ('{DAY}'), ('{DAY}')")
    made = source(database_url, "SELECT * FROM t WHERE date = :start_date")
    assert len(list(records(made, window(DAY)))) == 2
    assert made._reads._reads == set()
    made.check()
    answer = made.extract(window(DAY))
    next(answer)
    answer.close()
    assert [read.left for read in made._reads._reads] == [True]
    made.close()
    assert made._reads._reads == set()
