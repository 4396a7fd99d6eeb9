"""How connections are opened and prepared on each kind of database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.event import listen

from monolith_plugins_sql.ahead import read_ahead
from monolith_plugins_sql.conversions import conversions

_SQLITE_WAIT = 30.0
"""Seconds that SQLite waits for a lock; longer than any transaction of a partition of common size."""
_SQLITE_WRITER = (
    # Of a file that is made now: a partition is written in two thirds of the time that the usual 4,096 bytes take.
    "PRAGMA page_size = 16384",
    "PRAGMA journal_mode = WAL",
    "PRAGMA cache_size = -4000",
)
_CONNECT_WITHIN = 30.0
_SERVER_PATIENCE = 3600
"""Seconds that a server keeps a half-read answer while its reader waits for slower targets."""


def connect_arguments(url: URL, timeout: float) -> dict[str, Any]:
    """The driver's connect arguments: character set, and `timeout` (0: none) for each answer of the server."""
    wait = timeout or None
    connect = max(1, int(min(timeout or _CONNECT_WITHIN, _CONNECT_WITHIN)))
    arguments: dict[str, Any] = {}
    driver = f"{url.get_backend_name()}+{url.get_driver_name()}"
    if url.get_backend_name() == "sqlite":
        arguments = {"timeout": min(timeout or _SQLITE_WAIT, _SQLITE_WAIT), "check_same_thread": False}
    elif driver in ("mysql+pymysql", "mariadb+pymysql"):
        arguments = {
            "charset": "utf8mb4",
            "connect_timeout": connect,
            "read_timeout": wait,
            "write_timeout": wait,
            "conv": conversions(),
        }
    elif driver == "postgresql+psycopg":
        arguments = {"connect_timeout": connect, "client_encoding": "utf8", "tcp_user_timeout": int(timeout * 1000)}
    return {name: value for name, value in arguments.items() if name not in url.query}


def prepare_source(engine: Engine, timeout: float) -> None:
    """Let each connection of `engine` read only, and slowly if need be."""
    if engine.dialect.name == "sqlite":
        _own_transactions(engine, "BEGIN", "PRAGMA query_only = ON")
    elif engine.dialect.name in ("mysql", "mariadb"):
        _on_connect(engine, _prepare_mysql_reader)
    elif engine.dialect.name == "postgresql":
        _on_connect(engine, lambda connection: _prepare_postgresql_reader(connection, timeout))


def prepare_writer(engine: Engine) -> None:
    """Let each connection of `engine` write safely: refuse what does not fit, wait for locks in a queue."""
    if engine.dialect.name == "sqlite":
        _own_transactions(engine, "BEGIN IMMEDIATE", *_SQLITE_WRITER)
    elif engine.dialect.name in ("mysql", "mariadb"):
        _on_connect(engine, _prepare_mysql_writer)


def prepare_purger(engine: Engine) -> None:
    """Let each connection of `engine` execute a purge query."""
    if engine.dialect.name == "sqlite":
        _own_transactions(engine, "BEGIN IMMEDIATE")


def _on_connect(engine: Engine, prepare: Callable[[Any], None]) -> None:
    listen(engine, "connect", lambda connection, record: prepare(connection))


def _own_transactions(engine: Engine, begin: str, *pragmas: str) -> None:
    """Begin SQLite's transactions ourselves: Python's driver begins them late, and never before a SELECT."""

    def prepare(connection: Any) -> None:
        connection.isolation_level = None
        for pragma in pragmas:
            connection.execute(pragma).close()

    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    _on_connect(engine, prepare)
    listen(engine, "begin", start)


def _execute(connection: Any, sql: str, *values: Any) -> None:
    cursor = connection.cursor()
    try:
        cursor.execute(sql, values)
    finally:
        cursor.close()


def _prepare_mysql_reader(connection: Any) -> None:
    read_ahead(connection)
    _execute(connection, "SET SESSION net_write_timeout = %s", _SERVER_PATIENCE)


def _prepare_mysql_writer(connection: Any) -> None:
    _execute(connection, "SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_TRANS_TABLES')")


def _prepare_postgresql_reader(connection: Any, timeout: float) -> None:
    _execute(connection, "SELECT set_config('statement_timeout', %s, false)", str(int(timeout * 1000)))
    connection.commit()
    _read_as_text(connection)


_AS_TEXT = ("interval", "inet", "cidr", "int4range", "int8range", "numrange", "daterange", "tsrange", "tstzrange")


def _read_as_text(connection: Any) -> None:
    """Read types that JSON has no form for as the text that the database shows."""
    if type(connection).__module__.partition(".")[0] != "psycopg":
        return
    from psycopg.types.string import TextLoader

    for name in _AS_TEXT:
        connection.adapters.register_loader(name, TextLoader)
