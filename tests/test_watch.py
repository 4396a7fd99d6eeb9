"""The idle timeout, on the virtual clock."""

from __future__ import annotations

import pytest
import trio

from monolith_core.errors import IdleTimeout
from monolith_core.runner.watch import TICK, watched


class Work:
    """Moves on every `pause` seconds, `steps` times."""

    def __init__(self, pause, steps, stamp=0):
        self.pause, self.steps, self.stamp = pause, steps, stamp
        self.cancelled = False

    async def __call__(self):
        try:
            for _ in range(self.steps):
                await trio.sleep(self.pause)
                self.stamp += 1
        except trio.Cancelled:
            self.cancelled = True
            raise
        return "whole"


async def watch(work, timeout=60, **options):
    return await watched(work, timeout=timeout, stamp=lambda: work.stamp, what="source src", **options)


async def test_a_record_each_minute_is_no_idleness(autojump_clock):
    assert await watch(Work(59, 100)) == "whole"


async def test_no_progress_for_the_timeout_is(autojump_clock):
    work = Work(1000, 1)
    begin = trio.current_time()
    with pytest.raises(IdleTimeout) as caught:
        await watch(work, timeout=600)
    assert str(caught.value) == ("source src made no progress for 10m; see the option timeout if that is too short")
    assert work.cancelled
    assert 600 <= trio.current_time() - begin <= 600 + 2 * TICK


async def test_waiting_to_begin_is_no_idleness(autojump_clock):
    work = Work(1000, 1, stamp=-1)
    assert await watch(work) == "whole"


async def test_an_error_of_the_call_comes_out_as_it_is(autojump_clock):
    async def fail():
        raise KeyError("x")

    with pytest.raises(KeyError):
        await watched(fail, timeout=5, stamp=lambda: 0, what="it")


async def test_ticks_tell_of_progress(autojump_clock):
    work, seen = Work(1, 10), []
    await watch(work, tick=lambda: seen.append(work.stamp))
    assert seen == sorted(seen)
    assert set(range(1, 10)) <= set(seen)


async def test_a_cancellation_from_outside_goes_on(autojump_clock):
    with trio.move_on_after(5) as scope:
        await watch(Work(1, 100))
    assert scope.cancelled_caught
