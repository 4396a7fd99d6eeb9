"""Rows become records: the first dimension is the day, the metrics are numbers."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from google.analytics.data_v1beta.types import MetricType, RunReportResponse

from monolith_core import PermanentError, Record, RecordError, Window
from monolith_plugins_ga.question import DAY

OTHER = "(other)"
"""The value of every dimension in the row that sums up what is too rare to have rows of its own."""


class Rows:
    """Makes records of the pages of an answer; `more` is added to each record's data."""

    def __init__(
        self, dimensions: Sequence[str], metrics: Sequence[str], category: str, more: Mapping[str, Any]
    ) -> None:
        self._dimensions = tuple(dimensions)
        self._metrics = tuple(metrics)
        self._category = category
        self._more = dict(more)

    def records(self, page: RunReportResponse, window: Window) -> Iterator[Record]:
        """A record for each row of a page."""
        answer: Any = RunReportResponse.pb(page)  # reading the wrapped message takes ten times as long
        self._check([header.name for header in answer.dimension_headers], (DAY, *self._dimensions), "dimensions")
        self._check([header.name for header in answer.metric_headers], self._metrics, "metrics")
        numbers = [_number_of(header.name, header.type_) for header in answer.metric_headers]
        day = _days(window)
        for row in answer.rows:
            values = [each.value for each in row.dimension_values]
            data = dict(zip(self._dimensions, values[1:], strict=True))
            for name, number, each in zip(self._metrics, numbers, row.metric_values, strict=True):
                data[name] = number(each.value)
            data.update(self._more)
            yield Record(day(values[0]), self._category, data)

    @staticmethod
    def _check(got: Sequence[str], expected: Sequence[str], what: str) -> None:
        if tuple(got) != tuple(expected):
            raise PermanentError(f"Google answered with the {what} {', '.join(got)}, asked were {', '.join(expected)}")


def _days(window: Window) -> Callable[[str], dt.date]:
    """A function that makes a day of the value of `date`; it remembers the last one."""
    known: dict[str, dt.date] = {}

    def day(text: str) -> dt.date:
        found = known.get(text)
        if found is None:
            found = known[text] = _day(text, window)
        return found

    return day


def _day(text: str, window: Window) -> dt.date:
    if re.fullmatch(r"\d{8}", text, re.ASCII):
        try:
            return dt.date.fromisoformat(text)
        except ValueError:
            pass
    if text == OTHER and len(window) == 1:
        return window.start
    raise RecordError(f"got {text[:40]!r}, expected a day such as 20240229", field=DAY)


def _number_of(name: str, kind: int) -> Callable[[str], int | float]:
    """A function that makes a number of a metric's value: whole for those that count, else one with a fraction."""
    return _Number(name, int if kind == MetricType.TYPE_INTEGER else float)


class _Number:
    def __init__(self, name: str, make: Callable[[str], int | float]) -> None:
        self._name = name
        self._make = make

    def __call__(self, text: str) -> int | float:
        try:
            return self._make(text)
        except ValueError:
            raise RecordError(f"got {text[:40]!r}, expected a number", field=self._name) from None
