"""The runner on a real storage, with sources and targets that do as they are told."""

from __future__ import annotations

import datetime as dt
import threading

import pytest
import trio
from support.engine import (
    NOW,
    Shelf,
    ShelfTarget,
    Table,
    TableSource,
    config_of,
    digest_of,
    go,
    hooks_with,
    section,
    source_of,
    target_of,
)

from monolith_core import retry
from monolith_core.config import PhaseConfig
from monolith_core.days import DayRange
from monolith_core.errors import Deferred, Divide, PermanentError, TemporaryError
from monolith_core.hookspecs import hookimpl
from monolith_core.partition import Partition, Window
from monolith_core.plugin import Source
from monolith_core.record import Record
from monolith_core.runner import Request, plan, run, writing
from monolith_core.stage import Stage
from monolith_core.storage import Storage


def day(number: int) -> dt.date:
    return dt.date(2024, 3, number)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(retry, "_backoff", lambda state: 0.0)


@pytest.fixture
def table():
    """Three facts a day, from the first to the tenth of March."""
    return Table({day(number): [{"day": number, "n": n} for n in range(3)] for number in range(1, 11)})


@pytest.fixture
def shelf():
    return Shelf()


@pytest.fixture
def build(sqlite_url, table, shelf):
    """A configuration of one source and one target, wanted from the sixth on."""

    def make(
        base=TableSource, target=None, more_targets=(), monolith=None, phases=None, target_options=None, **options
    ):
        options = {"since": day(6), "span": 2} | options
        sources = {"src": section("source", "src", source_of(table, base), **options)}
        targets = {"shelf": section("target", "shelf", target or target_of(shelf), **(target_options or {}))}
        for name, plugin in more_targets:
            targets[name] = section("target", name, plugin)
        return config_of(sqlite_url, sources, targets, phases, **(monolith or {}))

    return make


def ledger(config, target="shelf"):
    """What the ledger says: `day source state count` of each row, oldest first."""
    storage = Storage.open(config.monolith.database.get_secret_value())
    try:
        rows = storage.ledger.rows(targets=[target])
        return [
            f"{row.date.day} {row.source} {row.state} {row.digest.count if row.digest else 0}"
            for row in sorted(rows, key=lambda r: (r.date, r.source))
        ]
    finally:
        storage.close()


def row_of(config, number, target="shelf"):
    storage = Storage.open(config.monolith.database.get_secret_value())
    try:
        [row] = storage.ledger.rows(targets=[target], start=day(number), end=day(number))
        return row
    finally:
        storage.close()


async def test_newest_day_first_in_windows_of_at_most_span_days(build, table, shelf):
    told = await go(build())
    assert table.asked == [Window("src", day(9), day(10)), Window("src", day(7), day(8)), Window("src", day(6), day(6))]
    assert told.outcomes() == ["10 done", "9 done", "8 done", "7 done", "6 done"]
    assert set(shelf.counts().values()) == {3}
    assert ledger(build()) == [f"{number} src done 3" for number in range(6, 11)]
    assert told.report.exit_status == 0


async def test_the_next_run_asks_only_for_what_is_provisional(build, table, shelf):
    await go(build())
    table.asked.clear(), shelf.calls.clear()
    told = await go(build())
    assert table.asked == [Window("src", day(9), day(10))]
    assert told.outcomes() == ["10 unchanged", "9 unchanged"]
    assert shelf.calls == []


async def test_a_day_is_final_when_it_was_asked_after_it_had_settled(build, table):
    await go(build())
    await go(build(), now=NOW + dt.timedelta(days=2))
    table.asked.clear()
    await go(build(), now=NOW + dt.timedelta(days=2))
    assert [window.start for window in table.asked] == [day(11)]


async def test_a_changed_answer_is_written(build, table, shelf):
    await go(build())
    table.days[day(10)].append({"late": True})
    shelf.calls.clear()
    told = await go(build())
    assert shelf.calls == [Partition("src", day(10))]
    assert [(each.outcome, each.added, each.removed) for each in told.finished] == [("unchanged", 0, 0), ("done", 1, 0)]


