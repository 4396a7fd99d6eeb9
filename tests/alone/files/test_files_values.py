"""What texts mean, and which day a value says."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monolith_core import canonical
from monolith_plugins_files.days import check_format, day_reader, has_time
from monolith_plugins_files.values import TYPES, Column, ValueFault, cast, inferred, number, parse_types

MADRID = ZoneInfo("Europe/Madrid")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("-12", -12),
        ("999999999999999999", 999999999999999999),
        ("1.50", 1.5),
        ("-0.25", -0.25),
        ("0.0", 0.0),
        ("123456789012345.", "123456789012345."),
        ("12345678901234.5", 12345678901234.5),
        ("true", True),
        ("false", False),
        # what is none of them stays as it is
        *[
            (text, text)
            for text in """007 00 +1 -0 1e5 1.5e3 .5 5. 1,5 NaN inf True yes NA null 1_000 0x10 \u0661 2024-02-29 1.2.3
                - 1000000000000000000""".split()  # noqa: SIM905
        ],
        (" 1", " 1"),
        ("1\n", "1\n"),
        ("1234567890123456.5", "1234567890123456.5"),
        ("123456789.0123456", "123456789.0123456"),
        ("-123456789.012345", -123456789.012345),
        ("0.1234567890123456", "0.1234567890123456"),
    ],
)
def test_the_rule_for_texts_without_a_type(text: str, value: Any) -> None:
    found = inferred(text)
    assert (type(found), found) == (type(value), value)


@given(st.integers(-(10**18) + 1, 10**18 - 1))
def test_integers_are_inferred(value: int) -> None:
    assert inferred(str(value)) == value


@given(st.decimals(-(10**9), 10**9, places=4))
def test_fractions_are_inferred_without_loss(value: Decimal) -> None:
    text = str(value)
    found = inferred(text)
    assert found == text or Decimal(repr(found)) == value


@given(st.text(max_size=8))
def test_what_is_inferred_is_never_something_else(text: str) -> None:
    found = inferred(text)
    if isinstance(found, str):
        assert found == text
    else:
        assert json.loads(text) == found


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("text", "007", "007"),
        ("integer", " +007 ", 7),
        ("integer", "123456789012345678901234567890", 123456789012345678901234567890),
        ("float", "1e5", 1e5),
        ("float", ".5", 0.5),
        ("float", "7", 7.0),
        ("decimal", "1.50", Decimal("1.50")),
        ("boolean", "YES", True),
        ("boolean", "0", False),
        ("json", '{"a": [1, 1.50]}', {"a": [1, Decimal("1.50")]}),
        ("inferred", "7", 7),
    ],
)
def test_given_types(kind: str, text: str, value: Any) -> None:
    found = TYPES[kind](text)
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    ("kind", "texts"),
    [
        ("integer", ["1.0", "x", "1_000", "\u0661", "1 2"]),
        ("float", ["x", "1_0.0", "0x1p3", "1e999", "1,5"]),
        ("decimal", ["NaN", "Infinity", "x", "1_0"]),
        ("boolean", ["2", "maybe"]),
        ("json", ["{", "nul", "{'a': 1}"]),
    ],
)
def test_texts_that_are_not_of_their_type(kind: str, texts: list[str]) -> None:
    for text in texts:
        with pytest.raises(ValueFault, match=r"^expected "):
            TYPES[kind](text)


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (None, "integer", None),
        ("5", "integer", 5),
        (5.0, "integer", 5),
        (5, "float", 5.0),
        (Decimal("1.50"), "float", 1.5),
        (1.5, "decimal", Decimal("1.5")),
        (True, "text", "true"),
        (5, "text", "5"),
        (dt.date(2024, 2, 29), "text", "2024-02-29"),
        ([1], "text", "[1]"),
        ([1], "json", [1]),
        (1, "boolean", True),
        (1.5, "inferred", 1.5),
        ("1.5", "inferred", 1.5),
    ],
)
def test_values_that_have_a_type_already(value: Any, kind: str, expected: Any) -> None:
    found = cast(value, kind, TYPES[kind])
    assert (type(found), found) == (type(expected), expected)


@pytest.mark.parametrize(("value", "kind"), [(5.5, "integer"), (True, "integer"), ([1], "float"), (2, "boolean")])
def test_values_that_cannot_be_of_a_type(value: Any, kind: str) -> None:
    with pytest.raises(ValueFault):
        cast(value, kind, TYPES[kind])


@given(st.floats(allow_nan=False, allow_infinity=False) | st.decimals(allow_nan=False, allow_infinity=False))
def test_numbers_of_json_are_written_again_as_they_were(value: float | Decimal) -> None:
    text = canonical({"": value})[4:-1].decode()
    assert canonical({"": number(text)})[4:-1].decode() == text


def test_types_as_they_are_written() -> None:
    assert parse_types(["price: float", "a:b : int", "*: text"]) == {"price": "float", "a:b": "integer", "*": "text"}
    for item, why in [
        ("price", "is no type of a column; write it as price: float"),
        ("price: money", "'money' is no type; expected text, integer, float"),
        (": text", "is no type of a column"),
    ]:
        with pytest.raises(ValueError, match=why):
            parse_types([item])
    with pytest.raises(ValueError, match="price has two types"):
        parse_types(["price: float", "price: text"])


@pytest.mark.parametrize("kind", ["text", "inferred", "integer"])
@pytest.mark.parametrize("most", [0, 3, 1000])
@given(st.lists(st.lists(st.sampled_from(["", "NA", None]) | st.integers(0, 20).map(str), max_size=8), max_size=8))
def test_a_column_means_the_same_whatever_it_remembers(kind: str, most: int, batches: list[list[str | None]]) -> None:
    column = Column(TYPES[kind], ["NA"], most=most)
    for texts in batches:
        expected = [None if text in ("", "NA", None) else TYPES[kind](text) for text in texts]
        assert list(column.values(texts)) == expected


def test_a_column_of_ever_new_texts_is_not_remembered() -> None:
    column = Column(TYPES["integer"], most=100)
    for start in range(0, 1000, 50):
        assert list(column.values([str(n) for n in range(start, start + 50)])) == list(range(start, start + 50))
    assert column._known is None
    column = Column(TYPES["integer"], most=10)
    for _ in range(10):
        assert list(column.values(["1", "2"] * 50)) == [1, 2] * 50
    assert column._known is not None


def test_a_column_of_texts_stays_as_it_is() -> None:
    texts = ("a", "007")
    assert Column(str).values(texts) is texts
    assert list(Column(str).values(("a", "", None))) == ["a", None, None]


@pytest.mark.parametrize(
    ("text", "value", "day"),
    [
        (None, "2024-02-29", dt.date(2024, 2, 29)),
        (None, dt.date(2024, 2, 29), dt.date(2024, 2, 29)),
        ("iso", "2024-02-29T23:30:00Z", dt.date(2024, 3, 1)),  # in Madrid
        ("iso", "2024-02-29 23:30:00", dt.date(2024, 2, 29)),
        ("iso", "20240229", dt.date(2024, 2, 29)),
        ("iso", dt.datetime(2024, 2, 29, 23, 30, tzinfo=dt.UTC), dt.date(2024, 3, 1)),
        ("iso", dt.date(2024, 2, 29), dt.date(2024, 2, 29)),
        ("epoch", "1709249400", dt.date(2024, 3, 1)),
        ("epoch", 1709164800, dt.date(2024, 2, 29)),
        ("epoch", -0.5, dt.date(1970, 1, 1)),
        ("epoch-ms", "1709249400000", dt.date(2024, 3, 1)),
        ("%d/%m/%Y", "29/02/2024", dt.date(2024, 2, 29)),
        ("%d/%b/%Y:%H:%M:%S %z", "29/Feb/2024:23:30:00 +0000", dt.date(2024, 3, 1)),
    ],
)
def test_days(text: str | None, value: Any, day: dt.date) -> None:
    assert day_reader(text, MADRID)(value) == day


@pytest.mark.parametrize(
    ("text", "value", "why"),
    [
        (None, "29.2.2024", "expected a day such as 2024-02-29; set date-format to what it is"),
        (None, "2024-02-30", "expected a day such as 2024-02-29; set date-format to what it is"),
        (None, "2024-02-29 10:00", "expected a day such as 2024-02-29; set date-format = iso"),
        (None, dt.datetime(2024, 2, 29), "set date-format = iso"),
        (None, 5, "expected a day such as"),
        ("iso", "yesterday", "expected a day or an instant of ISO 8601"),
        ("iso", 5, "expected a day or an instant of ISO 8601"),
        ("epoch", "x", r"expected seconds since 1970 \(epoch\)"),
        ("epoch", True, r"expected seconds since 1970"),
        ("epoch", "1e300", r"expected seconds since 1970"),
        ("epoch", "nan", r"expected seconds since 1970"),
        ("epoch-ms", None, r"expected milliseconds since 1970"),
        ("%d/%m/%Y", "2024-02-29", "expected a date like %d/%m/%Y"),
        ("%d/%m/%Y", 5, "expected a date like %d/%m/%Y"),
    ],
)
def test_what_is_no_day(text: str | None, value: Any, why: str) -> None:
    with pytest.raises(ValueFault, match=why):
        day_reader(text, MADRID)(value)


@pytest.mark.parametrize("text", ["%d/%m", "%H:%M", "day", "%q", "%Y-%m", "%"])
def test_formats_that_tell_no_day(text: str) -> None:
    with pytest.raises(ValueError, match="does not tell a day"):
        check_format(text)


def test_formats_that_say_more_than_the_day() -> None:
    assert [has_time(text) for text in (None, "%d/%m/%Y", "iso", "epoch", "%d/%m/%Y %H")] == [
        False,
        False,
        True,
        True,
        True,
    ]
