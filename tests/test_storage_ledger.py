"""The ledger and the runs, the same on all three databases."""

from __future__ import annotations

import dataclasses
import datetime as dt
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.servers import MariaDB

from monolith_core.days import DayRange
from monolith_core.events import Run
from monolith_core.partition import Digest, Partition, Window
from monolith_core.storage import Covered, LedgerRow, RunRow, Storage, identity

DAY = dt.date(2024, 2, 29)
NOON = dt.datetime(2024, 3, 1, 12, 0, 0, 123456, tzinfo=dt.UTC)
FINGERPRINT = "0123456789abcdef"


@pytest.fixture
def storage(database_url: str):
    opened = Storage.open(database_url)
    yield opened
    opened.close()


@pytest.fixture
def sqlite(sqlite_url: str):
    opened = Storage.open(sqlite_url)
    yield opened
    opened.close()


def row(source: str = "ga", date: dt.date = DAY, **values) -> LedgerRow:
    given = {
        "target": "sql",
        "via": source,
        "state": "done",
        "digest": Digest(2, 2**33, 2**34),
        "fingerprint": FINGERPRINT,
        "age": 90_000,
        "asked": NOON,
        "written": NOON,
        "run": "r1",
    }
    return LedgerRow(source=source, date=date, **{**given, **values})


def by_partition(each: LedgerRow) -> Partition:
    return each.partition


# --- rows


def test_a_row_comes_back_as_it_was_put(storage: Storage):
    rows = [
        row(),
        row(date=dt.date(1, 1, 1), digest=None, asked=None, written=None, state="failed", error="it broke"),
        row(date=dt.date(9999, 12, 31), digest=Digest(2**31, 2**63 - 1, 2**63 - 1), age=-3600, remark="why"),
        row("empty", digest=Digest(0, 0, 0), state="held"),
    ]
    storage.ledger.put(rows)
    assert sorted(storage.ledger.rows(), key=by_partition) == sorted(rows, key=by_partition)
    assert row().partition == Partition("ga", DAY)


def test_putting_again_replaces(storage: Storage):
    storage.ledger.put([row(error="first"), row("b")])
    storage.ledger.put([row(error="second", state="failed")])
    storage.ledger.put([row("b", digest=None), row("c")])
    expected = [row("b", digest=None), row("c"), row(error="second", state="failed")]
    assert storage.ledger.rows() == expected


def test_putting_nothing_is_nothing(storage: Storage):
    storage.ledger.put([])
    assert storage.ledger.rows() == []