async def test_default_since_is_the_day_before_the_first_run(build, table):
    await go(build(since=None))
    assert table.asked == [Window("src", day(9), day(10))]
    storage = Storage.open(build().monolith.database.get_secret_value())
    with storage.transaction() as connection:  # the database's clock is not the test's
        connection.exec_driver_sql("UPDATE lease SET created = ?", (NOW.timestamp(),))
    storage.close()
    await go(build(since=None, settle=0), now=NOW + dt.timedelta(days=3))
    assert table.asked[1:] == [Window("src", day(12), day(13)), Window("src", day(10), day(11))]


async def test_an_error_in_the_middle_writes_nothing_of_the_window(build, table, shelf):
    def fail(at):
        if at == day(8):
            raise PermanentError("no such table")

    table.each = fail
    told = await go(build())
    assert told.outcomes() == ["10 done", "9 done", "8 failed", "7 failed", "6 done"]
    assert {each.error for each in told.finished} == {"", "no such table"}
    assert told.report.exit_status == 1
    assert "8 src failed 0" in ledger(build())

    table.each = lambda at: None
    table.asked.clear()
    told = await go(build())
    assert Window("src", day(7), day(8)) in table.asked
    assert "8 src done 3" in ledger(build())
    assert told.report.exit_status == 0


async def test_what_a_plugin_raises_is_not_tried_again_and_holds_up_no_other(build, table):
    def fail(window):
        raise ZeroDivisionError("division by zero")

    table.before = fail
    told = await go(build())
    assert len(table.asked) == 3
    assert {each.error for each in told.finished} == {"src raised ZeroDivisionError: division by zero"}


async def test_a_temporary_error_is_tried_again(build, table):
    failures = iter([TemporaryError("connection lost"), TemporaryError("connection lost")])

    def fail(window):
        error = next(failures, None)
        if error:
            raise error

    table.before = fail
    told = await go(build(since=day(9)))
    assert told.outcomes() == ["10 done", "9 done"]
    assert [(event.error, event.attempt, event.retries) for kind, event in told.told if kind == "retry"] == [
        ("connection lost", 1, 3),
        ("connection lost", 2, 3),
    ]


async def test_a_source_that_stays_down_is_not_asked_for_every_window(build, table):
    def fail(window):
        raise TemporaryError("connection refused")

    table.before = fail
    told = await go(build(since=day(1), span=1, retries=2))
    assert len(table.asked) == 3 + 1 + 1  # the first window with its retries, two more, and no other
    assert told.outcomes() == [f"{number} failed" for number in range(10, 0, -1)]
    assert told.finished[-1].error == "not asked after 3 windows failed in a row: connection refused"


async def test_a_bad_record_fails_its_day_only(build, table, shelf):
    table.days[day(7)].append({"value": float("nan")})
    told = await go(build(since=day(1), span=10))
    assert [each for each in told.outcomes() if "failed" in each] == ["7 failed"]
    assert len(shelf.counts()) == 9
    assert "data.value" in row_of(build(), 7).error


async def test_a_target_that_fails_for_one_partition_fails_that_one_only(build, table, shelf):
    def fail(partition):
        if partition.date == day(8):
            raise PermanentError("document too large")

    shelf.before = fail
    told = await go(build())
    assert told.outcomes() == ["10 done", "9 done", "8 failed", "7 done", "6 done"]
    shelf.before = lambda partition: None
    told = await go(build())
    assert "8 done" in told.outcomes()


async def test_a_target_is_tried_again_without_asking_the_source(build, table, shelf):
    failures = iter([TemporaryError("deadlock")])

    def fail(partition):
        error = next(failures, None)
        if error:
            raise error

    shelf.before = fail
    told = await go(build(since=day(9)))
    assert told.outcomes() == ["10 done", "9 done"]
    assert table.asked == [Window("src", day(9), day(10))]
    [event] = [event for kind, event in told.told if kind == "retry"]
    assert event.doing == "write src 2024-03-10 to shelf"


