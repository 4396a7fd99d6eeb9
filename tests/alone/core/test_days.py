"""Days in time zones: words, ranges, and when a day is over."""

from __future__ import annotations

import datetime as dt
import re
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monolith_core.days import WORDS, DayRange, age, day_end, not_future, parse_day, parse_days, parse_range, today

UTC = ZoneInfo("UTC")
MADRID = ZoneInfo("Europe/Madrid")
NEW_YORK = ZoneInfo("America/New_York")
SAO_PAULO = ZoneInfo("America/Sao_Paulo")
CAIRO = ZoneInfo("Africa/Cairo")
APIA = ZoneInfo("Pacific/Apia")
HAVANA = ZoneInfo("America/Havana")
ST_JOHNS = ZoneInfo("America/St_Johns")

ZONES = [UTC, MADRID, NEW_YORK, SAO_PAULO, CAIRO, APIA, HAVANA, ST_JOHNS, ZoneInfo("Australia/Lord_Howe")]
TICK = dt.datetime.resolution

zones = st.sampled_from(ZONES)
days = st.dates(dt.date(1971, 1, 2), dt.date(2037, 12, 30))


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def instant(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def span(first: str, last: str) -> DayRange:
    return DayRange(day(first), day(last))


ENDS = [
    (UTC, "2024-02-28", "2024-02-29T00:00", 24),
    (UTC, "2024-02-29", "2024-03-01T00:00", 24),
    (UTC, "2023-12-31", "2024-01-01T00:00", 24),
    (MADRID, "2024-03-30", "2024-03-30T23:00", 24),
    (MADRID, "2024-03-31", "2024-03-31T22:00", 23),
    (MADRID, "2024-10-27", "2024-10-27T23:00", 25),
    (NEW_YORK, "2024-03-10", "2024-03-11T04:00", 23),
    (NEW_YORK, "2024-11-03", "2024-11-04T05:00", 25),
    (SAO_PAULO, "2018-11-03", "2018-11-04T03:00", 24),  # 2018-11-04 begins at 1:00
    (SAO_PAULO, "2018-11-04", "2018-11-05T02:00", 23),
    (SAO_PAULO, "2018-02-17", "2018-02-18T03:00", 25),  # its last hour comes twice
    (CAIRO, "2024-04-25", "2024-04-25T22:00", 24),  # 2024-04-26 begins at 1:00
    (CAIRO, "2024-04-26", "2024-04-26T21:00", 23),
    (CAIRO, "2024-10-31", "2024-10-31T22:00", 25),
    (APIA, "2011-12-29", "2011-12-30T10:00", 24),
    (APIA, "2011-12-30", "2011-12-30T10:00", 0),  # there was no such day
    (APIA, "2011-12-31", "2011-12-31T10:00", 24),
    (HAVANA, "2024-11-02", "2024-11-03T04:00", 24),  # midnight comes again an hour later, in the new day
    (HAVANA, "2024-11-03", "2024-11-04T05:00", 25),
    (ST_JOHNS, "2010-11-06", "2010-11-07T03:30", 25),  # from 0:01 back to 23:01: the old day comes again
    (ST_JOHNS, "2010-11-07", "2010-11-08T03:30", 24),
]


@pytest.mark.parametrize(("zone", "date", "end", "hours"), ENDS)
def test_a_day_is_over_where_its_zone_says(zone: ZoneInfo, date: str, end: str, hours: int) -> None:
    found = day_end(day(date), zone)
    assert found == instant(end)
    assert found.tzinfo is dt.UTC
    assert found - day_end(day(date) - dt.timedelta(days=1), zone) == dt.timedelta(hours=hours)


@given(days, zones)
def test_no_instant_after_its_end_is_in_a_day(date: dt.date, zone: ZoneInfo) -> None:
    end = day_end(date, zone)
    assert today(zone, end) > date
    assert today(zone, end - TICK) == date or date == dt.date(2011, 12, 30)
    assert all(today(zone, end + dt.timedelta(minutes=each)) > date for each in range(0, 24 * 60, 15))


@given(days, zones)
def test_days_end_one_after_the_other(date: dt.date, zone: ZoneInfo) -> None:
    assert day_end(date, zone) <= day_end(date + dt.timedelta(days=1), zone)


@pytest.mark.parametrize("zone", ZONES)
def test_the_first_and_the_last_day_there_are_end(zone: ZoneInfo) -> None:
    assert day_end(dt.date.min, zone) < day_end(dt.date.min + dt.timedelta(days=1), zone)
    assert day_end(dt.date.max, zone) == dt.datetime.max.replace(tzinfo=dt.UTC)
    assert day_end(dt.date.max, zone) > day_end(dt.date.max - dt.timedelta(days=1), zone)
    assert age(dt.date.max, zone, instant("2024-01-01")) < 0
    assert age(dt.date.min, zone, instant("2024-01-01")) > 0


@pytest.mark.parametrize(
    ("zone", "now", "expected"),
    [
        (UTC, "2024-02-28T23:59:59.999999", "2024-02-28"),
        (UTC, "2024-02-29T00:00", "2024-02-29"),
        (MADRID, "2024-02-28T22:59", "2024-02-28"),
        (MADRID, "2024-02-28T23:00", "2024-02-29"),
        (MADRID, "2024-07-01T22:00", "2024-07-02"),
        (NEW_YORK, "2024-02-29T04:59", "2024-02-28"),
        (SAO_PAULO, "2018-11-04T02:59", "2018-11-03"),
        (SAO_PAULO, "2018-11-04T03:00", "2018-11-04"),
        (APIA, "2011-12-30T09:59", "2011-12-29"),
        (APIA, "2011-12-30T10:00", "2011-12-31"),
    ],
)
def test_today_is_the_zones_day(zone: ZoneInfo, now: str, expected: str) -> None:
    assert today(zone, instant(now)) == day(expected)


def test_today_understands_any_zone_of_now() -> None:
    now = dt.datetime(2024, 2, 29, 1, 0, tzinfo=ZoneInfo("Asia/Tokyo"))
    assert today(UTC, now) == day("2024-02-28")


@pytest.mark.parametrize(
    ("zone", "date", "now", "seconds"),
    [
        (UTC, "2024-02-28", "2024-02-29T00:00", 0),
        (UTC, "2024-02-28", "2024-02-29T00:00:01.999999", 1),
        (UTC, "2024-02-28", "2024-02-28T23:59:59.999999", -1),
        (UTC, "2024-02-28", "2024-02-28T00:00", -86_400),
        (MADRID, "2024-03-31", "2024-03-30T23:00", -23 * 3600),
        (MADRID, "2024-10-27", "2024-10-26T22:00", -25 * 3600),
        (MADRID, "2024-10-26", "2024-10-27T23:00", 25 * 3600),
        (APIA, "2011-12-30", "2011-12-30T10:00", 0),
    ],
)
def test_the_age_of_a_day_is_counted_from_its_end(zone: ZoneInfo, date: str, now: str, seconds: int) -> None:
    assert age(day(date), zone, instant(now)) == seconds


@pytest.mark.parametrize(
    ("word", "now", "first", "last"),
    [
        ("today", "2024-02-29", "2024-02-29", "2024-02-29"),
        ("yesterday", "2024-03-01", "2024-02-29", "2024-02-29"),
        ("yesterday", "2024-01-01", "2023-12-31", "2023-12-31"),
        ("last-week", "2024-02-26", "2024-02-19", "2024-02-25"),  # a Monday
        ("last-week", "2024-02-25", "2024-02-12", "2024-02-18"),  # a Sunday: its own week is not over
        ("last-week", "2024-02-28", "2024-02-19", "2024-02-25"),
        ("last-week", "2025-01-03", "2024-12-23", "2024-12-29"),
        ("last-week", "2025-01-06", "2024-12-30", "2025-01-05"),  # over new year
        ("last-month", "2024-01-31", "2023-12-01", "2023-12-31"),
        ("last-month", "2024-03-31", "2024-02-01", "2024-02-29"),
        ("last-month", "2023-03-31", "2023-02-01", "2023-02-28"),
        ("last-month", "2024-03-01", "2024-02-01", "2024-02-29"),
        ("last-month", "2000-03-15", "2000-02-01", "2000-02-29"),
        ("last-month", "2100-03-15", "2100-02-01", "2100-02-28"),
        ("last-year", "2024-01-01", "2023-01-01", "2023-12-31"),
        ("last-year", "2024-12-31", "2023-01-01", "2023-12-31"),
        ("last-year", "2025-02-28", "2024-01-01", "2024-12-31"),
        ("2024-02-29", "2024-02-29", "2024-02-29", "2024-02-29"),
        ("1999-12-31", "2024-02-29", "1999-12-31", "1999-12-31"),
        ("0001-01-01", "2024-02-29", "0001-01-01", "0001-01-01"),
    ],
)
def test_words_and_days_mean_ranges(word: str, now: str, first: str, last: str) -> None:
    assert parse_days(word, day(now)) == span(first, last)


@given(st.sampled_from(WORDS), st.dates(min_value=dt.date(2, 1, 1)))
def test_words_are_whole_stretches_up_to_today(word: str, now: dt.date) -> None:
    found = parse_days(word, now)
    assert found.start <= found.end <= now
    assert (found.end == now) is (word == "today")
    after = found.end + dt.timedelta(days=1) if word != "today" else None
    if word == "last-week":
        assert (found.start.weekday(), len(found)) == (0, 7)
        assert (now - found.end).days <= 7
    elif word == "last-month":
        assert found.start.day == 1
        assert after == now.replace(day=1)
    elif word == "last-year":
        assert (found.start.month, found.start.day) == (1, 1)
        assert after == now.replace(month=1, day=1)


NO_DAYS = [
    "",
    " ",
    "tomorrow",
    "Today",
    "2024-1-1",
    "20240101",
    "2024-02-30",
    "2023-02-29",
    "2100-02-29",
    "2024-13-01",
    "2024-00-10",
    "0000-01-01",
    "2024-W01-1",
    "2024-366",
    "2024-01-01T00:00",
    "2024-01-01\n",
    " 2024-01-01",
    "2024/01/01",
    "-024-01-01",
    "\uff12\uff10\uff12\uff14-\uff10\uff11-\uff10\uff11",  # full-width digits
    "2024-01-0\uff11",
    "\u0662\u0660\u0662\u0664-\u0660\u0661-\u0660\u0661",  # Arabic digits
    "last-week-",
]


@pytest.mark.parametrize("text", NO_DAYS)
def test_what_is_no_day_is_refused(text: str) -> None:
    what = rf"^{re.escape(repr(text))} is (no day|not in the calendar); write "
    with pytest.raises(ValueError, match=rf"{what}YYYY-MM-DD, such as 2024-01-31$"):
        parse_day(text)
    words = "today, yesterday, last-week, last-month, last-year"
    with pytest.raises(ValueError, match=rf"{what}({words}, or )?YYYY-MM-DD, such as 2024-01-31$"):
        parse_days(text, day("2024-02-29"))


@given(st.dates())
def test_every_day_is_read_as_it_is_written(date: dt.date) -> None:
    assert parse_day(str(date)) == date


FUTURE = "^2024-03-01 is in the future, today is 2024-02-29; name a day that has begun$"


def test_a_day_to_come_is_refused() -> None:
    now = day("2024-02-29")
    assert not_future(now, now) == now
    for ask in (
        lambda: not_future(day("2024-03-01"), now),
        lambda: parse_days("2024-03-01", now),
        lambda: parse_range("2024-03-01", None, now),
        lambda: parse_range("2024-02-01", "2024-03-01", now),
    ):
        with pytest.raises(ValueError, match=FUTURE):
            ask()


def test_a_range_has_both_its_ends() -> None:
    now = day("2024-02-29")
    assert parse_range("2024-01-31", "2024-02-01", now) == span("2024-01-31", "2024-02-01")
    assert parse_range("2024-02-29", "2024-02-29", now) == span("2024-02-29", "2024-02-29")


def test_a_range_without_an_end_goes_to_today() -> None:
    assert parse_range("2023-12-31", None, day("2024-02-29")) == span("2023-12-31", "2024-02-29")


def test_a_range_does_not_end_before_it_starts() -> None:
    now = day("2024-02-29")
    with pytest.raises(ValueError, match=r"^the last day, 2024-01-01, is before the first, 2024-01-02; swap them$"):
        parse_range("2024-01-02", "2024-01-01", now)
    with pytest.raises(ValueError, match=r"^the range ends \(2024-01-01\) before it starts \(2024-01-02\)$"):
        span("2024-01-02", "2024-01-01")


@pytest.mark.parametrize("texts", [("yesterday", None), ("2024-01-01", ""), ("2024-01-01", "today")])
def test_a_range_is_of_days_not_words(texts: tuple[str, str | None]) -> None:
    with pytest.raises(ValueError, match="is no day; write YYYY-MM-DD"):
        parse_range(*texts, day("2024-02-29"))


def test_a_range_holds_its_days() -> None:
    found = span("2024-02-28", "2024-03-01")
    assert len(found) == 3
    assert [date in found for date in map(day, ("2024-02-27", "2024-02-28", "2024-02-29", "2024-03-01"))] == [
        False,
        True,
        True,
        True,
    ]
    assert day("2024-03-02") not in found
    assert "2024-02-29" not in found
    assert len(DayRange(dt.date.min, dt.date.max)) == 3_652_059
