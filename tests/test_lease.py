"""Leases on all three databases: one worker at a time, and whoever lost the lease commits nothing."""

from __future__ import annotations

import datetime as dt
import signal
import threading
import time

import pytest
from support.child import Child

from monolith_core.errors import LeaseHeld, LeaseLost, TemporaryError
from monolith_core.partition import Digest
from monolith_core.storage import Lease, LedgerRow, Storage, identity

ROW = LedgerRow("sql", "ga", dt.date(2024, 1, 1), "ga", "done", Digest(1, 1, 1))
ELSEWHERE = "host=elsewhere boot=b pidns=pid:[1] pid=4711 start=1"


@pytest.fixture
def storage(database_url: str):
    opened = Storage.open(database_url, lock_timeout=1.0)
    yield opened
    opened.close()


@pytest.fixture
def other(storage: Storage, database_url: str):
    """The same storage as another process has it."""
    opened = Storage.open(database_url, lock_timeout=1.0)
    yield opened
    opened.close()


@pytest.fixture
def lease(storage: Storage) -> Lease:
    return storage.leases.acquire("extract", "ga", identity(), 60.0)


def expire(storage: Storage) -> None:
    with storage.transaction() as connection:
        connection.exec_driver_sql("UPDATE lease SET expires = expires - 100000")


def write(storage: Storage, lease: Lease) -> None:
    """What the engine does for each partition."""
    with storage.transaction() as connection:
        storage.ledger.put([ROW])
        storage.leases.fence(connection, lease, 60.0)


# --- taking, holding, giving back


def test_a_lease_is_held_until_it_is_released(storage: Storage, other: Storage, lease: Lease):
    with pytest.raises(LeaseHeld):
        other.leases.acquire("extract", "ga", ELSEWHERE, 60.0)
    with pytest.raises(LeaseHeld):
        storage.leases.acquire("extract", "ga", identity(), 60.0)
    storage.leases.release(lease)
    taken = other.leases.acquire("extract", "ga", ELSEWHERE, 60.0)
    assert taken == Lease("extract", "ga", ELSEWHERE, lease.token + 1)


@pytest.mark.parametrize("seconds", [0.0, 9e9])
def test_the_clock_of_the_host_does_not_count(
    storage: Storage, other: Storage, lease: Lease, monkeypatch: pytest.MonkeyPatch, seconds: float
):
    monkeypatch.setattr(time, "time", lambda: seconds)
    with pytest.raises(LeaseHeld):
        other.leases.acquire("extract", "ga", ELSEWHERE, 60.0)
    write(storage, lease)


def test_the_loser_is_told_who_holds_it(storage: Storage):
    before = dt.datetime.now(dt.UTC).replace(microsecond=0)
    storage.leases.acquire("extract", "ga", ELSEWHERE, 60.0)
    with pytest.raises(LeaseHeld) as raised:
        storage.leases.acquire("extract", "ga", identity(), 60.0)
    after = dt.datetime.now(dt.UTC)
    who = raised.value.holder
    assert who.startswith("host elsewhere, pid 4711, since ")
    since = dt.datetime.strptime(who.rpartition("since ")[2], "%Y-%m-%d %H:%M:%S UTC").replace(tzinfo=dt.UTC)
    assert before - dt.timedelta(seconds=1) <= since <= after
    assert str(raised.value).startswith(f"source 'ga' of phase 'extract' is being worked on by another run ({who})")


def test_other_sources_and_phases_are_free(storage: Storage, lease: Lease):
    for phase, source in [("load", "ga"), ("extract", "GA"), ("extract", "gä"), ("extract", "😀")]:
        assert storage.leases.acquire(phase, source, ELSEWHERE, 60.0).token == 1


def test_tokens_only_rise(storage: Storage, other: Storage):
    tokens = []
    for attempt in range(6):
        taken = (storage, other)[attempt % 2].leases.acquire("extract", "ga", ELSEWHERE, 60.0)
        tokens.append(taken.token)
        if attempt % 3:
            storage.leases.release(taken)
        else:
            expire(storage)
    assert tokens == [1, 2, 3, 4, 5, 6]


def test_releasing_what_another_took_changes_nothing(storage: Storage, other: Storage, lease: Lease):
    expire(storage)
    taken = other.leases.acquire("extract", "ga", ELSEWHERE, 60.0)
    storage.leases.release(lease)
    other.leases.renew(taken, 60.0)