async def test_one_target_down_holds_up_no_other_and_catches_up(build, table, shelf):
    other = Shelf()

    def fail(partition):
        raise TemporaryError("connection refused")

    other.before = fail
    config = build(more_targets=[("other", target_of(other))])
    told = await go(config)
    assert len(shelf.counts()) == 5
    assert other.counts() == {}
    assert len(other.calls) == 4 + 1 + 1
    assert ledger(config, "other") == [f"{number} src failed 0" for number in range(6, 11)]
    assert told.report.exit_status == 1

    other.before = lambda partition: None
    shelf.calls.clear()
    await go(config)
    assert other.counts() == shelf.counts()
    assert shelf.calls == []


async def test_a_target_whose_setup_fails(build, table, shelf):
    class Broken(ShelfTarget):
        def setup(self):
            raise RuntimeError("no such index")

    config = build(more_targets=[("broken", Broken)])
    told = await go(config)
    assert len(shelf.counts()) == 5
    assert {each.error for each in told.finished if each.target == "broken"} == {
        "broken raised RuntimeError: no such index"
    }


async def test_a_source_that_cannot_be_made(build, table):
    class Broken(TableSource):
        def __init__(self, options, context):
            raise PermanentError("no such file")

    told = await go(build(Broken))
    [(_, skipped)] = [each for each in told.told if each[0] == "skipped"]
    assert (skipped.why, skipped.failed) == ("no such file", True)
    assert told.report.exit_status == 1


async def test_a_source_whose_setup_fails_fails_its_days(build, table):
    class Broken(TableSource):
        def setup(self):
            raise PermanentError("no such file")

    config = build(Broken)
    await go(config)
    assert ledger(config) == [f"{number} src failed 0" for number in range(6, 11)]
    assert table.asked == []


@pytest.mark.parametrize(("left", "outcome"), [(2, "done"), (1, "held"), (0, "held")])
async def test_a_much_smaller_answer_is_held(build, table, shelf, left, outcome):
    await go(build())
    table.days[day(10)] = table.days[day(10)][:left]
    told = await go(build())
    assert told.outcomes() == ["9 unchanged", f"10 {outcome}"]
    if outcome == "held":
        assert shelf.counts()["src 2024-03-10"] == 3
        assert row_of(build(), 10).error == (
            f"came back with {left} records where 3 are held; nothing was written. If that is right, accept it: "
            "monolith-extract test.ini --source src --date 2024-03-10 --force"
        )
        assert told.report.exit_status == 1
        told = await go(build(), force=True, days=None, sources=frozenset(["src"]))
        assert "10 done" in told.outcomes()
        assert shelf.counts().get("src 2024-03-10", 0) == left


async def test_max_shrink_of_one_accepts_any_size(build, table, shelf):
    await go(build())
    table.days[day(10)] = []
    told = await go(build(max_shrink=1))
    assert "10 done" in told.outcomes()
    assert "src 2024-03-10" not in shelf.counts()


async def test_a_held_day_is_due_until_it_comes_back_whole(build, table):
    await go(build())
    whole, table.days[day(10)] = table.days[day(10)], []
    await go(build())
    table.days[day(10)] = whole
    told = await go(build(until=day(6)))
    assert told.outcomes() == ["9 unchanged"], "what is not wanted any more is not asked for because it is held"
    told = await go(build())
    assert told.outcomes() == ["10 unchanged", "9 unchanged"]
    assert ledger(build())[-1] == "10 src done 3"


async def test_a_quota_that_is_used_up_defers_the_rest(build, table):
    def stop(window):
        if window.end < day(9):
            raise Deferred("the property's tokens of today are used up")

    table.before = stop
    told = await go(build())
    assert told.outcomes() == ["10 done", "9 done", "8 deferred", "7 deferred", "6 deferred"]
    assert len(table.asked) == 2
    assert told.report.exit_status == 0
    table.before = lambda window: None
    told = await go(build())
    assert "6 done" in told.outcomes()


