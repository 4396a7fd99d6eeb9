"""The table `record`, which is the archive: one row a record, one range of its primary key a partition."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from monolith_core import PermanentError

NAME = "record"
COLUMNS = ("date", "source", "id", "category", "data")
LONGEST_SOURCE = 64
LONGEST_CATEGORY = 255

KEY = ("date", "source", "id")
_KEY = f"PRIMARY KEY ({', '.join(KEY)})"
_MYSQL = f"""CREATE TABLE IF NOT EXISTS record (
    date DATE NOT NULL,
    source VARCHAR({LONGEST_SOURCE}) NOT NULL,
    id BINARY(16) NOT NULL,
    category VARCHAR({LONGEST_CATEGORY}) NOT NULL,
    data LONGTEXT NOT NULL,
    {_KEY}
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"""
_DDL = {
    "sqlite": f"""CREATE TABLE IF NOT EXISTS record (
    date TEXT NOT NULL,
    source TEXT NOT NULL,
    id BLOB NOT NULL,
    category TEXT NOT NULL,
    data TEXT NOT NULL,
    {_KEY}
) WITHOUT ROWID""",
    "mysql": _MYSQL,
    "mariadb": _MYSQL,
    "postgresql": f"""CREATE TABLE IF NOT EXISTS record (
    date DATE NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    id BYTEA NOT NULL,
    category TEXT NOT NULL,
    data TEXT NOT NULL,
    {_KEY}
)""",
}
KINDS = frozenset(_DDL)


def exists(connection: Connection, where: str) -> bool:
    """Whether the table is there; raises PermanentError if a table of that name is something else."""
    inspector = sa.inspect(connection)
    if not inspector.has_table(NAME):
        return False
    found = {column["name"] for column in inspector.get_columns(NAME)}
    missing = [name for name in COLUMNS if name not in found]
    if missing:
        raise PermanentError(
            f"{where}: the table {NAME} has no column {', '.join(missing)}, so it is not monolith's; "
            "rename it, or use another database"
        )
    if tuple(inspector.get_pk_constraint(NAME)["constrained_columns"]) != KEY:
        raise PermanentError(
            f"{where}: the table {NAME} has another key than {', '.join(KEY)}, so it is not this monolith's; "
            "rename it, and if it is the original's, read it with monolith import --table"
        )
    return True


def create(connection: Connection) -> None:
    """Create the table unless it is there."""
    connection.exec_driver_sql(_DDL[connection.dialect.name])