def test_when_a_source_was_taken_first_is_remembered(storage: Storage):
    assert storage.leases.created("extract", "ga") is None
    before = dt.datetime.now(dt.UTC) - dt.timedelta(milliseconds=2)  # SQLite's clock has milliseconds
    storage.leases.release(storage.leases.acquire("extract", "ga", ELSEWHERE, 60.0))
    created = storage.leases.created("extract", "ga")
    assert before <= created <= dt.datetime.now(dt.UTC) + dt.timedelta(milliseconds=2)
    storage.leases.acquire("extract", "ga", ELSEWHERE, 60.0)
    assert storage.leases.created("extract", "ga") == created


# --- renewing and expiring


def test_a_renewal_lasts_from_now(storage: Storage, lease: Lease):
    storage.leases.renew(lease, 5000.0)
    (left,) = storage.query("SELECT expires - {now} FROM lease")[0]
    assert 4900 < left <= 5000


def test_who_fences_renews(storage: Storage, lease: Lease):
    with storage.transaction() as connection:
        storage.leases.fence(connection, lease, 5000.0)
    (left,) = storage.query("SELECT expires - {now} FROM lease")[0]
    assert 4900 < left <= 5000


@pytest.mark.parametrize(("before", "after"), [(50.0, 50.0), (20.0, 60.0)], ids=["much is left", "little is left"])
def test_who_confirms_renews_only_if_little_is_left(storage: Storage, lease: Lease, before: float, after: float):
    storage.leases.renew(lease, before)
    storage.leases.confirm(lease, 60.0)
    (left,) = storage.query("SELECT expires - {now} FROM lease")[0]
    assert after - 5 < left <= after


def test_an_expired_lease_may_be_taken(storage: Storage, other: Storage, lease: Lease):
    expire(storage)
    assert other.leases.acquire("extract", "ga", ELSEWHERE, 60.0).token == lease.token + 1


@pytest.mark.parametrize("taken", [True, False], ids=["taken over", "taken by nobody"])
def test_an_expired_lease_is_lost(storage: Storage, other: Storage, lease: Lease, taken: bool):
    expire(storage)
    if taken:
        other.leases.acquire("extract", "ga", ELSEWHERE, 60.0)
    for use in (storage.leases.renew, storage.leases.confirm):
        with pytest.raises(LeaseLost, match="the lease of source 'ga' in phase 'extract' ran out or was taken over"):
            use(lease, 60.0)
    with pytest.raises(LeaseLost):
        write(storage, lease)
    assert storage.ledger.rows() == []


def test_a_released_lease_is_lost(storage: Storage, lease: Lease):
    storage.leases.release(lease)
    with pytest.raises(LeaseLost):
        write(storage, lease)
    assert storage.ledger.rows() == []


def test_an_older_lease_of_the_same_holder_is_lost(storage: Storage, lease: Lease):
    storage.leases.release(lease)
    again = storage.leases.acquire("extract", "ga", identity(), 60.0)
    with pytest.raises(LeaseLost):
        write(storage, lease)
    write(storage, again)
    assert storage.ledger.rows() == [ROW]


# --- the fence


def test_nobody_takes_a_lease_between_the_fence_and_the_commit(storage: Storage, other: Storage):
    lease = storage.leases.acquire("extract", "ga", ELSEWHERE, 60.0)
    with storage.transaction() as connection:
        storage.ledger.put([ROW])
        storage.leases.fence(connection, lease, 60.0)
        with pytest.raises(TemporaryError):
            other.leases.acquire("extract", "ga", identity(), 60.0)
    with pytest.raises(LeaseHeld):
        other.leases.acquire("extract", "ga", identity(), 60.0)
    assert other.ledger.rows() == [ROW]


def test_a_writer_waits_for_who_takes_the_lease_and_then_commits_nothing(
    storage: Storage, other: Storage, lease: Lease
):
    expire(storage)
    with other.transaction():
        other.leases.acquire("extract", "ga", ELSEWHERE, 60.0)
        with pytest.raises((TemporaryError, LeaseLost)):  # PostgreSQL need not wait: it is expired in any case
            write(storage, lease)
    with pytest.raises(LeaseLost):
        write(storage, lease)
    assert storage.ledger.rows() == []


def test_fences_of_different_sources_do_not_meet(storage: Storage, other: Storage, lease: Lease):
    if storage.dialect.name == "sqlite":
        return  # one writer at a time
    second = other.leases.acquire("extract", "b", ELSEWHERE, 60.0)
    with storage.transaction() as connection:
        storage.leases.fence(connection, lease, 60.0)
        with other.transaction() as theirs:
            other.leases.fence(theirs, second, 60.0)