async def test_a_source_is_asked_for_each_day_if_it_says_so(build, table):
    """What it yielded before is thrown away; what is done of the days stays when its quota then runs out."""

    def stop(window):
        if window.start == day(8) == window.end:
            raise Deferred("used up")

    def divide(date):
        if len(table.asked[-1]) > 1 and date == day(9):
            raise Divide("too many days")

    table.before, table.each = stop, divide
    told = await go(build(span=5))
    assert table.asked == [Window("src", day(6), day(10)), *(Window("src", day(n), day(n)) for n in (10, 9, 8))]
    assert told.outcomes() == ["10 done", "9 done", "8 deferred", "7 deferred", "6 deferred"]
    assert ledger(build())[-2:] == ["9 src done 3", "10 src done 3"]


async def test_a_single_day_cannot_be_divided(build, table):
    def divide(window):
        raise Divide("too many days")

    table.before = divide
    told = await go(build(since=day(9)))
    assert [(each.outcome, each.error) for each in told.finished] == [("failed", "too many days")] * 2


async def test_a_new_configuration_makes_every_day_due_and_writes_the_difference(build, table, shelf):
    await go(build(until=day(7)))
    shelf.calls.clear()
    told = await go(build(until=day(7), fingerprint="another"))
    assert {each.reason for each in told.finished} == {"config changed"}
    assert len(shelf.calls) == 2


async def test_phases_follow_each_other_and_on_failure_stop_stops(build, table, shelf, sqlite_url):
    second = Table({day(10): [{"second": True}]})
    second.before = lambda window: seen.append(len(shelf.calls))
    seen: list[int] = []
    sources = {
        "src": section("source", "src", source_of(table), since=day(10)),
        "second": section("source", "second", source_of(second), since=day(10)),
    }
    targets = {"shelf": section("target", "shelf", target_of(shelf))}
    for policy, expected in (("continue", [1]), ("stop", [1])):
        phases = [
            PhaseConfig(id="one", sources=("src",), targets=("shelf",), on_failure=policy),
            PhaseConfig(id="two", sources=("second",), targets=("shelf",), on_failure="continue"),
        ]
        told = await go(config_of(sqlite_url, sources, targets, phases))
        assert seen == expected

        def fail(window):
            raise PermanentError("gone")

        table.before = fail
    assert [event.phase for kind, event in told.told if kind == "phase"] == ["one"]


async def test_sources_limits_every_phase(build, table, shelf, sqlite_url):
    other = Table({day(10): [{"other": True}]})
    sources = {
        "src": section("source", "src", source_of(table), since=day(10)),
        "other": section("source", "other", source_of(other), since=day(10)),
    }
    targets = {"shelf": section("target", "shelf", target_of(shelf))}
    await go(config_of(sqlite_url, sources, targets), sources=frozenset(["other"]))
    assert table.asked == []
    assert shelf.counts() == {"other 2024-03-10": 1}


async def test_a_lease_that_is_held_skips_the_source(build, table, sqlite_url):
    config = build()
    storage = Storage.open(sqlite_url)
    lease = storage.leases.acquire("extract", "src", "elsewhere", 600)
    told = await go(config)
    [(_, skipped)] = [each for each in told.told if each[0] == "skipped"]
    assert "elsewhere" in skipped.why
    assert not skipped.failed
    assert table.asked == []
    assert told.report.exit_status == 0
    storage.leases.release(lease)
    storage.close()
    await go(config)
    assert table.asked


