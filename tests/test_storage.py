"""Opening the storage, its transactions, and what its errors say."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pymysql
import pytest
import sqlalchemy as sa
from support.servers import PASSWORD, MariaDB, PostgreSQL, Server

from monolith_core.errors import MonolithError, StorageError, TemporaryError
from monolith_core.storage import Storage


@pytest.fixture
def storage(database_url: str):
    opened = Storage.open(database_url, lock_timeout=1.0)
    yield opened
    opened.close()


def put(storage: Storage, name: str) -> None:
    with storage.transaction() as connection:
        connection.execute(sa.text("INSERT INTO thing VALUES (:name)"), {"name": name})


def names(storage: Storage) -> list[str]:
    return sorted(name for (name,) in storage.query("SELECT name FROM thing"))


@pytest.fixture
def things(storage: Storage) -> Storage:
    with storage.transaction() as connection:
        connection.exec_driver_sql("CREATE TABLE thing (name VARCHAR(20) PRIMARY KEY)")
    return storage


def in_thread(function, *arguments):
    """What `function` returns, or the exception it raises, in a thread of its own."""
    outcome = []

    def run() -> None:
        try:
            outcome.append(function(*arguments))
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return outcome[0]


# --- transactions


def test_a_transaction_is_committed_at_its_end(things: Storage):
    put(things, "a")
    assert names(things) == ["a"]


def test_an_exception_rolls_back(things: Storage):
    def failing() -> None:
        with things.transaction():
            put(things, "a")
            raise KeyError

    with pytest.raises(KeyError):
        failing()
    assert names(things) == []


def test_a_thread_joins_its_own_transaction(things: Storage):
    with things.transaction() as outer:
        with things.transaction() as inner:
            assert inner is outer
        put(things, "a")
        with things.read() as reading:
            assert reading is outer
        assert names(things) == ["a"]
        outer.rollback()
    assert names(things) == []


def test_another_thread_does_not_see_what_is_not_committed(things: Storage):
    with things.transaction():
        put(things, "a")
        assert in_thread(names, things) == []
    assert in_thread(names, things) == ["a"]


def test_a_part_that_failed_fails_the_whole(things: Storage):
    """A target's error that is caught inside of the transaction must not let the ledger say `done`."""

    def failing() -> None:
        with things.transaction():
            put(things, "a")
            raise KeyError

    def careless() -> None:
        with things.transaction():
            with suppress(KeyError):
                failing()
            put(things, "b")

    with pytest.raises(StorageError, match="a part of the transaction failed"):
        careless()
    assert names(things) == []
    put(things, "c")
    assert names(things) == ["c"]


def test_an_error_of_the_database_is_one_line_without_values(things: Storage):
    put(things, "hidden value")
    with pytest.raises(StorageError) as raised:
        put(things, "hidden value")
    assert "\n" not in str(raised.value)
    assert str(raised.value).startswith(f"storage {things.location}: ")


