"""Reconcile below the command: comparing digests, reading bodies, runs that write meanwhile, what it costs."""

from __future__ import annotations

import datetime as dt
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.engine import Shelf, ShelfTarget, Table, config_of, go, section, source_of, target_of
from support.sql import bare_target, execute, target
from support.staging import MemoryStaged, staged

from monolith_core.config import Config, PhaseConfig
from monolith_core.errors import StorageError, TemporaryError
from monolith_core.options import TargetOptions
from monolith_core.partition import EMPTY, ONE_DAY, Digest, Partition, Window
from monolith_core.plugin import StagedRecord, Written
from monolith_core.reconcile import Difference, Marked, Scope, loading, look, mark, unrepaired
from monolith_core.reconcile.bodies import sound
from monolith_core.reconcile.difference import compare
from monolith_core.storage import LedgerRow, Storage

DAY = dt.date(2024, 2, 29)


class TellingOptions(TargetOptions):
    place: str | None = None

    def location(self) -> str | None:
        return self.place


class Telling(ShelfTarget):
    """Tells what is on its shelf; `meanwhile` happens while it does."""

    Options = TellingOptions
    meanwhile: Callable[[], None] = staticmethod(lambda: None)

    def digests(self, window: Window | None) -> Iterator[tuple[Partition, Digest]]:
        for partition, records in self.shelf.held.items():
            if window is None or partition.date in window:
                yield partition, Digest.of(b"".join(record.id for record in records))
        type(self).meanwhile()

    def records(self, partition: Partition) -> list[StagedRecord]:
        return self.shelf.held[partition]


def telling(shelf: Shelf, **members: Any) -> type[Telling]:
    return type("Telling", (Telling,), {"shelf": shelf, **members})


@pytest.fixture
def storage(sqlite_url: str) -> Iterator[Storage]:
    opened = Storage.open(sqlite_url)
    yield opened
    opened.close()


def configured(url: str, table: Table, plugin: Any, **options: Any) -> Config:
    source = section("source", "shop", source_of(table), since=DAY, until=DAY + ONE_DAY, span=1)
    return config_of(url, {"shop": source}, {"es": section("target", "es", plugin, **options)})


def two_days() -> Table:
    return Table({DAY: [{"n": n} for n in range(4)], DAY + ONE_DAY: [{"n": n} for n in range(3)]})


def kinds(config: Config, storage: Storage, scope: Scope = Scope(), *targets: str) -> list[tuple[str, str, str]]:  # noqa: B008
    found = look(config, storage, targets or config.targets, scope)
    return [(each.target, str(each.partition), each.kind) for one in found for each in one.differences]


digests = st.builds(Digest, st.integers(0, 3), st.integers(0, 2), st.integers(0, 2))
ledgers = st.dictionaries(st.integers(0, 5).map(lambda n: Partition("a", DAY + n * ONE_DAY)), digests, max_size=6)


@given(expected=ledgers, held=ledgers)
def test_law_what_differs_is_told_once(expected: dict[Partition, Digest], held: dict[Partition, Digest]) -> None:
    told = list(compare(dict(expected), held.items()))
    by_hand = {
        partition: held.get(partition, EMPTY)
        for partition in {*expected, *held}
        if (partition in held and held[partition] != expected.get(partition, EMPTY))
        or (partition not in held and expected[partition])
    }
    assert dict(told) == by_hand
    assert len(told) == len(by_hand)


def test_bodies_are_read() -> None:
    answer = staged([{"n": 1}, {"n": 1}, {"n": 1}, {"n": 2}, {"n": 3}, {"n": 3}])
    assert sound(answer.partition, reversed(answer.records))
    assert sound(answer.partition, [])


def swap(records: list[StagedRecord], one: int, other: int) -> list[StagedRecord]:
    found = list(records)
    found[one], found[other] = (
        found[one]._replace(data=found[other].data),
        found[other]._replace(data=found[one].data),
    )
    return found


@pytest.mark.parametrize(
    "change",
    [
        lambda records: [records[0]._replace(data=b'{"n": 1}'), *records[1:]],
        lambda records: [records[0]._replace(category="gift"), *records[1:]],
        lambda records: [*records[:2], records[2]._replace(data=b'{"n":2}'), *records[3:]],
        lambda records: [records[0]._replace(id=b"short"), *records[1:]],
        lambda records: swap(records, 0, 3),
        lambda records: swap(records, 3, 4),
        lambda records: swap(records, 1, 3),
    ],
)
def test_changed_bodies_are_found(change: Callable[[list[StagedRecord]], list[StagedRecord]]) -> None:
    answer = staged([{"n": 1}, {"n": 1}, {"n": 1}, {"n": 2}, {"n": 3}])
    assert not sound(answer.partition, change(answer.records))


