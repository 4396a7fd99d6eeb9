"""The `google-analytics` source: reports of Google Analytics 4 properties, split by day."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from monolith_core import Context, Divide, Note, Record, Source, TemporaryError, Window
from monolith_plugins_ga.options import GoogleAnalyticsOptions
from monolith_plugins_ga.question import Question
from monolith_plugins_ga.timezones import difference

if TYPE_CHECKING:
    from google.analytics.data_v1beta.types import RunReportResponse

    from monolith_plugins_ga.service import Service


class GoogleAnalyticsSource(Source):
    """Records from reports of Google Analytics 4: each row is one.

    Modules that import Google's client are imported when it is first used: that takes a second, and most runs have
    something else to do.
    """

    Options: ClassVar[type[GoogleAnalyticsOptions]] = GoogleAnalyticsOptions
    options: GoogleAnalyticsOptions

    def __init__(self, options: GoogleAnalyticsOptions, context: Context) -> None:
        super().__init__(options, context)
        self._question = Question(options)
        self._opened: Service | None = None
        self._lock = threading.Lock()
        self._zones: set[str] = set()

    def close(self) -> None:
        """Close the connections."""
        if self._opened is not None:
            self._opened.close()

    def extract(self, window: Window) -> Iterator[Record | Note]:
        """Yield a record for each row of the report, and a remark on each day that cannot be had whole."""
        remarks: list[str] = []
        for number in self.options.properties:
            yield from self._property(number, window, remarks)
        for day in window.days() if remarks else ():
            yield Note(day, remark="; ".join(remarks))

    def check(self) -> str:
        """Ask each property for its names, whether they go together, and for one row."""
        from monolith_plugins_ga.check import report

        return report(self._service, self._question, self.options, self.context.timezone)

    @cached_property
    def _category(self) -> str:
        return self.options.category or self.options.report or self.context.id

    @property
    def _service(self) -> Service:
        from monolith_plugins_ga.service import Service

        with self._lock:
            if self._opened is None:
                self._opened = Service(self.options)
            return self._opened

    def _property(self, number: str, window: Window, remarks: list[str]) -> Iterator[Record]:
        """The records of one property, page by page; adds to the remarks what is to be said of every day."""
        from monolith_plugins_ga.rows import Rows

        several = len(self.options.properties) > 1
        rows = Rows(
            self._question.dimensions, self._question.metrics, self._category, {"property": number} if several else {}
        )
        page = self._ask(number, window, 0)
        about = self._judge(number, window, page)
        remarks += [f"property {number}: {each}" for each in about] if several else about
        total, read, last = page.row_count, len(page.rows), _last(page)
        yield from rows.records(page, window)
        while read < total:
            page = self._ask(number, window, read)
            if page.row_count != total or not page.rows or _first(page) == last:
                raise TemporaryError(
                    f"the report of property {number} on {_shown(window)} changed while its pages were read"
                )
            read, last = read + len(page.rows), _last(page)
            yield from rows.records(page, window)

    def _ask(self, number: str, window: Window, offset: int) -> RunReportResponse:
        doing = f"report property {number} on {_shown(window)}"
        return self._service.report(number, self._question.page(window, offset), doing)

    def _judge(self, number: str, window: Window, page: RunReportResponse) -> list[str]:
        """What to say about the answer that begins with a page; raises Divide if days by themselves are better."""
        from monolith_plugins_ga.whole import restrictions, shortcomings

        self._compare_zones(number, page.metadata.time_zone)
        short = shortcomings(page)
        more = -(-(page.row_count - len(page.rows)) // max(len(page.rows), 1))
        if len(window) > 1 and short:
            raise Divide(f"the report of property {number} on {_shown(window)} is not whole: {'; '.join(short)}")
        if len(window) > 1 and more and not self._service.gate(number).affords(more, self.options.quota_reserve):
            raise Divide(f"the quota of property {number} does not suffice for {more} more pages")
        return short + restrictions(page)

    def _compare_zones(self, number: str, zone: str) -> None:
        """Say once of a property that its days are not the configuration's."""
        with self._lock:
            if number in self._zones:
                return
            self._zones.add(number)
        text = difference(zone, self.context.timezone, dt.datetime.now(self.context.timezone).year)
        if text:
            self.context.log.info("%s: property %s: %s", self.context.id, number, text)


def _shown(window: Window) -> str:
    return str(window.start) if len(window) == 1 else f"{window.start} to {window.end}"


def _first(page: RunReportResponse) -> list[str]:
    return [each.value for each in page.rows[0].dimension_values]


def _last(page: RunReportResponse) -> list[str] | None:
    return [each.value for each in page.rows[-1].dimension_values] if page.rows else None
