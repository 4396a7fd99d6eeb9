"""What a database's errors mean: may it pass, or must someone do something, and what.

Drivers tell by a code: MariaDB and MySQL by a number, PostgreSQL by an SQLSTATE, SQLite by a result code.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from monolith_core import MonolithError, PermanentError, TemporaryError

_LONGEST = 300


@dataclass(frozen=True)
class _Kind:
    what: str
    advice: str = ""
    temporary: bool = False


_LOST = _Kind("cannot be reached, or the connection was lost", temporary=True)
_BUSY = _Kind("has too many connections", temporary=True)
_LOCKED = _Kind("another transaction holds the rows or the table", temporary=True)
_ENDED = _Kind("the server ended the statement", temporary=True)
_CLASH = _Kind("someone else is writing the same records", temporary=True)
_LOGIN = _Kind("access denied", "check user and password in the option database")
_DATABASE = _Kind("there is no such database", "check its name in the option database, or create it")
_TABLE = _Kind("there is no such table", "check the query, and that the option database is the right one")
_COLUMN = _Kind("there is no such column", "check the query")
_SYNTAX = _Kind("the query is not understood", "mend it")
_RIGHTS = _Kind("the user has not the right", "grant it, or use another user in the option database")
_READ_ONLY = _Kind("the database is read-only", "make it writable, or use the server that is")
_FULL = _Kind("the disk or the table space is full", "free or add space; nothing of this partition was written")
_LARGE = _Kind("the statement is larger than the server takes", "raise max_allowed_packet, or lower batch-bytes")
_VALUE = _Kind("a value does not fit", "mend what the source selects")
_FILE = _Kind("the file cannot be opened", "check that its folder exists and that this user may read and write it")
_BROKEN = _Kind("the file is damaged or no SQLite database", "check the option database, or restore the file")
_DISK = _Kind("the disk cannot be read or written", "check the disk and its free space")
_OTHER = _Kind("the database refused")

_MYSQL = {
    **dict.fromkeys(
        (0, 1053, 1077, 1079, 1080, 1158, 1159, 1160, 1161, 1184, 1927, 2002, 2003, 2006, 2013, 2055, 4031), _LOST
    ),
    **dict.fromkeys((1040, 1203, 1226), _BUSY),
    **dict.fromkeys((1020, 1205, 1213, 1412, 3572), _LOCKED),
    **dict.fromkeys((1317, 1907, 1969, 3024), _ENDED),
    **dict.fromkeys((1022, 1062), _CLASH),
    **dict.fromkeys((1045, 1130, 1251, 1698), _LOGIN),
    **dict.fromkeys((1046, 1049), _DATABASE),
    **dict.fromkeys((1051, 1146), _TABLE),
    **dict.fromkeys((1054, 1247), _COLUMN),
    **dict.fromkeys((1064, 1149), _SYNTAX),
    **dict.fromkeys((1044, 1142, 1143, 1227, 1370), _RIGHTS),
    **dict.fromkeys((1036, 1290, 1792, 1836, 3100), _READ_ONLY),
    **dict.fromkeys((1021, 1114, 3675), _FULL),
    **dict.fromkeys((1153, 1301, 2020), _LARGE),
    **dict.fromkeys((1118, 1264, 1292, 1366, 1406), _VALUE),
}
_MYSQL_ERRNO = {1002, 1003, 1004, 1005, 1006, 1026, 1030}
"""Codes whose message has the operating system's error number."""

_SQLSTATE = {
    "08": _LOST, "57P01": _LOST, "57P02": _LOST, "57P03": _LOST, "57P05": _LOST, "25P03": _LOST,
    "53300": _BUSY,
    "40": _LOCKED, "55P03": _LOCKED, "55006": _LOCKED,
    "57014": _ENDED, "25P04": _ENDED,
    "23505": _CLASH,
    "28": _LOGIN,
    "3D": _DATABASE, "3F": _DATABASE,
    "42P01": _TABLE,
    "42703": _COLUMN,
    "42501": _RIGHTS,
    "42": _SYNTAX,
    "25006": _READ_ONLY,
    "53100": _FULL,
    "54000": _LARGE, "53200": _Kind("the server has no memory left", temporary=True),
    "22": _VALUE, "23": _VALUE,
}  # fmt: skip

