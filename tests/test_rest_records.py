"""What is in an answer: records, their days and categories; events that are counted and added up."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.rest import DAY, UTC, options, window

from monolith_core import PermanentError, Record, RecordError, canonical
from monolith_plugins_rest import groups
from monolith_plugins_rest.dates import day_reader
from monolith_plugins_rest.groups import Groups
from monolith_plugins_rest.records import Shape, found

MADRID = ZoneInfo("Europe/Madrid")
WINDOWED = "http://127.0.0.1/items?from={start_date}"
WEEK = window(DAY - dt.timedelta(days=6), DAY)


def records(values: list[Any], url: str = WINDOWED, zone: ZoneInfo = UTC, **given: Any) -> list[Record]:
    return list(Shape.of(options(url, **given), "items", zone).records(values, WEEK))


@pytest.mark.parametrize(
    ("answer", "expression", "expected"),
    [
        ([{"n": 1}], "@", [{"n": 1}]),
        ({"results": [{"n": 1}]}, "results", [{"n": 1}]),
        ({"data": {"rows": []}}, "data.rows", []),
        ([{"a": [{"n": 1}, {"n": 2}]}, {"a": [{"n": 3}]}], "[].a[]", [{"n": 1}, {"n": 2}, {"n": 3}]),
        ({"day": "x", "n": 1}, "[@]", [{"day": "x", "n": 1}]),
        ({"rows": [[1, 2], [3, 4]]}, "rows[*].{x: [0], y: [1]}", [{"x": 1, "y": 2}, {"x": 3, "y": 4}]),
    ],
)
def test_records_are_where_the_expression_finds_them(answer: Any, expression: str, expected: Any) -> None:
    assert found(options(records=expression))(answer) == expected


@pytest.mark.parametrize(
    ("answer", "expression", "problem"),
    [
        ({"count": 1, "results": []}, "@", "the answer is an object, expected a list of records; write records = res"),
        ({"visits": 1}, "@", "the answer is an object, expected a list of records; write records = [@] if"),
        ({"error": "no", "code": 5}, "results", "at records = results nothing, expected a list of records; it has err"),
        ({"results": {"a": 1}}, "results", "at records = results an object, expected"),
        (5, "@", "the answer is a number, expected"),
        (None, "@", "the answer is nothing, expected"),
        ("text", "results", "at records = results nothing"),
        ({"a": 1}, "sort(a)", "records = sort(a) cannot be applied: In function sort(), invalid type"),
    ],
)
def test_no_list_is_an_error_that_says_what_there_is(answer: Any, expression: str, problem: str) -> None:
    with pytest.raises(PermanentError) as raised:
        found(options(records=expression))(answer)
    assert problem in str(raised.value)


def test_a_record_is_kept_whole_under_its_day_and_category() -> None:
    value = {"date": "2024-01-30T23:30:00Z", "kind": "sale", "n": 1}
    assert records([value], zone=MADRID) == [Record(DAY, "items", value)]
    assert records([value], category="order")[0].category == "order"
    assert records([value], category_field="kind")[0].category == "sale"


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (5, "records: record 1 is a number, expected an object; make it one, as with records = items[*].{value: @}"),
        (None, "record 1 is nothing, expected an object"),
        ([1], "record 1 is a list, expected an object"),
        ({"day": 1}, "date: in record 1 it is not there, expected a day or an instant such as 2024-01-31"),
        ({"date": 1706659200}, "it is 1706659200, expected a day or an instant"),
        ({"date": 1706659200}, "date-format = epoch takes numbers"),
        ({"date": "yesterday"}, "it is 'yesterday', expected a day"),
        ({"date": "2024-W05-3"}, "it is '2024-W05-3', expected a day"),
        ({"date": "2024-02-30"}, "it is '2024-02-30', expected a day"),
        ({"date": True}, "it is True, expected a day"),
        ({"date": {"y": 2024}}, "it is {'y': 2024}, expected a day"),
        ({"date": "x" * 100}, "xxx..., expected a day"),
    ],
)
def test_what_is_no_record_is_an_error(value: Any, problem: str) -> None:
    with pytest.raises(RecordError) as raised:
        records([value])
    assert problem in str(raised.value)


@pytest.mark.parametrize("kind", [None, "", 5, {}])
def test_a_category_is_a_text(kind: Any) -> None:
    with pytest.raises(RecordError, match=r"^kind: in record 1 it is .*, expected a text"):
        records([{"date": "2024-01-31", "kind": kind}], category_field="kind")


@pytest.mark.parametrize(
    ("form", "value", "expected"),
    [
        ("iso", "2024-01-31", DAY),
        ("iso", "2024-01-31T23:30:00", DAY),
        ("iso", "2024-01-31 23:30:00.123", DAY),
        ("iso", "2024-01-30T23:30:00+00:00", DAY),
        ("iso", "2024-01-31T23:30:00Z", dt.date(2024, 2, 1)),
        ("epoch", 1706655600, DAY),
        ("epoch", 1706655599, dt.date(2024, 1, 30)),
        ("epoch", "1706655600", DAY),
        ("epoch", 1706655600.5, DAY),
        ("epoch-ms", 1706655600000, DAY),
        ("%d.%m.%Y", "31.01.2024", DAY),
        ("%d/%b/%Y:%H:%M:%S %z", "30/Jan/2024:23:30:00 +0000", DAY),
    ],
)
def test_days_in_the_time_zone_of_the_configuration(form: str, value: Any, expected: dt.date) -> None:
    assert day_reader(form, MADRID)(value) == expected


@pytest.mark.parametrize("value", ["x", None, True, 10**30, float("nan"), [], "nan"])
@pytest.mark.parametrize("form", ["epoch", "epoch-ms"])
def test_an_epoch_is_a_number(form: str, value: Any) -> None:
    with pytest.raises(ValueError, match=r"expected (seconds|milliseconds) since 1970"):
        day_reader(form, MADRID)(value)


def test_asked_day_by_day_the_day_is_the_one_asked_for() -> None:
    shape = Shape.of(options(), "items", UTC)
    assert next(shape.records([{"n": 1}], window())).date == DAY


def test_a_record_of_another_day_than_the_one_asked_for_is_an_error() -> None:
    shape = Shape.of(options(date="at"), "items", UTC)
    with pytest.raises(RecordError, match="record 13 is of 2024-01-30, and 2024-01-31 was asked for"):
        list(shape.records([{"at": "2024-01-30"}], window(), 12))


def grouped(values: list[dict[str, Any]], by: list[str], sums: list[str], count_as: str = "count") -> list[Any]:
    collected = Groups(by, sums, count_as)
    collected.extend(Record(DAY, "event", value) for value in values)
    return sorted((dict(record.data) for record in collected.records()), key=str)


def test_events_are_counted_and_added_up() -> None:
    events = [
        {"app": "maps", "price": 0.1, "n": 1},
        {"app": "maps", "price": 0.2, "n": 2},
        {"app": "chess", "price": "12.50", "n": None},
        {"price": 3},
    ]
    assert grouped(events, ["app"], ["price", "n"]) == [
        {"app": "chess", "price": 12.5, "n": 0, "count": 1},
        {"app": "maps", "price": 0.3, "n": 3, "count": 2},
        {"app": None, "price": 3, "n": 0, "count": 1},
    ]
    assert grouped(events, [], ["n"], "events") == [{"n": 3, "events": 4}]
    assert grouped(events, ["n"], []) == [{"n": 1, "count": 1}, {"n": 2, "count": 1}, {"n": None, "count": 2}]


def test_groups_are_of_one_day_and_category() -> None:
    collected = Groups(["app"], [], "count")
    for day in (DAY, DAY, DAY - dt.timedelta(days=1)):
        collected.add(Record(day, "sale", {"app": 1}))
    collected.add(Record(DAY, "refund", {"app": 1}))
    assert sorted(record.data["count"] for record in collected.records()) == [1, 1, 2]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.decimals(places=3), max_size=30))
def test_sums_are_exact_whatever_the_order(numbers: list[Any]) -> None:
    numbers = [number for number in numbers if not isinstance(number, Decimal) or number.is_finite()]
    shuffled = random.Random(1).sample(numbers, len(numbers))
    try:
        (total,) = (grouped([{"x": number} for number in numbers], [], ["x"]) or [{"x": 0}],)[0]
    except RecordError:
        return  # 1e300 and 1e-300 together have more digits than are kept
    (again,) = (grouped([{"x": number} for number in shuffled], [], ["x"]) or [{"x": 0}],)[0]
    assert canonical(total) == canonical(again)
    exact = sum((Fraction(repr(n)) if isinstance(n, float) else Fraction(n) for n in numbers), Fraction())
    value = total["x"]
    assert (Fraction(repr(value)) if isinstance(value, float) else Fraction(value)) == exact


@pytest.mark.parametrize("value", [True, "much", "nan", "1,5", [1], {}, float("inf")])
def test_what_cannot_be_added_up_is_an_error(value: Any) -> None:
    with pytest.raises(RecordError, match=r"^price: is .*, which cannot be added up"):
        grouped([{"price": value}], [], ["price"])


def test_groups_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "MOST", 3)
    with pytest.raises(PermanentError, match="more than 3 groups; group by fewer fields"):
        grouped([{"n": n} for n in range(4)], ["n"], [])
