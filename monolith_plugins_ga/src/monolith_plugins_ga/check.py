"""Check: what `monolith check` says of the properties of a section."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from zoneinfo import ZoneInfo

from google.analytics.data_v1beta.types import Compatibility, Metadata

from monolith_core import Deferred, PermanentError, Window
from monolith_plugins_ga.names import nearest
from monolith_plugins_ga.options import GoogleAnalyticsOptions
from monolith_plugins_ga.question import DAY, Question
from monolith_plugins_ga.service import Service, quotas
from monolith_plugins_ga.timezones import difference
from monolith_plugins_ga.whole import restrictions


def report(service: Service, question: Question, options: GoogleAnalyticsOptions, timezone: ZoneInfo) -> str:
    """A line on the properties; raises a MonolithError that names what is wrong with the dimensions or the metrics."""
    return "; ".join(_property(service, question, options, timezone, number) for number in options.properties)


def _property(
    service: Service, question: Question, options: GoogleAnalyticsOptions, timezone: ZoneInfo, number: str
) -> str:
    known = Known(service.metadata(number))
    wrong = [*known.wrong_dimensions(question.dimensions, options), *known.wrong_metrics(question.metrics, options)]
    if wrong:
        raise PermanentError(f"property {number}: {'; '.join(wrong)}")
    try:
        service.compatibility(number, question.fields())
    except PermanentError as error:
        raise PermanentError(f"property {number}: {_clash(service, question, number, known) or error}") from error
    return f"property {number}: {_row(service, question, timezone, number)}"


def _row(service: Service, question: Question, timezone: ZoneInfo, number: str) -> str:
    """What one row of yesterday tells: the time zone, and what is left of the quota."""
    today = dt.datetime.now(timezone).date()
    yesterday = Window(number, today - dt.timedelta(days=1), today - dt.timedelta(days=1))
    try:
        answer = service.report(number, question.page(yesterday, 0, limit=1), f"report property {number}")
    except Deferred as error:
        return f"warning: {error}"
    facts = [f"{answer.row_count:,} rows on {yesterday.start}, time zone {answer.metadata.time_zone or 'unknown'}"]
    left = quotas(answer)
    if left:
        name = min(left, key=lambda each: left[each].remaining)
        facts.append(f"{left[name].remaining:,} tokens per {name} left")
    warnings = [difference(answer.metadata.time_zone, timezone, today.year), *restrictions(answer)]
    return "; ".join([", ".join(facts), *(f"warning: {text}" for text in warnings if text)])


class Known:
    """The dimensions and metrics that a property has."""

    def __init__(self, metadata: Metadata) -> None:
        self.dimensions = {each.api_name: each.ui_name for each in metadata.dimensions}
        self.metrics = {each.api_name: each.ui_name for each in metadata.metrics}
        self._old = {
            old: each.api_name
            for fields in (metadata.dimensions, metadata.metrics)
            for each in fields
            for old in each.deprecated_api_names
        }

    def wrong_dimensions(self, names: Sequence[str], options: GoogleAnalyticsOptions) -> Iterable[str]:
        """A line on each name that is no dimension here."""
        wanted = {**dict.fromkeys(names, "dimensions"), **dict.fromkeys(options.filters.dimension_names, "filter")}
        for name, option in wanted.items():
            if name not in self.dimensions and name not in self._old:
                yield self._line(name, option, "dimension", self.dimensions, self.metrics)

    def wrong_metrics(self, names: Sequence[str], options: GoogleAnalyticsOptions) -> Iterable[str]:
        """A line on each name that is no metric here."""
        wanted = {**dict.fromkeys(names, "metrics"), **dict.fromkeys(options.filters.metric_names, "filter")}
        for name, option in wanted.items():
            if name not in self.metrics and name not in self._old:
                yield self._line(name, option, "metric", self.metrics, self.dimensions)

    def near(self, name: str, names: Iterable[str]) -> str:
        """`; did you mean x or y?` with those of `names` that resemble one, or nothing."""
        known = set(names)
        labels = [
            (label, each)
            for fields in (self.dimensions, self.metrics)
            for each, label in fields.items()
            if each in known and label
        ]
        found = nearest(name, sorted(known), labels)
        return f"; did you mean {' or '.join(found)}?" if found else ""

    def _line(self, name: str, option: str, kind: str, own: dict[str, str], others: dict[str, str]) -> str:
        if name in others:
            other = "metric" if kind == "dimension" else "dimension"
            return f"{option} has {name}, which is a {other}"
        return f"{option} has {name}, which is no {kind} of it{self.near(name, own)}"


def _clash(service: Service, question: Question, number: str, known: Known) -> str:
    """Which name does not go together with those before it; empty if they all do one by one."""
    metrics, dimensions = list[str](), [DAY]
    for name in (*question.metrics, *question.dimensions):
        fitting = _fitting(service, number, dimensions, metrics)
        if name not in fitting:
            others = [*metrics, *dimensions[1:]]
            near = known.near(name, fitting & (known.metrics if name in known.metrics else known.dimensions).keys())
            return f"{name} does not go together with {', '.join(others) or 'the day'}{near}"
        (metrics if name in question.metrics else dimensions).append(name)
    return ""


def _fitting(service: Service, number: str, dimensions: Sequence[str], metrics: Sequence[str]) -> set[str]:
    """The names that a request for these could also have."""
    answer = service.compatibility(
        number,
        {"dimensions": [{"name": name} for name in dimensions], "metrics": [{"name": name} for name in metrics]},
    )
    fields = [
        *((each.compatibility, each.dimension_metadata.api_name) for each in answer.dimension_compatibilities),
        *((each.compatibility, each.metric_metadata.api_name) for each in answer.metric_compatibilities),
    ]
    return {name for compatible, name in fields if compatible == Compatibility.COMPATIBLE}