def test_an_instant_is_kept_in_utc(storage: Storage):
    there = dt.datetime(2024, 10, 27, 2, 30, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    storage.ledger.put([row(asked=there, written=there)])
    (found,) = storage.ledger.rows()
    assert found.asked == found.written == there
    assert found.asked.tzinfo is dt.UTC


def test_names_are_compared_byte_by_byte(storage: Storage):
    names = ["ga", "GA", "gä", "ga\u0308", "straße", "strasse", "😀", "😃", "日本"]
    storage.ledger.put([row(name, error=name) for name in names])
    assert sorted(each.source for each in storage.ledger.rows()) == sorted(names)
    assert [each.error for each in storage.ledger.rows(sources=["😃"])] == ["😃"]
    assert set(storage.ledger.digests(["sql"])) == {Partition(name, DAY) for name in names}


def test_an_error_is_kept_as_far_as_it_can_be(storage: Storage):
    storage.ledger.put(
        [
            row("long", error="é" * 100_000, remark="x" * 2000),
            row("nul", error="a\0b"),
            row("surrogate", error="a\udc80b"),
            row("quotes", error="100% of 'it' \"\\ %s :name ? {now}"),
        ]
    )
    errors = {each.source: each.error for each in storage.ledger.rows()}
    assert errors["long"] == "é" * 1999 + "…"
    assert errors["nul"] == "a\N{REPLACEMENT CHARACTER}b"
    assert errors["surrogate"] == "a?b"
    assert errors["quotes"] == "100% of 'it' \"\\ %s :name ? {now}"


def test_put_is_a_part_of_the_transaction(storage: Storage):
    with storage.transaction() as connection:
        storage.ledger.put([row()])
        assert storage.ledger.rows() == [row()]
        connection.rollback()
    assert storage.ledger.rows() == []


def test_rows_by_every_condition(storage: Storage):
    later = DAY + dt.timedelta(days=1)
    rows = [
        row("a"),
        row("a", later),
        row("b", via="sql-source"),
        row("a", target="es"),
        row("b", later, target="es", via="sql-source"),
    ]
    storage.ledger.put(rows)
    find = storage.ledger.rows
    assert find(targets=["sql"]) == rows[:3]
    assert find(targets=["es", "sql"]) == find() == sorted(rows, key=lambda r: (r.target, r.source, r.date))
    assert find(targets=[]) == []
    assert find(sources=["b"]) == [rows[4], rows[2]]
    assert find(via="sql-source") == [rows[4], rows[2]]
    assert find(start=later) == [rows[4], rows[1]]
    assert find(end=DAY, targets=["sql"]) == [rows[0], rows[2]]
    assert find(start=DAY, end=DAY, via="a", targets=["es"]) == [rows[3]]


# --- the short cuts of the plan


def test_a_stretch_is_of_final_days_without_a_gap(storage: Storage):
    days = [DAY + dt.timedelta(days=n) for n in range(4)]
    wanted = {
        "target": "sql",
        "via": "ga",
        "start": days[0],
        "end": days[3],
        "fingerprint": FINGERPRINT,
        "settle": 8.64e4,
    }

    def stretch(**others) -> DayRange | None:
        return storage.ledger.stretch(**{**wanted, **others})

    assert stretch() is None
    storage.ledger.put(
        [row(date=day) for day in days]
        + [row(target="es"), row("other"), row("x", via="ga"), row("ga", DAY - dt.timedelta(days=1))]
    )
    assert stretch() == stretch(settle=90_000) == DayRange(days[0], days[3])
    assert stretch(start=days[1], end=days[2]) == DayRange(days[1], days[2])
    assert stretch(end=days[3] + dt.timedelta(days=9)) == DayRange(days[0], days[3])
    assert stretch(start=days[0] - dt.timedelta(days=2)) is None
    assert stretch(settle=90_000.5) is None
    assert stretch(fingerprint="another") is None
    for values in [{"state": state} for state in ("failed", "held", "deferred", "drift")] + [{"age": -1}]:
        storage.ledger.put([row(date=days[3], **values)])
        assert stretch() == DayRange(days[0], days[2])
    storage.ledger.put([row(date=days[1], state="failed")])
    assert stretch() is None
    assert stretch(start=days[2], settle=0) == DayRange(days[2], days[2])


def test_a_few_days_are_found_by_the_way_they_came(storage: Storage):
    days = [DAY + dt.timedelta(days=n) for n in range(4)]
    rows = [row(date=day) for day in days]
    rows += [
        row("other", day, via="ga", state=state) for day, state in zip(days, ("failed", "held", "drift"), strict=False)
    ]
    rows += [
        row("other", days[3], state="deferred"),
        row("ga", days[1], target="es"),
        row("other", days[1], target="es"),
    ]
    storage.ledger.put(rows)
    window = Window("ga", days[1], days[2])
    yielded = {each.partition: each for each in rows if each.target == "sql" and each.date in days[1:3]}
    assert len(yielded) == 4
    assert storage.ledger.of_window("sql", window, "ga") == yielded
    assert storage.ledger.of_window("sql", window, None) == {
        partition: each for partition, each in yielded.items() if partition.source == "ga"
    }
    glanced = storage.ledger.glance_days("sql", "ga", days[1], days[2])
    assert glanced == storage.ledger.glance("sql", "ga", days[1], days[2])
    assert {partition: each.state for partition, each in glanced.items()} == {
        partition: each.state for partition, each in yielded.items()
    }
    assert storage.ledger.of_window("sql", Window("other", days[3], days[3]), "other") == {rows[7].partition: rows[7]}


def test_the_newest_final_day_is_that_of_the_target_furthest_behind(storage: Storage):
    days = [DAY + dt.timedelta(days=number) for number in range(4)]
    storage.ledger.put(
        [
            row(date=days[0]),
            row(date=days[1]),
            row(date=days[2], state="failed"),
            row(date=days[3], age=10),
            row(date=days[0], target="es"),
            row("copied", date=days[3], via="archive"),
        ]
    )
    newest = storage.ledger.newest_final
    assert newest(["sql"], "ga", 86400.0) == days[1]
    assert newest(["sql"], "ga", 9.5) == days[3]
    assert newest(["sql", "es"], "ga", 86400.0) == days[0]
    assert newest(["sql", "other"], "ga", 86400.0) is None
    assert newest(["sql"], "copied", 0) is None
    assert newest([], "ga", 0) is None


def test_what_a_source_carried_is_known(storage: Storage):
    storage.ledger.put([row("a", via="archive"), row("b", via="archive", target="es")])
    carries = storage.ledger.carries
    assert carries(["sql"], "archive", ["x", "a"])
    assert carries(["sql", "es"], "archive", ["b"])
    assert not carries(["sql"], "archive", ["b"])
    assert not carries(["sql"], "ga", ["a"])
    assert not carries(["sql"], "archive", [])


def test_unsettled_finds_every_other_row(storage: Storage):
    days = [DAY + dt.timedelta(days=n) for n in range(7)]
    states = ["done", "failed", "held", "deferred", "drift", "done", "done"]
    rows = [row(date=day, state=state) for day, state in zip(days, states, strict=True)]
    rows[5] = dataclasses.replace(rows[5], age=86_399)
    rows[6] = dataclasses.replace(rows[6], age=86_400, fingerprint="another")
    storage.ledger.put(
        [*rows, row(target="es", state="failed"), row("b", state="failed"), row("c", DAY, via="ga", age=0)]
    )
    found = storage.ledger.unsettled("sql", "ga", 86_400.0)
    assert sorted(found, key=by_partition) == sorted([*rows[1:6], row("c", DAY, via="ga", age=0)], key=by_partition)
    assert storage.ledger.unsettled("sql", "missing", 86_400.0) == []


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.integers(0, 9), st.sampled_from(["done", "failed", "held", "deferred", "drift"]), st.integers(-5, 5)
        ),
        unique_by=lambda drawn: drawn[0],
    ),
    st.integers(-5, 5),
)
def test_a_day_is_in_the_stretch_or_unsettled(sqlite: Storage, drawn, settle):
    with sqlite.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM ledger")
        sqlite.ledger.put([row(date=DAY + dt.timedelta(days=n), state=state, age=age) for n, state, age in drawn])
    due = {each.date for each in sqlite.ledger.unsettled("sql", "ga", settle)}
    days = [DAY + dt.timedelta(days=n) for n, _, _ in drawn]
    found = sqlite.ledger.stretch("sql", "ga", DAY, DAY + dt.timedelta(days=9), FINGERPRINT, settle)
    final = sorted(set(days) - due)
    assert (found is None) == (not final or final[0] != DAY or (final[-1] - DAY).days + 1 != len(final))
    assert found is None or (found.start, found.end) == (DAY, final[-1])


