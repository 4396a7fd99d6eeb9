"""Whether what a statement says depends on the session's time zone, on a MariaDB or MySQL."""

from __future__ import annotations

import re

from sqlalchemy.engine import Connection

_CLOCK = re.compile(
    r"\b(now|sysdate|curdate|curtime|current_(date|time|timestamp)|local(time|timestamp)|unix_timestamp|from_unixtime)\b",
    re.IGNORECASE,
)
# The text may have characters that names of databases cannot have.
_INSTANTS = (
    "SELECT 1 FROM information_schema.columns WHERE data_type = 'timestamp'"
    " AND (table_schema = DATABASE() OR INSTR(%s, CONVERT(table_schema USING utf8mb4)) > 0)"
    " UNION ALL SELECT 1 FROM information_schema.views"
    " WHERE table_schema = DATABASE() OR INSTR(%s, CONVERT(table_schema USING utf8mb4)) > 0 LIMIT 1"
)


def may_tell_instants(connection: Connection, statement: str) -> bool:
    """Whether a statement may compare or show an instant.

    It cannot if it names no function of the clock, and the databases that it reads, the connection's own and those
    whose names are in it, have neither a TIMESTAMP column nor a view, behind which there may be one.
    """
    if _CLOCK.search(statement):
        return True
    return connection.exec_driver_sql(_INSTANTS, (statement, statement)).first() is not None