async def test_a_damaged_target_is_repaired(storage: Storage, sqlite_url: str) -> None:
    shelf = Shelf()
    config = configured(sqlite_url, two_days(), telling(shelf))
    await go(config)
    assert kinds(config, storage, Scope(deep=True)) == []
    first, second = shelf.held
    shelf.held[first] = shelf.held[first][:-1]
    shelf.held[second][0] = shelf.held[second][0]._replace(data=b"{}")
    shelf.held[Partition("shop", dt.date(2020, 1, 1))] = shelf.held[second]
    found = list(look(config, storage, ["es"], Scope(deep=True)))
    marked, left = mark(config, storage, found[0].differences)
    assert (len(marked), left) == (3, [])
    narrow, request = loading(config, marked)
    shelf.calls.clear()
    recorder = await go(narrow, only=request.only)
    assert {event.reason for event in recorder.finished} == {"drift"}
    assert shelf.calls == sorted([first, second], reverse=True)
    left = unrepaired(storage, marked, look(config, storage, ["es"], Scope(deep=True)))
    assert [(str(each.difference.partition), each.why[:28]) for each in left] == [
        ("shop 2020-01-01", "came back with 0 records whe")
    ]


async def test_only_what_is_marked_is_loaded(storage: Storage, sqlite_url: str) -> None:
    """Other days that are due wait for the next run."""
    shelf, table = Shelf(), two_days()
    config = configured(sqlite_url, table, telling(shelf))
    await go(config)
    shelf.held.pop(Partition("shop", DAY))
    (found,) = look(config, storage, ["es"], Scope())
    marked, _ = mark(config, storage, found.differences)
    longer = replace(config, sources={"shop": section("source", "shop", source_of(table), since=DAY - 9 * ONE_DAY)})
    narrow, request = loading(longer, marked)
    table.asked.clear()
    await go(narrow, only=request.only)
    assert table.asked == [Window("shop", DAY, DAY)]
    assert kinds(config, storage) == []


async def test_the_target_is_told_that_it_has_drifted(storage: Storage, sqlite_url: str) -> None:
    """Also by a later run, after one that failed: until it is written, nothing it holds is trusted."""
    shelf, told = Shelf(), []

    class Told(Telling):
        def replace(self, partition: Partition, staged: Any) -> Written:
            told.append((partition.date, staged.drifted))
            return super().replace(partition, staged)

    Told.shelf = shelf
    table = two_days()
    config = configured(sqlite_url, table, Told)
    await go(config)
    assert {drifted for _, drifted in told} == {False}
    storage.ledger.put([replace(storage.ledger.rows()[0], state="drift")])
    told.clear()

    def fail(window: Window) -> None:
        raise TemporaryError("not now")

    table.before = fail
    only = section("source", "shop", source_of(table), since=DAY, until=DAY, retries=0)
    config = replace(config, sources={"shop": only})
    await go(config)
    assert storage.ledger.rows()[0].state == "failed"
    table.before = lambda window: None
    await go(config)
    assert told == [(DAY, True)]


async def test_a_run_that_writes_meanwhile_is_no_difference(storage: Storage, sqlite_url: str) -> None:
    """The ledger was read before, the target after it: by then the ledger says the same again."""
    shelf = Shelf()
    config = configured(sqlite_url, two_days(), telling(shelf))
    await go(config)
    (row, *_) = storage.ledger.rows()
    storage.ledger.put([replace(row, digest=Digest(9, 9, 9))])
    busy = configured(sqlite_url, two_days(), telling(shelf, meanwhile=lambda: storage.ledger.put([row])))
    assert len(kinds(config, storage)) == 1
    assert kinds(busy, storage) == []


async def test_what_was_written_meanwhile_is_not_marked(storage: Storage, sqlite_url: str) -> None:
    shelf = Shelf()
    config = configured(sqlite_url, two_days(), telling(shelf))
    await go(config)
    shelf.held.clear()
    (found,) = look(config, storage, ["es"], Scope())
    row = storage.ledger.rows()[0]
    storage.ledger.put([replace(row, run="another")])
    marked, left = mark(config, storage, found.differences)
    assert [each.difference.partition.date for each in marked] == [DAY + ONE_DAY]
    assert [each.why for each in left] == ["a run has written it meanwhile; look again"]
    assert storage.leases.holder("extract", "shop") is None


async def test_targets_that_cannot_tell(storage: Storage, sqlite_url: str) -> None:
    class Broken(Telling):
        def digests(self, window: Window | None) -> Iterator[tuple[Partition, Digest]]:
            raise ZeroDivisionError("oops")

    class Shallow(Telling):
        records = None  # type: ignore[assignment]

    shelf = Shelf()
    Broken.shelf = shelf
    config = configured(sqlite_url, two_days(), telling(shelf))
    targets = {
        "files": section("target", "files", target_of(Shelf())),
        "broken": section("target", "broken", Broken),
        **config.targets,
    }
    await go(config)
    silent, broken, es = look(replace(config, targets=targets), storage, targets, Scope(deep=True))
    assert (silent.silent, silent.error) == (True, "")
    assert broken.error == "broken raised ZeroDivisionError: oops"
    assert (es.partitions, es.records, es.deep, es.error) == (2, 7, True, "")