async def test_a_lost_lease_commits_nothing(build, table, shelf, sqlite_url):
    def expire(partition):
        if partition.date == day(8):
            storage = Storage.open(sqlite_url)
            with storage.transaction() as connection:
                connection.exec_driver_sql("UPDATE lease SET expires = 0")
            storage.close()

    shelf.before = expire
    told = await go(build())
    assert sorted(shelf.counts()) == ["src 2024-03-09", "src 2024-03-10"]
    assert ledger(build()) == ["9 src done 3", "10 src done 3"]
    assert told.report.exit_status == 1
    assert [each for each in told.outcomes() if "skipped" in each] == ["8 skipped", "7 skipped", "6 skipped"]


def wide(shelf, at_once):
    """A target that takes so many days at once."""
    return type("Wide", (target_of(shelf),), {"at_once": at_once})


async def test_a_target_may_take_several_days_at_once(build, shelf):
    meeting = threading.Barrier(3, timeout=60)
    shelf.before = lambda partition: meeting.wait()
    config = build(target=wide(shelf, 3), since=day(5), span=6)
    told = await go(config)
    assert told.report.exit_status == 0
    assert ledger(config) == [f"{number} src done 3" for number in range(5, 11)]
    assert sorted(shelf.calls[:3], reverse=True) == [Partition("src", day(number)) for number in (10, 9, 8)]


async def test_large_days_are_written_one_after_the_other(build, shelf, monkeypatch):
    monkeypatch.setattr(writing, "LARGE", 2)
    busy = threading.Lock()

    def alone(partition):
        if not busy.acquire(blocking=False):
            raise PermanentError("another one is being written")

    shelf.before = alone
    shelf.after = lambda partition: busy.release()
    told = await go(build(target=wide(shelf, 3), span=6))
    assert told.report.exit_status == 0
    assert len(told.outcomes()) == 5


async def test_a_day_that_fails_holds_up_none_that_is_written_beside_it(build, shelf):
    def fail(partition):
        if partition.date == day(9):
            raise PermanentError("no room")

    shelf.before = fail
    told = await go(build(target=wide(shelf, 3), span=6))
    assert sorted(told.outcomes()) == ["10 done", "6 done", "7 done", "8 done", "9 failed"]


async def test_a_lease_that_is_lost_while_several_days_are_written(build, shelf, sqlite_url):
    def expire():
        storage = Storage.open(sqlite_url)
        with storage.transaction() as connection:
            connection.exec_driver_sql("UPDATE lease SET expires = 0")
        storage.close()

    meeting = threading.Barrier(3, expire, timeout=60)
    shelf.before = lambda partition: meeting.wait()
    told = await go(build(target=wide(shelf, 3), span=6))
    assert shelf.counts() == {}
    assert sorted(told.outcomes()) == ["10 skipped", "6 skipped", "7 skipped", "8 skipped", "9 skipped"]
    assert told.report.exit_status == 1


async def test_a_source_that_hangs_is_given_up(build, table, mock_clock):
    release, entered = threading.Event(), trio.Event()
    token = trio.lowlevel.current_trio_token()

    def hang(window):
        token.run_sync_soon(entered.set)
        release.wait()

    table.before = hang

    async def pass_time():
        await entered.wait()
        for _ in range(8):
            await trio.testing.wait_all_tasks_blocked()
            mock_clock.jump(2.5)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(pass_time)
        told = await go(build(since=day(10), timeout=10, retries=0))
    release.set()
    assert told.outcomes() == ["10 failed"]
    assert "src made no progress for 10s" in told.finished[0].error


async def test_the_next_window_is_asked_for_while_this_one_is_written(build, table, shelf):
    second = threading.Event()
    table.before = lambda window: second.set() if window.end == day(8) else None

    def wait(partition):
        if partition.date == day(10):
            assert second.wait(60), "the second window was not asked for while the first was being written"

    shelf.before = wait
    told = await go(build())
    assert "10 done" in told.outcomes()


async def test_a_failing_hook_changes_nothing(build, table, caplog):
    class Broken:
        @hookimpl
        def partition_finished(self, event):
            raise ValueError("no such printer")

    report = await run(build(), Request(), hooks_with(Broken()), now=lambda: NOW)
    assert report.exit_status == 0
    assert "ValueError: no such printer" in caplog.text


