"""The first tables: ledger, run, lease.

MySQL commits each of these statements by itself, so a migration that was cut off is run again over what is there.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None

# Text compares byte by byte, so that sources `A` and `a` are two.
_TABLE: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "sqlite_with_rowid": False,
    "if_not_exists": True,
}
_ID = sa.String(190)
_INSTANT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
_DUE = ["target", "via", "state", "age", "fingerprint", "date", "source"]


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "ledger",
        sa.Column("target", _ID, primary_key=True),
        sa.Column("source", _ID, primary_key=True),
        sa.Column("date", sa.Date, primary_key=True),
        sa.Column("via", _ID, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("count", sa.BigInteger),
        sa.Column("a", sa.BigInteger),
        sa.Column("b", sa.BigInteger),
        sa.Column("fingerprint", sa.String(32), nullable=False),
        sa.Column("age", sa.BigInteger, nullable=False),
        sa.Column("asked", _INSTANT),
        sa.Column("written", _INSTANT),
        sa.Column("run", sa.String(64), nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("remark", sa.Text, nullable=False),
        **_TABLE,
    )
    op.create_table(
        "run",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("config", sa.Text, nullable=False),
        sa.Column("phases", sa.Text, nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("pid", sa.BigInteger, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("started", _INSTANT, nullable=False),
        sa.Column("finished", _INSTANT),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("counts", sa.Text, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        **_TABLE,
    )
    op.create_table(
        "lease",
        sa.Column("phase", _ID, primary_key=True),
        sa.Column("source", _ID, primary_key=True),
        sa.Column("token", sa.BigInteger, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("since", sa.Double, nullable=False),
        sa.Column("expires", sa.Double, nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        **_TABLE,
    )
    _create_index("ledger_due", "ledger", _DUE)
    _create_index("run_started", "run", ["started"])


def _create_index(name: str, table: str, columns: list[str]) -> None:
    """MySQL has no CREATE INDEX IF NOT EXISTS."""
    if name not in {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}:
        op.create_index(name, table, columns)
