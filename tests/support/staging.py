"""Staged partitions for tests of targets, made by the core's own stage."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from monolith_core.partition import Partition, Window
from monolith_core.record import Record
from monolith_core.stage import Stage, StagedPartition

DAY = dt.date(2024, 2, 29)


@contextmanager
def staged(
    data: Iterable[Mapping[str, Any]], *, source: str = "shop", day: dt.date = DAY, category: str = "sale"
) -> Iterator[StagedPartition]:
    """One partition with a record for each of `data`."""
    partition = Partition(source, day)
    with Stage(source, Window(source, day, day)) as stage:
        stage.fill(Record(day, category, each) for each in data)
        yield stage.finish().get(partition) or stage.empty(partition)