# --- digests


def test_digests_are_of_what_is_held(storage: Storage):
    later = DAY + dt.timedelta(days=1)
    storage.ledger.put(
        [
            row("a"),
            row("a", later, digest=Digest(1, 5, 6), state="failed"),
            row("never", digest=None),
            row("empty", digest=Digest()),
            row("es-only", target="es"),
        ]
    )
    digests = storage.ledger.digests
    assert digests(["sql"]) == {
        Partition("a", DAY): Digest(2, 2**33, 2**34),
        Partition("a", later): Digest(1, 5, 6),
    }
    assert list(digests(["sql"], start=later)) == [Partition("a", later)]
    assert list(digests(["sql"], end=DAY)) == [Partition("a", DAY)]
    assert list(digests(["sql"], DAY, later, ["a"])) == [Partition("a", DAY), Partition("a", later)]
    assert digests(["sql"], sources=["b"]) == {}
    assert digests([]) == {}


def test_of_several_targets_the_last_written_counts(storage: Storage):
    sooner, later = NOON, NOON + dt.timedelta(microseconds=1)
    storage.ledger.put(
        [
            row("a", target="one", digest=Digest(1, 1, 1), written=sooner),
            row("a", target="two", digest=Digest(2, 2, 2), written=later),
            row("b", target="one", digest=Digest(1, 1, 1), written=later),
            row("b", target="two", digest=Digest(2, 2, 2), written=sooner),
            row("emptied", target="one", digest=Digest(1, 1, 1), written=sooner),
            row("emptied", target="two", digest=Digest(), written=later),
            row("filled", target="one", digest=Digest(), written=sooner),
            row("filled", target="two", digest=Digest(2, 2, 2), written=later),
        ]
    )
    assert storage.ledger.digests(["two", "one"]) == {
        Partition("a", DAY): Digest(2, 2, 2),
        Partition("b", DAY): Digest(1, 1, 1),
        Partition("filled", DAY): Digest(2, 2, 2),
    }


def test_rows_in_some_states(storage: Storage):
    rows = [row("a"), row("b", state="drift", error="has one record more"), row("c", state="failed")]
    storage.ledger.put(rows)
    assert storage.ledger.rows(states=["drift"]) == rows[1:2]
    assert storage.ledger.rows(states=["failed", "drift"], sources=["c"]) == rows[2:]
    assert storage.ledger.rows(states=[]) == []


