"""The sql source: rows of a query become records, on each kind of database."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
import sqlalchemy as sa
from pymysql.cursors import SSCursor
from support.sql import archived, context, execute, records, source, target, window
from support.staging import DAY, staged

from monolith_core.encoding import canonical
from monolith_core.errors import PermanentError, RecordError
from monolith_core.partition import ONE_DAY, Digest, Partition
from monolith_core.record import ArchivedRecord, Record
from monolith_plugins_sql import packets
from monolith_plugins_sql.source import SqlSource

NEXT = DAY + ONE_DAY
BY_DAYS = "SELECT * FROM t WHERE date BETWEEN :start_date AND :end_date"


def data(url: str, query: str = BY_DAYS, start: dt.date = DAY, end: dt.date | None = None, **options: object):
    """What a query's records have, in the order of their text."""
    made = source(url, query, **options)
    try:
        return sorted(records(made, window(start, end)), key=repr)
    finally:
        made.close()


@pytest.fixture
def sales(database_url: str) -> str:
    execute(
        database_url,
        "CREATE TABLE t (date DATE, app VARCHAR(20), n INT)",
        f"INSERT INTO t VALUES ('{DAY}', 'a', 1), ('{DAY}', 'b', 2), ('{NEXT}', 'a', 3)",
    )
    return database_url


def test_a_row_is_a_record(sales: str):
    expected = [Record(DAY, "shop", {"app": "a", "n": 1}), Record(DAY, "shop", {"app": "b", "n": 2})]
    assert data(sales) == expected


def test_many_days_are_one_query(sales: str):
    assert [record.date for record in data(sales, end=NEXT)] == [DAY, DAY, NEXT]


def test_a_day_without_rows(sales: str):
    assert data(sales, start=NEXT + ONE_DAY) == []


@pytest.mark.parametrize(
    ("options", "category", "rest"),
    [
        ({}, "shop", {"app": "a", "n": 1}),
        ({"category": "install"}, "install", {"app": "a", "n": 1}),
        ({"category_column": "app"}, "a", {"n": 1}),
        ({"category_column": "n"}, "1", {"app": "a"}),
    ],
)
def test_the_category(sales: str, options: dict[str, str], category: str, rest: dict[str, object]):
    assert Record(DAY, category, rest) in data(sales, **options)


def test_a_column_named_category_is_the_category_unless_there_is_a_constant(sales: str):
    query = "SELECT date, app AS category, n FROM t WHERE date = :start_date AND n = 1"
    assert data(sales, query) == [Record(DAY, "a", {"n": 1})]
    assert data(sales, query, category="install") == [Record(DAY, "install", {"category": "a", "n": 1})]


def test_another_date_column(sales: str):
    query = "SELECT date AS sold, n FROM t WHERE date = :start_date AND n = 1"
    assert data(sales, query, date_column="sold") == [Record(DAY, "shop", {"n": 1})]


def test_parameters_colons_and_percents(sales: str):
    query = """
        SELECT date, n, '12:30 :app 100%' AS label -- it's 5% of :app
        FROM t /* :app '%s' */ WHERE app = :app AND date >= :start_date AND date < :next_date
        AND '%(app)s' LIKE '%app%' AND 7 % 4 = 3 AND date <= :end_date
    """
    expected = {"n": 1, "label": "12:30 :app 100%"}
    assert data(sales, query, param={"app": "a"}) == [Record(DAY, "shop", expected)]


def test_a_value_is_never_part_of_the_query(sales: str):
    assert data(sales, f"{BY_DAYS} AND app = :app", param={"app": "a' OR '1' = '1"}) == []


def test_percents_without_parameters(sales: str):
    query = f"SELECT date, 10 % 4 AS m, '%s%%' AS label FROM t WHERE date = '{DAY}' AND n = 1"
    assert data(sales, query) == [Record(DAY, "shop", {"m": 2, "label": "%s%%"})]


def test_rows_are_streamed(sales: str):
    made = source(sales, BY_DAYS)
    answer = records(made, window(DAY))
    next(answer)
    answer.close()
    assert len(list(records(made, window(DAY)))) == 2
    made.close()


def test_check_looks_at_the_columns(sales: str):
    made = source(sales, BY_DAYS)
    assert made.check().endswith(", the query gives date, app, n")
    made.close()


