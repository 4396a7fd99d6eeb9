"""Fixtures and helpers of the tests of the google-analytics source; a test module imports the fixtures it uses."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from monolith_core.note import Note
from monolith_core.partition import Window
from monolith_core.plugin import Context
from monolith_core.record import Record
from monolith_plugins_ga import quota
from monolith_plugins_ga.source import GoogleAnalyticsSource
from support.ga_emulator import Emulator
from support.ga_property import Fact, Property

PROPERTY = "123"
NOW = dt.datetime(2024, 3, 10, 12, tzinfo=dt.UTC)


def day(number: int) -> dt.date:
    """A day of March 2024."""
    return dt.date(2024, 3, number)


def march(first: int, last: int | None = None) -> Window:
    """Days of March 2024."""
    return Window("ga", day(first), day(last or first))


def by_day(facts: dict[int, list[Fact]]) -> Property:
    """A property with these facts on days of March, in the time zone of the tests."""
    return Property(lambda date, now: facts.get(date.day, []), timezone="UTC")


def visits(date: dt.date, now: dt.datetime) -> list[Fact]:
    """Two countries on every day, with as many sessions as the day's number, and one more."""
    return [{"country": "Spain", "sessions": date.day}, {"country": "Peru", "sessions": date.day + 1}]


@pytest.fixture(autouse=True)
def _new_process() -> None:
    """Nothing is known of a quota when a process begins."""
    quota.forget()


@pytest.fixture
def google() -> Iterator[Emulator]:
    """An emulator with one property; it is noon of 10 March."""
    with Emulator({PROPERTY: Property(visits, timezone="UTC")}, clock=lambda: NOW) as google:
        yield google


Make = Callable[..., GoogleAnalyticsSource]


@pytest.fixture
def make(google: Emulator) -> Iterator[Make]:
    """Makes sources that ask the emulator, which are closed after the test."""
    made: list[GoogleAnalyticsSource] = []

    def make(*, timezone: str = "UTC", section: str = "ga", **options: Any) -> GoogleAnalyticsSource:
        given = {"property": [PROPERTY], "metrics": ["sessions"], "dimensions": ["country"], "endpoint": google.url}
        given |= {name.replace("_", "-"): value for name, value in options.items()}
        model = GoogleAnalyticsSource.Options.model_validate(given)
        made.append(GoogleAnalyticsSource(model, Context(id=section, timezone=ZoneInfo(timezone))))
        return made[-1]

    yield make
    for each in made:
        each.close()


def records(source: GoogleAnalyticsSource, window: Window) -> list[Record]:
    """The records of an answer, without what it says of whole days."""
    return [each for each in source.extract(window) if isinstance(each, Record)]


def remarks(source: GoogleAnalyticsSource, window: Window) -> dict[dt.date, str]:
    """What an answer says of whole days."""
    return {each.date: each.remark for each in source.extract(window) if isinstance(each, Note)}
