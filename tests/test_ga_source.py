"""Reports of the google-analytics source: Google's own client against the emulator."""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any

import pytest
from support.ga_emulator import Answer, Asked, Emulator
from support.ga_fixtures import NOW, PROPERTY, Make, _new_process, by_day, day, google, make, march, records, remarks
from support.ga_grpc import GrpcEmulator
from support.ga_property import Property

from monolith_core.errors import Divide, PermanentError, RecordError, TemporaryError
from monolith_core.record import Record
from monolith_plugins_ga.timezones import difference

__all__ = ["_new_process", "google", "make"]


def test_many_days_are_one_request_and_are_split_by_day(make: Make, google: Emulator):
    assert records(make(), march(1, 3)) == [
        Record(day(number), "ga", {"country": country, "sessions": number + more})
        for number in (1, 2, 3)
        for country, more in (("Peru", 1), ("Spain", 0))
    ]
    assert len(google.asked) == 1


def test_a_report_without_dimensions_still_has_the_day(make: Make):
    assert records(make(dimensions=[]), march(1, 2)) == [
        Record(day(1), "ga", {"sessions": 3}),
        Record(day(2), "ga", {"sessions": 5}),
    ]


@pytest.mark.parametrize("size", [1, 2, 3, 6, 7])
def test_all_pages_are_read(make: Make, google: Emulator, size: int):
    assert records(make(page_size=size), march(1, 3)) == records(make(), march(1, 3))
    offsets = [int(each.body.get("offset", 0)) for each in google.asked[:-1]]
    assert offsets == [*range(0, 6, size)]


@pytest.mark.parametrize(
    ("options", "category"),
    [
        ({}, "ga"),
        ({"category": "visit"}, "visit"),
        ({"report": "visits", "metrics": [], "dimensions": []}, "visits"),
        ({"report": "visits", "metrics": [], "dimensions": [], "category": "v"}, "v"),
    ],
)
def test_categories(make: Make, options: dict[str, Any], category: str):
    assert {record.category for record in records(make(**options), march(1))} == {category}


def test_numbers_are_numbers(make: Make, google: Emulator):
    fact = {
        "country": "5",
        "sessions": 2**60 + 1,
        "keyEvents": 2.0,
        "userEngagementDuration": 1.25,
        "totalRevenue": 1e-7,
    }
    google.properties[PROPERTY] = by_day({1: [fact]})
    metrics = ["sessions", "keyEvents", "userEngagementDuration", "totalRevenue"]
    (record,) = records(make(metrics=metrics), march(1))
    assert record.data == fact
    assert [type(record.data[name]) for name in fact] == [str, int, float, float, float]


@pytest.mark.parametrize("text", ["", "1.5", "many"])
def test_a_metric_that_is_no_number(make: Make, google: Emulator, text: str):
    google.rule = lambda asked: Answer(200, one_row("20240301", text))
    with pytest.raises(RecordError, match=f"sessions: got '{text}', expected a number"):
        records(make(), march(1))


def one_row(date: str, value: str, **more: Any) -> dict[str, Any]:
    return {
        "dimensionHeaders": [{"name": "date"}, {"name": "country"}],
        "metricHeaders": [{"name": "sessions", "type": "TYPE_INTEGER"}],
        "rows": [{"dimensionValues": [{"value": date}, {"value": "Peru"}], "metricValues": [{"value": value}]}],
        "rowCount": 1,
        **more,
    }


@pytest.mark.parametrize("text", ["", "2024-03-01", "20240231", "(not set)", "(other)"])
def test_a_day_that_is_none(make: Make, google: Emulator, text: str):
    google.rule = lambda asked: Answer(200, one_row(text, "1"))
    with pytest.raises(RecordError, match="expected a day such as 20240229"):
        records(make(), march(1, 2))


def test_the_other_row_of_a_single_day_is_that_day(make: Make, google: Emulator):
    google.rule = lambda asked: Answer(200, one_row("(other)", "1"))
    assert records(make(), march(1)) == [Record(day(1), "ga", {"country": "Peru", "sessions": 1})]


def test_columns_that_were_not_asked_for(make: Make, google: Emulator):
    google.rule = lambda asked: Answer(200, one_row("20240301", "1"))
    with pytest.raises(PermanentError, match="answered with the dimensions date, country, asked were date, pagePath"):
        records(make(dimensions=["pagePath"]), march(1))