@pytest.mark.parametrize(
    ("options", "warning"),
    [
        ({"query": BY_DAYS}, None),
        ({"query": "SELECT * FROM t WHERE date < :next_date"}, None),
        ({"query": BY_DAYS, "purge_query": "DELETE FROM t WHERE date = :start_date"}, None),
        (
            {"query": "SELECT * FROM t -- :start_date"},
            "warning: the query names no day: every window reads the whole table",
        ),
        (
            {"query": BY_DAYS, "purge_query": "DELETE FROM t"},
            "warning: the purge-query names no day: every purge deletes from the whole table",
        ),
    ],
)
def test_check_warns_of_queries_that_name_no_day(sales: str, options: dict[str, str], warning: str | None):
    made = source(sales, **options)
    assert made.check().endswith("the query gives date, app, n" + (f"; {warning}" if warning else ""))
    made.close()


def test_dates_as_text_and_with_a_time(database_url: str):
    execute(
        database_url,
        "CREATE TABLE t (date VARCHAR(40), n INT)",
        f"INSERT INTO t VALUES ('{DAY}', 1), ('{DAY} 23:59:59', 2), ('{DAY}T00:00:00.5', 3), ('{DAY}T23:30:00Z', 4)",
    )
    records = data(database_url, "SELECT * FROM t", timezone="Europe/Madrid")
    assert [(record.date, record.data["n"]) for record in records] == [(DAY, 1), (DAY, 2), (DAY, 3), (NEXT, 4)]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("NULL", "NULL"),
        ("'0000-00-00'", "'0000-00-00'"),
        ("'yesterday'", "'yesterday'"),
        ("'2023-02-29'", "'2023-02-29'"),
        ("''", "''"),
    ],
)
def test_what_is_no_date(database_url: str, value: str, said: str):
    execute(
        database_url, "CREATE TABLE t (date VARCHAR(40), n INT)", f"INSERT INTO t VALUES ('{DAY}', 1), ({value}, 2)"
    )
    with pytest.raises(RecordError) as caught:
        data(database_url, "SELECT * FROM t ORDER BY n")
    assert str(caught.value).startswith(f"date: row 2 has {said}; expected a date")


def test_a_number_is_no_date(sales: str):
    with pytest.raises(RecordError, match="date: row 1 has int 1; expected a date"):
        data(sales, "SELECT n AS date FROM t ORDER BY n")


def test_no_category(sales: str):
    with pytest.raises(RecordError, match="category: row 1 has NULL; expected the record's category"):
        data(sales, "SELECT date, NULL AS category, n FROM t")
    with pytest.raises(RecordError, match="category: row 1 has an empty text"):
        data(sales, "SELECT date, '' AS category, n FROM t")


@pytest.mark.parametrize(
    ("query", "options", "message"),
    [
        ("SELECT app, n FROM t", {}, "the query gives no column date, only app, n; select one AS date"),
        (BY_DAYS, {"category_column": "x"}, "no column x, only date, app, n; .* the option category-column"),
        ("SELECT t.date, u.* FROM t, t u", {}, "gives more than one column named date; name each column once"),
    ],
)
def test_columns_that_make_no_records(sales: str, query: str, options: dict[str, str], message: str):
    with pytest.raises(PermanentError, match=message):
        data(sales, query, **options)
    made = source(sales, query, **options)
    with pytest.raises(PermanentError, match=message):
        made.check()
    made.close()


def test_a_table_of_300_columns(database_url: str):
    names = [f"c{i}" for i in range(300)]
    execute(
        database_url,
        f"CREATE TABLE t (date DATE, {', '.join(f'{name} INT' for name in names)})",
        f"INSERT INTO t VALUES ('{DAY}', {', '.join(str(i) for i in range(300))})",
    )
    assert data(database_url) == [Record(DAY, "shop", {name: i for i, name in enumerate(names)})]


def test_four_byte_characters_and_long_texts(database_url: str):
    kind = "LONGTEXT" if "mysql" in database_url else "TEXT"
    collation = " CHARACTER SET utf8mb4" if "mysql" in database_url else ""
    execute(database_url, f"CREATE TABLE t (date DATE, s {kind}{collation})")
    texts = ["😀 é", "x" * 250, "y" * 70_000, "z" * 2_000_000]
    mark = "?" if "sqlite" in database_url else "%s"
    for text in texts:
        execute(database_url, f"INSERT INTO t VALUES ('{DAY}', {mark})", values=(text,))
    assert {record.data["s"] for record in data(database_url)} == set(texts)


