"""Holding a lease: its heartbeat, its loss, waiting for it, and giving it back."""

from __future__ import annotations

import math

import pytest
import trio
import trio.testing

from monolith_core.errors import LeaseHeld, LeaseLost, PermanentError, TemporaryError
from monolith_core.runner.control import Control
from monolith_core.runner.tenure import tenure
from monolith_core.storage import Storage

TTL = 60.0


@pytest.fixture
def storage(sqlite_url):
    opened = Storage.open(sqlite_url)
    yield opened
    opened.close()


def hold(storage, holder="this one", **options):
    options = {"ttl": TTL, "wait": False, "control": Control()} | options
    return tenure(storage, "extract", "src", holder=holder, **options)


def expire(storage):
    with storage.transaction() as connection:
        connection.exec_driver_sql("UPDATE lease SET expires = 0")


async def asleep():
    """Wait until the heartbeat sleeps, and is in no worker thread."""
    while math.isinf(trio.lowlevel.current_statistics().seconds_to_next_deadline):
        await trio.testing.wait_all_tasks_blocked()


class Beats:
    """Stands for `Leases.renew`: does it, or raises, and lets the test wait for the next beat."""

    def __init__(self, monkeypatch, storage, error=None):
        self.renew, self.error = storage.leases.renew, error
        self.count = 0
        self.happened = trio.Event()
        monkeypatch.setattr(storage.leases, "renew", self)

    def __call__(self, lease, ttl):
        self.count += 1
        try:
            if self.error:
                raise self.error
            self.renew(lease, ttl)
        finally:
            trio.from_thread.run_sync(self.happened.set)

    async def next(self, clock, seconds=TTL / 3):
        self.happened = trio.Event()
        await asleep()
        clock.jump(seconds)
        await self.happened.wait()


async def test_held_within_and_given_back_after(storage):
    async with hold(storage):
        with pytest.raises(LeaseHeld, match="this one"):
            storage.leases.acquire("extract", "src", "another", TTL)
    storage.leases.release(storage.leases.acquire("extract", "src", "another", TTL))


async def test_it_is_renewed_three_times_in_its_time(storage, monkeypatch, mock_clock):
    beats = Beats(monkeypatch, storage)
    async with hold(storage):
        for number in range(1, 7):
            await beats.next(mock_clock)
            assert beats.count == number


async def test_a_beat_that_finds_it_lost_ends_the_work(storage, monkeypatch, mock_clock):
    beats = Beats(monkeypatch, storage)
    worked = False

    async def work():
        nonlocal worked
        async with hold(storage):
            expire(storage)
            await beats.next(mock_clock)
            await trio.sleep_forever()
            worked = True

    with pytest.raises(LeaseLost):
        await work()
    assert not worked


async def test_a_beat_that_fails_is_tried_again(storage, monkeypatch, mock_clock, caplog):
    beats = Beats(monkeypatch, storage, TemporaryError("server has gone away"))
    async with hold(storage) as held:
        await beats.next(mock_clock)
        await asleep()
        beats.error = None
        await beats.next(mock_clock)
        assert held.error is None
    assert "the lease of src could not be renewed, trying again: server has gone away" in caplog.text


async def test_an_error_of_the_work_comes_out_alone_and_the_lease_is_given_back(storage):
    with pytest.raises(PermanentError, match="no such table"):
        async with hold(storage):
            raise PermanentError("no such table")
    storage.leases.release(storage.leases.acquire("extract", "src", "another", TTL))


async def test_wait_waits_until_it_is_free(storage, mock_clock, caplog):
    caplog.set_level("INFO")
    other = storage.leases.acquire("extract", "src", "another", TTL)
    got = trio.Event()

    async def wait_for_it():
        async with hold(storage, wait=True):
            got.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait_for_it)
        while "waiting for src" not in caplog.text:
            await trio.testing.wait_all_tasks_blocked()
        assert not got.is_set()
        storage.leases.release(other)
        while not got.is_set():
            await trio.testing.wait_all_tasks_blocked()
            mock_clock.jump(5)
    assert caplog.text.count("waiting for src") == 1


async def test_without_wait_the_holder_is_named(storage):
    storage.leases.acquire("extract", "src", "another", TTL)
    with pytest.raises(LeaseHeld, match="another"):
        async with hold(storage):
            raise AssertionError("must not be reached")


async def test_confirm_raises_once_it_is_lost(storage):
    async def work():
        async with hold(storage) as held:
            held.confirm()
            expire(storage)
            held.confirm()

    with pytest.raises(LeaseLost):
        await work()
