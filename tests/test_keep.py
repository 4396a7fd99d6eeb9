"""`monolith keep`: what is held stays, and is not asked for again."""

from __future__ import annotations

import sqlite3

import pytest
from click.testing import CliRunner

from monolith_core.cli.extract import main as extract
from monolith_core.cli.main import main as monolith

CONFIG = """\
[monolith]
database = sqlite:///{folder}/archive.sqlite
since = 2024-01-01
until = 2024-01-04

[phase:extract]
sources = visits
targets = sql

[source:visits]
use = sql
database = sqlite:///{folder}/web.sqlite
query = SELECT day AS date, n FROM visits WHERE day >= :start_date AND day < :next_date
category = visit

[target:sql]
"""


@pytest.fixture
def config(tmp_path):
    """A configuration with four archived days, two of which came back empty and are held."""
    web = sqlite3.connect(tmp_path / "web.sqlite")
    web.execute("CREATE TABLE visits (day TEXT, n INT)")
    web.executemany(
        "INSERT INTO visits VALUES (?, ?)", [(f"2024-01-0{day}", n) for day in range(1, 5) for n in range(5)]
    )
    web.commit()
    file = tmp_path / "web.ini"
    file.write_text(CONFIG.format(folder=tmp_path), encoding="utf-8")
    run(extract, file)
    web.execute("DELETE FROM visits WHERE day <= '2024-01-02'")
    web.commit()
    web.close()
    changed = CONFIG.replace("SELECT day AS date, n", "SELECT day AS date, n, 1 AS added")
    file.write_text(changed.format(folder=tmp_path), encoding="utf-8")
    assert run(extract, file, status=1).count("came back with 0 records where 5 are held") >= 1
    return file


def run(command, file, status=0):
    done = CliRunner().invoke(command, [str(file)])
    assert done.exit_code == status, done.output
    return done.output


def keep(file, *options, status=0):
    done = CliRunner().invoke(monolith, ["keep", str(file), "--source", "visits", *options])
    assert done.exit_code == status, done.output
    return done.output


def records(file):
    archive = sqlite3.connect(file.parent / "archive.sqlite")
    found = dict(archive.execute("SELECT date, COUNT(*) FROM record GROUP BY date"))
    archive.close()
    return found


def test_all_that_is_held_is_kept(config):
    assert keep(config) == "sql: visits 2024-01-01: kept 5 records\nsql: visits 2024-01-02: kept 5 records\n"
    assert "nothing is due" in run(extract, config)
    assert records(config) == {f"2024-01-0{day}": 5 for day in range(1, 5)}
    assert keep(config) == "nothing of that is held\n"


def test_one_day_is_kept(config):
    assert keep(config, "--date", "2024-01-02") == "sql: visits 2024-01-02: kept 5 records\n"
    assert "2024-01-01" in run(extract, config, status=1)


def test_a_day_that_is_not_final_is_asked_for_again(config):
    file = config.read_text(encoding="utf-8")
    config.write_text(file.replace("[source:visits]", "[source:visits]\nsettle = 3660d"), encoding="utf-8")
    assert keep(config, "--date", "2024-01-02") == (
        "sql: visits 2024-01-02: kept 5 records; not final yet, so the next run asks for it again\n"
    )
    assert "visits 2024-01-02 into sql held" in run(extract, config, status=1)


def test_a_source_there_is_not(config):
    done = CliRunner().invoke(monolith, ["keep", str(config), "--source", "visit"])
    assert done.exit_code == 2
    assert "did you mean visits?" in done.output
