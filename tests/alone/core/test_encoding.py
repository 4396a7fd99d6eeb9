"""Canonical JSON: pinned for ever, written alike by both encoders, and refused by name where JSON has no text."""

from __future__ import annotations

import datetime as dt
import json
import re
import sys
from collections import OrderedDict, UserDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, IntEnum, IntFlag, StrEnum
from types import MappingProxyType
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from monolith_core import encoding
from monolith_core.encoding import canonical
from monolith_core.errors import RecordError
from monolith_core.exact import exact

MADRID = ZoneInfo("Europe/Madrid")
INF, NAN = float("inf"), float("nan")

both = pytest.mark.parametrize("write", [canonical, exact])


class Level(IntEnum):
    LOW = 1


class Color(Enum):
    RED = "r"
    NOTHING = None
    PAIR = (1, "x")
    NESTED = Level.LOW
    NAN = NAN


class Kind(StrEnum):
    VISIT = "visit"


class Rights(IntFlag):
    READ = 1
    WRITE = 2


class Text(str):
    def __str__(self) -> str:
        return "not this"


class Number(int):
    def __repr__(self) -> str:
        return "not this"


class Ratio(float):
    pass


@dataclass(frozen=True)
class Place:
    name: str
    height: float | None


class Point(msgspec.Struct):
    y: int
    x: int


class Pairs(Mapping[str, Any]):
    """A mapping that may have a name twice, as no dict can."""

    def __init__(self, *pairs: tuple[str, Any]) -> None:
        self._pairs = pairs

    def __getitem__(self, key: str) -> Any:
        return dict(self._pairs)[key]

    def __iter__(self) -> Iterator[str]:
        return (key for key, _ in self._pairs)

    def __len__(self) -> int:
        return len(self._pairs)


def offset(**units: int) -> dt.timezone:
    return dt.timezone(dt.timedelta(**units))


