"""What the errors of each driver mean."""

from __future__ import annotations

import sqlite3

import psycopg
import pymysql
import pytest
import sqlalchemy as sa

from monolith_core.errors import ConfigurationError, PermanentError, RecordError, TemporaryError
from monolith_plugins_sql.faults import faults, translate


def mysql(code: int, kind: type[pymysql.Error] = pymysql.OperationalError) -> pymysql.Error:
    return kind(code, "what the server said")


def postgresql(state: str) -> psycopg.Error:
    return psycopg.errors.lookup(state)("what the\nserver said")


def sqlite(code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("what the library said")
    error.sqlite_errorcode = code
    error.sqlite_errorname = f"CODE_{code}"
    return error


TEMPORARY = [
    *(mysql(code) for code in (1040, 1053, 1205, 1213, 1317, 1927, 2002, 2003, 2006, 2013)),
    mysql(0, pymysql.InterfaceError),
    mysql(1062, pymysql.IntegrityError),
    pymysql.InternalError("Packet sequence number wrong - got 1 expected 2"),
    *(postgresql(state) for state in ("08006", "40001", "40P01", "53300", "55P03", "57014", "57P01", "57P03", "23505")),
    psycopg.OperationalError("connection failed: connection to server at 127.0.0.1 failed: Connection refused"),
    psycopg.OperationalError("FATAL: sorry, too many clients already"),
    sqlite(5),
    sqlite(6),
    sqlite(5 | 2 << 8),
    sa.exc.TimeoutError("QueuePool limit"),
    ConnectionResetError("reset"),
    TimeoutError("timed out"),
]


@pytest.mark.parametrize("error", TEMPORARY, ids=repr)
def test_may_pass(error: Exception):
    translated = translate(error, "here")
    assert type(translated) is TemporaryError
    assert str(translated).startswith("here: ")
    assert "\n" not in str(translated)


PERMANENT = [
    (mysql(1045), "access denied: what the server said [1045]; check user and password"),
    (mysql(1049), "there is no such database: what the server said [1049]; check its name"),
    (mysql(1146), "there is no such table: what the server said [1146]; check the query"),
    (mysql(1054), "there is no such column"),
    (mysql(1064), "the query is not understood"),
    (mysql(1142), "the user has not the right: what the server said [1142]; grant it"),
    (mysql(1290), "the database is read-only"),
    (mysql(1792), "the database is read-only"),
    (mysql(1021), "the disk or the table space is full: what the server said [1021]; free or add space"),
    (mysql(1114), "the disk or the table space is full"),
    (pymysql.OperationalError(1030, 'Got error 28 "No space left on device" from storage engine'), "the disk or"),
    (pymysql.OperationalError(1030, "Got error 122 from storage engine"), "the database refused"),
    (mysql(1153), "raise max_allowed_packet"),
    (mysql(1406), "a value does not fit"),
    (mysql(9999), "the database refused: what the server said [9999]"),
    (pymysql.ProgrammingError("odd"), "the database refused: odd"),
    (postgresql("28P01"), "access denied: what the server said [28P01]"),
    (postgresql("3D000"), "there is no such database"),
    (postgresql("42P01"), "there is no such table"),
    (postgresql("42703"), "there is no such column"),
    (postgresql("42601"), "the query is not understood"),
    (postgresql("42501"), "the user has not the right"),
    (postgresql("25006"), "the database is read-only"),
    (postgresql("53100"), "the disk or the table space is full"),
    (postgresql("22008"), "a value does not fit"),
    (postgresql("0A000"), "the database refused"),
    (psycopg.OperationalError('FATAL:  password authentication failed for user "x"'), "access denied"),
    (psycopg.OperationalError('FATAL:  database "x" does not exist'), "there is no such database"),
    (psycopg.DataError("date too large (after year 10K)"), "a value does not fit"),
    (psycopg.ProgrammingError("odd"), "the database refused: odd"),
    (sqlite(8), "the database is read-only: what the library said [CODE_8]; make it writable"),
    (sqlite(13), "the disk or the table space is full"),
    (sqlite(14), "the file cannot be opened"),
    (sqlite(26), "no SQLite database"),
    (sqlite3.OperationalError("no such table: t"), "there is no such table"),
    (sqlite3.ProgrammingError("odd"), "the database refused: odd"),
    (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"), "not in the connection's character set"),
    (sa.exc.InvalidRequestError("odd"), "the database refused: odd"),
]


@pytest.mark.parametrize(("error", "message"), PERMANENT, ids=lambda value: str(value)[:40])
def test_will_not_pass(error: Exception, message: str):
    translated = translate(error, "here")
    assert type(translated) is PermanentError
    assert message in str(translated)


def test_the_drivers_error_counts_not_sqlalchemys():
    wrapped = sa.exc.OperationalError("SELECT 'secret'", {}, mysql(1213))
    translated = translate(wrapped, "here")
    assert type(translated) is TemporaryError
    assert "secret" not in str(translated)


def test_long_messages_are_cut():
    assert len(str(translate(pymysql.ProgrammingError(1064, "x" * 5000), "here"))) < 400


def test_other_errors_pass():
    for error in ValueError("odd"), RecordError("bad"), ConfigurationError("bad"):
        with pytest.raises(type(error)) as caught, faults("here"):
            raise error
        assert caught.value is error
    with pytest.raises(TemporaryError) as caught, faults("here"):
        raise mysql(1213)
    assert isinstance(caught.value.__cause__, pymysql.OperationalError)
