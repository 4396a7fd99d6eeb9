"""Sources of the `rest` plugin for tests, and what they answer."""

from __future__ import annotations

import datetime as dt
from contextlib import aclosing
from typing import Any
from zoneinfo import ZoneInfo

from monolith_core import Context, Note, Record, Window
from monolith_plugins_rest.options import RestOptions
from monolith_plugins_rest.source import RestSource

DAY = dt.date(2024, 1, 31)
UTC = ZoneInfo("UTC")


def options(url: str = "http://127.0.0.1/items?day={date}", **given: Any) -> RestOptions:
    """Options as they are written: `page_size=5`, `param__key="x"` for `param.key`."""
    values: dict[str, Any] = {"url": url}
    for name, value in given.items():
        head, dot, key = name.partition("__")
        if dot:
            values.setdefault(head.replace("_", "-"), {})[key] = value
        else:
            values[name.replace("_", "-")] = value
    return RestOptions.model_validate(values)


def source(url: str, zone: ZoneInfo = UTC, known: dict[dt.date, str] | None = None, **given: Any) -> RestSource:
    versions = known or {}
    return RestSource(
        options(url, **given), Context(id="items", timezone=zone, known=lambda day: versions.get(day, ""))
    )


def window(start: dt.date = DAY, end: dt.date | None = None) -> Window:
    return Window("items", start, end or start)


async def extracted(source: RestSource, asked: Window | None = None) -> list[Record | Note]:
    """All that a source yields for a window."""
    async with aclosing(source.extract(asked or window())) as answer:  # type: ignore[type-var]
        return [each async for each in answer]


async def data(source: RestSource, asked: Window | None = None) -> list[dict[str, Any]]:
    """The data of all records, in the order of their text."""
    found = [dict(each.data) for each in await extracted(source, asked) if isinstance(each, Record)]
    return sorted(found, key=str)