async def test_an_error_of_the_storage_is_not_the_targets(storage: Storage, sqlite_url: str) -> None:
    def gone() -> None:
        execute(sqlite_url, "DROP TABLE ledger")

    config = configured(sqlite_url, two_days(), telling(Shelf(), meanwhile=gone))
    with pytest.raises(StorageError):
        list(look(config, storage, ["es"], Scope()))


def test_the_phases_that_load_again(sqlite_url: str, storage: Storage) -> None:
    """Those of the sources that are asked, in the order of a run, with all of their targets."""
    table = two_days()
    sources = {name: section("source", name, source_of(table)) for name in ("a", "b", "c")}
    targets = {name: section("target", name, telling(Shelf())) for name in ("one", "two")}
    phases = [
        PhaseConfig("last", ("c",), ("two",)),
        PhaseConfig("first", ("a", "b"), ("one", "two")),
        PhaseConfig("never", ("a",), ("one",)),
    ]
    config = replace(config_of(sqlite_url, sources, targets, phases), sequence=("first", "last"))

    def marked(via: str, target: str) -> Marked:
        return Marked(Difference(target, Partition(via, DAY), "missing", Digest(1, 1, 1), EMPTY), via)

    narrow, request = loading(config, [marked("c", "two"), marked("a", "one")])
    assert narrow.sequence == ("first", "last")
    assert narrow.phases["first"] == PhaseConfig("first", ("a",), ("one", "two"))
    assert request.only == {("c", "two", Partition("c", DAY)), ("a", "one", Partition("a", DAY))}
    assert loading(config, [marked("c", "two")])[0].sequence == ("last",)


def test_the_sums_are_exact() -> None:
    """As the documentation says: in a double for 2**21 records of one partition, in a BIGINT for 2**31."""
    largest = 2**32 - 1
    assert 2**21 * largest < 2**53 < (2**21 + 1) * largest
    assert 2**31 * largest < 2**63 < (2**31 + 1) * largest


def test_ten_years_of_ten_sources(storage: Storage, sqlite_url: str) -> None:
    """Compared in little memory, also if nothing is held any more."""
    partitions = [Partition(f"s{n}", DAY - day * ONE_DAY) for n in range(10) for day in range(3650)]
    rows = [
        LedgerRow("es", each.source, each.date, each.source, "done", Digest(5, n, n))
        for n, each in enumerate(partitions)
    ]
    storage.ledger.put(rows)
    held = [(row.partition, row.digest) for row in rows]
    del rows

    def found(told: list[Any]) -> int:
        plugin = telling(Shelf(), digests=lambda self, window: iter(told))
        config = configured(sqlite_url, Table(), plugin)
        (one,) = look(config, storage, ["es"], Scope())
        return len(one.differences)

    assert found(held) == 0
    tracemalloc.start()
    assert found([]) == len(held)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100 * 2**20


# The sql target's part.


def test_a_drifted_partition_is_written_anew_where_it_is_wrong(database_url: str) -> None:
    answer = staged([{"n": n} for n in range(6)] + [{"n": 0}])
    made = target(database_url)
    made.replace(answer.partition, answer)
    assert sorted(made.records(answer.partition)) == sorted(answer.records)
    execute(database_url, """UPDATE record SET data = '{"n":7}' WHERE data = '{"n":5}'""")
    assert made.replace(answer.partition, answer) == Written(0, 0, 7)
    answer.drifted = True
    assert made.replace(answer.partition, answer) == Written(2, 2, 5)
    assert sorted(made.records(answer.partition)) == sorted(answer.records)
    made.close()


def test_a_drifted_partition_is_replaced_whole_or_not_at_all(database_url: str) -> None:
    answer = staged([{"n": n} for n in range(6)])
    made = target(database_url)
    made.replace(answer.partition, answer)
    execute(database_url, """UPDATE record SET data = '{"n":7}' WHERE data = '{"n":5}'""")
    before = sorted(made.records(answer.partition))

    class Broken(MemoryStaged):
        drifted = True

        def __iter__(self) -> Iterator[StagedRecord]:
            raise TemporaryError("the stage is gone")

    broken = Broken(answer.partition, answer.records)
    broken.drifted = True
    with pytest.raises(TemporaryError):
        made.replace(answer.partition, broken)
    assert sorted(made.records(answer.partition)) == before
    made.close()


def test_records_of_a_database_without_the_table(database_url: str) -> None:
    execute(database_url, "CREATE TABLE something (n INT)")
    made = bare_target(database_url)
    assert list(made.records(Partition("shop", DAY))) == []
    made.close()