def test_several_properties(make: Make, google: Emulator):
    google.properties["456"] = by_day({1: [{"country": "Spain", "sessions": 7}]})
    found = records(make(property=[PROPERTY, "456"], dimensions=[]), march(1))
    assert [record.data for record in found] == [
        {"sessions": 3, "property": PROPERTY},
        {"sessions": 7, "property": "456"},
    ]


def test_filters(make: Make, google: Emulator):
    def found(text: str) -> list[int]:
        return [int(record.data["sessions"]) for record in records(make(filter=text), march(4))]

    assert found('country == "Spain"') == [4]
    assert found('country == "SPAIN"') == []
    assert found('not country in ("Spain", "France")') == [5]
    assert found('country startswith "S" or country endswith "u"') == [5, 4]
    assert found('country matches "(?i)s.*" and sessions >= 4') == [4]
    assert found("sessions > 4") == [5]
    assert found("sessions < 4.5") == [4]
    peru = '{"filter": {"fieldName": "country", "stringFilter": {"value": "pEru", "matchType": "EXACT"}}}'
    assert found(f'{{"notExpression": {peru}}}') == [4]


def test_a_raw_filter_that_the_api_does_not_know(make: Make, google: Emulator):
    raw = '{"filter": {"fieldName": "country", "stringFilter": {"valu": "x"}}}'
    with pytest.raises(PermanentError, match=r"filter is none of the API's: .*valu"):
        records(make(filter=raw), march(1))
    assert google.asked == []


@pytest.mark.parametrize("keep", [False, True])
def test_empty_rows(make: Make, google: Emulator, keep: bool):
    google.properties[PROPERTY] = by_day({1: [{"country": "Peru", "sessions": 0}, {"country": "Spain", "sessions": 1}]})
    assert len(records(make(keep_empty_rows=keep), march(1))) == 1 + keep


def test_a_day_without_rows(make: Make, google: Emulator):
    google.properties[PROPERTY] = by_day({})
    assert records(make(), march(1, 5)) == []


# What changes while it is read


@pytest.mark.parametrize("where", ["0", "z"])
def test_a_report_that_grows_between_two_pages(make: Make, google: Emulator, where: str):
    facts = [{"country": name, "sessions": 1} for name in "abc"]
    google.properties[PROPERTY] = Property(lambda date, now: facts, timezone="UTC")

    def grow(asked: Asked) -> None:
        if "offset" in asked.body and int(asked.body["offset"]):
            facts.append({"country": where, "sessions": 1})

    google.rule = grow
    with pytest.raises(TemporaryError, match="property 123 on 2024-03-01 changed while its pages were read"):
        records(make(page_size=2), march(1))


def test_a_row_that_moves_to_the_next_page(make: Make, google: Emulator):
    """One row less and one more: the number of rows is the same, and the last row comes twice."""
    facts = [{"country": name, "sessions": 1} for name in "bcd"]
    google.properties[PROPERTY] = Property(lambda date, now: facts, timezone="UTC")

    def move(asked: Asked) -> None:
        if int(asked.body.get("offset", 0)):
            facts[:] = [{"country": name, "sessions": 1} for name in "abc"]

    google.rule = move
    with pytest.raises(TemporaryError, match="changed while its pages were read"):
        records(make(page_size=2), march(1))


def test_a_page_that_is_missing(make: Make, google: Emulator):
    google.rule = lambda asked: Answer(200, {**one_row("20240301", "1"), "rowCount": 2, "rows": []})
    with pytest.raises(TemporaryError, match="changed while its pages were read"):
        records(make(), march(1))


# What is not whole


def test_what_is_not_whole_is_asked_again_day_by_day(make: Make, google: Emulator):
    google.properties[PROPERTY].most_rows = 4
    source = make()
    with pytest.raises(Divide, match=r"2024-03-01 to 2024-03-03 is not whole: rare values are summed up as \(other\)"):
        records(source, march(1, 3))
    assert remarks(source, march(1)) == {}
    assert len(records(source, march(1))) == 2


def test_what_stays_sampled_gets_a_remark(make: Make, google: Emulator):
    google.properties[PROPERTY].sample_above = 1
    assert remarks(make(), march(1)) == {day(1): "sampled: 50 % of the events"}


def test_what_stays_summed_up_gets_a_remark(make: Make, google: Emulator):
    google.properties[PROPERTY].most_rows = 1
    source = make()
    assert remarks(source, march(1)) == {day(1): "rare values are summed up as (other)"}
    assert records(source, march(1)) == [Record(day(1), "ga", {"country": "(other)", "sessions": 3})]


