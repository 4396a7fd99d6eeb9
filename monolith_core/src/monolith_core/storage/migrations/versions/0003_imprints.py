"""Imprints of answers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column; it is there already where MySQL committed that and was cut off after it."""
    if "imprint" not in {each["name"] for each in sa.inspect(op.get_bind()).get_columns("ledger")}:
        op.add_column("ledger", sa.Column("imprint", sa.String(32), nullable=False, server_default=""))
