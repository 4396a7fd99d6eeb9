"""The source on a real Prometheus, held against the contract, and on a service that plays one that is not well."""

import datetime as dt
import math
import subprocess
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monolith_core import Context, Note, PermanentError, Record, TemporaryError, Window
from monolith_core.testing import Reply, SourceSuite
from monolith_plugin_prometheus import PrometheusSource
from monolith_plugin_prometheus.source import points

MADRID = ZoneInfo("Europe/Madrid")
SATURDAY, SUNDAY = dt.date(2024, 3, 30), dt.date(2024, 3, 31)
"""The second one has 23 hours in Madrid."""


RANGE = "/api/v1/query_range"


def midnight(day):
    return int(dt.datetime.combine(day, dt.time(), MADRID).timestamp())


def heat(city, second):
    """What was measured: every five minutes, another value each time."""
    return (second - midnight(SATURDAY)) / 300 * (2 if city == "Madrid" else -0.5)


@pytest.fixture(scope="session")
def prometheus(start, program, tmp_path_factory):
    """The URL of a server with what two cities measured."""
    folder = tmp_path_factory.mktemp("history")
    end = midnight(SUNDAY + dt.timedelta(days=1))
    lines = [
        f'heat{{city="{city}"}} {heat(city, second)} {second}\n'
        for city in ("Lima", "Madrid")
        for second in range(midnight(SATURDAY), end + 1, 300)
    ]
    (folder / "history.txt").write_text("# TYPE heat gauge\n" + "".join(lines) + "# EOF\n")
    make = [program("promtool"), "tsdb", "create-blocks-from", "openmetrics", "history.txt", "data"]
    subprocess.run(make, cwd=folder, check=True, capture_output=True)
    (folder / "prometheus.yml").write_text("global: {}\n")
    return start(
        "prometheus",
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        "--storage.tsdb.retention.time=100y",
    )


@pytest.mark.server
class TestPrometheus(SourceSuite):
    plugin = PrometheusSource
    days = str(SATURDAY), str(SUNDAY)
    timezone = "Europe/Madrid"

    @pytest.fixture
    def options(self, prometheus):
        return {"url": prometheus, "query": "heat", "aggregations": "avg, min, max, last, count", "category": "heat"}

    @pytest.fixture
    def unreachable(self):
        return {"url": "http://127.0.0.1:1", "query": "heat", "user": "ada", "password": "hush-hush"}

    @pytest.fixture
    def expected(self):
        return [record(day, city) for day in (SATURDAY, SUNDAY) for city in ("Lima", "Madrid")]


def record(day, city):
    """The points of a day are those after its beginning, up to its end."""
    end = midnight(day + dt.timedelta(days=1))
    values = [heat(city, second) for second in range(midnight(day) + 300, end + 1, 300)]
    assert len(values) == (276 if day == SUNDAY else 288)
    numbers = {"avg": math.fsum(values) / len(values), "min": min(values), "max": max(values)}
    labels = {"__name__": "heat", "city": city}
    return Record(day, "heat", {"labels": labels, **numbers, "last": values[-1], "count": len(values)})


def asked(url, day=SATURDAY, **options):
    """What the source yields of a day."""
    given = {"url": url, "query": "heat", **options}
    source = PrometheusSource(PrometheusSource.Options.model_validate(given), Context("heat", MADRID))
    return list(source.extract(Window("heat", day, day)))


@pytest.mark.server
def test_a_query_that_is_wrong_is_told_in_the_words_of_prometheus(prometheus):
    with pytest.raises(PermanentError, match=r"answered 400: .*parse error"):
        asked(prometheus, query="heat{")


@pytest.mark.server
def test_points_that_are_no_number_are_left_out_and_told(prometheus):
    assert asked(prometheus, query="vector(1) / 0", step="3600") == [
        Note(SATURDAY, remark="left out 24 points that are no finite number")
    ]
    nights, note = asked(
        prometheus, query="heat{city='Madrid'} > 288 or heat{city='Madrid'} / 0", aggregations=["count"]
    )
    assert (nights.data["count"], note.remark) == (144, "left out 144 points that are no finite number")