VECTORS: dict[str, tuple[Mapping[str, Any], bytes]] = {
    "nothing": ({}, b"{}"),
    "constants": ({"a": None, "b": True, "c": False}, b'{"a":null,"b":true,"c":false}'),
    "lists": ({"a": [], "b": [[], [1, [2]]], "c": (3, "x")}, b'{"a":[],"b":[[],[1,[2]]],"c":[3,"x"]}'),
    "mappings": (
        {"a": {}, "b": {"d": 1, "c": OrderedDict(z=1, y=2)}, "e": MappingProxyType({"f": UserDict(g=1)})},
        b'{"a":{},"b":{"c":{"y":2,"z":1},"d":1},"e":{"f":{"g":1}}}',
    ),
    "integers": (
        {"a": 0, "b": -1, "c": 2**53 + 1, "d": 2**64, "e": -(2**64) - 1, "f": 10**40, "g": 2**63, "h": -(2**63)},
        b'{"a":0,"b":-1,"c":9007199254740993,"d":18446744073709551616,"e":-18446744073709551617,'
        b'"f":10000000000000000000000000000000000000000,"g":9223372036854775808,"h":-9223372036854775808}',
    ),
    "floats": (
        {"a": [0.0, -0.0, 1.0, -1.5, 0.1, 1 / 3, 100.0], "b": [1e15, 1e16, 1e17, 123456789012345680.0, 1e22, 1e23]},
        b'{"a":[0.0,-0.0,1.0,-1.5,0.1,0.3333333333333333,100.0],'
        b'"b":[1000000000000000.0,1e16,1e17,1.2345678901234568e17,1e22,1e23]}',
    ),
    "small and extreme floats": (
        {"a": [1e-3, 1e-4, 1e-5, -1.25e-5, 1e-6, 1.5e-7], "b": [5e-324, 2.2250738585072014e-308, sys.float_info.max]},
        b'{"a":[0.001,0.0001,0.00001,-0.0000125,1e-6,1.5e-7],'
        b'"b":[5e-324,2.2250738585072014e-308,1.7976931348623157e308]}',
    ),
    "decimals keep all their digits": (
        {"a": [Decimal("1.10"), Decimal("-0"), Decimal("0.00"), Decimal("1E+3"), Decimal("1E-7"), Decimal("12E-8")]},
        b'{"a":[1.10,-0,0.00,1E+3,1E-7,1.2E-7]}',
    ),
    "long decimals": (
        {"a": Decimal("12345678901234567890.123456789012345678901234567890"), "b": Decimal(10) ** 20},
        b'{"a":12345678901234567890.123456789012345678901234567890,"b":100000000000000000000}',
    ),
    "dates": (
        {"a": dt.date(2024, 2, 29), "b": dt.date.min, "c": dt.date.max},
        b'{"a":"2024-02-29","b":"0001-01-01","c":"9999-12-31"}',
    ),
    "datetimes without a zone": (
        {"a": dt.datetime(2024, 2, 29, 1, 2, 3), "b": dt.datetime(2024, 2, 29, microsecond=40), "c": dt.datetime.min},
        b'{"a":"2024-02-29T01:02:03","b":"2024-02-29T00:00:00.000040","c":"0001-01-01T00:00:00"}',
    ),
    "datetimes with a zone": (
        {
            "a": dt.datetime(2024, 2, 29, 1, 2, 3, 500_000, dt.UTC),
            "b": dt.datetime(2024, 7, 1, 12, tzinfo=MADRID),
            "c": dt.datetime(2024, 10, 27, 2, 30, tzinfo=MADRID),
            "d": dt.datetime(2024, 10, 27, 2, 30, tzinfo=MADRID, fold=1),
            "e": dt.datetime(2024, 1, 1, tzinfo=offset(hours=-3, minutes=-30)),
            "f": dt.datetime(1890, 1, 1, tzinfo=MADRID),  # local mean time, 14 minutes and 44 seconds behind
        },
        b'{"a":"2024-02-29T01:02:03.500000Z","b":"2024-07-01T12:00:00+02:00","c":"2024-10-27T02:30:00+02:00",'
        b'"d":"2024-10-27T02:30:00+01:00","e":"2024-01-01T00:00:00-03:30","f":"1890-01-01T00:00:00-00:15"}',
    ),
    "offsets are rounded to minutes, half ones towards UTC": (
        {"a": [dt.datetime(1890, 1, 1, tzinfo=offset(seconds=n)) for n in (30, -30, 31, -31, 90, 91)]},
        b'{"a":["1890-01-01T00:00:00Z","1890-01-01T00:00:00Z","1890-01-01T00:00:00+00:01","1890-01-01T00:00:00-00:01",'
        b'"1890-01-01T00:00:00+00:01","1890-01-01T00:00:00+00:02"]}',
    ),
    "times": (
        {"a": dt.time(1, 2), "b": dt.time(23, 59, 59, 999_999, dt.UTC), "c": dt.time(1, tzinfo=offset(hours=5))},
        b'{"a":"01:02:00","b":"23:59:59.999999Z","c":"01:00:00+05:00"}',
    ),
    "durations": (
        {"a": [dt.timedelta(0), dt.timedelta(1, 3, 500_000), dt.timedelta(days=-1, seconds=1), dt.timedelta(400)]},
        b'{"a":["P0D","P1DT3.5S","-PT86399S","P400D"]}',
    ),
    "bytes": (
        {"a": b"", "b": b"\x00\xff", "c": bytearray(b"abc"), "d": memoryview(b"abcd")[::2]},
        b'{"a":"","b":"AP8=","c":"YWJj","d":"YWM="}',
    ),
    "UUIDs": (
        {"a": UUID("12345678-1234-5678-1234-567812345678"), "b": UUID(int=0)},
        b'{"a":"12345678-1234-5678-1234-567812345678","b":"00000000-0000-0000-0000-000000000000"}',
    ),
    "enums are their values": (
        {"a": [Color.RED, Color.NOTHING, Color.PAIR, Color.NESTED, Level.LOW, Kind.VISIT, Rights.READ | Rights.WRITE]},
        b'{"a":["r",null,[1,"x"],1,1,"visit",3]}',
    ),
    "sets are sorted": (
        {
            "a": {10, 9, -1},
            "b": frozenset({"b", "a", "\uffff", "\U00010000"}),
            "c": {b"\xff", b"\x00"},
            "d": set(),
            "e": {2.5, 1, Decimal("1.5")},
            "f": {(2, "a"), (1, "b")},
            "g": {dt.date(2024, 1, 2), dt.date(2024, 1, 1)},
        },
        '{"a":[-1,9,10],"b":["a","b","\uffff","\U00010000"],"c":["AA==","/w=="],"d":[],"e":[1,1.5,2.5],'
        '"f":[[1,"b"],[2,"a"]],"g":["2024-01-01","2024-01-02"]}'.encode(),
    ),
    "sets without an order are sorted by their JSON": (
        {"a": {"b", 1, None, 2.5, (3,)}, "b": {frozenset({2}), frozenset({1}), frozenset()}, "c": {Color.RED, "a"}},
        b'{"a":["b",1,2.5,[3],null],"b":[[1],[2],[]],"c":["a","r"]}',
    ),
    "sets of sets": ({"a": {frozenset({n}) for n in (7, 3, 5, 1)}}, b'{"a":[[1],[3],[5],[7]]}'),
    "sets of sets in tuples": ({"a": {(frozenset({n}), 0) for n in (7, 3, 1)}}, b'{"a":[[[1],0],[[3],0],[[7],0]]}'),
    "control characters": (
        {"a": "\x00\x01\b\t\n\f\r\x1f\x7f\x80", "b\x00\n": 1},
        b'{"a":"\\u0000\\u0001\\b\\t\\n\\f\\r\\u001f\x7f\xc2\x80","b\\u0000\\n":1}',
    ),
    "quotes": ({'"\\/': "\"\\/'</script>"}, b'{"\\"\\\\/":"\\"\\\\/\'</script>"}'),
    "text is UTF-8": (
        {"a": "é ü ñ", "b": "日本", "c": "😀\U0010ffff", "d": "\u2028\u2029\ufeff\ufffe"},
        b'{"a":"\xc3\xa9 \xc3\xbc \xc3\xb1","b":"\xe6\x97\xa5\xe6\x9c\xac","c":"\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf",'
        b'"d":"\xe2\x80\xa8\xe2\x80\xa9\xef\xbb\xbf\xef\xbf\xbe"}',
    ),
    "text is left as it is": ({"a": "e\u0301", "b": "\u00e9"}, b'{"a":"e\xcc\x81","b":"\xc3\xa9"}'),
    "keys are sorted by code point": (
        {"\U00010000": 1, "\uffff": 2, "é": 3, "z": 4, "Z": 5, "": 6, "aa": 7, "a": 8, "10": 9, "9": 10},
        '{"":6,"10":9,"9":10,"Z":5,"a":8,"aa":7,"z":4,"é":3,"\uffff":2,"\U00010000":1}'.encode(),
    ),
    "values of derived types are what they are derived from": (
        {Text("k"): Text("v"), "n": [Number(5), Ratio(1.5)], Kind.VISIT: 1},
        b'{"k":"v","n":[5,1.5],"visit":1}',
    ),
    "objects are their fields": (
        {"a": Place("x", None), "b": [Point(1, 2), Place("y", 0.5)]},
        b'{"a":{"height":null,"name":"x"},"b":[{"x":2,"y":1},{"height":0.5,"name":"y"}]}',
    ),
}
"""What is in archives, or hashed into the ids that are: it must never change."""


