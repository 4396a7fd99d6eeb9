"""The files plugin's source and target made without a configuration, and a look at what they say."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from monolith_core.note import Note
from monolith_core.partition import Window
from monolith_core.plugin import Context
from monolith_core.record import Record
from monolith_core.rows import Rows
from monolith_core.stage import Stage, StagedPartition
from monolith_plugins_files.source import FilesSource

DAY = dt.date(2024, 2, 29)
NEXT = dt.date(2024, 3, 1)


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as the configuration gives them."""
    return {name.replace("_", "-"): value for name, value in options.items()}


def source(path: str | Path, *, timezone: str = "UTC", here: Path | None = None, **options: Any) -> FilesSource:
    model = FilesSource.Options.model_validate({"path": str(path), **given(options)}, context={"here": here})
    return FilesSource(model, Context(id="visits", timezone=ZoneInfo(timezone)))


def window(start: dt.date = DAY, end: dt.date | None = None) -> Window:
    return Window("visits", start, end or start)


def records(of: FilesSource, start: dt.date = DAY, end: dt.date | None = None) -> list[Record]:
    """What a source yields but for notes."""
    found: list[Record] = []
    for each in of.extract(window(start, end)):
        if not isinstance(each, Note):
            found += each.records() if isinstance(each, Rows) else [each]
    return found


def data(of: FilesSource, start: dt.date = DAY, end: dt.date | None = None) -> list[Mapping[str, Any]]:
    return [record.data for record in records(of, start, end)]


def notes(of: FilesSource, start: dt.date = DAY, end: dt.date | None = None) -> dict[dt.date, Note]:
    return {each.date: each for each in of.extract(window(start, end)) if isinstance(each, Note)}


def staged(of: FilesSource, stage: Stage) -> dict[str, StagedPartition]:
    """The whole answer as the engine stages it, by `source day`."""
    stage.fill(of.extract(stage.window))
    return {str(partition): found for partition, found in stage.finish().items()}
