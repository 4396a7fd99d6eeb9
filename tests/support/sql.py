"""The sql plugin's source and target made without a configuration, and a look at the tables behind them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from monolith_core.partition import Window
from monolith_core.plugin import Context
from monolith_core.record import ArchivedRecord, Record
from monolith_core.rows import Rows
from monolith_plugins_sql.source import SqlSource
from monolith_plugins_sql.target import SqlTarget
from support.staging import DAY


def context(name: str = "shop", timezone: str = "UTC", **given: Any) -> Context:
    return Context(id=name, timezone=ZoneInfo(timezone), **given)


def source(url: str, query: str | None = None, *, timezone: str = "UTC", **options: Any) -> SqlSource:
    given = {name.replace("_", "-"): value for name, value in options.items()}
    if query is not None:
        given["query"] = query
    return SqlSource(SqlSource.Options.model_validate({"database": url, **given}), context(timezone=timezone))


def records(made: SqlSource, asked: Window) -> Iterator[Record | ArchivedRecord]:
    """What a source yields, one by one."""
    for found in made.extract(asked):
        if isinstance(found, Rows):
            yield from found.records()
        else:
            yield found


def read(url: str, query: str | None = None, day: dt.date = DAY) -> list[Record | ArchivedRecord]:
    """What a source that is made for it yields for a day."""
    made = source(url, query)
    try:
        return list(records(made, window(day)))
    finally:
        made.close()


def target(url: str, **options: Any) -> SqlTarget:
    """A target that is set up."""
    made = bare_target(url, **options)
    made.setup()
    return made


def bare_target(url: str, *, storage: Any = None, **options: Any) -> SqlTarget:
    given = {name.replace("_", "-"): value for name, value in options.items()}
    return SqlTarget(SqlTarget.Options.model_validate({"database": url, **given}), context("sql", storage=storage))


def window(start: dt.date, end: dt.date | None = None, name: str = "shop") -> Window:
    return Window(name, start, end or start)


def execute(url: str, *statements: str, values: Any = ()) -> list[tuple[Any, ...]]:
    """Run statements in a transaction of their own; the last one's rows."""
    engine = sa.create_engine(url)
    try:
        with engine.begin() as connection:
            for statement in statements:
                result = connection.exec_driver_sql(statement, values)
            return [tuple(row) for row in result] if result.returns_rows else []
    finally:
        engine.dispose()


def archived(url: str) -> set[tuple[str, str, bytes, str, str]]:
    """Every row of the archive."""
    rows = execute(url, "SELECT date, source, id, category, data FROM record")
    return {(str(row[0]), row[1], bytes(row[2]), row[3], row[4]) for row in rows}