@both
@pytest.mark.parametrize("name", VECTORS)
def test_canonical_json_is_pinned(name: str, write: Any) -> None:
    data, expected = VECTORS[name]
    assert write(data) == expected


@pytest.mark.parametrize("name", VECTORS)
def test_every_vector_is_json(name: str) -> None:
    json.loads(VECTORS[name][1])
    msgspec.json.decode(VECTORS[name][1])


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
offsets = st.timedeltas(dt.timedelta(hours=-18), dt.timedelta(hours=18)).map(dt.timezone)
any_zone = st.one_of(st.none(), st.just(dt.UTC), st.timezones(), offsets)
floats = st.floats(allow_nan=False, allow_infinity=False)
decimals = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False),
    st.builds(Decimal, st.tuples(st.integers(0, 1), st.lists(st.integers(0, 9), max_size=40), st.integers(-60, 60))),
)
integers = st.one_of(st.integers(), st.integers(-(10**700), 10**700))
buffers = st.binary(max_size=20).flatmap(lambda some: st.sampled_from([some, bytearray(some), memoryview(some)]))

hashable = [
    texts,
    integers,
    floats,
    decimals,
    st.dates(),
    st.datetimes(),
    st.datetimes(timezones=any_zone.filter(lambda zone: zone is not None)),
    st.times(),
    st.timedeltas(),
    st.uuids(),
    st.binary(max_size=20),
    st.sampled_from(Level),
    st.tuples(st.integers(), texts),
]
scalars = st.one_of(
    *hashable,
    st.none(),
    st.booleans(),
    st.datetimes(timezones=any_zone),
    st.times(timezones=any_zone),
    buffers,
    st.sampled_from([Color.RED, Color.NOTHING, Color.PAIR, Kind.VISIT, Rights.READ, Text("x"), Number(2), Ratio(0.5)]),
)
sets = st.one_of([st.sets(each, max_size=6) for each in hashable])
mixed_sets = st.frozensets(st.one_of(*hashable, st.none(), st.frozensets(st.integers(0, 5), max_size=3)), max_size=6)
values = st.recursive(
    st.one_of(scalars, sets, mixed_sets),
    lambda inner: st.one_of(
        st.lists(inner, max_size=5), st.lists(inner, max_size=3).map(tuple), st.dictionaries(texts, inner, max_size=5)
    ),
    max_leaves=15,
)
records = st.dictionaries(texts, values, max_size=6)