async def test_an_async_source(build, table, shelf):
    class Async(TableSource):
        async def extract(self, window):
            for at in window.days():
                await trio.lowlevel.checkpoint()
                yield Record(at, "fact", {"day": at.day})

    await go(build(Async))
    assert len(shelf.counts()) == 5


@pytest.mark.parametrize("answer", [None, 7])
async def test_extract_must_return_records(build, answer):
    class Wrong(Source):
        def extract(self, window):
            return answer

    told = await go(build(Wrong))
    assert told.finished[0].error == f"extract of src returned {type(answer).__name__}, expected records"


async def test_records_of_other_sources_are_written_under_their_own(build, table, shelf):
    class Archive(TableSource):
        def extract(self, window):
            for at in window.days():
                for data in table.days.get(at, []):
                    yield Record(at, "fact", data, source=data.get("from", "a"))

    table.days = {day(10): [{"from": "a"}, {"from": "b"}, {"from": "b", "n": 2}]}
    config = build(Archive, since=day(10), max_shrink=1)
    await go(config)
    assert shelf.counts() == {"a 2024-03-10": 1, "b 2024-03-10": 2}
    assert ledger(config) == ["10 a done 1", "10 b done 2", "10 src done 0"]
    table.days = {day(10): [{"from": "b"}]}
    await go(config)
    assert shelf.counts() == {"b 2024-03-10": 1}
    assert ledger(config) == ["10 a done 0", "10 b done 1", "10 src done 0"]


class Purged(TableSource):
    purges = True

    def purge(self, window):
        self.table.asked.append(("purge", window.start.day, window.end.day))


async def test_purge_follows_when_every_target_holds_final_days(build, table):
    await go(build(Purged))
    assert [each for each in table.asked if isinstance(each, tuple)] == [("purge", 7, 8), ("purge", 6, 6)]


async def test_purge_only_purges_every_final_day_and_extracts_nothing(build, table):
    await go(build())
    table.asked.clear()
    await go(build(Purged), purge_only=True)
    assert table.asked == [("purge", 7, 8), ("purge", 6, 6)]


def test_plan_creates_nothing(build, tmp_path, table):
    config = build()
    [planned] = plan(config, Request(), now=NOW)
    assert [(due.partition.date.day, due.reason) for due in planned.due] == [(n, "new") for n in range(10, 5, -1)]
    assert table.asked == []
    assert list(tmp_path.iterdir()) == []


async def test_jobs_ask_for_several_windows_at_once(build, table):
    meeting = threading.Barrier(3)
    table.before = lambda window: meeting.wait(60)
    told = await go(build(span=2, since=day(5), jobs=3))
    assert len(told.outcomes()) == 6
    assert not meeting.broken


class Offering(TableSource):
    """An archive of two sources: what it offers is what the table has, by the digests set on it."""

    offers: dict

    def partitions(self, window):
        return self.offers

    def extract(self, window):
        self.table.asked.append(window)
        for at in window.days():
            for data in self.table.days.get(at, []):
                if data["from"] == window.source:
                    yield Record(at, "fact", data, source=window.source)


def offers_of(table):
    """The digests of a table's partitions, by staging them."""
    found = {}
    for at, records in table.days.items():
        for name in {data["from"] for data in records}:
            with Stage(name, Window(name, at, at)) as stage:
                stage.fill(Record(at, "fact", data) for data in records if data["from"] == name)
                found |= {partition: staged.digest for partition, staged in stage.finish().items()}
    return found


@pytest.fixture
def archive(table):
    table.days = {day(number): [{"from": name, "n": number} for name in "ab"] for number in (1, 2, 5)}
    return table


