"""Templates: days in texts, in the form that a service wants."""

from __future__ import annotations

import datetime as dt
import re
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monolith_plugins_rest.template import Days, Template

MADRID = ZoneInfo("Europe/Madrid")
DAYS = Days(dt.date(2024, 3, 30), dt.date(2024, 3, 31), MADRID)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{start_date}", "2024-03-30"),
        ("{date}", "2024-03-30"),
        ("{end_date}..{next_date}", "2024-03-31..2024-04-01"),
        ("{start_date:%d.%m.%Y}", "30.03.2024"),
        ("{start_date:%Y-%m-%dT%H:%M:%S%z}", "2024-03-30T00:00:00+0100"),
        ("{next_date:%Y%m%dT%H%M%S%z}", "20240401T000000+0200"),
        ("{start_date:epoch}", "1711753200"),
        ("{start_date:epoch-ms}", "1711753200000"),
        ("{next_date:instant}", "2024-03-31T22:00:00Z"),
        ("100%", "100%"),
        ("no day", "no day"),
    ],
)
def test_days_are_written_as_their_format_says(text: str, expected: str) -> None:
    assert Template(text).render(DAYS) == expected


def test_a_day_that_has_no_midnight_begins_when_the_day_before_ends() -> None:
    """In São Paulo clocks went from 0:00 to 1:00 at the beginning of 2018-11-04, at 3:00 UTC."""
    day = dt.date(2018, 11, 4)
    assert Template("{date:instant}").render(Days(day, day, ZoneInfo("America/Sao_Paulo"))) == "2018-11-04T03:00:00Z"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{today}", "{today}, which is no day; known are {start_date}"),
        ("{day:%Y}", "{day:%Y}, which is no day"),
        ("{date:Y}", "{date:Y} has no format; expected epoch"),
        ("{date:}x{date:%s}", "unknown directive %s; write {NAME:epoch}"),
        ("{date:%-d}", "unknown directive %-"),
        ("{date:%Y%}", "unknown directive %"),
        ("{date:%c}", "unknown directive %c"),
    ],
)
def test_mistakes_are_named(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=re.escape(problem)):
        Template(text)


def test_other_braces_stand_for_themselves_in_a_body() -> None:
    body = '{"from": "{start_date}", "query": {"term": {user}}, "empty": {}, "spaced": { date }}'
    assert Template(body, strict=False).render(DAYS) == body.replace("{start_date}", "2024-03-30")


@given(st.text(), st.text())
def test_what_is_no_day_is_kept(before: str, after: str) -> None:
    text = before.replace("{", "(") + "{date}" + after.replace("{", "(")
    assert Template(text).render(DAYS) == text.replace("{date}", "2024-03-30")


@given(st.dates(dt.date(1000, 1, 1), dt.date(9999, 12, 30)))
def test_a_day_reads_back(day: dt.date) -> None:
    text = Template("{date:%Y%m%d} {next_date}").render(Days(day, day, ZoneInfo("UTC")))
    first, second = text.split()
    assert dt.datetime.strptime(first, "%Y%m%d").date() == day
    assert dt.date.fromisoformat(second) == day + dt.timedelta(days=1)
