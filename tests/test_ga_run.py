"""Runs of the google-analytics source: hourly ones by a clock that is an argument, and the commands as a user sees."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.engine import Recorder, go
from support.ga_emulator import Answer, Asked, Emulator, Quota
from support.ga_fixtures import NOW, PROPERTY, _new_process, day, google
from support.ga_property import Property, Refusal

from monolith_core.config import load_config
from monolith_core.storage import Storage
from monolith_plugins_ga import quota

__all__ = ["_new_process", "google"]

HOUR = dt.timedelta(hours=1)
BIN = Path(sys.executable).parent

CONFIG = """\
[monolith]
database = sqlite:///{folder}/archive.sqlite
timezone = UTC
since = {since}
retries = 1
[phase:extract]
sources = {sources}
targets = sql
[target:sql]
"""
SECTION = """\
[source:{name}]
use = google-analytics
property = {property}
endpoint = {url}
metrics = sessions
dimensions = country
quota-reserve = {reserve}
{more}
"""


def configure(
    folder: Path,
    url: str,
    since: dt.date,
    *,
    sources: tuple[str, ...] = ("visits",),
    reserve: int = 0,
    more: str = "",
) -> Any:
    """A configuration of sources that ask the emulator; their records go into SQLite."""
    text = CONFIG.format(folder=folder, since=since, sources=", ".join(sources))
    for name in sources:
        text += SECTION.format(name=name, property=PROPERTY, url=url, reserve=reserve, more=more)
    (folder / "ga.ini").write_text(text)
    return load_config(folder / "ga.ini")


async def hourly(config: Any, google: Emulator, begin: dt.datetime, hours: int, *, step: int = 1) -> list[Recorder]:
    """A run each hour, or each `step` hours, each in a process that knows nothing of the ones before."""
    told = []
    for hour in range(0, hours, step):
        now = begin + hour * HOUR
        google.clock = lambda now=now: now  # type: ignore[misc]
        quota.forget()
        told.append(await go(config, now))
    return told


def archived(folder: Path) -> dict[dt.date, list[dict[str, Any]]]:
    """What the archive has, by day."""
    found: dict[dt.date, list[dict[str, Any]]] = {}
    with closing(sqlite3.connect(folder / "archive.sqlite")) as connection:
        for date, data in connection.execute("SELECT date, data FROM record ORDER BY date, data"):
            found.setdefault(dt.date.fromisoformat(date), []).append(json.loads(data))
    return found


def remarks(folder: Path) -> dict[dt.date, str]:
    """What the ledger remarks of each day."""
    storage = Storage.open(f"sqlite:///{folder}/archive.sqlite")
    try:
        return {row.date: row.remark for row in storage.ledger.remarked()}
    finally:
        storage.close()


def growing(date: dt.date, now: dt.datetime) -> list[dict[str, Any]]:
    """A day that Google goes on counting for until it has been over for two days."""
    hours = (now - dt.datetime.combine(date, dt.time(), dt.UTC)) // HOUR
    return [{"country": "Spain", "sessions": min(hours, 72)}] if hours > 0 else []


@pytest.mark.slow
async def test_hourly_runs_ask_for_a_day_until_it_is_final(tmp_path: Path, google: Emulator):
    google.properties[PROPERTY] = Property(growing, timezone="UTC")
    config = configure(tmp_path, google.url, day(7))
    told = await hourly(config, google, NOW.replace(hour=3), 4 * 24, step=3)
    assert {run.report.exit_status for run in told} == {0}
    assert archived(tmp_path) == {
        day(number): [{"country": "Spain", "sessions": min((14 - number) * 24, 72)}] for number in range(7, 14)
    }
    # Each day is asked for until it is final; the last time when it has just become so.
    assert [google.answers(day(number)) for number in (7, 8, 9, 10)] == [8, 16, 24, 32]
    assert len(google.asked) == 32, "each run asks once, for all the days that may still change"


@pytest.mark.slow
async def test_a_backfill_goes_on_where_the_quota_ended_and_asks_no_day_twice(tmp_path: Path, google: Emulator):
    """Sixty days of two pages each, for a quota of 25 pages an hour: days come newest first, hour by hour."""
    google.properties[PROPERTY] = Property(
        lambda date, now: [{"country": name, "sessions": date.day} for name in "abc"], timezone="UTC"
    )
    google.quota = Quota(per_hour=25, cost=lambda answer: 1)
    first = NOW.date() - dt.timedelta(days=60)
    config = configure(tmp_path, google.url, first, more="page-size = 2\nspan = 1\nuntil = 2024-03-06")
    told = await hourly(config, google, NOW, 6)
    assert {run.report.exit_status for run in told} == {0}
    done = [Counter(each.outcome for each in run.finished) for run in told]
    assert [each["done"] for each in done] == [12, 12, 12, 12, 9, 0]
    assert [each["deferred"] for each in done] == [45, 33, 21, 9, 0, 0]
    assert [each.partition.date for each in told[1].finished if each.outcome == "done"] == [
        NOW.date() - dt.timedelta(days=number) for number in range(16, 28)
    ]
    assert {google.answers(first + dt.timedelta(days=number)) for number in range(57)} <= {1, 2}
    assert {len(rows) for rows in archived(tmp_path).values()} == {3}
    assert len(archived(tmp_path)) == 57


async def test_a_span_that_is_more_than_an_hours_quota_comes_to_an_end(tmp_path: Path, google: Emulator):
    google.properties[PROPERTY] = Property(
        lambda date, now: [{"country": f"{number:02}", "sessions": 1} for number in range(20)], timezone="UTC"
    )
    google.quota = Quota(per_hour=11, cost=lambda answer: 1)
    config = configure(tmp_path, google.url, day(1), more="page-size = 10\nspan = 10\nuntil = 2024-03-06\nsettle = 1d")
    told = await hourly(config, google, NOW, 3)
    assert [Counter(each.outcome for each in run.finished)["done"] for run in told] == [5, 1, 0]
    assert [len(rows) for rows in archived(tmp_path).values()] == [20] * 6


async def test_what_a_deferred_run_says(tmp_path: Path, google: Emulator, caplog: pytest.LogCaptureFixture):
    google.quota = Quota(per_hour=2, cost=lambda answer: 1)
    config = configure(tmp_path, google.url, day(1), more="span = 1\njobs = 1")
    (told,) = await hourly(config, google, NOW, 1)
    assert told.outcomes() == ["10 done", "9 done", *(f"{number} deferred" for number in range(8, 0, -1))]
    assert {each.error for each in told.finished if each.outcome == "deferred"} == {
        "the quota of property 123 is used up: 0 tokens per hour are left, 0 are reserved (quota-reserve), and a "
        "request takes up to 1; the rest comes with a later run"
    }


async def test_sources_of_one_property_share_its_quota(tmp_path: Path, google: Emulator):
    google.quota = Quota(per_hour=30, cost=lambda answer: 1)
    names = ("one", "two", "three")
    config = configure(tmp_path, google.url, day(1), sources=names, reserve=10, more="span = 1\njobs = 4")
    (told,) = await hourly(config, google, NOW, 1)
    assert google.quota.left(PROPERTY, NOW)["tokensPerHour"] == 10
    assert Counter(each.outcome for each in told.finished) == {"done": 20, "deferred": 10}


async def test_days_that_cannot_be_had_whole_are_remarked_upon(tmp_path: Path, google: Emulator):
    """Asked for day by day; the remark goes when the day can be had whole."""
    found = google.properties[PROPERTY]
    found.threshold = 3
    config = configure(tmp_path, google.url, day(1), more="until = 2024-03-04")
    (told,) = await hourly(config, google, NOW, 1)
    said = "rows of few users may be left out (thresholding)"
    assert told.outcomes() == ["4 done", "3 done", "2 done", "1 done"]
    assert [each.remark for each in told.finished] == ["", "", said, said]
    assert remarks(tmp_path) == {day(1): said, day(2): said}
    assert [(each.days[0].day, each.days[-1].day) for each in google.reports()] == [
        (1, 4),
        (4, 4),
        (3, 3),
        (2, 2),
        (1, 1),
    ]
    found.threshold = 0
    await go(config, NOW, force=True)
    assert remarks(tmp_path) == {}


async def test_an_error_that_passes(tmp_path: Path, google: Emulator):
    def busy(asked: Asked) -> Answer | None:
        said = {"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}}
        return Answer(503, said, {"retry-after": "0"}) if len(google.asked) == 1 else None

    google.rule = busy
    told = await go(configure(tmp_path, google.url, day(9)), NOW)
    assert told.outcomes() == ["10 done", "9 done"]
    assert [(kind, str(event.error)) for kind, event in told.told if kind == "retry"] == [
        ("retry", "Google cannot report property 123 on 2024-03-09 to 2024-03-10 now (503): busy")
    ]


async def test_an_error_that_stays_leaves_the_archive_as_it_is(tmp_path: Path, google: Emulator):
    config = configure(tmp_path, google.url, day(9))
    await go(config, NOW)
    before = archived(tmp_path)

    def refuse(asked: Asked) -> None:
        raise Refusal(403, "PERMISSION_DENIED", "User does not have sufficient permissions for this property.")

    google.rule = refuse
    told = await go(config, NOW + HOUR)
    assert told.outcomes() == ["10 failed", "9 failed"]
    assert told.report.exit_status == 1
    assert archived(tmp_path) == before


@pytest.mark.slow
def test_the_log_has_the_remark(tmp_path: Path, google: Emulator):
    google.properties[PROPERTY].sample_above = 1
    configure(tmp_path, google.url, day(1), more="until = 2024-03-01")
    done = run("monolith-extract", tmp_path)
    assert re.search(r"2024-03-01 .*sampled: 50 % of the events", done.stderr)


# As a user


@contextmanager
def emulator_process() -> Iterator[str]:
    """An emulator in a process of its own; its endpoint."""
    path = {"PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-m", "support.ga_emulator"]
    process = subprocess.Popen(command, env={**os.environ, **path}, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "property = 123456789\n"
        yield process.stdout.readline().strip().removeprefix("endpoint = ")
    finally:
        process.terminate()
        process.communicate()


def run(command: str, folder: Path, *arguments: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
    program, *more = command.split()
    line = [str(BIN / program), *more, "ga.ini", *arguments]
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == expect, f"{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done


@pytest.mark.slow
def test_the_commands(tmp_path: Path):
    with emulator_process() as url:
        since = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=9)
        configure(tmp_path, url, since)
        text = (tmp_path / "ga.ini").read_text()
        (tmp_path / "ga.ini").write_text(
            text.replace("property = 123\n", "property = 123456789\n").replace("UTC", "Europe/Madrid")
        )
        checked = run("monolith check", tmp_path).stdout
        assert re.search(r"ok +source visits +property 123456789: \d rows on .*, time zone Europe/Madrid, ", checked)
        run("monolith-extract", tmp_path)
        assert "0 failed" not in run("monolith status", tmp_path).stdout
        assert len(archived(tmp_path)) >= 9
        plan = json.loads(run("monolith plan", tmp_path, "--json").stdout)
        assert {each["reason"] for each in plan} == {"provisional"}
        (tmp_path / "ga.ini").write_text((tmp_path / "ga.ini").read_text().replace("= country", "= contry, pagePath"))
        checked = run("monolith check", tmp_path, expect=1).stdout
        assert "property 123456789: dimensions has contry, which is no dimension of it; did you mean country" in checked
        said = run("monolith-extract", tmp_path, expect=1).stderr
        assert "Field contry is not a valid dimension" in said
    said = run("monolith check", tmp_path, expect=1).stdout
    assert "no connection to Google" in said


def test_a_wrong_section_is_refused(tmp_path: Path):
    (tmp_path / "ga.ini").write_text(
        "[monolith]\ndatabase = sqlite:///a.sqlite\n[phase:e]\nsources = ga\ntargets = sql\n[target:sql]\n"
        "[source:ga]\nuse = google-analytics\nprofile_id = 1234\nmetrics = pageviews\n"
    )
    said = run("monolith-extract", tmp_path, expect=2).stderr
    assert "ga.ini:9: [source:ga] has no option profile_id; write property = NUMBER" in said
    assert "ga.ini:10: option metrics of [source:ga]: 'pageviews' is a name of Universal Analytics" in said
    assert "ga.ini:7: [source:ga] lacks the option property; add property = 123456789" in said