plain = st.one_of(st.none(), st.booleans(), integers, texts)
plain_records = st.dictionaries(
    texts,
    st.recursive(
        plain, lambda inner: st.one_of(st.lists(inner, max_size=5), st.dictionaries(texts, inner, max_size=5))
    ),
    max_size=6,
)


@given(records)
def test_both_encoders_write_the_same(data: dict[str, Any]) -> None:
    assert canonical(data) == exact(data)


@given(st.dictionaries(texts, st.one_of(values, st.floats(), st.decimals(), st.sets(st.floats(), max_size=4))))
def test_both_encoders_write_the_same_null(data: dict[str, Any]) -> None:
    assert canonical(data, "null") == exact(data, "null")


@given(plain_records)
def test_it_is_what_the_standard_library_writes(data: dict[str, Any]) -> None:
    expected = json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert canonical(data) == exact(data) == expected.encode()


@given(records)
def test_keys_are_sorted_and_there_once_at_every_depth(data: dict[str, Any]) -> None:
    def check(pairs: list[tuple[str, Any]]) -> None:
        keys = [key for key, _ in pairs]
        assert keys == sorted(set(keys))

    json.loads(canonical(data), object_pairs_hook=check)


@given(st.dictionaries(texts, st.one_of(plain, floats, st.lists(floats))))
def test_json_keeps_values(data: dict[str, Any]) -> None:
    assert repr(json.loads(canonical(data))) == repr(dict(sorted(data.items())))


@given(st.lists(decimals))
def test_json_keeps_decimals(some: list[Decimal]) -> None:
    found = json.loads(canonical({"a": some}), parse_float=Decimal, parse_int=Decimal)["a"]
    assert [each.as_tuple() for each in found] == [each.as_tuple() for each in some]


@given(records.flatmap(lambda data: st.tuples(st.just(data), st.permutations(list(data.items())))))
def test_the_order_of_insertion_does_not_matter(pair: tuple[dict[str, Any], list[tuple[str, Any]]]) -> None:
    data, shuffled = pair
    assert canonical(data) == canonical(dict(shuffled)) == canonical(MappingProxyType(data))


@given(floats)
@example(1e16)
@example(9999999999999998.0)
@example(1e-5)
@example(9.999999999999999e-06)
def test_floats_are_written_shortest(value: float) -> None:
    text = exact({"a": value})[len(b'{"a":') : -1]
    assert text == msgspec.json.encode(value)
    assert repr(float(text)) == repr(value)
    digits = re.sub(rb"e.*|[-.]", b"", text).strip(b"0")
    assert len(digits) <= len(re.sub(r"e.*|[-.]", "", repr(value)).strip("0"))


