"""Fill the ledger of a configuration as if every day from FIRST to LAST had been archived and copied long ago.

    fill.py CONFIG FIRST LAST

Runs in monolith's own environment: the rows are those that monolith itself would have written.
"""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterator
from pathlib import Path

from monolith_core.config import Config, load_config
from monolith_core.partition import Digest
from monolith_core.runner.planning import fingerprint
from monolith_core.storage import LedgerRow, Storage

AGE = 30 * 86400
DIGEST = Digest(30, 1, 2)


def rows(config: Config, days: list[dt.date]) -> Iterator[LedgerRow]:
    for phase in config.phases.values():
        for via in phase.sources:
            # What is archived of every ordinary source is copied by way of the one that reads the archive.
            sources = [via] if config.sources[via].options.query else config.phases["extract"].sources
            for target in phase.targets:
                mark = fingerprint(config.sources[via], config.targets[target])
                for source in sources:
                    for day in days:
                        end = dt.datetime.combine(day, dt.time(), dt.UTC) + dt.timedelta(days=1)
                        asked = end + dt.timedelta(seconds=AGE)
                        yield LedgerRow(target, source, day, via, "done", DIGEST, mark, AGE, asked, asked, "filled")


def main(path: str, first: str, last: str) -> None:
    config = load_config(Path(path))
    start, end = dt.date.fromisoformat(first), dt.date.fromisoformat(last)
    days = [start + dt.timedelta(days=number) for number in range((end - start).days + 1)]
    storage = Storage.open(config.monolith.database.get_secret_value())
    found = list(rows(config, days))
    for at in range(0, len(found), 5000):
        storage.ledger.put(found[at : at + 5000])
    storage.close()
    print(f"{len(found)} rows")


if __name__ == "__main__":
    main(*sys.argv[1:])
