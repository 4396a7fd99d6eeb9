"""Content ids: pinned for ever, one function computed in two ways, and different for whatever differs."""

from __future__ import annotations

import datetime as dt
import json
from enum import StrEnum
from hashlib import blake2b

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from monolith_core.errors import RecordError
from monolith_core.record import ArchivedRecord, Record, content_id, hasher, id_header

DAY = dt.date(2024, 2, 29)

VECTORS = {
    ("flights", DAY, "flight", b'{"a":1}', 0): "5430825df8d07f9b853d27f45e406fc5",
    ("flights", DAY, "flight", b'{"a":1}', 1): "8472851724d16b6ef96ba09131ce0922",
    ("flights", DAY, "flight", b'{"a":1}', 2): "d4722029e07260ce90705ab1b4f9595e",
    ("flights", DAY, "flight", b"{}", 0): "af751de937960f651aa7c3683daea872",
    ("flights", dt.date(1, 1, 1), "flight", b"{}", 0): "2d1b2687b9403a2dfa86431d90bd28e5",
    ("web", DAY, 'a "quoted" \\ one', '{"é":"😀"}'.encode(), 0): "cf6fb7af8b52f12825ad776e069fba66",
    ("web", DAY, "two\nlines\x00\x1f\x7f", b"{}", 0): "bb077b943949534b497a4411a95d116f",
    ("web", DAY, "visités 😀\u2028", b"{}", 10**6): "3e25b8e28dd2755575104cf6c977f7c3",
}
"""Ids that are in archives: they must never change. Their JSON was written, and hashed, without monolith."""

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
parts = st.tuples(texts, st.dates(), texts, st.binary(max_size=20), st.integers(0, 2**40))


def independent(source: str, date: dt.date, category: str, data: bytes, n: int) -> bytes:
    """The id by the standard library only, as the documentation of `id_header` and `content_id` has it."""
    header = json.dumps([source, str(date), category, n], ensure_ascii=False, separators=(",", ":"))
    return blake2b(header.encode() + b"\n" + data, digest_size=16).digest()


@pytest.mark.parametrize(("record", "expected"), VECTORS.items())
def test_ids_are_pinned(record: tuple[str, dt.date, str, bytes, int], expected: str) -> None:
    assert content_id(*record).hex() == expected
    assert independent(*record).hex() == expected


@given(parts)
def test_ids_are_those_of_the_standard_library(record: tuple[str, dt.date, str, bytes, int]) -> None:
    assert content_id(*record) == independent(*record)


@given(parts, st.lists(st.binary(max_size=20), max_size=3))
def test_a_hasher_gives_the_same_ids(record: tuple[str, dt.date, str, bytes, int], others: list[bytes]) -> None:
    source, date, category, data, n = record
    identify = hasher(source, date, category, n)
    assert [identify(each) for each in [data, *others]] == [
        content_id(source, date, category, each, n) for each in [data, *others]
    ]


@given(parts, parts, st.sets(st.integers(0, 4), min_size=1))
def test_whatever_differs_gives_another_id(
    one: tuple[object, ...], other: tuple[object, ...], changed: set[int]
) -> None:
    mixed = tuple(other[place] if place in changed else value for place, value in enumerate(one))
    assume(mixed != one)
    assert content_id(*mixed) != content_id(*one)  # type: ignore[arg-type]


def test_the_first_of_equal_records_is_number_0() -> None:
    assert content_id("s", DAY, "x", b"{}") == content_id("s", DAY, "x", b"{}", 0)
    assert hasher("s", DAY, "x")(b"{}") == content_id("s", DAY, "x", b"{}", 0)


def test_the_header_is_one_line_of_json() -> None:
    header = id_header("s", DAY, 'x",0]\n["é', 7)
    assert header == '["s","2024-02-29","x\\",0]\\n[\\"é",7]\n'.encode()
    assert header.count(b"\n") == 1
    assert json.loads(header) == ["s", "2024-02-29", 'x",0]\n["é', 7]


@given(parts)
def test_the_header_ends_where_the_data_begin(record: tuple[str, dt.date, str, bytes, int]) -> None:
    source, date, category, data, n = record
    header, _, rest = (id_header(source, date, category, n) + data).partition(b"\n")
    assert json.loads(header) == [source, str(date), category, n]
    assert rest == data


def test_text_of_a_derived_type_is_the_text_it_is() -> None:
    class Kind(StrEnum):
        VISIT = "visit"

    class Shouting(str):
        def __str__(self) -> str:
            return self.upper()

    plain = content_id("s", DAY, "visit", b"{}")
    assert content_id("s", DAY, Kind.VISIT, b"{}") == plain
    assert content_id(Shouting("s"), DAY, Shouting("visit"), b"{}") == plain


@pytest.mark.parametrize(("source", "category", "field"), [("s", "x\ud800", "category"), ("\udfff", "x", "source")])
def test_a_lone_surrogate_is_refused_by_name(source: str, category: str, field: str) -> None:
    with pytest.raises(RecordError) as caught:
        content_id(source, DAY, category, b"{}")
    assert caught.value.field == field
    assert str(caught.value) == (
        f"{field}: the text has a lone surrogate, which UTF-8 cannot write; mend what decodes it"
    )


def test_records_are_facts() -> None:
    record = Record(DAY, "visit", {"a": 1})
    assert record == Record(date=DAY, category="visit", data={"a": 1}, source=None)
    with pytest.raises(AttributeError):
        record.category = "other"  # type: ignore[misc]
    archived = ArchivedRecord(DAY, "s", bytes(16), "visit", b"{}")
    with pytest.raises(AttributeError):
        archived.id = b""  # type: ignore[misc]
