"""The options of the sql plugin: what is accepted, what is refused and with which words."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from monolith_core.options import DATA
from monolith_plugins_sql.options import SqlSourceOptions, SqlTargetOptions

URL = "mysql://reader:s3cret@db.example/shop"
QUERY = "SELECT created AS date, n FROM t WHERE created BETWEEN :start_date AND :end_date AND app = :App"


def source(**options: object) -> SqlSourceOptions:
    return SqlSourceOptions.model_validate({"database": URL, **options})


def refusal(**options: object) -> str:
    with pytest.raises(ValidationError) as caught:
        source(**options)
    return "; ".join(error["msg"].removeprefix("Value error, ") for error in caught.value.errors())


def test_parameters_are_collected():
    options = source(query=QUERY, param={"App": "7"})
    assert options.params == {"App": "7"}
    assert options.names == {"start_date", "end_date", "next_date", "App"}


def test_no_secret_is_shown_and_the_location_has_none():
    options = source()
    assert "s3cret" not in repr(options)
    assert options.location() == "mysql://db.example:3306/shop"
    assert options.url == "mysql+pymysql://reader:s3cret@db.example/shop"


def test_what_changes_the_data_is_marked():
    fields = {name for name, info in SqlSourceOptions.model_fields.items() if DATA in info.metadata}
    assert fields == {"query", "params", "category", "category_column", "date_column", "nan"}
    assert not any(DATA in info.metadata for info in SqlTargetOptions.model_fields.values())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"query": QUERY, "param": {"app": "7"}},
            "param.app is given but no query has :app; add it to the query or remove it",
        ),
        ({"query": "SELECT ':App'", "param": {"App": "7"}}, "param.App is given but no query has :App"),
        ({"query": QUERY, "param": {"a b": "7"}}, "param.a b is no parameter's name; expected letters, digits and _"),
        ({"query": QUERY, "param": {"start_date": "7"}}, "param.start_date is no parameter's name"),
        ({"category": "c"}, "category without a query; add query = SELECT ..., or remove category to read the archive"),
        ({"param": {"App": "c"}, "date-column": "d"}, "date-column, params without a query"),
        ({"query": QUERY, "category": "c", "category-column": "d"}, "category and category-column exclude each other"),
        (
            {"query": "SELECT * FROM t WHERE d >= :begin"},
            "query has :begin, which is no parameter; known are :end_date, :next_date, :start_date; "
            r"add param.begin = VALUE, or write \:begin if it is meant literally",
        ),
        ({"query": QUERY, "param": {"App": "7"}, "purge-query": "DELETE FROM t WHERE d < :ap"}, "purge-query has :ap"),
        ({"database": "sqlite:///a", "query": "SELECT 'a' :b"}, "query has :b, which is no parameter"),
        ({"query": ""}, "at least 1 character"),
        ({"query": QUERY, "nan": "zero"}, "'error' or 'null'"),
        ({"colour": "red"}, "Extra inputs are not permitted"),
        ({"database": "localhost/x"}, "is no database URL"),
    ],
)
def test_faults(options, message):
    assert message in refusal(**options)


def test_a_parameter_of_the_purge_query_counts():
    options = source(query="SELECT 1 AS date", **{"purge-query": "DELETE FROM t WHERE a = :a", "param": {"a": "1"}})
    assert options.purge_query is not None


def test_target():
    options = SqlTargetOptions.model_validate({"database": "sqlite:///a.sqlite", "batch-bytes": "65536"})
    assert (options.batch_size, options.batch_bytes) == (1000, 65536)
    with pytest.raises(ValidationError):
        SqlTargetOptions.model_validate({"database": "sqlite:///a.sqlite", "batch-bytes": "1"})