# Archived records.


@pytest.fixture
def archive(database_url: str) -> str:
    made = target(database_url)
    for answer in staged([{"n": 1.5}], source="a"), staged([{"n": 2}], source="b", day=NEXT):
        made.replace(answer.partition, answer)
    made.close()
    return database_url


def test_select_star_from_the_archive(archive: str):
    query = "select * from record where date BETWEEN :start_date and :end_date"
    answer = staged([{"n": 1.5}], source="a").records[0]
    assert data(archive, query) == [ArchivedRecord(DAY, "a", answer.id, "sale", b'{"n":1.5}')]


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ("date, category, data", Record(DAY, "sale", {"n": 1.5})),
        ("date, source, category, data", Record(DAY, "sale", {"n": 1.5}, "a")),
        ("date, id, category, data", Record(DAY, "sale", {"n": 1.5})),
        ("date, NULL AS source, id, category, data", Record(DAY, "sale", {"n": 1.5})),
        ("date, source, 'short' AS id, category, data", Record(DAY, "sale", {"n": 1.5}, "a")),
        ("date, category, 'plain' AS data", Record(DAY, "sale", {"data": "plain"})),
        ("date, category, 7 AS data", Record(DAY, "sale", {"data": 7})),
    ],
)
def test_parts_of_the_archives_columns(archive: str, columns: str, expected: Record):
    assert data(archive, f"SELECT {columns} FROM record WHERE date = :start_date") == [expected]


def test_numbers_keep_their_form(database_url: str):
    text = '{"a":1.10,"b":0.1,"c":1e300,"d":[123456789012345678901234567890]}'
    execute(database_url, "CREATE TABLE t (n INT)", "INSERT INTO t VALUES (1)")
    [record] = data(database_url, f"SELECT '{DAY}' AS date, 'c' AS category, '{text}' AS data FROM t")
    assert canonical(record.data) == text.encode()


def test_more_columns_than_the_archives_are_an_ordinary_row(archive: str):
    [record] = data(archive, "SELECT date, category, data, 1 AS more FROM record WHERE date = :start_date")
    assert record == Record(DAY, "sale", {"data": '{"n":1.5}', "more": 1})


def test_a_truncated_object_is_an_error(archive: str):
    with pytest.raises(RecordError, match="data: row 1 has a text that begins like a JSON object but is none"):
        data(archive, """SELECT date, category, '{"n":' AS data FROM record""")


def test_the_archives_partitions(archive: str):
    made = source(archive)
    assert {str(partition) for partition in made.partitions(None)} == {f"a {DAY}", f"b {NEXT}"}
    assert {str(partition) for partition in made.partitions(window(NEXT))} == {f"b {NEXT}"}
    assert made.check().endswith("the archive is there")
    made.close()


def test_the_ledgers_word_on_partitions_is_preferred(archive: str):
    held = {Partition("a", DAY): Digest(1, 2, 3)}
    made = SqlSource(SqlSource.Options(database=archive), context(held=lambda window: held))
    assert made.partitions(window(DAY)) == held
    assert made.partitions(None) == held, "the archive is not scanned when the ledger knows"
    made.close()


def test_a_query_has_no_partitions(sales: str):
    assert source(sales, BY_DAYS).partitions(window(DAY)) is None


def test_a_database_that_is_no_archive(sales: str):
    made = source(sales)
    assert made.check().endswith("no archive yet: the first run of the phase that writes it makes it")
    for ask in (lambda: made.partitions(None), lambda: list(records(made, window(DAY)))):
        with pytest.raises(PermanentError, match=r"there is no archive \(no table record\); check the option database"):
            ask()
    made.close()


# Purging.


def test_purge(sales: str):
    made = source(sales, BY_DAYS, purge_query="DELETE FROM t WHERE date BETWEEN :start_date AND :end_date")
    assert made.purges
    made.purge(window(DAY))
    made.close()
    assert [record.date for record in data(sales, end=NEXT)] == [NEXT]


def test_purge_without_a_query(sales: str):
    made = source(sales, BY_DAYS)
    assert not made.purges
    with pytest.raises(PermanentError, match="shop has no purge-query, so it cannot be purged; add one"):
        made.purge(window(DAY))


