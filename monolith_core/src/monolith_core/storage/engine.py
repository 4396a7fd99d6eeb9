"""The connections: how each database is opened and what each session is told."""

from __future__ import annotations

import math
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from monolith_core.blame import nobody
from monolith_core.errors import StorageError
from monolith_core.storage.dialect import Dialect, dialect_of
from monolith_core.storage.tls import sharing
from monolith_core.urls import database_url

READS = "monolith_reads"
"""The execution option of a connection that will only read."""

_KINDS = "sqlite:///FILE, mysql://USER@HOST/NAME (MariaDB, MySQL) or postgresql://USER@HOST/NAME"
_DISTRIBUTION = {"mysql": "monolith-plugin-sql", "postgresql": "monolith-plugin-sql[postgresql]"}
# A thread in a driver cannot be cancelled: the driver must give up by itself when the server is gone without a word.
_ANSWER_WITHIN = 600


def open_engine(text: str, lock_timeout: float) -> tuple[Engine, Dialect]:
    """The engine of the database at the URL `text`; connects to nothing yet."""
    url = _parsed(text)
    dialect = dialect_of(url.get_backend_name())
    if dialect is None:
        raise StorageError(f"the storage cannot be of the kind {url.get_backend_name()!r}; expected {_KINDS}")
    if dialect.name == "sqlite":
        _refuse_memory(url)
    try:
        engine = create_engine(_with_defaults(url, dialect), **_options(dialect))
    except NoSuchModuleError:
        raise StorageError(f"{url.drivername!r} is no kind of database that is known; expected {_KINDS}") from None
    except ModuleNotFoundError as error:
        raise StorageError(_missing_driver(url, dialect, error.name)) from None
    except (TypeError, ValueError, ArgumentError):
        raise StorageError(f"the options after ? in the storage's URL are not those of {url.drivername}") from None
    _prepare_sessions(engine, dialect, lock_timeout)
    return engine, dialect


def _parsed(text: str) -> URL:
    try:
        normal = database_url(text)
    except ValueError as error:
        raise StorageError(f"the storage's URL {error}") from None
    try:
        return make_url(normal)
    except (ArgumentError, ValueError):  # whose messages may have a part of the password
        raise StorageError(f"the storage's URL cannot be read; expected {_KINDS}") from None


def _refuse_memory(url: URL) -> None:
    name = url.database
    if not name or ":memory:" in name or "mode=memory" in name or url.query.get("mode") == "memory":
        raise StorageError("a storage in memory would be lost when the run ends; name a file: sqlite:///FILE")


def _missing_driver(url: URL, dialect: Dialect, module: str | None) -> str:
    default = {"mysql": "mysql+pymysql", "postgresql": "postgresql+psycopg"}.get(dialect.name)
    wanted = _DISTRIBUTION[dialect.name] if url.drivername == default else module
    return f"the driver of {url.drivername} ({module}) is not installed; install it with: pip install '{wanted}'"


def _with_defaults(url: URL, dialect: Dialect) -> URL:
    defaults: dict[str, str] = {}
    if dialect.name == "mysql":
        defaults = {"charset": "utf8mb4", "connect_timeout": "10"}
        defaults |= {"read_timeout": str(_ANSWER_WITHIN), "write_timeout": str(_ANSWER_WITHIN)}
    elif url.get_driver_name().startswith("psycopg"):
        defaults = {"client_encoding": "utf8", "connect_timeout": "10"}
        defaults |= {"tcp_user_timeout": str(_ANSWER_WITHIN * 1000), "application_name": "monolith"}
    return url.update_query_dict({name: value for name, value in defaults.items() if name not in url.query})


def _options(dialect: Dialect) -> dict[str, Any]:
    options: dict[str, Any] = {"hide_parameters": True}
    if dialect.name != "sqlite":
        # No overflow limit: the threads that use the storage are few, and a heartbeat must never wait for them.
        options |= {"isolation_level": "READ COMMITTED", "pool_pre_ping": True, "max_overflow": -1}
    return options


def _prepare_sessions(engine: Engine, dialect: Dialect, lock_timeout: float) -> None:
    statements = _session(dialect, lock_timeout)

    def connected(connection: Any, record: Any) -> None:
        if dialect.name == "sqlite":
            # The documented way to have the driver begin no transactions of its own, so that `begun` can.
            connection.isolation_level = None
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        cursor.close()
        connection.commit()

    def begun(connection: Connection) -> None:
        # A writer takes its lock at once: a transaction that reads first could only fail when it then writes.
        reads = connection.get_execution_options().get(READS)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    def connect(dialect: Any, record: Any, arguments: Any, options: Any) -> Any:
        with nobody():  # a plugin that uses the storage has not opened its connections
            if dialect.driver == "pymysql":
                return sharing(dialect.loaded_dbapi.connections.Connection)(*arguments, **options)
            return dialect.connect(*arguments, **options)

    event.listen(engine, "do_connect", connect)
    event.listen(engine, "connect", connected)
    if dialect.name == "sqlite":
        event.listen(engine, "begin", begun)


def _session(dialect: Dialect, lock_timeout: float) -> list[str]:
    if dialect.name == "sqlite":
        milliseconds = math.ceil(lock_timeout * 1000)
        # FULL: what is committed also survives a power cut, since a source may delete what the archive holds.
        return [f"PRAGMA busy_timeout={milliseconds}", "PRAGMA synchronous=FULL", "PRAGMA cache_size=-4096"]
    if dialect.name == "mysql":
        return [
            "SET SESSION time_zone = '+00:00', sql_mode = CONCAT_WS(',', @@sql_mode, 'STRICT_ALL_TABLES'),"
            f" innodb_lock_wait_timeout = {max(1, math.ceil(lock_timeout))}",
        ]
    return ["SET TIME ZONE 'UTC'", f"SET lock_timeout = '{math.ceil(lock_timeout * 1000)}ms'"]