@given(st.floats(-1e6, 1e6), st.integers(0, 12))
def test_floats_of_few_digits_are_written_so(value: float, digits: int) -> None:
    rounded = round(value, digits)
    assert exact({"a": rounded}) == canonical({"a": rounded})
    assert float(json.loads(exact({"a": rounded}))["a"]) == rounded


@both
@pytest.mark.parametrize(("text", "size"), [("x", 10 * 2**20), ("é", 5 * 2**20), ('"', 5 * 2**20), ("\x00", 2 * 2**20)])
def test_long_texts(text: str, size: int, write: Any) -> None:
    expected = b'{"a":"' + json.dumps(text, ensure_ascii=False)[1:-1].encode() * size + b'"}'
    assert (write({"a": text * size}) == expected) is True


@both
@pytest.mark.parametrize("depth", [1_000, 5_000])
def test_deep_nesting(depth: int, write: Any) -> None:
    lists: Any = 1
    mapping: Any = {}
    for _ in range(depth):
        lists = [lists]
        mapping = {"a": mapping}
    assert (write({"a": lists}) == b'{"a":' + b"[" * depth + b"1" + b"]" * depth + b"}") is True
    assert (write({"a": mapping}) == b'{"a":' * (depth + 1) + b"{}" + b"}" * (depth + 1)) is True


@both
def test_huge_sets(write: Any) -> None:
    numbers = set(range(100_000))
    assert (write({"a": numbers}) == b'{"a":[%s]}' % b",".join(b"%d" % n for n in range(100_000))) is True
    mixed: set[Any] = {*range(20_000), *map(str, range(20_000))}
    found = json.loads(write({"a": mixed}))["a"]
    assert len(found) == 40_000
    assert found == sorted(map(str, range(20_000)), key=lambda text: f'"{text}"') + sorted(range(20_000), key=str)


@both
def test_integers_of_many_digits(write: Any) -> None:
    longest = 10**4300 - 1
    assert write({"a": longest, "b": -longest}) == b'{"a":%s,"b":-%s}' % (b"9" * 4300, b"9" * 4300)
    for value in (10**4300, -(10**4300), 1 << 10_000_000):
        refused(
            write,
            {"a": [value]},
            "data.a[0]",
            "int cannot be written: it has more than 4,300 digits, which readers of JSON refuse; send it as text",
        )


def test_the_processs_limit_of_digits_changes_nothing() -> None:
    value = 10**1000
    expected = b'{"a":1' + b"0" * 1000 + b"}"
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(640)
    try:
        assert canonical({"a": value}) == exact({"a": value}) == expected
    finally:
        sys.set_int_max_str_digits(limit)


def refused(write: Any, data: Any, field: str, message: str) -> None:
    with pytest.raises(RecordError) as caught:
        write(data)
    assert caught.value.field == field
    assert str(caught.value) == f"{field}: {message}"


NO_NUMBERS: list[tuple[dict[str, Any], str, str]] = [
    ({"a": NAN}, "data.a", "nan"),
    ({"a": INF}, "data.a", "inf"),
    ({"a": -INF}, "data.a", "-inf"),
    ({"a": Decimal("NaN")}, "data.a", "NaN"),
    ({"a": Decimal("sNaN")}, "data.a", "sNaN"),
    ({"a": Decimal("Infinity")}, "data.a", "Infinity"),
    ({"a": Decimal("-Infinity")}, "data.a", "-Infinity"),
    ({"a": None, "b": NAN}, "data.b", "nan"),
    ({"a": "null", "b": 1.5, "c": INF}, "data.c", "inf"),
    ({"a": {"b": [1, {"c": (2, NAN)}]}}, "data.a.b[1].c[1]", "nan"),
    ({"a": {"b c": {"": NAN}}}, "data.a['b c']['']", "nan"),
    ({"a": {"é": [[NAN]]}}, "data.a.é[0][0]", "nan"),
    ({"a": {1.5, NAN}}, "data.a[]", "nan"),
    ({"a": Ratio("nan")}, "data.a", "nan"),
    ({"a": Color.NAN}, "data.a", "nan"),
    ({"a": Place("x", NAN)}, "data.a.height", "nan"),
    ({"a": MappingProxyType({"b": NAN})}, "data.a.b", "nan"),
]


