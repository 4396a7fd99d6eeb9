"""Back-off, jitter and Retry-After, on the virtual clock."""

from __future__ import annotations

import pytest
import trio

from monolith_core.errors import PermanentError, TemporaryError
from monolith_core.retry import LONGEST, retrying


class Call:
    """Raises its errors one after the other, then returns 7; `times` are the instants of the calls."""

    def __init__(self, *errors):
        self.errors = list(errors)
        self.times = []

    async def __call__(self):
        self.times.append(trio.current_time())
        if self.errors:
            raise self.errors.pop(0)
        return 7


async def tried(call, retries=3, patience=600):
    told = []
    result = await retrying(call, retries=retries, patience=patience, before=lambda *each: told.append(each))
    return result, told


async def test_no_error_no_wait(autojump_clock):
    call = Call()
    assert await tried(call) == (7, [])
    assert len(call.times) == 1


async def test_the_wait_doubles_with_up_to_a_second_of_jitter(autojump_clock):
    call = Call(*(TemporaryError("busy") for _ in range(9)))
    result, told = await tried(call, retries=9)
    assert result == 7
    waits = [later - earlier for earlier, later in zip(call.times, call.times[1:], strict=False)]
    for number, wait in enumerate(waits):
        assert min(2**number, LONGEST) - 1e-9 <= wait <= min(2**number + 1, LONGEST) + 1e-9
    assert [attempt for _, attempt, _ in told] == list(range(1, 10))
    assert [delay for _, _, delay in told] == pytest.approx(waits)


async def test_the_last_error_is_raised(autojump_clock):
    call = Call(TemporaryError("one"), TemporaryError("two"), TemporaryError("three"))
    with pytest.raises(TemporaryError, match="three"):
        await tried(call, retries=2)
    assert len(call.times) == 3


async def test_no_retries_means_one_call(autojump_clock):
    call = Call(TemporaryError("one"))
    with pytest.raises(TemporaryError, match="one"):
        await tried(call, retries=0)
    assert len(call.times) == 1


async def test_retry_after_is_waited_for_exactly(autojump_clock):
    call = Call(TemporaryError("429", retry_after=90), TemporaryError("429", retry_after=0))
    await tried(call)
    start = call.times[0]
    assert [moment - start for moment in call.times] == pytest.approx([0, 90, 90])


async def test_a_retry_after_beyond_all_patience_is_left_to_the_next_run(autojump_clock):
    call = Call(TemporaryError("come back tomorrow", retry_after=86400))
    with pytest.raises(TemporaryError, match="tomorrow"):
        await tried(call, patience=600)
    assert len(call.times) == 1


@pytest.mark.parametrize("error", [PermanentError("no such table"), ValueError("a bug")])
async def test_other_errors_are_not_tried_again(autojump_clock, error):
    call = Call(error)
    with pytest.raises(type(error)):
        await tried(call)
    assert len(call.times) == 1
