"""Imprints: an answer is recognised only if it is encoded as before, and what is recognised is the same to a target."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from monolith_core import stage as stages
from monolith_core.errors import RecordError
from monolith_core.imprint import Came, RowHash, pack, unpack
from monolith_core.partition import Digest, Partition, Window
from monolith_core.record import Record
from monolith_core.rows import Columns, Rows, Transposed, kinds_of
from monolith_core.stage import Stage, StagedPartition

DAY = dt.date(2024, 2, 29)
NEXT = dt.date(2024, 3, 1)
WINDOW = Window("src", DAY, NEXT)
P = Partition("src", DAY)
AB = Columns(["a", "b"])


class Text(str):
    __slots__ = ()


zones = st.sampled_from([None, dt.UTC, dt.timezone(dt.timedelta(hours=1))])
values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.sampled_from([0.0, 1.0, Decimal(1), Decimal("1.0"), "1", "1.0", b"1", "MQ==", Text("1"), [1], [b"1"]]),
    st.text(st.characters(), max_size=3),
    st.binary(max_size=3),
    st.dates().flatmap(lambda day: st.sampled_from([day, day.isoformat()])),
    st.datetimes(timezones=zones).flatmap(lambda instant: st.sampled_from([instant, instant.isoformat()])),
    st.times(timezones=zones),
    st.timedeltas(),
    st.uuids().flatmap(lambda found: st.sampled_from([found, str(found)])),
)
rows = st.lists(st.tuples(values, values), min_size=1, max_size=4)


def encoded(found: list[Any]) -> Any:
    try:
        return AB.canonical(found)
    except RecordError as error:
        return str(error)


@given(rows)
@example([(dt.datetime(2024, 1, 1, 0, 0, 0, 100000), uuid.UUID(int=5))])
@example([(float("nan"), 1)])
def test_what_is_unpacked_is_encoded_as_what_was_packed(found: list[Any]):
    packed = pack(found, kinds_of(found))
    if packed is not None:
        assert encoded(unpack(packed)) == encoded(found)


@given(st.lists(values, min_size=2, max_size=6))
@example([Decimal(1), "1"])
@example(
    [dt.datetime(2024, 1, 1, 1, tzinfo=dt.UTC), dt.datetime(2024, 1, 1, 2, tzinfo=dt.timezone(dt.timedelta(hours=1)))]
)
def test_what_is_packed_alike_is_encoded_alike(found: list[Any]):
    made = [([(value, None)], pack([(value, None)], {type(value), type(None)})) for value in found]
    made.sort(key=lambda each: each[1] or b"")
    for (one, packed), (other, again) in pairwise(made):
        if packed is not None and packed == again:
            assert encoded(one) == encoded(other)


@pytest.mark.parametrize("value", [Decimal(1), 2**64, "\ud800", Text("a"), [1], {"a": 1}, dt.timedelta(1), object()])
def test_what_is_not_packed(value: Any):
    assert pack([(1, value)], {int, type(value)}) is None


@given(
    st.lists(st.tuples(st.integers(), st.text(max_size=2)).filter(lambda row: abs(row[0]) < 2**63), max_size=40),
    st.data(),
)
def test_the_lists_that_rows_come_in_do_not_matter(found: list[Any], data: st.DataObject):
    at = data.draw(st.integers(0, len(found)))
    assert hash_of([found]) == hash_of([found[:at], found[at:]])


@pytest.mark.parametrize("count", [15, 16, 2**16 - 1, 2**16])
def test_lists_of_any_length(count: int):
    found = [(1, "a")] * count
    assert hash_of([found]) == hash_of([found[:7], found[7:]]) != hash_of([found[1:]])


def hash_of(lists: list[list[Any]]) -> tuple[int, bytes]:
    hashed = RowHash()
    for each in filter(None, lists):
        packed = pack(each, kinds_of(each))
        assert packed is not None
        hashed.add(("a", "b"), packed, len(each))
    return hashed.count, hashed.digest()


def test_names_and_values_are_told_apart():
    one, other = RowHash(), RowHash()
    for hashed, order in ((one, 1), (other, -1)):
        for names, row in [(("a", "b"), ("c", "d")), (("c", "d"), ("a", "b"))][::order]:
            hashed.add(names, pack([row], {str}) or b"", 1)
    assert one.digest() != other.digest()


# --- the stage


def asked(
    answer: list[Any], came: Came | None = None, **options: Any
) -> tuple[Stage, dict[Partition, StagedPartition]]:
    with Stage("src", WINDOW, came=came or {}, **options) as stage:
        stage.fill(answer)
        stage.recognise()
        found = stage.finish()
        for each in found.values():
            assert (each.digest, each.ids, list(each)) == plainly(answer, each.partition)
        return stage, found


def plainly(answer: list[Any], partition: Partition) -> Any:
    """The same of single records, none of which is recognised."""
    with Stage("src", WINDOW) as stage:
        for each in answer:
            stage.fill(each.records() if isinstance(each, Rows) else [each])
        found = stage.finish()[partition]
        return found.digest, found.ids, list(found)


def day(
    *found: Any, date: dt.date = DAY, category: str = "x", columns: Columns = AB, source: str | None = None
) -> Rows:
    return Rows(date, category, columns, found, source)


ANSWER = [day((1, "x"), (1, "x")), day((2, None), category="y"), day((3, 1.5), date=NEXT)]


def known(answer: list[Any], **options: Any) -> dict[Partition, list[tuple[str, Digest]]]:
    """What a ledger would have of an answer."""
    _, found = asked(answer, **options)
    return {partition: [("another", Digest()), (each.imprint, each.digest)] for partition, each in found.items()}


def recognised(answer: list[Any], came: Came, **options: Any) -> set[dt.date]:
    """The days that are not encoded."""
    with Stage("src", WINDOW, came=came, **options) as stage:
        stage.fill(answer)
        stage.recognise()
        days = {each.date for each, collected in stage._partitions.items() if not collected.encoded}
    asked(answer, came, **options)
    return days


def test_the_same_answer_is_recognised():
    assert recognised(ANSWER, known(ANSWER)) == {DAY, NEXT}


def test_the_same_rows_in_other_lists_are_recognised():
    parted = [day((2, None), category="y"), day((1, "x")), day((3, 1.5), date=NEXT), day((1, "x"))]
    assert recognised(parted, known(ANSWER)) == {DAY, NEXT}


@pytest.mark.parametrize(
    "changed",
    [
        day((1, "x"), (1, "y")),
        day((1, "x")),
        day((1, "x"), (1, "x"), (1, "x")),
        day((1, "x"), (1, "x"), category="z"),
        day((1, "x"), (1, "x"), columns=Columns(["b", "a"])),
        day((True, "x"), (1, "x")),
        day((1.0, "x"), (1, "x")),
        Record(DAY, "x", {"a": 1, "b": "x"}),
        day((Decimal(1), "x"), (1, "x")),
    ],
)
def test_another_answer_is_not(changed: Any):
    assert recognised([changed, *ANSWER[1:]], known(ANSWER)) == {NEXT}


def test_one_record_among_the_rows_is_seen():
    assert recognised([*ANSWER, Record(DAY, "x", {})], known(ANSWER)) == {NEXT}
    _, found = asked([*ANSWER, Record(DAY, "x", {})])
    assert [bool(each.imprint) for each in found.values()] == [False, True]


def test_columns_are_not_taken_apart_to_be_recognised():
    columns = [Rows(DAY, "x", AB, Transposed([[1, 1], ["x", "x"]])), *ANSWER[1:]]
    assert recognised(columns, known(ANSWER)) == {NEXT}


def test_what_was_made_of_it_must_be_the_same():
    came = {partition: [(imprint, Digest(7, 7, 7))] for partition, [_, (imprint, _)] in known(ANSWER).items()}
    assert recognised(ANSWER, came) == set()
    assert recognised(ANSWER, known(ANSWER), nan="null") == set()


def test_rows_of_another_source_are_not_recognised_as_its_own():
    moved = [day((1, "x"), (1, "x"), source="other"), *ANSWER[1:]]
    assert recognised(moved, known(ANSWER)) == {NEXT}


def test_what_is_wrong_is_found_when_it_is_not_recognised():
    with Stage("src", WINDOW, came=known(ANSWER)) as stage:
        stage.fill([day((1, float("nan")))])
        with pytest.raises(RecordError, match=r"data\.b"):
            stage.recognise()


def test_a_large_answer_is_not_kept_until_it_is_recognised(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stages, "_PACKED_LIMIT", 20)
    large = [day(*[(number, "some text") for number in range(9)]) for _ in range(9)]
    came = known(large)
    assert recognised(large, came) == set()
    assert recognised(large, came, memory_limit=100) == set()
    assert known(large) == came


def test_what_was_taken_for_another_answer_is_never_written():
    (hashed,) = (each for [_, (each, _)] in list(known(ANSWER).values())[:1])
    with Stage("src", WINDOW, came={P: [(hashed, asked(ANSWER)[1][P].digest)]}) as stage:
        stage.fill(ANSWER[:2])
        stage.recognise()
        (found,) = stage.finish().values()
        found._recognised = Digest(1, 1, 1)
        with pytest.raises(RuntimeError, match="was taken for another answer; this is a bug in monolith"):
            _ = found.ids