# --- a heartbeat while SQLite is being written to


@pytest.fixture
def sqlite(sqlite_url: str):
    opened = Storage.open(sqlite_url)
    yield opened
    opened.close()


def renewed_while_writing(storage: Storage, lease: Lease, before: str, after: str) -> list[BaseException]:
    """Renew while another thread is in a transaction that runs the statements `before` and `after`, and fences."""
    began, renewed = threading.Event(), threading.Event()
    errors: list[BaseException] = []

    def work() -> None:
        try:
            with storage.transaction() as connection:
                connection.exec_driver_sql(before)
                began.set()
                renewed.wait()
                connection.exec_driver_sql(after)
                storage.leases.fence(connection, lease, 60.0)
        except LeaseLost as error:
            errors.append(error)

    writer = threading.Thread(target=work)
    writer.start()
    began.wait()
    try:
        storage.leases.renew(lease, 8.0)
    except LeaseLost as error:
        errors.append(error)
    renewed.set()
    writer.join()
    return errors


NOTHING = "SELECT 1"
EXPIRE = "UPDATE lease SET expires = 1"
TAKE = "UPDATE lease SET token = token + 1, expires = expires + 60"


def test_a_heartbeat_counts_while_a_long_write_keeps_it_from_being_written(sqlite: Storage):
    lease = sqlite.leases.acquire("extract", "ga", identity(), 60.0)
    assert renewed_while_writing(sqlite, lease, NOTHING, EXPIRE) == []
    (left,) = sqlite.query("SELECT expires - {now} FROM lease")[0]
    assert left > 50


def test_a_heartbeat_does_not_bring_an_expired_lease_back(sqlite: Storage):
    lease = sqlite.leases.acquire("extract", "ga", identity(), 60.0)
    expire(sqlite)
    errors = renewed_while_writing(sqlite, lease, NOTHING, NOTHING)
    assert [type(error) for error in errors] == [LeaseLost, LeaseLost]


def test_a_heartbeat_does_not_help_against_a_later_lease(sqlite: Storage):
    lease = sqlite.leases.acquire("extract", "ga", identity(), 60.0)
    errors = renewed_while_writing(sqlite, lease, NOTHING, TAKE)
    assert [type(error) for error in errors] == [LeaseLost]


# --- real processes

WORKER = """
import sys
from datetime import date
from monolith_core.errors import MonolithError
from monolith_core.storage import LedgerRow, Storage, identity

storage = Storage.open(sys.argv[1])
print("ready", flush=True)
input()
try:
    lease = storage.leases.acquire("extract", "ga", identity(), 3600.0)
    print(lease.token, flush=True)
    input()
    with storage.transaction() as connection:
        storage.ledger.put([LedgerRow("sql", "ga", date(2024, 1, 1), "ga", "done")])
        storage.leases.fence(connection, lease, 3600.0)
    print("written", flush=True)
except MonolithError as error:
    print(type(error).__name__, flush=True)
input()
"""


def working(url: str) -> Child:
    """A process that is about to take the lease."""
    child = Child(WORKER, url)
    assert child.hear() == "ready"
    return child


@pytest.mark.parametrize("collected", [True, False], ids=["gone", "zombie"])
def test_a_dead_holder_on_this_host_is_taken_over_at_once(storage: Storage, database_url: str, collected: bool):
    with working(database_url) as child:
        child.tell()
        assert child.hear() == "1"
        with pytest.raises(LeaseHeld, match=f"pid {child.pid},"):
            storage.leases.acquire("extract", "ga", identity(), 60.0)
        child.kill(collect=collected)
        assert storage.leases.acquire("extract", "ga", identity(), 60.0).token == 2


def test_two_that_race_for_a_lease_do_not_both_get_it(storage: Storage, database_url: str):
    with working(database_url) as one, working(database_url) as two:
        one.tell()
        two.tell()
        assert sorted([one.hear(), two.hear()]) == ["1", "LeaseHeld"]


def test_a_process_that_was_stopped_beyond_its_lease_commits_nothing(storage: Storage, database_url: str):
    with working(database_url) as child:
        child.tell()
        assert child.hear() == "1"
        child.signal(signal.SIGSTOP)
        expire(storage)
        child.tell()
        child.signal(signal.SIGCONT)
        assert child.hear() == "LeaseLost"
    assert storage.ledger.rows() == []
