"""A clock that stands still until it is told to move."""

from __future__ import annotations

import datetime as dt

NOON = dt.datetime(2024, 3, 10, 12, tzinfo=dt.UTC)


class Clock:
    """Gives the instant `now` when it is called; a run takes it as its clock.

    The database's own clock, which leases run by, is not changed.
    """

    def __init__(self, now: dt.datetime = NOON) -> None:
        if now.tzinfo is None:
            raise ValueError(f"{now} has no time zone; write e.g. datetime(2024, 3, 10, 12, tzinfo=datetime.UTC)")
        self.now = now

    def __call__(self) -> dt.datetime:
        """The instant."""
        return self.now

    def advance(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> dt.datetime:
        """Move on, and give the new instant."""
        self.now += dt.timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        return self.now