async def test_a_source_with_partitions_of_its_own_is_asked_for_each(build, archive, shelf):
    kind = type("Archive", (Offering,), {"offers": offers_of(archive)})
    told = await go(build(kind, since=None))
    assert archive.asked == [
        Window("b", day(5), day(5)),
        Window("a", day(5), day(5)),
        Window("b", day(1), day(2)),
        Window("a", day(1), day(2)),
    ]
    assert sorted(shelf.counts()) == sorted(map(str, kind.offers))
    assert told.report.exit_status == 0
    archive.asked.clear()
    await go(build(kind, since=None))
    assert archive.asked == []


async def test_only_what_changed_in_the_archive_is_loaded_again(build, archive, shelf):
    kind = type("Archive", (Offering,), {"offers": offers_of(archive)})
    await go(build(kind, since=None))
    archive.asked.clear()
    archive.days[day(2)][0]["n"] = 7
    del archive.days[day(5)][1]
    kind.offers = offers_of(archive)
    told = await go(build(kind, since=None, max_shrink=1))
    assert {(str(each.partition), each.reason, each.outcome) for each in told.finished} == {
        ("a 2024-03-02", "changed", "done"),
        ("b 2024-03-05", "changed", "done"),
    }
    assert sorted(shelf.counts()) == sorted(map(str, kind.offers))


async def test_an_archive_that_yields_something_else_than_it_offers(build, archive, shelf):
    offers = offers_of(archive)
    archive.days[day(5)][0]["n"] = 9
    told = await go(build(type("Archive", (Offering,), {"offers": offers}), since=None))
    [failed] = [each for each in told.finished if each.outcome == "failed"]
    assert str(failed.partition) == "a 2024-03-05"
    assert failed.error == (
        "src was to hold 1 records of a 2024-03-05 and yielded 1, not all of them the same: "
        "something else than monolith changed them, or they changed while they were read"
    )
    assert "a 2024-03-05" not in shelf.counts()


async def test_sources_limits_an_archive_to_its_partitions(build, archive, shelf):
    kind = type("Archive", (Offering,), {"offers": offers_of(archive)})
    await go(build(kind, since=None), sources=frozenset("a"))
    assert {name.split()[0] for name in shelf.counts()} == {"a"}


async def test_a_purge_that_fails_is_no_success(build, table):
    class Stubborn(Purged):
        def purge(self, window):
            raise PermanentError("no right to delete")

    told = await go(build(Stubborn))
    assert told.report.exit_status == 1
    assert told.report.as_dict()["phases"][0]["sources"][0]["purge_error"] == "no right to delete"
    assert "10 done" in told.outcomes()


class TellingTarget(ShelfTarget):
    """A target that can say what it holds."""

    def digests(self, window):
        for partition in self.shelf.held:
            if partition.date in window:
                yield partition, digest_of(self.shelf, partition)


def telling(shelf):
    return type("Telling", (TellingTarget,), {"shelf": shelf})


def forget(config):
    """Lose the ledger."""
    storage = Storage.open(config.monolith.database.get_secret_value())
    with storage.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM ledger")
    storage.close()


@pytest.mark.parametrize("left", [0, 1])
async def test_a_lost_ledger_lets_no_source_empty_a_target(build, table, shelf, left):
    config = build(target=telling(shelf))
    await go(config)
    held = shelf.counts()
    forget(config)
    table.days = {at: records[:left] for at, records in table.days.items()}
    told = await go(config)
    assert shelf.counts() == held
    assert {each.outcome for each in told.finished} == {"held"}
    assert ledger(config) == [f"{number} src held 3" for number in range(6, 11)]
    await go(config)
    assert shelf.counts() == held
    await go(config, force=True)
    assert sum(shelf.counts().values()) == 5 * left


async def test_a_lost_ledger_is_filled_again(build, table, shelf):
    config = build(target=telling(shelf))
    await go(config)
    forget(config)
    told = await go(config)
    assert told.outcomes() == [f"{number} done" for number in range(10, 5, -1)]
    assert {each.added for each in told.finished} == {0}
    assert ledger(config) == [f"{number} src done 3" for number in range(6, 11)]


