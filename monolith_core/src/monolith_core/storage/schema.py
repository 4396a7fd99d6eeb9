"""The versions of the storage's tables: which one a database has, and whether this program can use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monolith_core.errors import StorageError

if TYPE_CHECKING:
    from sqlalchemy import Connection

VERSIONS = ("0001", "0002", "0003")
"""Every version there ever was, oldest first: the names of the migrations."""
HEAD = VERSIONS[-1]
VERSION_TABLE = "monolith_version"
TABLES = ("ledger", "run", "lease")


def version_of(connection: Connection, location: str) -> str | None:
    """The version of the tables that are there; None if they are yet to be made.

    Raises StorageError for tables of another program, and for those of a later version.
    """

    def has(table: str) -> bool:
        return connection.dialect.has_table(connection, table)

    if not has(VERSION_TABLE):
        strange = [table for table in TABLES if has(table)]
        # Another process may be making the tables just now. The version's is the first it makes: looked for after the
        # others, it cannot be missed.
        if strange and not has(VERSION_TABLE):
            raise StorageError(
                f"storage {location} has a table {strange[0]!r} that is not monolith's; name a database of its own"
            )
        return None
    rows = connection.exec_driver_sql("SELECT version_num FROM monolith_version").fetchall()
    version = rows[0][0] if rows else None
    if version is not None and version not in VERSIONS:
        raise StorageError(
            f"storage {location} has version {version!r}, made by a newer monolith; this one knows versions up to "
            f"{HEAD!r}: upgrade monolith-core, or name another database"
        )
    return version