# One database or the other.


def test_a_source_never_creates_a_file(tmp_path):
    made = source(f"sqlite:///{tmp_path}/none.sqlite", "SELECT 1")
    for ask in (made.check, lambda: list(records(made, window(DAY))), lambda: made.purge(window(DAY))):
        with pytest.raises(PermanentError, match=r"there is no such file|no purge-query"):
            ask()
    assert list(tmp_path.iterdir()) == []


def test_a_statement_that_gives_no_rows(sqlite_url: str):
    execute(sqlite_url, "CREATE TABLE t (date TEXT)")
    with pytest.raises(PermanentError, match="the query returns no rows; expected a SELECT"):
        data(sqlite_url, "PRAGMA query_only = OFF")


def test_a_query_cannot_write(sales: str):
    query = {
        "sqlite": "DELETE FROM t RETURNING *",
        "mysql+pymysql": "DELETE FROM t RETURNING *",
        "postgresql+psycopg": "WITH gone AS (DELETE FROM t RETURNING *) SELECT * FROM gone",
    }[sales.partition("://")[0]]
    with pytest.raises(PermanentError):
        data(sales, query)
    assert len(data(sales, end=NEXT)) == 3


@pytest.mark.server
def test_types_of_mariadb(mariadb):
    url = mariadb.url()
    execute(
        url,
        """CREATE TABLE t (date DATE, big BIGINT UNSIGNED, d DECIMAL(20,4), f DOUBLE, flag TINYINT(1), bits BIT(12),
        at DATETIME(6), stamp TIMESTAMP, during TIME, y YEAR, b VARBINARY(4), e ENUM('x','y'), s SET('p','q'), u UUID,
        zero DATETIME, nothing INT)""",
        "SET SESSION sql_mode = ''",
        f"""INSERT INTO t VALUES ('{DAY}', 18446744073709551615, 1.1000, 1e300, 1, b'101', '{DAY} 01:02:03.5',
        '{DAY} 12:00:00', '-838:59:59', 2024, x'00ff', 'y', 'p,q', '123e4567-e89b-12d3-a456-426655440000',
        '0000-00-00 00:00:00', NULL)""",
    )
    assert [record.data for record in data(url)] == [
        {
            "big": 2**64 - 1,
            "d": Decimal("1.1000"),
            "f": 1e300,
            "flag": 1,
            "bits": 5,
            "at": dt.datetime(2024, 2, 29, 1, 2, 3, 500000),
            "stamp": dt.datetime(2024, 2, 29, 12),
            "during": "-838:59:59",
            "y": 2024,
            "b": b"\x00\xff",
            "e": "y",
            "s": "p,q",
            "u": "123e4567-e89b-12d3-a456-426655440000",
            "zero": "0000-00-00 00:00:00",
            "nothing": None,
        }
    ]


@pytest.mark.server
def test_types_of_postgresql(postgresql):
    url = postgresql.url()
    execute(
        url,
        """CREATE TABLE t (date DATE, n NUMERIC, f DOUBLE PRECISION, flag BOOLEAN, at TIMESTAMP, stamp TIMESTAMPTZ,
        during INTERVAL, b BYTEA, j JSON, k JSONB, a INT[], u UUID, ip INET, r INT4RANGE, net CIDR)""",
        f"""INSERT INTO t VALUES ('{DAY}', 1.10, 0.1, true, '{DAY} 01:02:03', '{DAY} 12:00:00Z', '1 day 02:00',
        '\\x00ff', '{{"a": [1]}}', '{{"b": null}}', '{{1,2}}', '123e4567-e89b-12d3-a456-426655440000', '10.0.0.1',
        '[1,5)', '10.0.0.0/8')""",
    )
    [record] = data(url)
    assert record.data["stamp"] == dt.datetime(2024, 2, 29, 12, tzinfo=dt.UTC)
    assert record.data | {"stamp": 0, "u": str(record.data["u"])} == {
        "n": Decimal("1.10"),
        "f": 0.1,
        "flag": True,
        "at": dt.datetime(2024, 2, 29, 1, 2, 3),
        "stamp": 0,
        "during": "1 day 02:00:00",
        "b": b"\x00\xff",
        "j": {"a": [1]},
        "k": {"b": None},
        "a": [1, 2],
        "u": "123e4567-e89b-12d3-a456-426655440000",
        "ip": "10.0.0.1",
        "r": "[1,5)",
        "net": "10.0.0.0/8",
    }


