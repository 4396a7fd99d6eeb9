"""Answers that came before: in whole runs they are recognised, and every target holds what it would hold otherwise."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from support.engine import Shelf, Table, TableSource, config_of, go, section, source_of, target_of

from monolith_core import collected
from monolith_core.errors import PermanentError
from monolith_core.partition import Window
from monolith_core.rows import Columns, Rows
from monolith_core.storage import Storage

NAMES = ("day", "n")


class RowSource(TableSource):
    """Yields a Table as rows."""

    def extract(self, window: Window) -> Iterator[Rows]:
        self.table.asked.append(window)
        for day in window.days():
            values = [[data[name] for name in NAMES] for data in self.table.days.get(day, [])]
            yield Rows(day, "fact", Columns(NAMES), values)


def day(number: int) -> dt.date:
    return dt.date(2024, 3, number)


@pytest.fixture
def table():
    return Table({day(number): [{"day": number, "n": n} for n in range(3)] for number in range(6, 11)})


@pytest.fixture
def shelf():
    return Shelf()


@pytest.fixture
def other():
    return Shelf()


@pytest.fixture
def build(sqlite_url, table, shelf, other):
    def make(*targets, source=RowSource, **options):
        shelves = {"shelf": shelf, "other": other}
        return config_of(
            sqlite_url,
            {"src": section("source", "src", source_of(table, source), since=day(6), span=2, **options)},
            {name: section("target", name, target_of(shelves[name])) for name in targets or ("shelf",)},
        )

    return make


@pytest.fixture
def encoded(monkeypatch):
    """The days of which rows are encoded."""
    days = set()
    encode = collected.Group.encode

    def noted(group, columns, values, *rest):
        days.add(values[0][0])
        return encode(group, columns, values, *rest)

    monkeypatch.setattr(collected.Group, "encode", noted)
    return days


async def test_what_came_before_is_not_encoded_again(build, table, encoded):
    await go(build())
    assert encoded == {6, 7, 8, 9, 10}
    encoded.clear(), table.asked.clear()
    told = await go(build())
    assert told.outcomes() == ["10 unchanged", "9 unchanged"]  # provisional
    assert encoded == set()
    assert len(table.asked) == 1


async def test_what_changed_is_written(build, table, shelf, encoded):
    config = build()
    await go(config)
    encoded.clear(), shelf.calls.clear()
    table.days[day(10)][0]["n"] = 7
    told = await go(config)
    assert told.outcomes() == ["9 unchanged", "10 done"]
    assert (encoded, [each.date for each in shelf.calls]) == ({10}, [day(10)])
    assert [b'"n":7' in record.data for record in shelf.held[shelf.calls[0]]].count(True) == 1
    encoded.clear()
    assert (await go(config)).outcomes() == ["10 unchanged", "9 unchanged"]
    assert encoded == set()


async def test_a_second_target_gets_what_the_first_recognises(build, shelf, other):
    await go(build())
    shelf.calls.clear()
    told = await go(build("shelf", "other"), force=True)
    assert {each.outcome for each in told.finished} == {"done"}
    assert other.held == shelf.held
    assert len(other.calls) == 5


async def test_by_force_a_target_that_was_lost_is_filled(build, shelf):
    await go(build())
    held, shelf.held = shelf.held, {}
    await go(build(), force=True)
    assert shelf.held == held


async def test_what_a_reconcile_found_to_be_otherwise_is_written(build, shelf):
    config = build()
    await go(config)
    held = dict(shelf.held)
    storage = Storage.open(config.monolith.database.get_secret_value())
    with storage.transaction() as connection:
        connection.exec_driver_sql("UPDATE ledger SET state = 'drift', count = 2")
    storage.close()
    shelf.held.clear()
    await go(config)
    assert shelf.held == held


async def test_single_records_have_no_imprint(build, table):
    config = build(source=TableSource)
    await go(config)
    storage = Storage.open(config.monolith.database.get_secret_value())
    assert {row.imprint for row in storage.ledger.rows()} == {""}
    storage.close()
    assert (await go(config)).outcomes() == ["10 unchanged", "9 unchanged"]


async def test_a_wrong_value_in_a_day_that_came_before_fails_that_day_only(build, table):
    config = build()
    await go(config)
    table.days[day(10)][0]["n"] = float("nan")
    told = await go(config)
    assert told.outcomes() == ["10 failed", "9 unchanged"]
    (error,) = [each.error for each in told.finished if each.error]
    assert "data.n" in error


async def test_a_ledger_that_cannot_be_read_fails_the_windows(build, monkeypatch):
    config = build()
    await go(config)

    def fail(*arguments):
        raise PermanentError("disk I/O error")

    monkeypatch.setattr("monolith_core.storage.ledger.Ledger.came", fail)
    told = await go(config)
    assert {(each.outcome, each.error) for each in told.finished} == {("failed", "disk I/O error")}
