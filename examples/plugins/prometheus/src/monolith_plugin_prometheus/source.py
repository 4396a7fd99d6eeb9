"""The source: what a query gives over each day, in a record for each series."""

import datetime as dt
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any, Literal, TypeVar

import httpx
import msgspec
from pydantic import AfterValidator, Field

from monolith_core import DATA, Duration, Note, PermanentError, Record, Source, SourceOptions, Window
from monolith_plugin_prometheus.client import Access, open_client, send, server_url

_Answer = TypeVar("_Answer")
Aggregation = Literal["avg", "min", "max", "sum", "last", "count"]

_AGGREGATE: dict[Aggregation, Callable[[Sequence[float]], float]] = {
    "avg": lambda values: math.fsum(values) / len(values),
    "min": min,
    "max": max,
    "sum": math.fsum,
    "last": lambda values: values[-1],
    "count": len,
}


class PrometheusOptions(Access, SourceOptions):
    """The options of its section."""

    url: Annotated[str, AfterValidator(server_url)] = Field(examples=["http://prometheus.example:9090"])
    """The server, such as http://prometheus.example:9090, or with the path of what speaks its language."""
    query: Annotated[str, DATA] = Field(min_length=1, examples=["sum by (job) (up)"])
    """In PromQL; each series of its answer becomes a record a day."""
    step: Annotated[Duration, DATA, Field(ge=10, le=86400)] = 300.0
    """The time between two points of a series."""
    aggregations: Annotated[tuple[Aggregation, ...], DATA, Field(min_length=1)] = ("avg", "min", "max")
    """What is kept of a day's points."""
    category: Annotated[str, DATA, Field(min_length=1)] = "series"
    """The category of its records."""
    max_series: Annotated[int, Field(ge=1)] = 10_000
    """More series than these on one day are an error."""
    max_size: Annotated[int, Field(ge=1)] = 100_000_000
    """A larger answer, in bytes, is an error."""


class _Series(msgspec.Struct):
    metric: dict[str, str]
    values: list[tuple[float, str]] = []
    histograms: list[Any] = []


class _Matrix(msgspec.Struct):
    result: list[_Series]


class _Now(msgspec.Struct):
    resultType: str
    result: list[Any]


class _Range(msgspec.Struct):
    """What is read of an answer; see https://prometheus.io/docs/prometheus/latest/querying/api/."""

    data: _Matrix
    warnings: list[str] = []


class _Instant(msgspec.Struct):
    data: _Now


class PrometheusSource(Source):
    """Records from a Prometheus server, or what speaks its language: one for each series of a query and day.

    Each day is asked for by itself: its length depends on the time zone.
    """

    Options = PrometheusOptions

    def extract(self, window: Window) -> Iterator[Record | Note]:
        """Yield a record for each series and day, and what there is to remark about a day."""
        with self._client() as client:
            for day in window.days():
                yield from self._day(client, day)

    def check(self) -> str:
        """Ask the query once, as it is now."""
        with self._client() as client:
            data = self._ask(client, "query", _Instant).data
        return f"the query gives {f'{len(data.result)} series' if data.resultType == 'vector' else data.resultType} now"

    def _client(self) -> httpx.Client:
        return open_client(self.options.url, self.options, self.options.timeout)

    def _day(self, client: httpx.Client, day: dt.date) -> Iterator[Record | Note]:
        first, last = points(self.context.timezone, day, self.options.step)
        answer = self._ask(client, "query_range", _Range, start=first, end=last, step=self.options.step)
        if len(answer.data.result) > self.options.max_series:
            raise PermanentError(
                f"{day} has {len(answer.data.result):,} series, expected at most {self.options.max_series:,}; "
                "aggregate in the query, or raise max-series"
            )
        remarks, left_out = list(answer.warnings), 0
        for series in answer.data.result:
            if series.histograms:
                raise PermanentError(f"{day} has native histograms; ask for numbers, such as with histogram_quantile()")
            numbers = [number for number in (float(text) for _, text in series.values) if math.isfinite(number)]
            left_out += len(series.values) - len(numbers)
            if numbers:
                kept = {name: _AGGREGATE[name](numbers) for name in self.options.aggregations}
                yield Record(day, self.options.category, {"labels": series.metric, **kept})
        if left_out:
            remarks.append(f"left out {left_out} points that are no finite number")
        yield Note(day, remark="; ".join(remarks))

    def _ask(self, client: httpx.Client, api: str, kind: type[_Answer], **more: float) -> _Answer:
        asked = {"query": self.options.query, **more}
        body = send(client, "POST", f"/api/v1/{api}", self.options.max_size, data=asked)
        try:
            return msgspec.json.decode(body, type=kind)
        except msgspec.DecodeError as error:
            raise PermanentError(f"got {body[:40]!r} from {self.options.url}, expected Prometheus ({error})") from None


def points(timezone: dt.tzinfo, day: dt.date, step: float) -> tuple[float, float]:
    """The first and the last point of a day, in seconds since 1970.

    A point tells of the step that ends there, so the last one is the day's end, and the first one a step after its
    beginning. Of a day that is no whole number of steps long (clocks are changed) the beginning is left out.
    """
    begin, end = (
        dt.datetime.combine(each, dt.time(), timezone).timestamp() for each in (day, day + dt.timedelta(days=1))
    )
    steps = max(1, int((end - begin) // step))
    return end - (steps - 1) * step, end
