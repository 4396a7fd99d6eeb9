"""Partitions, windows and digests: laws of the values everything else is counted in."""

from __future__ import annotations

import datetime as dt
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monolith_core.partition import EMPTY, Digest, Partition, Window

DAY = dt.date(2024, 2, 28)

ids = st.lists(st.binary(min_size=16, max_size=16), max_size=20)


@st.composite
def windows(draw: st.DrawFn) -> Window:
    start = draw(st.dates(max_value=dt.date(9998, 1, 1)))
    return Window("s", start, start + dt.timedelta(days=draw(st.integers(0, 60))))


def test_a_digest_counts_and_adds_the_first_and_the_second_four_bytes() -> None:
    first = bytes.fromhex("00000001 00000020 ffffffffffffffff")
    second = bytes.fromhex("80000000 ffffffff 0000000000000000")
    assert Digest.of(first) == Digest(1, 1, 0x20)
    assert Digest.of(first + second) == Digest(2, 0x80000001, 0x10000001F)


def test_sums_are_not_reduced() -> None:
    assert Digest.of(b"\xff" * 16 * 1000) == Digest(1000, 1000 * (2**32 - 1), 1000 * (2**32 - 1))


@given(ids, ids)
def test_digests_add_up(some: list[bytes], others: list[bytes]) -> None:
    assert Digest.of(b"".join(some)) + Digest.of(b"".join(others)) == Digest.of(b"".join(some + others))


@given(ids.flatmap(lambda some: st.tuples(st.just(some), st.permutations(some))))
def test_the_order_of_ids_does_not_matter(both: tuple[list[bytes], list[bytes]]) -> None:
    some, shuffled = both
    assert Digest.of(b"".join(some)) == Digest.of(b"".join(shuffled))


@given(ids)
def test_empty_is_the_zero_of_addition(some: list[bytes]) -> None:
    digest = Digest.of(b"".join(some))
    assert digest + EMPTY == digest == EMPTY + digest
    assert sum((Digest.of(each) for each in some), EMPTY) == digest
    assert bool(digest) is bool(some)


@given(ids)
def test_any_buffer_will_do(some: list[bytes]) -> None:
    joined = b"".join(some)
    assert Digest.of(joined) == Digest.of(bytearray(joined)) == Digest.of(memoryview(joined))


def test_nothing_has_the_empty_digest() -> None:
    assert Digest.of(b"") == EMPTY == Digest(0, 0, 0)
    assert not EMPTY


@pytest.mark.parametrize("length", [1, 15, 17, 24])
def test_ids_are_whole(length: int) -> None:
    with pytest.raises(ValueError, match=f"^content ids are 16 bytes each, got {length} bytes$"):
        Digest.of(bytes(length))


def test_a_digest_shows_its_parts() -> None:
    assert str(Digest(3, 255, 16)) == "3:ff:10"


@given(windows())
def test_a_window_has_every_day_once(window: Window) -> None:
    days = list(window.days())
    assert days == sorted(set(days))
    assert len(days) == len(window)
    assert (days[0], days[-1]) == (window.start, window.end)
    assert window.next_date == days[-1] + dt.timedelta(days=1)
    assert list(window.partitions()) == [Partition(window.source, day) for day in days]


@given(windows(), st.dates())
def test_a_window_holds_its_days_and_no_other(window: Window, day: dt.date) -> None:
    assert all(each in window for each in window.days())
    assert (day in window) is (day in set(window.days()))
    assert window.next_date not in window


def test_only_a_date_is_in_a_window() -> None:
    assert "2024-02-28" not in Window("s", DAY, DAY)
    assert None not in Window("s", DAY, DAY)


def test_windows_reach_from_the_first_day_there_is_to_the_last() -> None:
    window = Window("s", dt.date.min, dt.date.max)
    assert len(window) == 3_652_059
    assert list(Window("s", dt.date.max, dt.date.max).days()) == [dt.date.max]


def test_a_window_does_not_end_before_it_starts() -> None:
    with pytest.raises(ValueError, match=r"^a window cannot end \(2024-02-27\) before it starts \(2024-02-28\)$"):
        Window("s", DAY, dt.date(2024, 2, 27))


def test_windows_and_partitions_read_well() -> None:
    assert str(Window("web", DAY, DAY)) == "web 2024-02-28"
    assert str(Window("web", DAY, dt.date(2024, 3, 1))) == "web 2024-02-28..2024-03-01"
    assert str(Partition("web", DAY)) == "web 2024-02-28"


def test_partitions_are_ordered_by_source_and_then_by_day() -> None:
    later = dt.date(2024, 3, 1)
    shuffled = [Partition("b", DAY), Partition("a", later), Partition("a", DAY)]
    assert sorted(shuffled) == [Partition("a", DAY), Partition("a", later), Partition("b", DAY)]


@pytest.mark.parametrize("value", [Partition("s", DAY), Window("s", DAY, DAY), Digest(1, 2, 3)])
def test_values_are_facts(value: object) -> None:
    name = next(iter(type(value).__dataclass_fields__))  # type: ignore[attr-defined]
    with pytest.raises(FrozenInstanceError):
        setattr(value, name, None)
    assert len({value, value}) == 1
