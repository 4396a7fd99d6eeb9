"""The stage: laws of ids and digests, what it refuses, and what it keeps in memory."""

from __future__ import annotations

import datetime as dt
import threading

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monolith_core.errors import RecordError
from monolith_core.numbering import sort
from monolith_core.partition import EMPTY, Digest, Partition, Window
from monolith_core.record import ArchivedRecord, Record, content_id
from monolith_core.stage import Stage

DAY = dt.date(2024, 2, 29)
WINDOW = Window("src", DAY, dt.date(2024, 3, 2))
P = Partition("src", DAY)

records = st.lists(
    st.builds(
        Record,
        date=st.sampled_from(list(WINDOW.days())),
        category=st.sampled_from(["x", "y"]),
        data=st.dictionaries(st.sampled_from("abc"), st.integers(0, 2), max_size=2),
    ),
    max_size=30,
)


def staged(answer, window=WINDOW, **options):
    """(ids, digest, sorted records) of each partition of an answer."""
    with Stage("src", window, **options) as stage:
        stage.fill(answer)
        return {partition: (found.ids, found.digest, sorted(found)) for partition, found in stage.finish().items()}


@given(records, st.randoms())
def test_any_order_of_the_same_records_is_the_same(answer, random):
    shuffled = list(answer)
    random.shuffle(shuffled)
    assert staged(answer) == staged(shuffled)


@given(records)
def test_splitting_the_window_changes_nothing(answer):
    whole = staged(answer)
    split = {}
    for day in WINDOW.days():
        split |= staged([each for each in answer if each.date == day], Window("src", day, day))
    assert whole == split


@given(records)
def test_the_memory_limit_changes_nothing(answer):
    assert staged(answer) == staged(answer, memory_limit=100)


@given(records)
def test_ids_are_unique_sorted_and_those_of_the_records(answer):
    for ids, digest, found in staged(answer).values():
        listed = [ids[at : at + 16] for at in range(0, len(ids), 16)]
        assert listed == sorted(set(listed)) == [record.id for record in found]
        assert digest == Digest.of(ids)
    assert sum(digest.count for _, digest, _ in staged(answer).values()) == len(answer)


@given(records, records)
def test_digests_add_up_when_the_records_differ(left, right):
    apart = (
        [Record(each.date, "left", each.data) for each in left],
        [Record(each.date, "right", each.data) for each in right],
    )
    whole, first, second = staged(apart[0] + apart[1]), staged(apart[0]), staged(apart[1])
    for partition, (_, digest, _) in whole.items():
        parts = [side[partition][1] for side in (first, second) if partition in side]
        assert digest == sum(parts, EMPTY)


def test_equal_records_are_numbered():
    ids, digest, found = staged([Record(DAY, "x", {"a": 1})] * 3)[P]
    assert {record.id for record in found} == {content_id("src", DAY, "x", b'{"a":1}', n) for n in range(3)}
    assert digest.count == 3
    assert len(ids) == 48


def test_a_numbered_partition_reads_the_same_twice():
    with Stage("src", WINDOW, memory_limit=1) as stage:
        stage.fill([Record(DAY, "x", {"a": 1})] * 3 + [Record(DAY, "x", {"a": 2})])
        partition = stage.finish()[P]
        assert list(partition) == list(partition)


def test_several_targets_read_a_spilled_partition_at_once():
    with Stage("src", WINDOW, memory_limit=1000) as stage:
        stage.fill(Record(DAY, "x", {"n": number}) for number in range(2000))
        partition = stage.finish()[P]
        expected = sorted(partition)
        found = []
        threads = [threading.Thread(target=lambda: found.append(sorted(partition))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [expected] * 4


def test_archived_records_are_taken_as_they_are():
    data = b'{"kept":"as it is"}'
    archived = ArchivedRecord(DAY, "other", b"0123456789abcdef", "x", data)
    assert staged([archived]) == {
        Partition("other", DAY): (archived.id, Digest.of(archived.id), [(archived.id, "x", data)])
    }


def test_a_record_keeps_the_source_it_came_from():
    assert list(staged([Record(DAY, "x", {}, source="flights")])) == [Partition("flights", DAY)]


def test_large_sets_of_ids_are_sorted_as_small_ones():
    ids = [content_id("s", DAY, "x", b"%d" % number) for number in range(100_001)]
    given = bytearray().join(ids)
    assert sort(bytes(given)) == sort(given) == b"".join(sorted(ids))
    assert not given, "what is sorted is let go, so that it is not in memory twice"


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (
            Record(dt.date(2024, 3, 3), "x", {}),
            "date: 2024-03-03 is outside of the days asked for, 2024-02-29 to 2024-03-02; mend what src selects",
        ),
        (
            Record(dt.datetime(2024, 3, 1), "x", {}),
            "date: expected a datetime.date, got datetime datetime.datetime(2024, 3, 1, 0, 0)",
        ),
        (Record("2024-03-01", "x", {}), "date: expected a datetime.date, got str '2024-03-01'"),
        (Record([2024], "x", {}), "date: expected a datetime.date, got list [2024]"),
        (Record(DAY, "", {}), "category: expected a text, got str ''"),
        (Record(DAY, None, {}), "category: expected a text, got NoneType None"),
        (Record(DAY, "x", {}, source=""), "source: expected a source's id, got str ''"),
        (Record(DAY, "x", {}, source="s" * 65), f"source: expected a source's id, got str '{'s' * 56}..."),
        ({"date": DAY}, "yielded dict {'date': datetime.date(2024, 2, 29)}, expected Record(date, category, data)"),
        (None, "yielded NoneType None, expected Record(date, category, data)"),
        (msgspec.UNSET, "yielded UnsetType UNSET, expected Record(date, category, data)"),
    ],
)
def test_refused(record, message):
    with Stage("src", WINDOW) as stage:
        with pytest.raises(RecordError) as caught:
            stage.add(record)
        assert str(caught.value) == message


def test_a_closed_stage_refuses_what_still_comes():
    with Stage("src", WINDOW) as stage:
        stage.add(Record(DAY, "x", {}))
    with pytest.raises(RuntimeError, match="given up"):
        stage.add(Record(DAY, "x", {}))


def test_an_empty_answer_is_an_answer():
    assert staged([]) == {}
    with Stage("src", WINDOW) as stage:
        empty = stage.empty(P)
        assert (empty.digest, empty.ids, list(empty)) == (EMPTY, b"", [])
