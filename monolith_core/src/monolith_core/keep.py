"""Keep: a person decides that what a target holds of a held day is right, and the smaller answer wrong."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import replace

from monolith_core import days
from monolith_core.config import Config
from monolith_core.days import DayRange
from monolith_core.runner.planning import fingerprint
from monolith_core.states import move
from monolith_core.storage import LedgerRow, Storage

REMARK = "kept by hand when a smaller answer came"


def keep(
    config: Config, storage: Storage, *, sources: Iterable[str], wanted: DayRange | None, now: dt.datetime
) -> list[LedgerRow]:
    """Make held days of some sources done with what the targets hold, under the present configuration.

    `wanted` limits the days (None: all). Gives the rows that were held. A day that is not final yet is asked for again
    by the next run all the same. Rows that the configuration has no source or target for any more are left alone.
    """
    with storage.transaction():
        start, end = (wanted.start, wanted.end) if wanted else (None, None)
        found = storage.ledger.rows(sources=list(sources), start=start, end=end)
        held = [
            row for row in found if row.state == "held" and row.via in config.sources and row.target in config.targets
        ]
        storage.ledger.put([_kept(config, row, now) for row in held])
    return held


def _kept(config: Config, row: LedgerRow, now: dt.datetime) -> LedgerRow:
    return replace(
        row,
        state=move(row.state, "done"),
        fingerprint=fingerprint(config.sources[row.via], config.targets[row.target]),
        age=days.age(row.date, config.monolith.timezone, now),
        asked=now,
        written=row.written or now,
        error="",
        remark=REMARK,
    )
