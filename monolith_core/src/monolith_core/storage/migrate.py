"""Brings the storage's tables to the newest version; imported only where they are not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from monolith_core.errors import StorageError
from monolith_core.storage.dialect import Dialect
from monolith_core.storage.schema import HEAD, version_of

_POSTGRESQL_LOCK = 0x6D6F6E6F6C697468
_MYSQL_LOCK = "CONCAT('monolith:', MD5(DATABASE()))"


def migrate(connection: Connection, dialect: Dialect, location: str, lock_timeout: float) -> None:
    """Run every migration that is due, one process at a time; `connection` is in a transaction."""
    with _locked(connection, dialect, location, lock_timeout):
        if version_of(connection, location) == HEAD:
            return
        config = Config()
        config.set_main_option("script_location", "monolith_core.storage:migrations")
        config.attributes["connection"] = connection
        command.upgrade(config, HEAD)


@contextmanager
def _locked(connection: Connection, dialect: Dialect, location: str, lock_timeout: float) -> Iterator[None]:
    """One process at a time. On SQLite the transaction is the lock; on PostgreSQL the lock ends with it."""
    if dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (_POSTGRESQL_LOCK,))
    if dialect.name != "mysql":
        yield
        return
    if connection.exec_driver_sql(f"SELECT GET_LOCK({_MYSQL_LOCK}, {lock_timeout:f})").scalar() != 1:
        raise StorageError(f"storage {location}: another process has been making its tables for {lock_timeout:g} s")
    try:
        yield
    finally:
        connection.exec_driver_sql(f"SELECT RELEASE_LOCK({_MYSQL_LOCK})")