@pytest.mark.server
def test_a_day_without_series_is_a_day_without_records(prometheus):
    assert asked(prometheus, dt.date(2020, 1, 1)) == [Note(dt.date(2020, 1, 1))]


@pytest.mark.server
def test_too_many_series(prometheus):
    with pytest.raises(PermanentError, match="2024-03-30 has 2 series, expected at most 1; aggregate"):
        asked(prometheus, **{"max-series": 1})


@pytest.mark.server
def test_too_large_an_answer(prometheus):
    with pytest.raises(PermanentError, match="more than 1,000 bytes"):
        asked(prometheus, **{"max-size": 1000})


def test_it_is_told_who_asks(monolith_service):
    monolith_service.says(RANGE, {"data": {"result": []}, "warnings": ["half of it is missing"]})
    assert asked(monolith_service.url, token="abc") == [Note(SATURDAY, remark="half of it is missing")]
    asked(monolith_service.url, user="ada", password="b")
    bearer, basic = (each.headers["Authorization"] for each in monolith_service.asked)
    assert (bearer, basic) == ("Bearer abc", "Basic YWRhOmI=")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_pass(monolith_service, status):
    reply = Reply({"error": "too busy"}, status, {"Retry-After": "7"})
    monolith_service.says(RANGE, lambda asked: reply)
    with pytest.raises(TemporaryError, match=f"answered {status}: too busy") as raised:
        asked(monolith_service.url)
    assert raised.value.retry_after == 7


@pytest.mark.parametrize(("status", "reason"), [(401, "go away"), (404, "go away"), (302, "Found"), (422, "go away")])
def test_what_will_not_pass(monolith_service, status, reason):
    monolith_service.says(RANGE, "" if status == 302 else reason, status=status)
    with pytest.raises(PermanentError, match=f"answered {status}: {reason}"):
        asked(monolith_service.url)


@pytest.mark.parametrize(
    "body", ["<html>", [], {"data": {}}, {"data": {"result": [{"metric": {}, "values": [["now", 1]]}]}}]
)
def test_an_answer_of_something_else(monolith_service, body):
    monolith_service.says(RANGE, body)
    with pytest.raises(PermanentError, match="expected Prometheus"):
        asked(monolith_service.url)


def test_native_histograms(monolith_service):
    monolith_service.says(RANGE, {"data": {"result": [{"metric": {}, "histograms": [[1, {}]]}]}})
    with pytest.raises(PermanentError, match=r"ask for numbers, such as with histogram_quantile\(\)"):
        asked(monolith_service.url)


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "prometheus:9090"},
        {"url": "http://ada:hush@prometheus"},
        {"url": "http://prometheus/?a=b"},
        {"url": "http://prometheus:port"},
        {"step": "1s"},
        {"aggregations": ["median"]},
        {"query": ""},
    ],
)
def test_options_that_make_no_sense(wrong):
    with pytest.raises(ValueError, match="validation error") as raised:
        PrometheusSource.Options.model_validate({"url": "http://127.0.0.1:1", "query": "heat", **wrong})
    assert "hush" not in str(raised.value)


@given(
    st.dates(dt.date(1990, 1, 1), dt.date(2035, 1, 1)),
    st.sampled_from(["UTC", "Europe/Madrid", "America/Santiago", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    st.sampled_from([10.0, 300.0, 1800.0]),
)
def test_days_follow_each_other_without_gap_or_overlap(day, zone, step):
    """The last point of a day is a step before the first one of the next."""
    first, last = points(ZoneInfo(zone), day, step)
    assert first <= last
    assert points(ZoneInfo(zone), day + dt.timedelta(days=1), step)[0] == last + step


def test_a_step_of_a_day_has_one_point_a_day():
    for day in (SATURDAY, SUNDAY, dt.date(2024, 10, 27)):
        first, last = points(MADRID, day, 86400)
        assert first == last == midnight(day + dt.timedelta(days=1))
