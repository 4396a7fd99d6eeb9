"""Versions of days; and that a day was purged at its source, which was a remark, has a column of its own."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns; also where a part of them is there already, because MySQL commits each statement by itself."""
    _add_column(sa.Column("version", sa.String(255), nullable=False, server_default=""))
    _add_column(sa.Column("purged", sa.SmallInteger, nullable=False, server_default="0"))
    op.execute("UPDATE ledger SET purged = 1, remark = '' WHERE remark = 'purged at the source'")


def _add_column(column: sa.Column[Any]) -> None:
    if column.name not in {each["name"] for each in sa.inspect(op.get_bind()).get_columns("ledger")}:
        op.add_column("ledger", column)
