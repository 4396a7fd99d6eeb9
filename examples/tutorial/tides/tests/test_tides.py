"""Tides, held against the contract, and against a service that is not well."""

import datetime as dt

import pytest
from monolith_core import Record
from monolith_core.testing import Reply, SourceSuite, memory_target

from monolith_plugin_tides import Tides

DAYS = "2024-03-09", "2024-03-10"


@pytest.fixture
def service(monolith_service):
    """A service that has a high water each day, and forecasts the second one."""

    def tides(asked):
        high = {"kind": "high", "time": "04:12", "metres": 4.1}
        return {"tides": [high], "forecast": asked.query["day"] == DAYS[1]}

    monolith_service.says("/tides", tides)
    monolith_service.says("/ports", ["Santander", "Bilbao"])
    return monolith_service


class TestTides(SourceSuite):
    plugin = Tides
    days = DAYS

    @pytest.fixture
    def options(self, service):
        return {"url": service.url, "token": "abc"}

    @pytest.fixture
    def unreachable(self):
        return {"url": "http://127.0.0.1:1", "token": "hush-hush"}

    @pytest.fixture
    def expected(self):
        data = {"port": "Santander", "time": "04:12", "metres": 4.1}
        return [Record(dt.date.fromisoformat(day), "high", data) for day in DAYS]


@pytest.fixture
def run(service, monolith_bench, monolith_memory):
    """Runs it into a target in memory; the clock stands at noon of the second day."""
    monolith_bench.target("memory", memory_target(monolith_memory))

    def run(**options):
        monolith_bench.source("tides", Tides, url=service.url, token="abc", since=DAYS[0], retries="0", **options)
        return monolith_bench.run()

    return run


def test_a_forecast_is_remarked(run):
    remarks = {str(event.partition): event.remark for event in run().finished}
    assert remarks == {"tides 2024-03-09": "", "tides 2024-03-10": "forecast"}


def test_the_token_is_sent(run, service):
    run()
    assert {each.headers["Authorization"] for each in service.asked} == {"Bearer abc"}


def test_a_refusal_fails_the_day_and_keeps_what_is_there(run, service, monolith_memory):
    run()
    service.says("/tides", lambda asked: Reply("no such port", 400))
    outcome = run(port="Atlantis")
    assert outcome.errors()["tides 2024-03-10"].endswith("answered 400: no such port")
    assert monolith_memory.counts() == {"tides 2024-03-09": 1, "tides 2024-03-10": 1}