def test_threads_write_in_turns(things: Storage):
    threads = [threading.Thread(target=put, args=(things, f"n{n}")) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(names(things)) == 20


def test_a_lock_that_another_process_holds_is_temporary(things: Storage, database_url: str):
    put(things, "a")
    other = Storage.open(database_url, lock_timeout=1.0)
    statement = "UPDATE thing SET name = 'b' WHERE name = 'a'"
    with other.transaction() as theirs:
        theirs.exec_driver_sql(statement)
        with pytest.raises(TemporaryError), things.transaction() as ours:
            ours.exec_driver_sql(statement)
    other.close()
    assert names(things) == ["b"]


@pytest.mark.server
def test_a_deadlock_is_temporary(server: Server):
    storage = Storage.open(server.url(), lock_timeout=20.0)
    with storage.transaction() as connection:
        connection.exec_driver_sql("CREATE TABLE thing (name VARCHAR(20) PRIMARY KEY, n INT)")
        connection.exec_driver_sql("INSERT INTO thing VALUES ('a', 0), ('b', 0)")
    both_have_one = threading.Barrier(2)

    def update(first: str, second: str) -> None:
        with storage.transaction() as connection:
            connection.exec_driver_sql(f"UPDATE thing SET n = n + 1 WHERE name = '{first}'")
            both_have_one.wait()
            connection.exec_driver_sql(f"UPDATE thing SET n = n + 1 WHERE name = '{second}'")

    outcomes = []
    other = threading.Thread(target=lambda: outcomes.append(in_thread(update, "a", "b")))
    other.start()
    outcomes.append(in_thread(update, "b", "a"))
    other.join()
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType", "TemporaryError"]
    assert storage.query("SELECT n FROM thing") == [(1,), (1,)]
    storage.close()


@pytest.fixture(params=[MariaDB, PostgreSQL], ids=lambda kind: kind.kind)
def server(request: pytest.FixtureRequest) -> Server:
    return request.getfixturevalue(request.param.kind)


# A server that is stopped cannot be the one that other tests share.


@pytest.fixture(params=[MariaDB, PostgreSQL], ids=lambda kind: kind.kind)
def own_server(request: pytest.FixtureRequest):
    started = request.param()
    yield started
    started.close()


@pytest.mark.server
def test_a_lost_server_is_temporary_and_found_again(own_server: Server):
    storage = Storage.open(own_server.url())
    with storage.transaction() as connection:
        connection.exec_driver_sql("CREATE TABLE thing (name VARCHAR(20) PRIMARY KEY)")

    def interrupted() -> None:
        with storage.transaction():
            put(storage, "a")
            own_server.kill()
            put(storage, "b")

    with pytest.raises(TemporaryError):
        interrupted()
    with pytest.raises(TemporaryError):
        put(storage, "c")
    own_server.start()
    assert names(storage) == []
    put(storage, "d")
    own_server.restart()
    assert names(storage) == ["d"]
    storage.close()


@pytest.mark.server
def test_a_connection_that_an_administrator_ends_is_temporary(server: Server):
    url = server.url()
    database = url.rpartition("/")[2]
    storage = Storage.open(url)

    def interrupted() -> None:
        with storage.read() as connection:
            if server.kind == "mariadb":
                (number,) = connection.exec_driver_sql("SELECT CONNECTION_ID()").one()
                server.admin(f"KILL {number}")
            else:
                server.admin("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", database)
            connection.exec_driver_sql("SELECT 1 FROM lease")

    with pytest.raises(TemporaryError):
        interrupted()
    assert storage.query("SELECT 1 FROM lease") == []
    storage.close()


# --- sessions


def test_sqlite_writes_ahead_and_waits(sqlite_url: str):
    storage = Storage.open(sqlite_url)
    assert storage.query("PRAGMA journal_mode") == [("wal",)]
    assert storage.query("PRAGMA page_size") == [(16384,)]
    assert storage.query("PRAGMA busy_timeout") == [(30000,)]
    assert storage.query("PRAGMA synchronous") == [(2,)]
    storage.close()


def test_a_reader_of_sqlite_does_not_stop_the_writer(sqlite_url: str):
    storage = Storage.open(sqlite_url)
    with storage.transaction() as connection:
        connection.exec_driver_sql("CREATE TABLE thing (name TEXT)")
    with storage.read() as connection:
        assert connection.exec_driver_sql("SELECT * FROM thing").all() == []
        assert in_thread(put, storage, "a") is None
        assert connection.exec_driver_sql("SELECT * FROM thing").all() == []
    assert names(storage) == ["a"]
    storage.close()


@pytest.mark.server
def test_sessions_of_mariadb_are_strict_and_in_utc(mariadb: MariaDB):
    storage = Storage.open(mariadb.url() + "?charset=utf8mb4")
    session = "SELECT @@session.time_zone, @@transaction_isolation, @@autocommit, @@character_set_connection"
    mariadb_name = session.replace("@@transaction_isolation", "@@tx_isolation")
    assert storage.query(mariadb_name) == [("+00:00", "READ-COMMITTED", 0, "utf8mb4")]
    assert "STRICT_ALL_TABLES" in storage.query("SELECT @@session.sql_mode")[0][0]
    storage.close()


def test_writers_are_limited(storage: Storage):
    assert storage.limiter.total_tokens == (1 if storage.dialect.name == "sqlite" else 8)
    assert storage.limiter is storage.limiter


def test_importing_and_naming_the_storage_loads_no_sqlalchemy():
    code = "import sys, monolith_core.storage; sys.exit('sqlalchemy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


# --- opening: what is wrong is said in one line, without a password


def refused(url: str, *, migrate: bool = True) -> str:
    with pytest.raises(StorageError) as raised:
        Storage.open(url, migrate=migrate)
    message = str(raised.value)
    assert "\n" not in message
    assert "s3cret" not in message
    return message


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("archive.sqlite", "the storage's URL is no database URL"),
        ("mysql://monolith:s3cret@s3cret/w@host:33x/name", "the storage's URL is no database URL of the form"),
        ("mysql://monolith:x@y/s3cret@host/name", "the storage's URL is no database URL of the form"),
        ("mysql://monolith:s3cret/@host:port/name", "the storage's URL is no database URL of the form"),
        (
            "mysql+nonsense://host/name",
            "'mysql+nonsense' is no kind of database that is known; expected sqlite:///FILE",
        ),
        ("my-sql://monolith:s3cret@host/name", "the storage's URL cannot be read; expected sqlite:///FILE"),
        ("oracle://monolith:s3cret@host/name", "the storage cannot be of the kind 'oracle'; expected sqlite:///FILE"),
        ("sqlite://", "a storage in memory would be lost when the run ends; name a file: sqlite:///FILE"),
        ("sqlite:///:memory:", "a storage in memory would be lost when the run ends; name a file: sqlite:///FILE"),
        ("sqlite:///file:x?mode=memory&uri=true", "a storage in memory would be lost"),
        (
            "mysql+mysqldb://monolith:s3cret@host/name",
            "the driver of mysql+mysqldb (MySQLdb) is not installed; install it with: pip install 'MySQLdb'",
        ),
        ("sqlite:////x.sqlite?timeout=s3cret", "the options after ? in the storage's URL are not those of sqlite"),
    ],
)
def test_a_url_that_is_no_storage(url: str, message: str):
    assert refused(url).startswith(message)