@pytest.mark.server
def test_instants_of_postgresql_are_of_the_configured_day(postgresql):
    url = postgresql.url()
    execute(url, "CREATE TABLE t (at TIMESTAMPTZ)", f"INSERT INTO t VALUES ('{DAY} 23:30Z'), ('{NEXT} 23:30Z')")
    query = "SELECT at AS date, at::text AS at FROM t WHERE at >= :start_date AND at < :next_date"
    [record] = data(url, query, start=NEXT, timezone="Europe/Madrid")
    assert record == Record(NEXT, "shop", {"at": "2024-03-01 00:30:00+01"})
    cast = "SELECT at::date AS date FROM t WHERE at::date BETWEEN :start_date::date AND :end_date"
    assert data(url, cast, start=NEXT, timezone="Europe/Madrid") == [Record(NEXT, "shop", {})]


@pytest.mark.server
@pytest.mark.parametrize("charset", ["latin1", "utf8mb4", "cp1251", "utf16", "ucs2", "binary"])
def test_character_sets_of_mariadb(mariadb, charset: str):
    url = mariadb.url()
    text = "Привет" if charset == "cp1251" else "naïve café"
    execute(url, f"CREATE TABLE t (date DATE, s VARCHAR(40)) CHARACTER SET {charset}")
    execute(url, f"INSERT INTO t VALUES ('{DAY}', %s)", values=(text,))
    expected = text.encode() if charset == "binary" else text
    assert data(url) == [Record(DAY, "shop", {"s": expected})]


@pytest.mark.server
def test_zero_dates_of_mariadb(mariadb):
    url = mariadb.url()
    execute(
        url,
        "SET SESSION sql_mode = 'ALLOW_INVALID_DATES'",
        "CREATE TABLE t (date DATE, n INT, other DATE)",
        f"INSERT INTO t VALUES ('{DAY}', 1, '0000-00-00'), ('{DAY}', 2, '2024-02-31'), ('0000-00-00', 3, NULL)",
    )
    assert [record.data["other"] for record in data(url)] == ["0000-00-00", "2024-02-31"]
    with pytest.raises(RecordError, match="date: row 3 has '0000-00-00'; expected a date"):
        data(url, "SELECT * FROM t ORDER BY n")


@pytest.mark.server
def test_both_ways_of_reading_pymysql_agree(mariadb):
    url = mariadb.url()
    execute(url, "CREATE TABLE t (date DATE, n BIGINT, f FLOAT, s TEXT, d DECIMAL(9,2), b BLOB)")
    for values in ((DAY, -(2**63), 0.5, "é" * 300, "1.50", b"\xfe"), (DAY, None, None, None, None, None)):
        execute(url, "INSERT INTO t VALUES (%s, %s, %s, %s, %s, %s)", values=values)
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        raw = connection.connection.driver_connection
        answers = []
        for plain in (False, True):
            cursor = raw.cursor(SSCursor)
            cursor.execute("SELECT * FROM t")
            answers.append([tuple(row) for rows in packets.batches(Plain(cursor) if plain else cursor) for row in rows])
            cursor.close()
    engine.dispose()
    assert answers[0] == answers[1]
    assert len(answers[0]) == 2


class Plain:
    """A cursor of a PyMySQL that has not the parts that `packets` looks for."""

    def __init__(self, cursor: SSCursor) -> None:
        self.fetchone = cursor.fetchone


def test_a_source_reads_what_a_target_writes(sqlite_url: str):
    made, answer = target(sqlite_url), staged([{"n": n} for n in range(10)])
    made.replace(answer.partition, answer)
    made.close()
    records = data(sqlite_url, "SELECT * FROM record WHERE date = :start_date")
    assert {record.id for record in records} == {row[2] for row in archived(sqlite_url)}


def test_the_first_rows_come_alone(sales: str):
    """So that a query whose rows come slowly is seen to make progress."""
    made = source(sales, f"{BY_DAYS} ORDER BY n")
    first = next(iter(made.extract(window(DAY, NEXT))))
    made.close()
    if not sales.startswith("mysql"):  # there a list is what has come
        assert len(first.values) == 1
