"""Rows: they are staged as the same records one by one are, whatever their names and values."""

from __future__ import annotations

import datetime as dt
import pickle
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from monolith_core.encoding import canonical
from monolith_core.errors import MonolithError, RecordError, StrayRecord
from monolith_core.exact import Nan, exact
from monolith_core.partition import Window
from monolith_core.rows import Columns, Rows, Transposed
from monolith_core.stage import Stage

DAY = dt.date(2024, 2, 29)
WINDOW = Window("src", DAY, DAY)


class Color(Enum):
    RED = "r"


class Text(str):
    __slots__ = ()


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.decimals(),
    st.text(st.characters(), max_size=5),
    st.binary(max_size=5),
    st.dates(),
    st.datetimes(),
    st.sampled_from([Color.RED, Text("t"), "null", "NaN", "Infinity", "[[", object()]),
)
values = st.recursive(scalars, lambda each: st.lists(each, max_size=2) | st.dictionaries(st.text(max_size=2), each))
names = st.lists(st.text(st.characters(), max_size=3) | st.just('"'), unique=True, max_size=5)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str | None], list[list[Any]]]:
    header: list[str | None] = [*draw(names), *draw(st.sampled_from([[], [None], [None, None]]))]
    header = draw(st.permutations(header))
    return header, draw(st.lists(st.tuples(*[values] * len(header)).map(list), max_size=4))


def data_of(header: list[str | None], row: list[Any]) -> dict[str, Any]:
    return {name: value for name, value in zip(header, row, strict=True) if name is not None}


def outcome(make: Any) -> Any:
    """What it gives, or the error in words."""
    try:
        return make()
    except RecordError as error:
        return str(error)


@given(tables(), st.sampled_from(["error", "null"]))
@example((["a"], [[float("nan")]]), "null")
@example((["a"], [[1.5], [None], [float("inf")]]), "error")
@example((["a", "b"], [[{frozenset({1, 2})}, None]]), "error")
@example((["a", None], [[Decimal("NaN"), 1]]), "error")
@example((["\ud800"], [[1]]), "error")
def test_the_json_is_that_of_records(table: tuple[list[str | None], list[list[Any]]], nan: Nan):
    header, rows = table
    one_by_one = outcome(lambda: [canonical(data_of(header, row), nan) for row in rows])
    assert outcome(lambda: Columns(header).canonical(rows, nan)) == one_by_one
    assert outcome(lambda: [exact(data_of(header, row), nan) for row in rows]) == one_by_one
    if header:
        transposed = Transposed([[row[place] for row in rows] for place in range(len(header))])
        assert outcome(lambda: Columns(header).canonical(transposed, nan)) == one_by_one


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=20), st.sampled_from([10, 2**20]))
def test_they_are_staged_as_records_are(pairs: list[tuple[int, int]], limit: int):
    columns = Columns(["n", "m"])
    rows = Rows(DAY, "x", columns, pairs)
    assert staged([rows], limit) == staged(list(rows.records()), limit)
    assert staged([rows, rows], limit) == staged([*rows.records(), rows], limit)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=20))
def test_columns_are_staged_as_rows_are(pairs: list[tuple[int, int]]):
    rows = Rows(DAY, "x", Columns(["n", "m"]), pairs)
    columns = Rows(DAY, "x", Columns(["n", "m"]), Transposed([[n for n, _ in pairs], [m for _, m in pairs]]))
    assert staged([columns], 2**20) == staged([rows], 2**20)
    assert list(columns.records()) == list(rows.records())


def test_columns_are_a_sequence_of_rows():
    rows = Transposed([[1, 2, 3], "abc"])
    assert (len(rows), list(rows), rows[1], rows[-1]) == (3, [(1, "a"), (2, "b"), (3, "c")], (2, "b"), (3, "c"))
    assert list(rows[1:]) == [(2, "b"), (3, "c")]
    assert list(pickle.loads(pickle.dumps(rows))) == list(rows)


@pytest.mark.parametrize("columns", [[], [[1, 2], [3]]])
def test_columns_that_are_no_rows(columns: list[list[int]]):
    with pytest.raises(ValueError, match="expected the same number of each"):
        Transposed(columns)


def test_columns_that_are_too_few():
    with pytest.raises(ValueError, match="a row has 1 values, expected 2"):
        Columns(["a", "b"]).canonical(Transposed([[1, 2]]))


def staged(answer: list[Any], limit: int) -> Any:
    with Stage("src", WINDOW, memory_limit=limit) as stage:
        stage.fill(answer)
        found = {partition: (each.digest, each.ids, sorted(each)) for partition, each in stage.finish().items()}
        return stage.records, found


def test_a_wide_table():
    header = [f"column {number}" for number in range(300)]
    row = list(range(300))
    assert Columns(header).canonical([row]) == [canonical(dict(zip(header, row, strict=True)))]


def test_a_name_that_comes_twice():
    with pytest.raises(ValueError, match="names come more than once in 'a', 'b', 'a'"):
        Columns(["a", "b", "a"])


@pytest.mark.parametrize("row", [[1], [1, 2, 3]])
def test_a_row_of_another_length(row: list[int]):
    with pytest.raises(ValueError, match=f"a row has {len(row)} values, expected 2"):
        Columns(["a", "b"]).canonical([[1, 2], row])


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        (Rows(dt.date(2024, 3, 1), "x", Columns(["a"]), [[1]]), StrayRecord, "is outside of the days asked for"),
        (Rows(DAY, "", Columns(["a"]), [[1]]), RecordError, "category: expected a text, got str ''"),
        (Rows(DAY, "x", Columns(["a"]), [[1]], source=""), RecordError, "source: expected a source's id"),
        (Rows(DAY, "x", Columns(["a"]), [[object()]]), RecordError, "data.a: "),
    ],
)
def test_what_is_refused(rows: Rows, error: type[MonolithError], message: str):
    with Stage("src", WINDOW) as stage, pytest.raises(error, match=message):
        stage.fill([rows])


def test_rows_without_a_row_are_nothing():
    assert staged([Rows(DAY, "x", Columns(["a"]), [])], 10) == (0, {})


def test_a_closed_stage_takes_no_rows():
    with Stage("src", WINDOW) as stage:
        stage.fill([Rows(DAY, "x", Columns(["a"]), [[1]])])
    with pytest.raises(RuntimeError, match="this answer was given up"):
        stage.fill([Rows(DAY, "x", Columns(["a"]), [[2]])])


def test_an_executor_may_send_them_elsewhere():
    rows = Rows(DAY, "x", Columns(["b", None, "a"]), [[1, 2, 3]], "other")
    assert list(pickle.loads(pickle.dumps(rows)).records()) == list(rows.records())
