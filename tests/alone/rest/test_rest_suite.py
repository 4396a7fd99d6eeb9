"""The rest source, held against the contract by the test kit."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from monolith_core import Record
from monolith_core.testing import Asked, Reply, SourceSuite
from monolith_plugins_rest.source import RestSource

DAYS = [dt.date(2024, 2, 28), dt.date(2024, 2, 29), dt.date(2024, 3, 1)]


def items(day: dt.date) -> list[dict[str, Any]]:
    return [{"at": f"{day}T10:00:00Z", "n": n, "text": "é"} for n in (day.day, day.day, 3)]


class Items:
    """The items of some days; those between `from` and `to`, in pages of two, or those of one `day`."""

    def __init__(self) -> None:
        self.days = {day: items(day) for day in DAYS}

    def span(self, asked: Asked) -> dict[str, Any]:
        start, end = asked.query["from"], asked.query["to"]
        found = [each for day, rows in self.days.items() if start <= str(day) < end for each in rows]
        offset = int(asked.query.get("offset", 0))
        return {"items": found[offset : offset + 2], "total": len(found)}

    def day(self, asked: Asked) -> Reply:
        day = dt.date.fromisoformat(asked.query["day"])
        if asked.method == "DELETE":
            return Reply("", 204 if self.days.pop(day, None) else 404)
        tag = f'"{len(self.days.get(day, []))}"'
        if asked.headers["If-None-Match"] == tag:
            return Reply("", 304, {"ETag": tag})
        return Reply(self.days.get(day, []), headers={"ETag": tag})


@pytest.fixture
def items_service(monolith_service):
    made = Items()
    monolith_service.says("/items", made.span)
    monolith_service.says("/items/of-a-day", made.day)
    return monolith_service


class TestSpan(SourceSuite):
    plugin = RestSource
    days = "2024-02-28", "2024-03-01"

    @pytest.fixture
    def options(self, items_service):
        return {
            "url": items_service.url + "/items",
            "param": {"from": "{start_date}", "to": "{next_date}"},
            "records": "items",
            "date": "at",
            "category": "fact",
            "paging": "offset",
            "total": "total",
            "purge-url": items_service.url + "/items/of-a-day?day={date}",
        }

    @pytest.fixture
    def expected(self):
        return [Record(day, "fact", item) for day in DAYS for item in items(day)]

    @pytest.fixture
    def unreachable(self):
        return {"url": "http://127.0.0.1:9/{date}", "timeout": "2s"}


class TestDayByDay(SourceSuite):
    plugin = RestSource
    days = "2024-02-28", "2024-03-01"

    @pytest.fixture
    def options(self, items_service):
        return {"url": items_service.url + "/items/of-a-day?day={date}", "group-by": ["text"], "sum": ["n"]}

    @pytest.fixture
    def unreachable(self):
        return {"url": "http://127.0.0.1:9/{date}", "auth": "bearer", "token": "t0ken/of/mine"}

    @pytest.fixture
    def expected(self):
        data = {day: sum(item["n"] for item in items(day)) for day in DAYS}
        return [Record(day, self.name, {"text": "é", "n": n, "count": 3}) for day, n in data.items()]
