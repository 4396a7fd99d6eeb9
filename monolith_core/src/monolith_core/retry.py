"""Retry: temporary errors are tried again, with exponential back-off and jitter."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import trio

from monolith_core.errors import TemporaryError

if TYPE_CHECKING:
    import tenacity

LONGEST = 60.0
"""Seconds of back-off at most."""

_T = TypeVar("_T")


async def retrying(
    call: Callable[[], Awaitable[_T]],
    *,
    retries: int,
    patience: float,
    before: Callable[[TemporaryError, int, float], None],
) -> _T:
    """The result of `call`, tried again up to `retries` times after a TemporaryError.

    Waits 1, 2, 4, ... seconds (at most a minute) and up to a second of jitter, or as long as the service asked for
    (`Retry-After`). A service that asks for more than `patience` seconds is not waited for: its error is raised, and
    the next run asks again. `before` is told of each error, the number of the coming attempt, and the wait.
    """
    try:
        return await call()
    except TemporaryError as error:
        first = [error]

    async def attempt() -> _T:
        if first:
            raise first.pop()
        return await call()

    # Nearly every call needs one attempt only, and is not to wait for this.
    import tenacity

    def wait(state: tenacity.RetryCallState) -> float:
        asked = _error(state).retry_after
        return max(asked, 0.0) if asked is not None else _backoff(state)

    def again(state: tenacity.RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        return isinstance(error, TemporaryError) and (error.retry_after or 0) <= patience

    def tell(state: tenacity.RetryCallState) -> None:
        before(_error(state), state.attempt_number, state.upcoming_sleep)

    attempts = tenacity.AsyncRetrying(
        sleep=trio.sleep,
        stop=tenacity.stop_after_attempt(retries + 1),
        wait=wait,
        retry=again,
        before_sleep=tell,
        reraise=True,
    )
    return await attempts(attempt)


def _backoff(state: tenacity.RetryCallState) -> float:
    """Seconds to wait after an attempt."""
    import tenacity

    return tenacity.wait_exponential_jitter(initial=1, max=LONGEST, jitter=1)(state)


def _error(state: tenacity.RetryCallState) -> TemporaryError:
    error = state.outcome.exception() if state.outcome else None
    assert isinstance(error, TemporaryError)
    return error
