"""The plan: each reason alone, each combination, and the order of what is due."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monolith_core.days import DayRange
from monolith_core.events import DueDay
from monolith_core.partition import EMPTY, Digest, Partition, Window
from monolith_core.plan import (
    Ledger,
    Wanted,
    due_days,
    due_partitions,
    known_versions,
    newest_first,
    reason,
    settled_days,
    wanted_days,
    windows,
)

D = Digest(3, 30, 300)
OTHER = Digest(3, 31, 300)
SETTLE = 86400
TODAY = dt.date(2024, 3, 10)


def day(number: int) -> dt.date:
    return dt.date(2024, 3, number)


@dataclass(frozen=True)
class Row:
    state: str = "done"
    digest: Digest = D
    fingerprint: str = "f"
    age: int = SETTLE
    version: str = ""


FINAL = Row()
YOUNG = Row(age=SETTLE - 1)
V1 = Row(version="v1")
YOUNG_V1 = Row(version="v1", age=SETTLE - 1)

# row, fingerprint now, offered by the source, force -> reason
REASONS = [
    # each reason alone
    (None, "f", None, False, "new"),
    (Row("failed"), "f", None, False, "failed"),
    (Row("held"), "f", None, False, "held"),
    (Row("deferred"), "f", None, False, "deferred"),
    (Row("drift"), "f", None, False, "drift"),
    (FINAL, "g", None, False, "config changed"),
    (FINAL, "f", OTHER, False, "changed"),
    (YOUNG, "f", None, False, "provisional"),
    (Row(age=-3600), "f", None, False, "provisional"),
    (FINAL, "f", None, True, "forced"),
    # none
    (FINAL, "f", None, False, None),
    (FINAL, "f", D, False, None),
    # a source that knows its digests is never asked only because a day is young
    (YOUNG, "f", D, False, None),
    (YOUNG, "f", OTHER, False, "changed"),
    # an empty offer is a change like any other
    (FINAL, "f", EMPTY, False, "changed"),
    (Row(digest=EMPTY), "f", EMPTY, False, None),
    # combinations: the first that holds
    (None, "g", OTHER, True, "new"),
    (Row("failed", age=0), "g", OTHER, True, "failed"),
    (Row("held", age=0), "g", OTHER, True, "held"),
    (Row("deferred", age=0), "g", OTHER, True, "deferred"),
    (Row("drift", age=0), "g", OTHER, True, "drift"),
    (YOUNG, "g", OTHER, True, "config changed"),
    (YOUNG, "f", OTHER, True, "changed"),
    (YOUNG, "f", None, True, "provisional"),
    (FINAL, "f", D, True, "forced"),
]


@pytest.mark.parametrize(("row", "fingerprint", "offered", "force", "expected"), REASONS)
def test_reason(row, fingerprint, offered, force, expected):
    assert reason(row, fingerprint, SETTLE, offered=offered, force=force) == expected


def test_a_settle_of_zero_makes_a_day_final_when_it_is_over():
    assert reason(Row(age=0), "f", 0) is None
    assert reason(Row(age=-1), "f", 0) == "provisional"


# row, fingerprint now, version told, force -> reason
VERSIONED = [
    # another version, or one where none was known
    (V1, "f", "v2", False, "changed"),
    (FINAL, "f", "v1", False, "changed"),
    (YOUNG, "f", "v1", False, "changed"),
    # the same version: nothing, even while the day is provisional
    (V1, "f", "v1", False, None),
    (YOUNG_V1, "f", "v1", False, None),
    (Row(version="v1", age=-3600), "f", "v1", False, None),
    # none told
    (V1, "f", "", False, None),
    (YOUNG_V1, "f", "", False, "provisional"),
    # combinations: the first that holds
    (None, "f", "v1", True, "new"),
    (Row("failed", version="v1"), "f", "v1", False, "failed"),
    (Row("held", version="v1"), "f", "v1", False, "held"),
    (Row("deferred", version="v1"), "f", "v2", False, "deferred"),
    (Row("drift", version="v1"), "f", "v1", True, "drift"),
    (V1, "g", "v1", False, "config changed"),
    (YOUNG_V1, "g", "v2", True, "config changed"),
    (YOUNG_V1, "f", "v2", True, "changed"),
    (YOUNG_V1, "f", "v1", True, "forced"),
]


@pytest.mark.parametrize(("row", "fingerprint", "version", "force", "expected"), VERSIONED)
def test_reason_of_a_day_with_a_version(row, fingerprint, version, force, expected):
    assert reason(row, fingerprint, SETTLE, version=version, force=force) == expected


WANTED = [
    # since, until, first run, explicit -> days
    (None, None, None, None, DayRange(day(9), day(10))),
    (None, None, day(1), None, DayRange(dt.date(2024, 2, 29), day(10))),
    (day(5), None, None, None, DayRange(day(5), day(10))),
    (day(5), day(7), None, None, DayRange(day(5), day(7))),
    (day(5), day(20), None, None, DayRange(day(5), day(10))),
    (day(12), None, None, None, None),
    (day(5), day(4), None, None, None),
    (day(5), day(7), None, DayRange(day(1), day(2)), DayRange(day(1), day(2))),
]


@pytest.mark.parametrize(("since", "until", "first", "explicit", "expected"), WANTED)
def test_wanted_days(since, until, first, explicit, expected):
    found = wanted_days(today=TODAY, since=since, until=until, first_run=first, explicit=explicit)
    assert found.days == expected
    assert found.explicit == (explicit is not None)


def rows(**states: str) -> dict[Partition, Row]:
    """Rows of `src`: d5="done" for the fifth."""
    return {Partition("src", day(int(name[1:]))): Row(state) for name, state in states.items()}


def due(found: list[DueDay]) -> list[tuple[str, int, str]]:
    return [(each.target, each.partition.date.day, each.reason) for each in found]


def test_gaps_are_due_newest_first():
    ledger = Ledger("sql", "f", rows(d5="done", d7="done"))
    found = due_days("src", Wanted(DayRange(day(4), day(8))), SETTLE, [ledger])
    assert due(found) == [("sql", 8, "new"), ("sql", 6, "new"), ("sql", 4, "new")]


def test_each_target_has_its_own_difference():
    full = Ledger("a", "f", rows(d4="done", d5="done"))
    behind = Ledger("b", "f", rows(d4="failed"))
    found = due_days("src", Wanted(DayRange(day(4), day(5))), SETTLE, [full, behind])
    assert due(found) == [("b", 5, "new"), ("b", 4, "failed")]


def test_what_is_unfinished_outside_of_the_wanted_days_is_due():
    known = rows(d1="failed", d2="held", d3="done") | {Partition("src", day(9)): YOUNG}
    found = due_days("src", Wanted(DayRange(day(5), day(5))), SETTLE, [Ledger("sql", "f", known)])
    assert due(found) == [("sql", 9, "provisional"), ("sql", 5, "new"), ("sql", 1, "failed")]


def test_what_is_held_is_due_as_long_as_its_day_is_wanted():
    known = rows(d5="held") | {Partition("flights", day(6)): Row("held"), Partition("src", day(6)): FINAL}
    ledger = Ledger("sql", "f", known)
    found = due_days("src", Wanted(DayRange(day(5), day(6))), SETTLE, [ledger])
    assert due(found) == [("sql", 6, "held"), ("sql", 5, "held")]
    assert (
        due_days("src", Wanted(DayRange(day(7), day(7))), SETTLE, [Ledger("sql", "f", known | rows(d7="done"))]) == []
    )


def test_nothing_outside_of_named_days_is_due():
    wanted = Wanted(DayRange(day(5), day(5)), explicit=True)
    assert due(due_days("src", wanted, SETTLE, [Ledger("sql", "f", rows(d1="failed"))])) == [("sql", 5, "new")]


def test_nothing_wanted_still_ends_what_is_unfinished():
    found = due_days("src", Wanted(None), SETTLE, [Ledger("sql", "f", rows(d1="failed", d2="done"))])
    assert due(found) == [("sql", 1, "failed")]


def test_force_makes_every_wanted_day_due():
    wanted = Wanted(DayRange(day(4), day(5)), force=True)
    found = due_days("src", wanted, SETTLE, [Ledger("sql", "f", rows(d3="done", d4="done"))])
    assert due(found) == [("sql", 5, "new"), ("sql", 4, "forced")]


def test_settled_days_are_not_looked_at():
    ledger = Ledger("sql", "f", {}, settled=DayRange(day(2), day(6)))
    found = due_days("src", Wanted(DayRange(day(1), day(8))), SETTLE, [ledger])
    assert due(found) == [("sql", 8, "new"), ("sql", 7, "new"), ("sql", 1, "new")]


def test_a_failed_partition_of_another_source_makes_its_day_due():
    known = {
        Partition("src", day(4)): FINAL,
        Partition("flights", day(4)): Row("failed"),
        Partition("src", day(5)): FINAL,
        Partition("flights", day(5)): YOUNG,
    }
    found = due_days("src", Wanted(DayRange(day(4), day(5))), SETTLE, [Ledger("copy", "f", known)])
    assert [(each.partition, each.reason) for each in found] == [(Partition("src", day(4)), "failed")]


def test_versions_make_days_due_or_not():
    known = {Partition("src", day(number)): YOUNG_V1 for number in (3, 4, 5, 6)}
    versions = {day(3): "v1", day(4): "v1", day(5): "v2", day(8): "v1"}
    ledger = Ledger("sql", "f", known)
    found = due_days("src", Wanted(DayRange(day(4), day(7))), SETTLE, [ledger], versions)
    # The third is not wanted, so that its version says nothing; the eighth is neither wanted nor known.
    assert due(found) == [("sql", 7, "new"), ("sql", 6, "provisional"), ("sql", 5, "changed")]


def test_versions_are_compared_in_each_target():
    ledgers = [Ledger("a", "f", {Partition("src", day(5)): V1}), Ledger("b", "f", {Partition("src", day(5)): FINAL})]
    wanted = Wanted(DayRange(day(5), day(5)))
    assert due(due_days("src", wanted, SETTLE, ledgers, {day(5): "v1"})) == [("b", 5, "changed")]


def test_a_failed_partition_of_another_source_makes_a_day_due_that_has_its_version():
    known = {Partition("src", day(5)): V1, Partition("flights", day(5)): Row("failed")}
    wanted = Wanted(DayRange(day(5), day(5)))
    found = due_days("src", wanted, SETTLE, [Ledger("sql", "f", known)], {day(5): "v1"})
    assert due(found) == [("sql", 5, "failed")]
    assert known_versions("src", found, [Ledger("sql", "f", known)]) == {}


# rows of the day in targets a and b, which of them it is due for -> what is known
KNOWN = [
    (V1, V1, "ab", "v1"),
    (V1, Row(version="v2"), "ab", ""),
    (V1, Row(version="v2"), "a", "v1"),
    (V1, None, "ab", ""),
    (V1, None, "a", "v1"),
    (V1, FINAL, "ab", ""),
    (FINAL, FINAL, "ab", ""),
    (V1, Row("failed", version="v1"), "ab", ""),
    (V1, Row("held", version="v1"), "b", ""),
    (V1, Row("drift", version="v1"), "b", ""),
    (V1, Row(version="v1", fingerprint="g"), "ab", ""),
]


@pytest.mark.parametrize(("a", "b", "targets", "version"), KNOWN)
def test_the_version_that_is_known_of_a_due_day(a, b, targets, version):
    five = Partition("src", day(5))
    ledgers = [Ledger(name, "f", {five: row} if row else {}) for name, row in (("a", a), ("b", b))]
    due_in = [DueDay(name, five, "provisional") for name in targets]
    assert known_versions("src", due_in, ledgers) == ({day(5): version} if version else {})


# row, version told, seconds that the day is over now -> whether it becomes final
SETTLED = [
    (YOUNG_V1, "v1", SETTLE, True),
    (YOUNG_V1, "v1", SETTLE - 1, False),
    (V1, "v1", SETTLE + 9, False),
    (YOUNG_V1, "v2", SETTLE, False),
    (Row("failed", version="v1", age=0), "v1", SETTLE, False),
    (Row(version="v1", age=0, fingerprint="g"), "v1", SETTLE, False),
    (None, "v1", SETTLE, False),
]


@pytest.mark.parametrize(("row", "version", "age", "final"), SETTLED)
def test_a_day_that_is_told_to_be_the_same_becomes_final(row, version, age, final):
    ledger = Ledger("sql", "f", {Partition("src", day(5)): row} if row else {})
    found = settled_days("src", SETTLE, ledger, {day(5): version}, lambda at: age)
    assert found == ([day(5)] if final else [])


def test_own_partitions_are_compared_by_digest():
    offered = {Partition("a", day(1)): D, Partition("a", day(2)): OTHER, Partition("b", day(2)): D}
    known = {Partition("a", day(1)): FINAL, Partition("a", day(2)): FINAL, Partition("gone", day(3)): FINAL}
    found = due_partitions(offered, [Ledger("copy", "f", known)], days=None)
    assert [(str(each.partition), each.reason) for each in found] == [
        ("gone 2024-03-03", "changed"),
        ("a 2024-03-02", "changed"),
        ("b 2024-03-02", "new"),
    ]


def test_own_partitions_are_limited_by_days_and_sources():
    offered = {Partition(name, day(number)): D for name in "ab" for number in (1, 2, 3)}
    found = due_partitions(
        offered, [Ledger("copy", "f")], days=DayRange(day(2), day(3)), sources=frozenset("b"), force=True
    )
    assert [str(each.partition) for each in found] == ["b 2024-03-03", "b 2024-03-02"]


def test_windows_join_consecutive_days_newest_first():
    days = [1, 2, 3, 5, 6, 9]
    found = windows([DueDay("t", Partition("src", day(number)), "new") for number in days], span=2)
    assert found == [
        Window("src", day(9), day(9)),
        Window("src", day(5), day(6)),
        Window("src", day(2), day(3)),
        Window("src", day(1), day(1)),
    ]


def test_windows_span_days_that_have_nothing():
    due_on = [DueDay("t", Partition("src", day(number)), "new") for number in (1, 2, 5, 9, 10)]
    hollow = {day(3), day(4), day(7), day(8)}
    found = windows(due_on, 7, lambda at: at in hollow)
    assert found == [Window("src", day(9), day(10)), Window("src", day(1), day(5))]
    assert windows(due_on, 3, lambda at: True) == [
        Window("src", day(9), day(10)),
        Window("src", day(5), day(5)),
        Window("src", day(1), day(2)),
    ]


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.dates(dt.date(2023, 12, 1), dt.date(2024, 4, 1))), max_size=60),
    st.integers(1, 40),
)
def test_windows_ask_for_exactly_what_is_due(partitions, span):
    wanted = {Partition(*each) for each in partitions}
    found = windows([DueDay("t", each, "new") for each in wanted], span)
    asked = [partition for window in found for partition in window.partitions()]
    assert sorted(asked) == sorted(wanted)
    assert all(len(window) <= span for window in found)
    assert [window.end for window in found] == sorted((window.end for window in found), reverse=True)


@given(st.permutations([DueDay(t, Partition(s, day(n)), "new") for t in "xy" for s in "ab" for n in (1, 2)]))
def test_newest_first_is_one_order(shuffled):
    assert [str(each.partition) + each.target for each in newest_first(shuffled)] == [
        f"{s} 2024-03-0{n}{t}" for n in (2, 1) for s in "ab" for t in "xy"
    ]