@pytest.mark.parametrize(
    ("url", "module", "wanted"),
    [
        ("mysql://monolith:s3cret@host/name", "pymysql", "monolith-plugin-sql"),
        ("postgres://monolith:s3cret@host/name", "psycopg", "monolith-plugin-sql[postgresql]"),
    ],
)
def test_a_driver_that_is_not_installed(url: str, module: str, wanted: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, module, None)
    message = refused(url)
    assert f"({module}) is not installed; install it with: pip install '{wanted}'" in message


def test_a_folder_that_is_not_there(tmp_path: Path):
    message = refused(f"sqlite:///{tmp_path}/missing/x.sqlite")
    assert message == (
        f"storage sqlite:{tmp_path}/missing/x.sqlite: unable to open database file: "
        f"there is no folder '{tmp_path}/missing'; create it"
    )


def test_a_folder_in_place_of_the_file(tmp_path: Path):
    assert refused(f"sqlite:///{tmp_path}").endswith(": it is a folder; expected a file")


def as_nobody(url: str) -> subprocess.CompletedProcess[str]:
    """Open a storage as a user without rights: root may write anywhere."""
    code = (
        "import os, sys\n"
        "from monolith_core.storage import Storage\n"
        "from monolith_core.errors import StorageError\n"
        "Storage.open('sqlite:////nonexistent/x.sqlite', migrate=False)\n"
        "import monolith_core.storage.engine, monolith_core.storage.transactions, monolith_core.storage.migrate\n"
        "import alembic.script, sqlalchemy.dialects.sqlite\n"
        "os.geteuid() or (os.setgroups([]), os.setgid(65534), os.setuid(65534))\n"
        "try: Storage.open(sys.argv[1])\n"
        "except StorageError as error: sys.exit(str(error))\n"
    )
    return subprocess.run([sys.executable, "-c", code, url], capture_output=True, text=True, check=False)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may reach; pytest keeps its own to the user that runs it."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        yield Path(name)