def test_coverage_is_light(storage: Storage):
    later = DAY + dt.timedelta(days=1)
    storage.ledger.put([row("b", digest=None, state="failed", via="x"), row("a", later, age=-5), row("a")])
    covered = [
        Covered("sql", "a", "a", DAY, "done", 90_000, 2),
        Covered("sql", "a", "a", later, "done", -5, 2),
        Covered("sql", "x", "b", DAY, "failed", 90_000, 0),
    ]
    assert storage.ledger.coverage() == covered
    assert storage.ledger.coverage(start=later) == covered[1:2]
    assert storage.ledger.coverage(end=DAY) == [covered[0], covered[2]]


def test_the_plan_reads_an_index_and_not_the_table(sqlite: Storage):
    """What an hourly run asks must not grow with the records, nor with the other sources' days."""
    seen = []
    query = sqlite.query

    def explained(statement, values=()):
        seen.extend(detail for *_, detail in query(f"EXPLAIN QUERY PLAN {statement}", values))
        return query(statement, values)

    sqlite.query = explained
    sqlite.ledger.stretch("sql", "ga", DAY, DAY, FINGERPRINT, 1.0)
    sqlite.ledger.unsettled("sql", "ga", 1.0)
    sqlite.ledger.glance_days("sql", "ga", DAY, DAY)
    sqlite.ledger.of_window("sql", Window("ga", DAY, DAY), "ga")
    assert [each for each in seen if "SEARCH" in each and "via=?" not in each and "source=?" not in each] == []
    sqlite.ledger.digests(["sql"], DAY, DAY, ["ga"])
    sqlite.ledger.rows(targets=["sql"], sources=["ga"], start=DAY)
    assert len(seen) >= 4
    assert [detail for detail in seen if "SCAN" in detail] == []


@pytest.mark.server
def test_tables_of_mariadb_are_binary_whatever_the_servers_default(mariadb: MariaDB):
    url = mariadb.url()
    Storage.open(url).close()
    collations = mariadb.admin(
        "SELECT DISTINCT collation_name FROM information_schema.columns WHERE table_schema = %s"
        " AND collation_name IS NOT NULL AND table_name IN ('ledger', 'run', 'lease')",
        url.rpartition("/")[2],
    )
    assert collations == [("utf8mb4_bin",)]


# --- runs


def run(number: int, **values) -> Run:
    given = {
        "id": f"run-{number}",
        "config": "/etc/monolith/😀.ini",
        "phases": ("extract", "load"),
        "host": "web1",
        "pid": 7,
    }
    return Run(**{**given, "started": NOON + dt.timedelta(seconds=number), **values})


def test_a_run_is_running_until_it_says_how_it_ended(storage: Storage):
    storage.runs.start(run(1))
    expected = RunRow("run-1", "/etc/monolith/😀.ini", ("extract", "load"), "web1", 7, NOON + dt.timedelta(seconds=1))
    assert storage.runs.recent() == [expected]
    assert (expected.status, expected.finished, expected.counts) == ("running", None, {})
    before = dt.datetime.now(dt.UTC)
    storage.runs.finish("run-1", "incomplete", {"done": 3, "failed": 1}, "one failed")
    (ended,) = storage.runs.recent()
    assert before <= ended.finished <= dt.datetime.now(dt.UTC)
    assert (ended.status, ended.counts, ended.error) == ("incomplete", {"done": 3, "failed": 1}, "one failed")


def test_recent_runs_come_newest_first(storage: Storage):
    for number in (2, 1, 3):
        storage.runs.start(run(number, phases=()))
    storage.runs.finish("run-2", "ok")
    assert [(each.id, each.status, each.phases) for each in storage.runs.recent(2)] == [
        ("run-3", "running", ()),
        ("run-2", "ok", ()),
    ]


def test_a_run_whose_process_is_gone_was_killed(storage: Storage):
    dead = subprocess.run(
        [sys.executable, "-c", "from monolith_core.storage import identity; print(identity())"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    for number, holder in enumerate([dead, dead, identity()]):
        storage.runs.start(run(number))
        with storage.transaction() as connection:
            connection.exec_driver_sql(f"UPDATE run SET holder = '{holder}' WHERE id = 'run-{number}'")
    storage.runs.finish("run-0", "ok")
    assert [each.status for each in storage.runs.recent()] == ["running", "killed", "ok"]