@both
@pytest.mark.parametrize(("data", "field", "shown"), NO_NUMBERS)
def test_what_is_no_number_is_refused_by_its_field(data: Any, field: str, shown: str, write: Any) -> None:
    refused(
        write,
        data,
        field,
        f"got {shown}, expected a finite number, as JSON has no other; leave it out, send None, or set nan = null "
        f"where the source has that option",
    )


@both
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"a": NAN, "b": [INF, -INF, 1.5], "c": None}, b'{"a":null,"b":[null,null,1.5],"c":null}'),
        ({"a": Decimal("NaN"), "b": Decimal("-Infinity"), "c": "NaN"}, b'{"a":null,"b":null,"c":"NaN"}'),
        ({"a": {"b": Decimal("sNaN")}, "c": Color.NAN}, b'{"a":{"b":null},"c":null}'),
        ({"a": {NAN, 2.0, 1.0}, "b": Place("x", NAN)}, b'{"a":[1.0,2.0,null],"b":{"height":null,"name":"x"}}'),
    ],
)
def test_what_is_no_number_becomes_null_on_request(data: Any, expected: bytes, write: Any) -> None:
    assert write(data, "null") == expected
    assert write(data, nan="null") == expected


SURROGATE = "which is no character and which UTF-8 cannot write; decode it at the source with errors='replace'"


@both
@pytest.mark.parametrize(
    ("data", "field", "message"),
    [
        ({"a": "x\ud800y"}, "data.a", rf"the text has a lone surrogate (\ud800), {SURROGATE}"),
        ({"a": ["ok", Text("\udfff")]}, "data.a[1]", rf"the text has a lone surrogate (\udfff), {SURROGATE}"),
        ({"a": "\ud83d\ude00"}, "data.a", rf"the text has a lone surrogate (\ud83d), {SURROGATE}"),
        ({"\udc80": 1}, "data", rf"the key '\udc80' has a lone surrogate (\udc80), {SURROGATE}"),
        ({"a": {"k\udc80": 1}}, "data.a", rf"the key 'k\udc80' has a lone surrogate (\udc80), {SURROGATE}"),
        ({"a": {"x", "\udc80"}}, "data.a[1]", rf"the text has a lone surrogate (\udc80), {SURROGATE}"),
    ],
)
def test_lone_surrogates_are_refused(data: Any, field: str, message: str, write: Any) -> None:
    refused(write, data, field, message)


@both
@pytest.mark.parametrize(
    ("key", "shown"),
    [
        (1, "1 is int"),
        (None, "None is NoneType"),
        (True, "True is bool"),
        (1.5, "1.5 is float"),
        (b"x", "b'x' is bytes"),
        (("a", 1), "('a', 1) is tuple"),
        (dt.date(2024, 1, 1), "datetime.date(2024, 1, 1) is datetime.date"),
        (UUID(int=1), "UUID('00000000-0000-0000-0000-0000000... is uuid.UUID"),
        (Level.LOW, f"<Level.LOW: 1> is {__name__}.Level"),
    ],
)
def test_keys_are_text(key: Any, shown: str, write: Any) -> None:
    message = f"the key {shown}, expected text; convert it with str()"
    refused(write, {key: 1}, "data", message)
    refused(write, {"a": [{"b": 1, key: 1}]}, "data.a[0]", message)


@both
def test_a_mapping_may_not_have_a_name_twice(write: Any) -> None:
    """A dict cannot; a mapping of another kind can, and which value counts would be a guess."""
    twice = Pairs(("a", 1), ("b", 2), ("a", 3))
    message = "the key 'a' is there twice; send each name once"
    refused(write, twice, "data.a", message)
    refused(write, {"x": [twice]}, "data.x[0].a", message)
    assert write(Pairs(("b", 1), ("a", 2))) == b'{"a":2,"b":1}'


SUPPORTED = (
    "expected None, bool, int, float, Decimal, str, bytes, date, datetime, time, timedelta, UUID, an enum, a list, a "
    "tuple, a set or a mapping; convert it at the source"
)