def test_a_folder_that_is_not_writable(open_folder: Path):
    open_folder.chmod(0o555)
    error = as_nobody(f"sqlite:///{open_folder}/x.sqlite").stderr
    assert f"the folder '{open_folder}' is not writable by this user" in error


def test_a_file_that_is_not_writable(open_folder: Path):
    folder = open_folder
    (folder / "x.sqlite").touch(0o444)
    (folder / "x.sqlite").chmod(0o444)
    assert "the file is not writable by this user" in as_nobody(f"sqlite:///{folder}/x.sqlite").stderr


def test_a_file_that_is_no_database(tmp_path: Path):
    (tmp_path / "x.sqlite").write_text("a letter, not a database, and longer than its header " * 20)
    assert refused(f"sqlite:///{tmp_path}/x.sqlite") == (
        f"storage sqlite:{tmp_path}/x.sqlite: file is not a database; "
        "name another file in the option database; this one is left alone"
    )
    assert (tmp_path / "x.sqlite").read_text().startswith("a letter")


@pytest.mark.server
def test_a_wrong_password(server: Server):
    url = server.url_of(server.url().rpartition("/")[2], password="s3cret wrong")
    message = refused(url)
    assert message.startswith(f"storage {server.scheme.partition('+')[0]}://localhost:{server.port}/test")
    assert "monolith" in message
    assert message.endswith("; check user and password in the option database")


@pytest.mark.server
def test_a_database_that_is_not_there(server: Server):
    message = refused(server.url_of("nowhere"))
    assert "'nowhere'" in message or '"nowhere"' in message
    assert "; check " in message
    assert "name in the option database" in message


@pytest.mark.server
def test_a_server_that_is_not_there(server: Server):
    message = refused(f"{server.scheme}://monolith:s3cret@127.0.0.1:1/name")
    assert "onnect" in message
    assert message.endswith("; check host and port in the option database, and that the server runs")


@pytest.mark.server
def test_no_traceback_shows_a_password(server: Server):
    code = "import sys\nfrom monolith_core.storage import Storage\nStorage.open(sys.stdin.read())\n"
    url = server.url_of("missing", password=f"{PASSWORD} wrong")
    done = subprocess.run([sys.executable, "-c", code], input=url, capture_output=True, text=True, check=False)
    assert "StorageError" in done.stderr
    assert "s3cret" not in done.stderr


# --- without `migrate` nothing is touched


def test_a_storage_that_does_not_exist_answers_as_an_empty_one(database_url: str, tmp_path: Path):
    storage = Storage.open(database_url, migrate=False)
    assert not storage.exists
    assert storage.ledger.rows() == []
    assert storage.ledger.digests(["sql"]) == {}
    assert storage.ledger.coverage() == []
    assert storage.ledger.unsettled("sql", "a", 0) == []
    assert storage.runs.recent() == []
    assert storage.leases.created("extract", "a") is None
    for opening in (storage.transaction, storage.read):
        with pytest.raises(StorageError, match="does not exist yet; the first run makes it"):
            opening()
    storage.close()
    assert list(tmp_path.iterdir()) == []
    engine = sa.create_engine(database_url, poolclass=sa.NullPool)
    assert sa.inspect(engine).get_table_names() == []


def test_a_storage_that_exists_is_read(storage: Storage, database_url: str):
    reading = Storage.open(database_url, migrate=False)
    assert reading.exists
    assert reading.location == storage.location
    reading.close()


def test_every_error_of_opening_is_monoliths(tmp_path: Path):
    with pytest.raises(MonolithError):
        Storage.open(f"sqlite:///{tmp_path}/a/b.sqlite")


def test_a_closed_storage_is_not_opened_again_by_a_thread_that_was_given_up(database_url: str):
    storage = Storage.open(database_url)
    storage.close()
    with pytest.raises(StorageError, match="is closed: the run is over"):
        storage.query("SELECT created FROM lease")


def test_a_connection_that_outlives_the_storage_is_closed_when_it_is_given_back(database_url: str):
    storage = Storage.open(database_url)
    with storage.read() as connection:
        driver = connection.connection.dbapi_connection
        storage.close()
    with pytest.raises((sqlite3.Error, pymysql.Error, psycopg.Error)):
        driver.cursor().execute("SELECT 1")