_POSTGRESQL_WORDS = {
    "password": _LOGIN,
    "authentication": _LOGIN,
    "pg_hba.conf": _LOGIN,
    "role ": _LOGIN,
    "does not exist": _DATABASE,
    "too many": _BUSY,
    "remaining connection slots": _BUSY,
}
"""libpq gives no code for a failed connection; these words tell the refusals from the failures."""

_SQLITE = {
    3: _RIGHTS, 5: _LOCKED, 6: _LOCKED, 8: _READ_ONLY, 10: _DISK, 11: _BROKEN, 13: _FULL, 14: _FILE, 18: _VALUE,
    19: _CLASH, 26: _BROKEN,
}  # fmt: skip
_SQLITE_WORDS = {
    "no such table": _TABLE,
    "no such column": _COLUMN,
    "syntax error": _SYNTAX,
    "incomplete input": _SYNTAX,
    "binding": _SYNTAX,
}


@contextmanager
def faults(where: str) -> Iterator[None]:
    """Turn a driver's errors into monolith's; all others pass."""
    try:
        yield
    except MonolithError:
        raise
    except Exception as error:
        meant = translate(error, where)
        if meant is None:
            raise
        raise meant from error


def translate(error: BaseException, where: str) -> MonolithError | None:
    """The error of monolith that a driver's error at the database `where` means; None if it is none of a driver's."""
    original: BaseException = getattr(error, "orig", None) or error
    found = _classify(original)
    if found is None:
        return None
    kind, code = found
    said = _one_line(original)
    message = f"{where}: {kind.what}: {said}{f' [{code}]' if code else ''}{f'; {kind.advice}' if kind.advice else ''}"
    return TemporaryError(message) if kind.temporary else PermanentError(message)


def _classify(error: BaseException) -> tuple[_Kind, str] | None:
    library = type(error).__module__.partition(".")[0]
    if library in ("pymysql", "MySQLdb"):
        return _mysql(error)
    if library in ("psycopg", "psycopg2"):
        return _postgresql(error)
    if library == "sqlite3":
        return _sqlite(error)
    if library == "sqlalchemy":
        return _LOST if type(error).__name__ in ("TimeoutError", "DisconnectionError") else _OTHER, ""
    if isinstance(error, UnicodeDecodeError):
        return _Kind("a text is not in the connection's character set", "convert it in the query"), ""
    if isinstance(error, ConnectionError | TimeoutError):
        return _LOST, ""
    return None


def _mysql(error: BaseException) -> tuple[_Kind, str]:
    code = error.args[0] if error.args and isinstance(error.args[0], int) else None
    if code is None:  # PyMySQL's own complaints: a packet out of sequence, a closed connection
        lost = type(error).__name__ in ("InternalError", "InterfaceError", "Error")
        return _LOST if lost else _OTHER, ""
    if code in _MYSQL_ERRNO and any(mark in _one_line(error) for mark in ("rrcode: 28", "o space left", "error 28")):
        return _FULL, str(code)
    return _MYSQL.get(code, _OTHER), str(code)


def _postgresql(error: BaseException) -> tuple[_Kind, str]:
    state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    if state:
        for length in (5, 2):
            if state[:length] in _SQLSTATE:
                return _SQLSTATE[state[:length]], state
        return _OTHER, state
    if type(error).__name__ not in ("OperationalError", "ConnectionTimeout", "InterfaceError"):
        return (_VALUE if type(error).__name__ == "DataError" else _OTHER), ""
    return _by_words(str(error), _POSTGRESQL_WORDS, _LOST), ""


def _sqlite(error: BaseException) -> tuple[_Kind, str]:
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None and code & 0xFF in _SQLITE:
        return _SQLITE[code & 0xFF], getattr(error, "sqlite_errorname", "")
    return _by_words(str(error), _SQLITE_WORDS, _OTHER), ""


def _by_words(text: str, words: dict[str, _Kind], otherwise: _Kind) -> _Kind:
    return next((kind for word, kind in words.items() if word in text), otherwise)


def _one_line(error: BaseException) -> str:
    """What the driver said, without its code and line breaks, not longer than a person reads."""
    args = error.args[1:] if len(error.args) > 1 and isinstance(error.args[0], int) else error.args
    text = " ".join(" ".join(str(part) for part in args).split()) or type(error).__name__
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
