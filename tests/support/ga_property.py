"""A Google Analytics 4 property as the tests' emulator knows it: its facts, and the reports that are made of them.

The shapes are those of https://developers.google.com/analytics/devguides/reporting/data/v1/rest (v1beta).
"""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Fact = Mapping[str, Any]
"""What happened some times: the values of dimensions (text) and metrics (numbers); what it lacks is empty or 0."""

Json = dict[str, Any]

DIMENSIONS = {
    "date": "Date",
    "country": "Country",
    "deviceCategory": "Device category",
    "pagePath": "Page path and screen class",
    "hostName": "Hostname",
    "eventName": "Event name",
    "sessionSource": "Session source",
    "sessionMedium": "Session medium",
    "sessionCampaignName": "Session campaign",
    "sessionDefaultChannelGroup": "Session default channel group",
    "itemName": "Item name",
    "customEvent:app": "App",
}
METRICS = {
    "sessions": ("Sessions", "TYPE_INTEGER"),
    "engagedSessions": ("Engaged sessions", "TYPE_INTEGER"),
    "activeUsers": ("Active users", "TYPE_INTEGER"),
    "newUsers": ("New users", "TYPE_INTEGER"),
    "totalUsers": ("Total users", "TYPE_INTEGER"),
    "screenPageViews": ("Views", "TYPE_INTEGER"),
    "eventCount": ("Event count", "TYPE_INTEGER"),
    "keyEvents": ("Key events", "TYPE_FLOAT"),
    "eventValue": ("Event value", "TYPE_FLOAT"),
    "userEngagementDuration": ("User engagement", "TYPE_SECONDS"),
    "totalRevenue": ("Total revenue", "TYPE_CURRENCY"),
    "itemsViewed": ("Items viewed", "TYPE_INTEGER"),
}
MATCH_TYPES = ("", "EXACT", "BEGINS_WITH", "ENDS_WITH", "CONTAINS", "FULL_REGEXP", "PARTIAL_REGEXP")
OPERATIONS = ("", "EQUAL", "LESS_THAN", "LESS_THAN_OR_EQUAL", "GREATER_THAN", "GREATER_THAN_OR_EQUAL")


class Refusal(Exception):
    """An answer that is an error, with its status."""

    def __init__(self, code: int, status: str, message: str, details: Sequence[Json] = ()) -> None:
        super().__init__(message)
        self.code, self.status, self.message, self.details = code, status, message, details


