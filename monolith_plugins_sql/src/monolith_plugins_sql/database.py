"""A database that a plugin reads from or writes to: its connections, and its errors made ours."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.pool import NullPool, QueuePool

from monolith_core import ConfigurationError, PermanentError
from monolith_plugins_sql.faults import faults
from monolith_plugins_sql.sessions import connect_arguments


class Database:
    """Opens connections to one database when they are asked for.

    `where` names it in errors; `prepare` is called once with the engine; `pooled` keeps connections for later.
    """

    def __init__(
        self, url: str, where: str, timeout: float, prepare: Callable[[Engine], None], *, pooled: bool = False
    ) -> None:
        self.where = where
        self._url = url
        self._timeout = timeout
        self._prepare = prepare
        self._pooled = pooled
        self._engine: Engine | None = None
        self._lock = threading.Lock()
        self._one_writer = threading.Lock()

    @property
    def engine(self) -> Engine:
        """The SQLAlchemy engine, made at the first use."""
        with self._lock:
            if self._engine is None:
                self._engine = self._create()
            return self._engine

    def faults(self) -> AbstractContextManager[None]:
        """Turn the driver's errors into monolith's."""
        return faults(self.where)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection in a read-only transaction; what an error leaves behind goes with the connection."""
        with self._connected() as connection:
            self._begin_reading(connection)
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection in a transaction that is committed at the end, or rolled back by an error."""
        with self._turn(), self._connected() as connection:
            connection.begin()
            yield connection
            connection.commit()

    @contextmanager
    def rehearsing(self) -> Iterator[Connection]:
        """A connection in a transaction that is rolled back at the end."""
        with self._turn(), self._connected() as connection:
            connection.begin()
            yield connection
            connection.rollback()

    def close(self) -> None:
        """Close every idle connection."""
        with self._lock:
            if self._engine is not None:
                self._engine.dispose()
                self._engine = None

    def missing_file(self) -> Path | None:
        """The path of an SQLite database whose file is not there: to connect would create it."""
        name = self.engine.url.database
        if self.engine.dialect.name != "sqlite" or not name or name == ":memory:" or name.startswith("file:"):
            return None
        return None if Path(name).exists() else Path(name)

    def _turn(self) -> AbstractContextManager[object]:
        """SQLite has one writer at a time: wait for ours in a queue, for others' by SQLite's polling."""
        return self._one_writer if self.engine.dialect.name == "sqlite" else nullcontext()

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        with self.faults():
            connection = self.engine.connect()
            try:
                yield connection
            except BaseException:
                connection.invalidate()
                raise
            finally:
                connection.close()

    def _begin_reading(self, connection: Connection) -> None:
        connection.begin()
        if connection.dialect.name in ("mysql", "mariadb"):
            connection.exec_driver_sql("START TRANSACTION READ ONLY")
        elif connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET TRANSACTION READ ONLY")

    def _create(self) -> Engine:
        engine = _engine(self._url, self._timeout, self.where, pooled=self._pooled)
        self._prepare(engine)
        return engine


def _engine(url: str, timeout: float, where: str, *, pooled: bool) -> Engine:
    try:
        parsed = make_url(url)
        arguments = connect_arguments(parsed, timeout)
        if not pooled:
            return sa.create_engine(parsed, connect_args=arguments, poolclass=NullPool)
        server = parsed.get_backend_name() in ("mysql", "mariadb", "postgresql")
        return sa.create_engine(
            parsed,
            connect_args=arguments,
            poolclass=QueuePool,
            max_overflow=-1,
            pool_pre_ping=server,
            **({"isolation_level": "READ COMMITTED"} if server else {}),
        )
    except ModuleNotFoundError as error:
        raise ConfigurationError(_missing_driver(where, error.name or str(error))) from error
    except (sa.exc.NoSuchModuleError, sa.exc.ArgumentError, ValueError, TypeError) as error:
        raise ConfigurationError(
            f"{where}: the option database is no URL that SQLAlchemy knows; expected kind://user:password@host/name"
        ) from error


def _missing_driver(where: str, module: str) -> str:
    if module.partition(".")[0] == "psycopg":
        return f"{where}: PostgreSQL needs psycopg; install it with: pip install 'monolith-plugin-sql[postgresql]'"
    return f"{where}: the URL's driver {module} is not installed; install it with pip"


def need_file(database: Database) -> None:
    """Refuse an SQLite database that is not there."""
    missing = database.missing_file()
    if missing is not None:
        raise PermanentError(f"{database.where}: there is no such file; check the option database")


def version(connection: Connection) -> str:
    """Name and version of what is behind a connection, such as `MariaDB 10.11.6`."""
    dialect = connection.dialect
    if dialect.name in ("mysql", "mariadb"):
        found = str(connection.exec_driver_sql("SELECT VERSION()").scalar_one())
        return f"{'MariaDB' if 'MariaDB' in found else 'MySQL'} {found.partition('-')[0]}"
    if dialect.name == "postgresql":
        return f"PostgreSQL {connection.exec_driver_sql('SHOW server_version').scalar_one()}".partition(" (")[0]
    if dialect.name == "sqlite":
        return f"SQLite {connection.exec_driver_sql('SELECT sqlite_version()').scalar_one()}"
    return ".".join(map(str, (dialect.name, *(dialect.server_version_info or ()))))
