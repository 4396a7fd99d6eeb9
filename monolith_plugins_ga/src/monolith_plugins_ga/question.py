"""Question: what a section asks Google for, as the JSON of a request."""

from __future__ import annotations

from typing import Any

from monolith_core import Window
from monolith_plugins_ga.options import GoogleAnalyticsOptions

DAY = "date"
"""The dimension that has the day."""


class Question:
    """Makes the requests of one section."""

    def __init__(self, options: GoogleAnalyticsOptions) -> None:
        self.metrics = options.asked_metrics
        self.dimensions = options.asked_dimensions
        self.limit = options.page_size
        self._filters = options.filters
        self._keep_empty_rows = options.keep_empty_rows

    def fields(self) -> dict[str, Any]:
        """The dimensions, the metrics and the filters: what `checkCompatibility` is asked about."""
        filters = {"dimensionFilter": self._filters.dimensions, "metricFilter": self._filters.metrics}
        return {
            "dimensions": [{"name": name} for name in (DAY, *self.dimensions)],
            "metrics": [{"name": name} for name in self.metrics],
            **{name: content for name, content in filters.items() if content is not None},
        }

    def page(self, window: Window, offset: int, limit: int | None = None) -> dict[str, Any]:
        """The request for the rows of a window from one on.

        They are ordered by every dimension, so that the pages of an answer fit together.
        """
        return {
            **self.fields(),
            "dateRanges": [{"startDate": str(window.start), "endDate": str(window.end)}],
            "orderBys": [{"dimension": {"dimensionName": name}} for name in (DAY, *self.dimensions)],
            "offset": offset,
            "limit": self.limit if limit is None else limit,
            "keepEmptyRows": self._keep_empty_rows,
        }