@dataclass
class Property:
    """One property.

    `facts` gives the facts of a day as Google knows them at an instant, so that a day may go on changing. A request is
    sampled if it is about more facts than `sample_above`; its rows beyond the `most_rows` largest are summed up as
    (other); rows whose first metric is below `threshold` are left out, and the answer says that it is thresholded.
    Names of `clashes` do not go together; the metrics `restricted` are not shown to whoever asks.
    """

    facts: Callable[[dt.date, dt.datetime], Iterable[Fact]]
    timezone: str = "Europe/Madrid"
    sample_above: int | None = None
    most_rows: int | None = None
    threshold: int = 0
    clashes: Sequence[frozenset[str]] = (frozenset({"itemName", "sessions"}),)
    dimensions: dict[str, str] = field(default_factory=lambda: dict(DIMENSIONS))
    metrics: dict[str, tuple[str, str]] = field(default_factory=lambda: dict(METRICS))
    restricted: tuple[str, ...] = ()

    def metadata(self, number: str) -> Json:
        """The answer to `metadata`."""
        return {
            "name": f"properties/{number}/metadata",
            "dimensions": [_dimension(name, label) for name, label in self.dimensions.items()],
            "metrics": [_metric(name, *about) for name, about in self.metrics.items()],
        }

    def compatibility(self, body: Json) -> Json:
        """The answer to `checkCompatibility`."""
        asked = self._check(body)

        def word(name: str) -> str:
            return "INCOMPATIBLE" if self._clash({*asked, name}) else "COMPATIBLE"

        return {
            "dimensionCompatibilities": [
                {"compatibility": word(name), "dimensionMetadata": _dimension(name, label)}
                for name, label in self.dimensions.items()
            ],
            "metricCompatibilities": [
                {"compatibility": word(name), "metricMetadata": _metric(name, *about)}
                for name, about in self.metrics.items()
            ],
        }

    def report(self, body: Json, now: dt.datetime) -> Json:
        """The answer to `runReport`, without the quota."""
        self._check(body)
        dimensions, metrics = _names(body, "dimensions"), _names(body, "metrics")
        facts = [fact for day in days_of(body) for fact in self._of_day(day, now)]
        metadata: Json = {"currencyCode": "EUR", "timeZone": self.timezone}
        facts = self._sample(facts, metadata)
        kept = [fact for fact in facts if matches(body.get("dimensionFilter"), fact)]
        sums = _add_up(kept, dimensions, metrics)
        sums = self._fold(sums, dimensions, metadata)
        sums = self._hide(sums, metadata)
        rows = [
            (key, values)
            for key, values in sums.items()
            if matches(body.get("metricFilter"), dict(zip(metrics, values, strict=True)))
            and (any(values) or body.get("keepEmptyRows"))
        ]
        if self.restricted:
            metadata["schemaRestrictionResponse"] = {
                "activeMetricRestrictions": [
                    {"metricName": name, "restrictedMetricTypes": ["REVENUE_DATA"]} for name in self.restricted
                ]
            }
        return self._page(body, dimensions, metrics, _ordered(rows, dimensions, body), metadata)

    def _of_day(self, day: dt.date, now: dt.datetime) -> Iterable[Fact]:
        return ({**fact, "date": f"{day:%Y%m%d}"} for fact in self.facts(day, now))

    def _page(self, body: Json, dimensions: list[str], metrics: list[str], rows: list[Any], metadata: Json) -> Json:
        offset, limit = int(body.get("offset", 0)), int(body.get("limit", 10_000))
        kinds = [self.metrics[name][1] for name in metrics]
        return {
            "dimensionHeaders": [{"name": name} for name in dimensions],
            "metricHeaders": [{"name": name, "type": kind} for name, kind in zip(metrics, kinds, strict=True)],
            "rows": [
                {
                    "dimensionValues": [{"value": value} for value in key],
                    "metricValues": [{"value": _written(each, kind)} for each, kind in zip(values, kinds, strict=True)],
                }
                for key, values in rows[offset : offset + limit]
            ],
            "rowCount": len(rows),
            "metadata": metadata,
            "kind": "analyticsData#runReport",
        }

    def _check(self, body: Json) -> set[str]:
        """The names that a request has; refuses those that are none, and such as do not go together."""
        asked = set()
        for what, known in (("dimensions", self.dimensions), ("metrics", self.metrics)):
            for name in _names(body, what):
                if name not in known:
                    raise Refusal(
                        400,
                        "INVALID_ARGUMENT",
                        f"Field {name} is not a valid {what[:-1]}. For a list of valid dimensions and metrics, see "
                        "https://developers.google.com/analytics/devguides/reporting/data/v1/api-schema ",
                    )
                asked.add(name)
        clash = self._clash(asked)
        if clash:
            raise Refusal(
                400,
                "INVALID_ARGUMENT",
                f"Please remove {min(clash)} to make the request compatible. "
                "The request's dimensions & metrics are incompatible.",
            )
        return asked

    def _clash(self, names: set[str]) -> frozenset[str]:
        return next((clash for clash in self.clashes if clash <= names), frozenset())

    def _sample(self, facts: list[Fact], metadata: Json) -> list[Fact]:
        if self.sample_above is None or len(facts) <= self.sample_above:
            return facts
        metadata["samplingMetadatas"] = [
            {"samplesReadCount": str(self.sample_above), "samplingSpaceSize": str(len(facts))}
        ]
        factor = len(facts) / self.sample_above
        chosen = facts[:: len(facts) // self.sample_above][: self.sample_above]
        return [
            {name: round(value * factor) if isinstance(value, int) else value for name, value in fact.items()}
            for fact in chosen
        ]

    def _fold(self, sums: dict[Any, list[Any]], dimensions: list[str], metadata: Json) -> dict[Any, list[Any]]:
        """Sum up what is beyond the most rows."""
        if self.most_rows is None or len(sums) <= self.most_rows:
            return sums
        metadata["dataLossFromOtherRow"] = True
        by_size = sorted(sums.items(), key=lambda each: each[1][0], reverse=True)
        folded = dict(by_size[: self.most_rows - 1])
        for key, values in by_size[self.most_rows - 1 :]:
            other = tuple(value if name == "date" else "(other)" for name, value in zip(dimensions, key, strict=True))
            found = folded.setdefault(other, [0] * len(values))
            folded[other] = [a + b for a, b in zip(found, values, strict=True)]
        return folded

    def _hide(self, sums: dict[Any, list[Any]], metadata: Json) -> dict[Any, list[Any]]:
        shown = {key: values for key, values in sums.items() if values[0] >= self.threshold}
        if len(shown) < len(sums):
            metadata["subjectToThresholding"] = True
        return shown


def days_of(body: Json) -> list[dt.date]:
    """The days that a request asks for."""
    (given,) = body["dateRanges"]
    first, last = (dt.date.fromisoformat(given[name]) for name in ("startDate", "endDate"))
    return [first + dt.timedelta(days=number) for number in range((last - first).days + 1)]


def _names(body: Json, what: str) -> list[str]:
    return [each["name"] for each in body.get(what, [])]


def _dimension(name: str, label: str) -> Json:
    return {"apiName": name, "uiName": label, "description": f"{label}.", "category": "Other"}


def _metric(name: str, label: str, kind: str) -> Json:
    return {"apiName": name, "uiName": label, "description": f"{label}.", "type": kind, "category": "Other"}


def _add_up(facts: Iterable[Fact], dimensions: list[str], metrics: list[str]) -> dict[Any, list[Any]]:
    sums: dict[Any, list[Any]] = defaultdict(lambda: [0] * len(metrics))
    for fact in facts:
        found = sums[tuple(str(fact.get(name, "(not set)")) for name in dimensions)]
        for place, name in enumerate(metrics):
            found[place] += fact.get(name, 0)
    return dict(sums)


def _ordered(rows: list[Any], dimensions: list[str], body: Json) -> list[Any]:
    names = [each["dimension"]["dimensionName"] for each in body.get("orderBys", [])]
    return sorted(rows, key=lambda row: [row[0][dimensions.index(name)] for name in names])


def _written(value: Any, kind: str) -> str:
    return str(int(value)) if kind == "TYPE_INTEGER" else repr(value)


def matches(expression: Json | None, fact: Fact) -> bool:
    """Whether a FilterExpression holds for a fact."""
    if not expression:
        return True
    ((kind, inner),) = expression.items()
    if kind == "notExpression":
        return not matches(inner, fact)
    if kind in ("andGroup", "orGroup"):
        found = [matches(each, fact) for each in inner["expressions"]]
        return all(found) if kind == "andGroup" else any(found)
    return _holds(inner, fact.get(inner["fieldName"], ""))


def _holds(test: Json, value: Any) -> bool:
    if "inListFilter" in test:
        return str(value) in test["inListFilter"]["values"]
    if "numericFilter" in test:
        return _compares(test["numericFilter"], value)
    given = test["stringFilter"]
    kind = _named(given["matchType"], MATCH_TYPES)
    text, wanted = (str(value), given["value"]) if given.get("caseSensitive") else _lower(value, given["value"])
    if kind == "FULL_REGEXP":
        return re.fullmatch(wanted, text) is not None
    return {
        "EXACT": text == wanted,
        "BEGINS_WITH": text.startswith(wanted),
        "ENDS_WITH": text.endswith(wanted),
        "CONTAINS": wanted in text,
    }[kind]


def _named(value: Any, names: Sequence[str]) -> str:
    """The name of an enumeration's value, which the client writes as a number."""
    return names[value] if isinstance(value, int) else str(value)


def _lower(*texts: Any) -> tuple[str, str]:
    first, second = (str(text).lower() for text in texts)
    return first, second


def _compares(test: Json, value: Any) -> bool:
    wanted = float(next(iter(test["value"].values())))
    return {
        "EQUAL": value == wanted,
        "LESS_THAN": value < wanted,
        "LESS_THAN_OR_EQUAL": value <= wanted,
        "GREATER_THAN": value > wanted,
        "GREATER_THAN_OR_EQUAL": value >= wanted,
    }[_named(test["operation"], OPERATIONS)]