@both
@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (object(), "object"),
        (1j, "complex"),
        (range(3), "range"),
        ((n for n in ()), "generator"),
        ({}.keys(), "dict_keys"),
        (int, "type"),
        (ZoneInfo("UTC"), "zoneinfo.ZoneInfo"),
        (json, "module"),
    ],
)
def test_values_of_other_types_are_refused(value: object, kind: str, write: Any) -> None:
    refused(write, {"a": {"b": [1, value]}}, "data.a.b[1]", f"got {kind}, {SUPPORTED}")


@both
@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (None, "NoneType"),
        ([1], "list"),
        ([("a", 1)], "list"),
        ("{}", "str"),
        (b"{}", "bytes"),
        (1, "int"),
        (Place("x", 1.0), f"{__name__}.Place"),
    ],
)
def test_data_are_a_mapping(data: Any, kind: str, write: Any) -> None:
    refused(write, data, "data", f"expected a mapping of names to values, got {kind}")


@both
def test_data_do_not_contain_themselves(write: Any) -> None:
    message = "contains itself, so it has no end; send a copy without the cycle"
    data: dict[str, Any] = {}
    data["a"] = [1, data]
    refused(write, data, "data.a[1]", message)
    endless: list[Any] = []
    endless.append(endless)
    refused(write, {"a": endless}, "data.a[0]", message)
    shared = [1]
    assert write({"a": shared, "b": [shared, shared]}) == b'{"a":[1],"b":[[1],[1]]}'


@both
def test_the_path_of_a_deep_fault_stays_short(write: Any) -> None:
    deep: Any = NAN
    for _ in range(5_000):
        deep = {"a": deep}
    with pytest.raises(RecordError) as caught:
        write({"first": deep})
    assert re.fullmatch(r"data\.first(\.a)+\.\.\.(\.a|a)+", caught.value.field)
    assert len(caught.value.field) == 200


@both
def test_a_name_with_odd_characters_cannot_break_the_message(write: Any) -> None:
    with pytest.raises(RecordError) as caught:
        write({"a\nb" + "x" * 100: {"\u202e": NAN}})
    assert caught.value.field == r"data['a\nb" + "x" * 32 + r"...]['\u202e']"


def test_one_record_refused_leaves_nothing_behind() -> None:
    for _ in range(2):
        refused(canonical, {"b": object()}, "data.b", f"got object, {SUPPORTED}")
        assert canonical({"b": 1}) == b'{"b":1}'


ORDINARY: list[dict[str, Any]] = [
    {"a": 1, "b": "x", "c": 1.5, "d": dt.datetime(2024, 1, 1), "e": b"x", "f": Decimal("1.5")},
    {"a": None, "b": 1.5, "c": "x", "d": True, "e": dt.date(2024, 1, 1), "f": UUID(int=1), "g": dt.time(1)},
    {"a": None, "b": Decimal("1.5"), "c": dt.timedelta(1)},
    {"a": {"b": None, "c": [1.5, None, {"d": None}]}, "e": (None, 2.5)},
    {"a": "null", "b": "NaN", "c": "Infinity", "d": 1.5},
    {"a": [[1.5, 2.5], [3.5, 4.5]], "b": [[]], "c": "[["},
    {"Infinity": 1, "NaN": 2, "null": 3, "[[": 4},
    {"a": {3, 1, 2}, "b": Kind.VISIT},
]


@pytest.mark.parametrize("data", ORDINARY)
def test_ordinary_rows_never_go_the_slow_way(data: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    expected = exact(data)
    monkeypatch.setattr(encoding, "exact", lambda *_: pytest.fail("the slow encoder was asked"))
    assert canonical(data) == expected
    assert canonical(MappingProxyType(data)) == expected
    assert canonical(data, "null") == expected


def test_floats_that_become_null_do_not_go_the_slow_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "exact", lambda *_: pytest.fail("the slow encoder was asked"))
    assert canonical({"a": NAN, "b": [INF]}, "null") == b'{"a":null,"b":[null]}'


def test_an_encoder_that_writes_anything_else_is_not_trusted() -> None:
    unsorted = msgspec.json.Encoder(decimal_format="number").encode
    quoted = msgspec.json.Encoder(order="sorted").encode
    assert encoding._trusted(unsorted) is exact
    assert encoding._trusted(quoted) is exact
    assert encoding._encode is not exact
