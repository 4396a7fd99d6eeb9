"""Errors of the database as errors of monolith: those that may pass by themselves, and the others."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from monolith_core.errors import MonolithError, StorageError, TemporaryError
from monolith_core.storage.dialect import Kind

if TYPE_CHECKING:
    from sqlalchemy import Engine

_MYSQL_TEMPORARY = frozenset(
    [
        1020,  # the record has changed since it was read
        1040,  # too many connections
        1053,  # server shutdown
        1205,  # lock wait timeout
        1213,  # deadlock
        1317,  # query interrupted
        1927,  # connection killed
        2002,  # cannot connect
        2003,
        2006,  # server has gone away
        2013,  # lost connection during query
        2055,
    ]
)
_SQLITE_TEMPORARY = frozenset([5, 6])  # busy, locked
# Connection lost, transaction rolled back by a conflict, shut down or starting up, too many connections, lock timeout.
_POSTGRESQL_TEMPORARY = re.compile(r"08...|40...|57P0[1-5]|53300|55P03")

_LOGIN = "check user and password in the option database"
_NAME = "check its name in the option database, or create it"
_REACH = "check host and port in the option database, and that the server runs"
_FULL = "free or add space"
_WRITABLE = "make it writable, or use the server that is"
_RIGHT = "grant the right to this user"
_ADVICE: dict[int | str, str] = {
    # MariaDB and MySQL
    **dict.fromkeys((1045, 1698), _LOGIN),
    1049: _NAME,
    **dict.fromkeys((2002, 2003), _REACH),
    **dict.fromkeys((1021, 1114), _FULL),
    **dict.fromkeys((1290, 1792, 1836), _WRITABLE),
    1044: "check the database's name in the option database, and the rights of this user",
    1142: _RIGHT,
    # PostgreSQL
    **dict.fromkeys(("28000", "28P01"), _LOGIN),
    "3D000": _NAME,
    "53100": _FULL,
    "25006": _WRITABLE,
    "42501": _RIGHT,
    # SQLite
    "SQLITE_FULL": _FULL,
    "SQLITE_NOTADB": "name another file in the option database; this one is left alone",
    "SQLITE_CORRUPT": "restore the file from a backup",
}
"""What to do, by the driver's code, where the database's own words do not say it."""
# libpq has no code for a connection that was refused.
_POSTGRESQL_ADVICE = {
    "authentication failed": _LOGIN,
    "no password supplied": _LOGIN,
    "does not exist": _NAME,
    "Connection refused": _REACH,
    "failed to resolve host": _REACH,
}


class Occupied(TemporaryError):
    """Another thread of this process is writing to SQLite, for longer than this one may wait."""


def database_errors(engine: Engine) -> tuple[type[BaseException], ...]:
    """The exceptions that `failure` is for: SQLAlchemy's, and the driver's own where its cursor is read directly."""
    from sqlalchemy.exc import SQLAlchemyError

    return SQLAlchemyError, engine.dialect.loaded_dbapi.Error


def failure(error: BaseException, kind_of_sql: Kind, location: str) -> MonolithError:
    """What to raise for an error of the database at `location`."""
    kind = TemporaryError if _is_temporary(error, kind_of_sql) else StorageError
    advice = _advice(getattr(error, "orig", None) or error)
    return kind(f"storage {location}: {reason(error)}{f'; {advice}' if advice else ''}")


def _advice(cause: Any) -> str:
    number = next(iter(cause.args), None)
    for code in number, getattr(cause, "sqlstate", None), getattr(cause, "sqlite_errorname", None):
        if code in _ADVICE:
            return _ADVICE[code]
    return next((advice for words, advice in _POSTGRESQL_ADVICE.items() if words in str(cause)), "")


def reason(error: BaseException) -> str:
    """One line without SQL and without values."""
    cause = getattr(error, "orig", None) or error
    if len(cause.args) == 2 and isinstance(cause.args[0], int):
        code, text = cause.args
        return _one_line(f"{text or 'the connection is lost'} ({code})")
    return _one_line(str(cause)) or type(cause).__name__


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _is_temporary(error: BaseException, kind_of_sql: Kind) -> bool:
    from sqlalchemy.exc import OperationalError
    from sqlalchemy.exc import TimeoutError as PoolTimeout

    if getattr(error, "connection_invalidated", False) or isinstance(error, PoolTimeout):
        return True
    cause: Any = getattr(error, "orig", None) or error
    if kind_of_sql == "sqlite":
        return getattr(cause, "sqlite_errorcode", 0) & 0xFF in _SQLITE_TEMPORARY
    if kind_of_sql == "mysql":
        return bool(cause.args) and cause.args[0] in _MYSQL_TEMPORARY
    # Without a state the error is not the server's: it could not be reached.
    state = getattr(cause, "sqlstate", None)
    return _POSTGRESQL_TEMPORARY.fullmatch(state) is not None if state else isinstance(error, OperationalError)