def test_what_stays_thresholded_gets_a_remark(make: Make, google: Emulator):
    google.properties[PROPERTY].threshold = 2
    assert remarks(make(), march(1)) == {day(1): "rows of few users may be left out (thresholding)"}
    with pytest.raises(Divide, match="thresholding"):
        records(make(), march(1, 2))
    assert remarks(make(), march(2, 3)) == {}


def test_remarks_of_several_properties_name_them(make: Make, google: Emulator):
    google.properties["456"] = by_day({1: [{"country": name, "sessions": 1} for name in "abc"]})
    google.properties["456"].most_rows = 2
    google.properties[PROPERTY].sample_above = 1
    assert remarks(make(property=[PROPERTY, "456"]), march(1)) == {
        day(1): "property 123: sampled: 50 % of the events; property 456: rare values are summed up as (other)"
    }


def test_metrics_that_are_not_shown_get_a_remark_and_are_not_asked_again(make: Make, google: Emulator):
    google.properties[PROPERTY].restricted = ("totalRevenue",)
    said = "totalRevenue is not shown to these credentials (REVENUE_DATA)"
    assert remarks(make(metrics=["totalRevenue"]), march(1, 2)) == {day(1): said, day(2): said}


# Time zones


def test_another_time_zone_is_said_once(make: Make, google: Emulator, caplog: pytest.LogCaptureFixture):
    google.properties[PROPERTY].timezone = "America/Los_Angeles"
    source = make()
    with caplog.at_level(logging.INFO):
        records(source, march(1))
        records(source, march(2))
    (line,) = caplog.messages
    assert line.startswith(
        "ga: property 123: its days are those of America/Los_Angeles, not of the configuration's UTC"
    )


def test_a_zone_by_another_name_is_the_same(make: Make, google: Emulator, caplog: pytest.LogCaptureFixture):
    google.properties[PROPERTY].timezone = "Europe/Berlin"
    with caplog.at_level(logging.INFO):
        records(make(timezone="Europe/Rome"), march(1))
    assert caplog.messages == []


def test_zones_that_differ_in_summer_only():
    assert difference("Africa/Algiers", zone("Europe/Madrid"), 2024)
    assert not difference("", zone("Europe/Madrid"), 2024)
    assert difference("Mars/Olympus", zone("Europe/Madrid"), 2024)


def zone(name: str) -> Any:
    from zoneinfo import ZoneInfo

    return ZoneInfo(name)


# Transports


def test_grpc_gives_the_same_records(make: Make, google: Emulator):
    with GrpcEmulator(google) as grpc:
        source = make(transport="grpc", endpoint=grpc.url, page_size=2, filter='country != "France"')
        assert records(source, march(1, 3)) == records(make(), march(1, 3))
        assert type(source._service._open().transport).__name__ == "BetaAnalyticsDataGrpcTransport"
        assert "property 123: 2 rows" in source.check()


def test_the_grpc_transport_of_google_itself(make: Make, monkeypatch: pytest.MonkeyPatch):
    """Nothing is sent: a channel connects when it is first used."""
    from google.auth.credentials import AnonymousCredentials

    from monolith_plugins_ga import service

    monkeypatch.setattr(service, "load", lambda options: AnonymousCredentials())
    transport = make(transport="grpc", endpoint="https://analyticsdata.googleapis.com")._service._open().transport
    assert (type(transport).__name__, transport.host) == (
        "BetaAnalyticsDataGrpcTransport",
        "analyticsdata.googleapis.com:443",
    )


def test_days_that_go_on_changing(make: Make, google: Emulator):
    """A day grows until it has been over for two days, by the test's clock."""
    now = [NOW]

    def growing(date: dt.date, at: dt.datetime) -> list[dict[str, Any]]:
        over = at - dt.datetime.combine(date, dt.time(), dt.UTC)
        return [{"country": "Spain", "sessions": min(over // dt.timedelta(hours=1), 72)}]

    google.clock = lambda: now[0]
    google.properties[PROPERTY] = Property(growing, timezone="UTC")
    seen = []
    for hours in (0, 24, 48, 96):
        now[0] = NOW + dt.timedelta(hours=hours)
        seen += [record.data["sessions"] for record in records(make(), march(10))]
    assert seen == [12, 36, 60, 72]
