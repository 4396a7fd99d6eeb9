"""The three kinds of SQL: what is written differently on SQLite, on MariaDB and MySQL, and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["sqlite", "mysql", "postgresql"]


@dataclass(frozen=True)
class Dialect:
    """One kind of SQL. In the storage's own statements `?` is a parameter and `{now}` the database's clock."""

    name: Kind
    mark: str
    now: str
    """The present, in seconds since 1970, fractions included."""

    def sql(self, text: str) -> str:
        """`text` as the driver takes it."""
        return text.replace("{now}", self.now).replace("?", self.mark)

    def on_conflict(self, key: Sequence[str], update: Sequence[str]) -> str:
        """The end of an INSERT that replaces the columns `update` if there is a row with this `key`.

        The row that is there is locked, whether or not anything of it changes.
        """
        if self.name == "mysql":
            return "ON DUPLICATE KEY UPDATE " + ", ".join(f"{column} = VALUES({column})" for column in update)
        changes = ", ".join(f"{column} = excluded.{column}" for column in update)
        return f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changes}"

    def upsert(self, table: str, columns: Sequence[str], key: Sequence[str]) -> str:
        """A statement that inserts a row of `columns`, or replaces the one that has the same `key`."""
        values = ", ".join("?" for _ in columns)
        rest = [column for column in columns if column not in key]
        return self.sql(
            " ".join(
                ["INSERT INTO", table, f"({', '.join(columns)})", f"VALUES ({values})", self.on_conflict(key, rest)]
            )
        )


_DIALECTS = {
    "sqlite": Dialect("sqlite", "?", "((julianday('now') - 2440587.5) * 86400.0)"),
    # The session's time zone is UTC (see `engine`): a local NOW() would repeat an hour each autumn.
    "mysql": Dialect("mysql", "%s", "(UNIX_TIMESTAMP(NOW(6)) + 0e0)"),
    "postgresql": Dialect("postgresql", "%s", "CAST(extract(epoch FROM clock_timestamp()) AS double precision)"),
}
_DIALECTS["mariadb"] = _DIALECTS["mysql"]


def dialect_of(name: str) -> Dialect | None:
    """The dialect of a SQLAlchemy backend name; None if the storage cannot be of that kind."""
    return _DIALECTS.get(name)
