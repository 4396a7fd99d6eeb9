"""The calendar of `monolith status`: what a day is, and how months and years are drawn. No database."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from support.engine import Shelf, Table, config_of, section, source_of, target_of

from monolith_core.cli.calendar import calendar
from monolith_core.cli.coverage import Mark, Strip, strips, unknown
from monolith_core.config import Config
from monolith_core.storage import Covered

TODAY = dt.date(2024, 3, 10)
DAY = dt.timedelta(days=1)
SETTLED = 10 * 86400


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(f"2024-{text}")


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    sources = {
        "visits": section("source", "visits", source_of(Table()), since=dt.date(2024, 3, 1), settle=86400.0),
        "archive": section("source", "archive", source_of(Table())),
    }
    targets = {name: section("target", name, target_of(Shelf())) for name in ("sql", "copy")}
    return config_of(f"sqlite:///{tmp_path}/a.sqlite", sources, targets)


def row(date: str, state: str = "done", *, age: int = SETTLED, records: int = 5, via: str = "visits") -> Covered:
    target = "sql" if via == "visits" else "copy"
    return Covered(target, via, "visits", day(date), state, age, records)  # type: ignore[arg-type]


def marks(config: Config, *rows: Covered) -> dict[str, str]:
    """The marks of `visits` in each target, by `target day`."""
    found = strips(config, rows, TODAY, {})
    return {f"{strip.target} {date:%m-%d}": mark for strip in found for date, mark in strip.marks.items()}


@pytest.mark.parametrize(
    ("known", "mark"),
    [
        (row("03-05"), "final"),
        (row("03-05", age=86400), "final"),
        (row("03-05", age=86399), "provisional"),
        (row("03-05", age=-100), "provisional"),
        (row("03-05", records=0), "empty"),
        (row("03-05", "failed", age=-100), "failed"),
        (row("03-05", "held"), "held"),
        (row("03-05", "deferred", records=0), "deferred"),
        (row("03-05", "drift"), "drift"),
    ],
)
def test_what_a_day_is(config: Config, known: Covered, mark: str) -> None:
    found = marks(config, known)
    assert found["sql 03-05"] == mark
    assert len(found) == 10, "every day from since to today"
    assert set(found.values()) == {mark, "missing"}


def test_days_before_since_that_are_known_are_shown(config: Config) -> None:
    found = marks(config, row("02-27"))
    assert found.pop("sql 02-27") == "final"
    assert list(found) == [f"sql 03-{number:02}" for number in range(1, 11)], "nobody wants those between"


@pytest.mark.parametrize(("first_run", "missing"), [({}, 2), ({("extract", "archive"): day("03-07")}, 5)])
def test_without_since_days_are_wanted_from_the_day_before_the_first_run(
    config: Config, first_run: dict[tuple[str, str], dt.date], missing: int
) -> None:
    once = Covered("sql", "archive", "archive", day("01-02"), "done", SETTLED, 3)
    (strip,) = strips(config, [once], TODAY, first_run)
    assert strip.marks == {day("01-02"): "final"} | {TODAY - n * DAY: "missing" for n in range(missing)}


def test_a_target_that_no_phase_writes_any_more_is_not_missing_anything(config: Config) -> None:
    assert marks(config, row("03-05")._replace(target="old")) == {"old 03-05": "final"}


def test_a_source_that_is_no_longer_configured_wants_nothing(config: Config) -> None:
    old = Covered("sql", "old", "old", day("01-02"), "done", SETTLED, 3)
    later = old._replace(date=day("01-04"))
    (strip,) = strips(config, [old, later], TODAY, {})
    assert strip.marks == {day("01-02"): "final", day("01-04"): "final"}


def test_a_copy_is_expected_to_have_what_the_original_has(config: Config) -> None:
    found = marks(
        config,
        row("03-01"),
        row("03-02", records=0),
        row("03-03"),
        row("03-04", age=0),
        row("03-01", via="archive", age=0),
        row("03-04", via="archive"),
    )
    copy = {name: mark for name, mark in found.items() if name.startswith("copy")}
    assert copy == {"copy 03-01": "final", "copy 03-03": "missing", "copy 03-04": "provisional"}


def test_what_is_configured_and_unknown(config: Config) -> None:
    assert unknown(config, [row("03-01")]) == [
        ("extract", "visits", "copy"),
        ("extract", "archive", "sql"),
        ("extract", "archive", "copy"),
    ]


def drawn(days: dict[dt.date, Mark], width: int = 100) -> list[str]:
    """The calendar's lines between title and legend."""
    lines = list(calendar([Strip("sql", "visits", "visits", days)], width))
    return lines[1:-2]


def filled(start: dt.date, end: dt.date, mark: Mark = "final") -> dict[dt.date, Mark]:
    return {start + n * DAY: mark for n in range((end - start).days + 1)}


def test_three_months_have_a_sign_for_each_day() -> None:
    days = filled(day("01-30"), day("03-02"))
    days[day("02-29")] = "held"
    assert drawn(days) == [
        "           1   5    10   15   20   25   30",
        "  2024-01                               ■■",
        "  2024-02  ■■■■■■■■■■■■■■■■■■■■■■■■■■■■H",
        "  2024-03  ■■",
    ]
    assert len(drawn(filled(day("01-01"), day("04-02")))) == 5


def test_years_have_a_cell_for_each_month() -> None:
    days = filled(dt.date(2022, 12, 15), dt.date(2024, 3, 10))
    days[dt.date(2023, 1, 31)] = "failed"
    days[dt.date(2023, 5, 1)] = "missing"
    days.update(filled(dt.date(2023, 7, 1), dt.date(2023, 7, 31), "missing"))
    days.update(filled(dt.date(2023, 9, 1), dt.date(2023, 9, 30), "empty"))
    days[dt.date(2024, 3, 10)] = "provisional"
    assert drawn(days) == [
        "        Jan   Feb   Mar   Apr   May   Jun   Jul   Aug   Sep   Oct   Nov   Dec",
        "  2022                                                                    ■",
        "  2023  ✗96%  ■     ■     ■     ·96%  ■     ·     ■     ○     ■     ■     ■",
        "  2024  ■     ■     □",
    ]


def test_a_narrow_terminal_has_narrow_cells() -> None:
    lines = drawn(filled(dt.date(2014, 1, 1), dt.date(2023, 12, 31)), width=40)
    assert lines[0] == "        J F M A M J J A S O N D"
    assert len(lines) == 11
    assert all(len(line) <= 40 for line in lines)


def test_ten_years_fit_a_screen_of_eighty() -> None:
    lines = drawn(filled(dt.date(2014, 1, 1), dt.date(2023, 12, 31), "failed"), width=80)
    assert len(lines) == 11
    assert all(len(line) <= 80 for line in lines)


def test_the_title_says_what_there_is() -> None:
    days = filled(day("01-01"), day("01-03")) | {day("01-04"): "provisional", day("01-05"): "failed"}
    strip = Strip("sql", "visits", "visits", days, records=12345)
    assert next(iter(calendar([strip], 100))) == (
        "visits into sql: final up to 2024-01-03, 12,345 records, 1 failed, 1 provisional"
    )
    assert "nothing final yet" in next(iter(calendar([Strip("a", "b", "b", {day("01-01"): "failed"})], 100)))