async def test_a_target_that_cannot_tell_what_it_holds_fails_what_is_unknown(build, table, shelf):
    class Mute(TellingTarget):
        def digests(self, window):
            raise TemporaryError("connection refused")

    config = build(target=type("Mute", (Mute,), {"shelf": shelf}))
    told = await go(config)
    assert {(each.outcome, each.error) for each in told.finished} == {("failed", "connection refused")}
    assert shelf.calls == []


async def test_the_archives_own_id_means_all_that_it_yields(build, table, shelf):
    class Archive(TableSource):
        def extract(self, window):
            for at in window.days():
                for data in table.days.get(at, []):
                    yield Record(at, "fact", data, source="flights")

    config = build(Archive)
    await go(config, sources=frozenset(["src"]))
    assert len(shelf.counts()) == 5
    shelf.held.clear()
    table.asked.clear()
    await go(config)
    assert shelf.counts() == {}


async def test_force_fills_a_target_that_was_lost(build, table, shelf):
    await go(build())
    shelf.held.clear()
    await go(build(), force=True)
    assert len(shelf.counts()) == 5


async def test_a_record_out_of_the_window_fails_the_window_at_once(build, table):
    class Stray(TableSource):
        def extract(self, window):
            self.table.asked.append(window)
            yield Record(day(1), "fact", {})

    told = await go(build(Stray, span=10))
    assert len(table.asked) == 1
    assert {each.outcome for each in told.finished} == {"failed"}


@pytest.mark.parametrize("again", ["force", "another query", "another target", "named days"])
async def test_a_source_is_never_asked_for_what_it_was_purged_of(build, table, shelf, caplog, again):
    await go(build(Purged, max_shrink=1))
    held = shelf.counts()
    purged = {day(number) for number in (6, 7, 8)}
    table.days = {at: records for at, records in table.days.items() if at not in purged}
    table.asked.clear()
    other = Shelf()
    more = [("other", target_of(other))] if again == "another target" else ()
    options = {"fingerprint": "another"} if again == "another query" else {}
    request = {"force": True} if again in ("force", "named days") else {}
    if again == "named days":
        request["days"] = DayRange(day(6), day(10))
    told = await go(build(Purged, max_shrink=1, more_targets=more, **options), **request)
    asked = {at for window in table.asked if isinstance(window, Window) for at in window.days()}
    assert asked == {day(9), day(10)}
    assert shelf.counts() == held
    assert told.report.exit_status == 0
    lacks = "src was purged of days that other lacks; it is not asked for them again: load them from the archive"
    assert (lacks in caplog.text) == (again == "another target")


class Hanging(TableSource):
    """Hangs in its setup, or when it is asked for its partitions, until the test lets it go."""

    where = "setup"
    entered: trio.Event
    release: threading.Event

    def _hang(self, where):
        if where == self.where:
            trio.from_thread.run_sync(self.entered.set)
            self.release.wait()

    def setup(self):
        self._hang("setup")

    def partitions(self, window):
        self._hang("partitions")


@pytest.mark.parametrize(("where", "what"), [("setup", "setup of src"), ("partitions", "the plan of src")])
async def test_a_plugin_that_hangs_before_it_is_asked_is_given_up(build, table, mock_clock, where, what):
    kind = type("Hanging", (Hanging,), {"where": where, "entered": trio.Event(), "release": threading.Event()})

    async def pass_time():
        await kind.entered.wait()
        for _ in range(5):
            await trio.testing.wait_all_tasks_blocked()
            mock_clock.jump(2.5)
        mock_clock.rate = 1  # what follows takes its time, such as the plan, and waits for the thread that hangs

    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pass_time)
            told = await go(build(kind, since=day(10), timeout=10, retries=0))
    finally:
        kind.release.set()
    said = [*(each.error for each in told.finished), *(each.why for kind, each in told.told if kind == "skipped")]
    assert any(f"{what} made no progress for 10s" in text for text in said)
    assert told.report.exit_status == 1
