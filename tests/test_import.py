"""`monolith import`: the archive of the original becomes ours, whatever its form, however often it is interrupted."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result
from support.servers import MariaDB
from support.sql import archived, bare_target, context, execute, window
from support.unmeasured import unmeasured

from monolith_core.cli.extract import main as extract
from monolith_core.cli.main import main as monolith
from monolith_core.errors import PermanentError, RecordError
from monolith_core.record import content_id
from monolith_core.storage import Storage
from monolith_plugins_sql.aggregator import AggregatorSource
from monolith_plugins_sql.original import Row, Translation, shown_id
from monolith_plugins_sql.rejects import Rejects

FIRST = dt.date(2013, 5, 1)
LIMIT_MB = 200

CONFIG = """\
[monolith]
database = {archive}
timezone = Europe/Madrid
since = 2013-05-01
until = 2013-05-10

[phase:extract]
sources = marketplace, solitude
targets = sql

[source:marketplace]
use = sql
database = sqlite:///{folder}/shop.sqlite
query = SELECT day AS date, n FROM installs WHERE day BETWEEN :start_date AND :end_date
category = install

[source:solitude]
use = sql
database = sqlite:///{folder}/shop.sqlite
query = SELECT day AS date, n FROM payments WHERE day BETWEEN :start_date AND :end_date

[target:sql]
"""


class Original:
    """A table of the original at a URL, by default of the form that has every column."""

    def __init__(self, url: str, table: str = "record", **columns: Any) -> None:
        self.url = url
        self.engine = sa.create_engine(url, poolclass=sa.NullPool)
        types = {"id": sa.Integer(), "date": sa.DateTime(), "category": sa.String(256), "source": sa.String(32)}
        types |= {"type": sa.String(256), "data": sa.LargeBinary()}
        chosen = columns or types
        self.table = sa.Table(
            table,
            sa.MetaData(),
            *(sa.Column(name, kind, primary_key=name == "id", autoincrement=False) for name, kind in chosen.items()),
        )
        self.table.create(self.engine)
        self._next = 0

    def add(self, **values: Any) -> int:
        """Put one record; its id, which grows, if it has none."""
        self._next += 1
        row = {"id": self._next, **values}
        self.run(self.table.insert().values(row))
        return self._next

    def fill(self, days: int = 10, sources: tuple[str, ...] = ("marketplace", "solitude"), each: int = 3) -> None:
        """Put `each` records for each source and day."""
        rows = []
        for at in range(days):
            for source in sources:
                for n in range(each):
                    self._next += 1
                    date = dt.datetime.combine(FIRST, dt.time(23, 30)) + dt.timedelta(days=at)
                    data = json.dumps({"n": n, "price": 1.5}).encode()
                    row = {"id": self._next, "date": date, "category": "install", "source": source}
                    rows.append({**row, "type": "install", "data": data})
        with self.engine.begin() as connection:
            connection.execute(self.table.insert(), rows)

    def run(self, statement: Any) -> None:
        """Execute one statement."""
        with self.engine.begin() as connection:
            connection.execute(statement)


class Move:
    """A configuration of ours beside an original."""

    def __init__(self, folder: Path, original: str, archive: str = "") -> None:
        self.folder = folder
        self.original = original
        self.archive = archive or f"sqlite:///{folder}/archive.sqlite"
        self.config = folder / "monolith.ini"
        self.config.write_text(CONFIG.format(archive=self.archive, folder=folder), encoding="utf-8")
        execute(
            f"sqlite:///{folder}/shop.sqlite",
            "CREATE TABLE installs (day TEXT, n INT)",
            "CREATE TABLE payments (day TEXT, n INT)",
        )

    def run(self, *options: str, status: int = 0) -> Result:
        """Import, in this process."""
        given = ["import", str(self.config), "--from", self.original, *options]
        done = CliRunner().invoke(monolith, given, prog_name="monolith")
        assert done.exit_code == status, done.output
        return done

    def json(self, *options: str, status: int = 0) -> dict[str, Any]:
        """What an import prints for programs."""
        found: dict[str, Any] = json.loads(self.run("--json", *options, status=status).stdout)
        return found

    def counts(self) -> dict[str, int]:
        """The records of each source and day that the archive has."""
        rows = execute(self.archive, "SELECT source, date, COUNT(*) FROM record GROUP BY source, date")
        return {f"{source} {date}": count for source, date, count in rows}

    def child(self, *options: str, fault: str = "") -> tuple[int, str]:
        """Import, in a process of its own that may be killed at a fault point."""
        code = "from monolith_core.cli.main import main; main(prog_name='monolith')"
        command = [sys.executable, "-c", code, "import", str(self.config), "--from", self.original, *options]
        environ = {**os.environ, "MONOLITH_FAULT": fault} if fault else None
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ, timeout=120)
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def original_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/original.sqlite"


@pytest.fixture
def move(tmp_path: Path, original_url: str) -> Move:
    """An original of ten days and two sources in SQLite."""
    Original(original_url).fill()
    return Move(tmp_path, original_url)


# --- the whole


def test_an_archive_is_imported(tmp_path: Path, database_url: str) -> None:
    original = Original(database_url)
    original.fill()
    move = Move(tmp_path, database_url)
    done = move.run()
    assert done.stdout.splitlines() == ["sql: the original has 60 records on 20 days of a source; the same"]
    assert move.counts() == {
        f"{source} {FIRST + dt.timedelta(days=at)}": 3 for source in ("marketplace", "solitude") for at in range(10)
    }
    data = '{"n":0,"price":1.5}'
    identity = content_id("solitude", FIRST, "install", data.encode())
    assert ("2013-05-01", "solitude", identity, "install", data) in archived(move.archive)
    assert move.json() == {
        "sources": [
            {"source": "marketplace", "records": 30, "days": 10},
            {"source": "solitude", "records": 30, "days": 10},
        ],
        "differences": [],
        "undated": [],
        "left_out": 0,
    }


@pytest.mark.server
def test_archive_and_original_in_one_database(tmp_path: Path, mariadb: MariaDB) -> None:
    url = mariadb.url()
    Original(url, "history").fill()
    move = Move(tmp_path, url, archive=url)
    assert "the same" in move.run("--table", "history").stdout
    assert sum(move.counts().values()) == 60


def test_what_was_imported_is_done(move: Move) -> None:
    move.run()
    done = CliRunner().invoke(extract, [str(move.config)])
    assert (done.exit_code, "nothing is due" in done.stderr) == (0, True), done.output
    shown = CliRunner().invoke(monolith, ["status", str(move.config)]).stdout
    assert "marketplace into sql: final up to 2013-05-10, 30 records" in shown


def test_the_transforms_of_a_source_are_applied(move: Move) -> None:
    text = move.config.read_text(encoding="utf-8")
    text = text.replace("[source:marketplace]", "[source:marketplace]\ntransforms = small")
    move.config.write_text(f"{text}[transform:small]\nuse = keep\nfields = n\n", encoding="utf-8")
    assert "the same" in move.run().stdout
    assert {row[4] for row in archived(move.archive) if row[1] == "marketplace"} == {'{"n":0}', '{"n":1}', '{"n":2}'}
    assert {row[4] for row in archived(move.archive) if row[1] == "solitude"} > {'{"n":0,"price":1.5}'}
    done = CliRunner().invoke(extract, [str(move.config)])
    assert "nothing is due" in done.stderr


def test_days_that_the_original_lacks_are_left_to_the_source(tmp_path: Path, original_url: str) -> None:
    original = Original(original_url)
    original.fill()
    original.run(original.table.delete().where(original.table.c.date == dt.datetime(2013, 5, 4, 23, 30)))
    move = Move(tmp_path, original_url)
    move.run()
    shown = json.loads(CliRunner().invoke(monolith, ["plan", str(move.config), "--json"]).stdout)
    assert [(due["source"], due["date"], due["reason"]) for due in shown] == [
        ("marketplace", "2013-05-04", "new"),
        ("solitude", "2013-05-04", "new"),
    ]


def test_equal_records_stay_as_many_as_they_are(tmp_path: Path, original_url: str) -> None:
    original = Original(original_url)
    for _ in range(5):
        original.add(date=FIRST, category="a", source="marketplace", type="a", data=b'{"same": 1}')
    move = Move(tmp_path, original_url)
    move.run()
    assert move.counts() == {"marketplace 2013-05-01": 5}


def test_a_source_of_no_phase(tmp_path: Path, original_url: str) -> None:
    Original(original_url).fill(sources=("old-one",))
    move = Move(tmp_path, original_url)
    move.run()
    assert sum(move.counts().values()) == 30
    storage = Storage.open(move.archive)
    assert storage.leases.created("import", "old-one") is not None
    assert storage.leases.created("extract", "marketplace") is None
    storage.close()


# --- forms of the original's table


def test_the_first_form(tmp_path: Path, database_url: str) -> None:
    """Neither source nor type, days instead of instants, texts instead of bytes, and ids that are texts."""
    columns = {"id": sa.String(24), "date": sa.Date(), "category": sa.String(256), "data": sa.Text()}
    original = Original(database_url, **columns)
    original.add(id="a", date=FIRST, category="visit", data='{"n": 1}')
    original.add(id="b", date=FIRST, category="visit", data='{"n": "é"}')
    move = Move(tmp_path, database_url)
    told = move.run(status=1).output
    assert "2 records of record say no source; name one for them with default-source" in told
    move.run("--default-source", "marketplace")
    assert {row[1:2] + row[3:] for row in archived(move.archive)} == {
        ("marketplace", "visit", '{"n":1}'),
        ("marketplace", "visit", '{"n":"é"}'),
    }


def test_the_last_form(tmp_path: Path, database_url: str) -> None:
    """The source is called `source_id`, the data `value`, there is a type and no category, and ids are bytes."""
    columns = {"id": sa.BINARY(24), "date": sa.Date(), "type": sa.String(256), "source_id": sa.String(32)}
    if database_url.startswith("postgresql"):
        columns["id"] = sa.LargeBinary()
    original = Original(database_url, **columns, value=sa.LargeBinary())
    facts = {"date": FIRST, "type": "install", "source_id": "mkt-installs"}
    original.add(id=b"urlsafe-uid-of-24-bytes1", value=b'{"n": 1}', **facts)
    original.add(id=b"urlsafe-uid-of-24-bytes2", value=b"nothing", **facts)
    move = Move(tmp_path, database_url)
    told = move.run("--rename", "mkt-installs=marketplace", status=1).output
    assert "marketplace 2013-05-01 into sql failed: record urlsafe-uid-of-24-bytes2: data: is no JSON" in told
    move.run("--rename", "mkt-installs=marketplace", "--rejects", str(tmp_path / "rejects"))
    assert {row[1:2] + row[3:] for row in archived(move.archive)} == {("marketplace", "install", '{"n":1}')}


def test_sources_that_differ_only_in_case(tmp_path: Path, database_url: str) -> None:
    original = Original(database_url)
    original.fill(days=1, sources=("marketplace",), each=2)
    original.fill(days=1, sources=("Marketplace",), each=3)
    original.fill(days=1, sources=("",), each=4)
    move = Move(tmp_path, database_url)
    move.run("--default-source", "MARKETPLACE")
    assert move.counts() == {
        "marketplace 2013-05-01": 2,
        "Marketplace 2013-05-01": 3,
        "MARKETPLACE 2013-05-01": 4,
    }


def test_several_sources_become_one(tmp_path: Path, original_url: str) -> None:
    original = Original(original_url)
    original.fill(days=2, sources=("ga-visits", "ga-pages", "marketplace"))
    move = Move(tmp_path, original_url)
    move.run("--rename", "ga-visits=google", "--rename", "ga-pages=google", "--rename", "marketplace=shop")
    assert set(move.counts().items()) == {
        ("google 2013-05-01", 6),
        ("google 2013-05-02", 6),
        ("shop 2013-05-01", 3),
        ("shop 2013-05-02", 3),
    }


@pytest.mark.server
def test_a_latin_1_table(tmp_path: Path, mariadb: MariaDB) -> None:
    url = mariadb.url()
    execute(
        url,
        "CREATE TABLE record (id INT PRIMARY KEY, date DATETIME, category TEXT, source TEXT, data TEXT) CHARSET latin1",
        "SET NAMES utf8mb4",
        """INSERT INTO record VALUES (1, '2013-05-01 10:00:00', 'señal', 'marketplace', '{"n": "ñ"}')""",
    )
    move = Move(tmp_path, url)
    move.run()
    assert {row[3:] for row in archived(move.archive)} == {("señal", '{"n":"ñ"}')}


def test_bytes_in_latin_1(tmp_path: Path, original_url: str) -> None:
    original = Original(original_url)
    original.add(date=FIRST, category="a", source="marketplace", data='{"n": "ñ"}'.encode("latin-1"))
    move = Move(tmp_path, original_url)
    told = move.run(status=1).output
    assert "record 1: data: is not utf-8 (byte 7); is it encoded otherwise? See the option encoding" in told
    move.run("--encoding", "latin-1")
    assert {row[4] for row in archived(move.archive)} == {'{"n":"ñ"}'}


# --- one record


def translated(
    category: Any = "install", kind: Any = None, data: Any = b"{}", by_type: bool = False
) -> tuple[str, str]:
    """The category and the data that a record of the original gets."""
    translation = Translation(None, {}, by_type=by_type, encoding="utf-8", timezone=ZoneInfo("Europe/Madrid"))
    record = translation.record(Row(1, FIRST, "shop", category, kind, data), "shop", FIRST)
    assert record.id == content_id("shop", FIRST, record.category, record.data)
    return record.category, record.data.decode()


def test_category_and_type() -> None:
    assert translated("install", None) == ("install", "{}")
    assert translated("install", "install") == ("install", "{}")
    assert translated("install", "app") == ("install", '{"type":"app"}')
    assert translated("install", "app", by_type=True) == ("app", '{"category":"install"}')
    assert translated(None, "app") == ("app", "{}")
    assert translated("", "") == ("shop", "{}")
    assert translated("install", "app", b'{"type": "app"}') == ("install", '{"type":"app"}')
    assert translated("install", "app", b'{"type": 1}') == ("install", '{"original_type":"app","type":1}')


@pytest.mark.parametrize("number", ["1.10", "0.1", "12345678901234567890123", "1.5"])
def test_numbers_are_written_as_they_were(number: str) -> None:
    assert translated(data=f'{{"n": {number}}}'.encode())[1] == f'{{"n":{number}}}'


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (None, "data: is NULL, expected a JSON object"),
        (7, "data: is int, expected a JSON object"),
        (b"", "data: is no JSON (Expecting value: line 1 column 1 (char 0)): ''"),
        (b'{"a":', "data: is no JSON (Expecting value: line 1 column 6 (char 5)): '{\"a\":'"),
        (b"[1]", "data: is no JSON object: '[1]'"),
        (b"null", "data: is no JSON object: 'null'"),
        (b'{"a": 1, "a": 2}', 'data: is no JSON (a key twice in one object): \'{"a": 1, "a": 2}\''),
        (b"\xff", "data: is not utf-8 (byte 0); is it encoded otherwise? See the option encoding"),
        (b'{"a": NaN}', "data.a: "),
        (b'{"a": "\\ud800"}', "data.a: "),
        (b"[" * 100_000, "data: is no JSON ("),
    ],
)
def test_data_that_is_no_object(data: Any, fault: str) -> None:
    with pytest.raises(RecordError) as raised:
        translated(data=data)
    assert str(raised.value).startswith(fault)


@pytest.mark.parametrize(
    ("value", "day"),
    [
        (FIRST, FIRST),
        (dt.datetime(2013, 5, 1, 23, 59), FIRST),
        (dt.datetime(2013, 4, 30, 22, 30, tzinfo=dt.UTC), FIRST),
        ("2013-05-01 23:59:59.000000", FIRST),
        (b"2013-05-01", FIRST),
        ("0000-00-00", None),
        (None, None),
        (20130501, None),
    ],
)
def test_the_day_of_a_record(value: Any, day: dt.date | None) -> None:
    assert Translation(None, {}, by_type=False, encoding="utf-8", timezone=ZoneInfo("Europe/Madrid")).day(value) == day


@pytest.mark.parametrize(
    ("value", "shown"), [(7, "7"), ("a", "a"), (b"AZaz-_", "AZaz-_"), (memoryview(b"\0\xff"), "00ff")]
)
def test_how_an_id_is_shown(value: Any, shown: str) -> None:
    assert shown_id(value) == shown


# --- records that cannot be read


@pytest.fixture
def spoiled(tmp_path: Path, original_url: str) -> Move:
    """Two of the ten days have records that cannot be read, and one record has no day."""
    original = Original(original_url)
    original.fill()
    facts = {"source": "solitude", "category": "payment"}
    original.add(id=901, date=dt.datetime(2013, 5, 3), data=b"{", **facts)
    original.add(id=902, date=dt.datetime(2013, 5, 3), data=b"\xff\xfe", **facts)
    original.add(id=903, date=dt.datetime(2013, 5, 7), data=None, **facts)
    original.add(id=904, date=None, data=b"{}", **facts)
    return Move(tmp_path, original_url)


def test_each_bad_record_is_told_and_its_day_fails(spoiled: Move) -> None:
    done = spoiled.run(status=1)
    failed = [line.partition(" into sql failed: ")[2] for line in done.stderr.splitlines() if " failed: " in line]
    seventh, third = failed
    assert seventh.startswith("record 903: data: is NULL, expected a JSON object; mend them, or leave them out")
    assert third.startswith("record 901: data: is no JSON (")
    assert "; record 902: data: is not utf-8 (byte 0); " in third
    assert done.stdout.splitlines() == [
        "target  source    days        original  archive",
        "sql     solitude  2013-05-03         5        0",
        "sql     solitude  2013-05-07         4        0",
        "",
        "not imported: record 904: has the date NULL",
        "sql: the original has 63 records on 20 days of a source; 2 days of a source differ",
        "the log above says what failed; start the import again when that is mended",
    ]
    assert sum(spoiled.counts().values()) == 54
    assert spoiled.json(status=1)["differences"][0] == {
        "target": "sql",
        "source": "solitude",
        "date": "2013-05-03",
        "original": 5,
        "archive": 0,
    }


def test_rejects_are_left_out_and_kept(spoiled: Move, tmp_path: Path) -> None:
    file = tmp_path / "rejects.jsonl"
    done = spoiled.run("--rejects", str(file))
    assert done.stdout.splitlines() == [
        "left out: 4 records, which the file of rejects has",
        "sql: the original has 60 records on 20 days of a source; the same",
    ]
    kept = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert sorted((each["id"], each["day"]) for each in kept) == [
        ("901", "2013-05-03"),
        ("902", "2013-05-03"),
        ("903", "2013-05-07"),
        ("904", None),
    ]
    by_id = {each["id"]: each for each in kept}
    assert by_id["902"]["original"]["data"] == {"base64": "//4="}
    assert by_id["904"]["original"] == {
        "date": None,
        "source": "solitude",
        "category": "payment",
        "type": None,
        "data": "{}",
    }
    shown = CliRunner().invoke(monolith, ["status", str(spoiled.config)]).stdout
    assert "solitude 2013-05-03 into sql: 2 records of the original could not be read; see rejects.jsonl" in shown
    before = file.read_bytes()
    spoiled.run("--rejects", str(file))
    assert file.read_bytes() == before
    assert spoiled.json(status=1)["left_out"] == 0  # without the file the counts differ, and that is told


def test_a_rejects_file_of_a_process_that_was_killed(spoiled: Move, tmp_path: Path) -> None:
    file = tmp_path / "rejects.jsonl"
    spoiled.run("--rejects", str(file))
    whole = file.read_text(encoding="utf-8")
    file.write_text(whole[:-20], encoding="utf-8")
    spoiled.run("--rejects", str(file), "--force")
    assert sorted(file.read_text(encoding="utf-8").splitlines()) == sorted(whole.splitlines())


def test_a_file_that_is_none_of_rejects(move: Move, tmp_path: Path) -> None:
    file = tmp_path / "other.txt"
    file.write_text("something else\n", encoding="utf-8")
    assert "cannot be read as a file of rejects" in move.run("--rejects", str(file), status=1).output
    assert file.read_text(encoding="utf-8") == "something else\n"


def test_rejects_that_cannot_be_written(tmp_path: Path) -> None:
    rejects = Rejects(tmp_path / "no" / "such" / "folder")
    with pytest.raises(PermanentError, match="the rejects cannot be written to"):
        rejects.add([(Row(1, None, None, None, None, None), None, "why")])


def test_many_bad_records_are_cut(tmp_path: Path, original_url: str) -> None:
    original = Original(original_url)
    for _ in range(25):
        original.add(date=FIRST, category="a", source="marketplace", data=b"[]")
    for _ in range(25):
        original.add(date=None, category="a", source="marketplace", data=b"{}")
    move = Move(tmp_path, original_url)
    done = move.run(status=1)
    assert "record 20: data: is no JSON object: '[]'; and 5 more; mend them" in done.stderr
    assert "not imported: 5 more records without a day; --json lists each" in done.stdout
    assert len(move.json(status=1)["undated"]) == 25


# --- again, and interrupted


def test_done_days_are_not_read_again(tmp_path: Path, original_url: str) -> None:
    original = Original(original_url)
    original.fill()
    move = Move(tmp_path, original_url)
    move.run("--source", "solitude")
    assert {key.split()[0] for key in move.counts()} == {"solitude"}
    original.run(original.table.update().where(original.table.c.source == "solitude").values(data=b"spoiled"))
    assert "the same" in move.run().stdout
    assert sum(move.counts().values()) == 60


POINTS = ["leased", "planned", "staged", "replacing:3", "replaced:5", "recorded:7", "committed:11", "delivering:40"]


@pytest.mark.server
@pytest.mark.parametrize("kind", ["sqlite", "mariadb"])
def test_an_import_that_is_killed_goes_on(tmp_path: Path, kind: str, request: pytest.FixtureRequest) -> None:
    if kind == "sqlite":
        original_url, archive = f"sqlite:///{tmp_path}/original.sqlite", ""
    else:
        server = request.getfixturevalue("mariadb")
        original_url, archive = server.url(), server.url()
    original = Original(original_url)
    original.fill()
    original.add(id=901, date=dt.datetime(2013, 5, 3), data=b"{", source="solitude")
    move = Move(tmp_path, original_url, archive)
    rejects = tmp_path / "rejects.jsonl"
    for point in POINTS:
        status, output = move.child("--rejects", str(rejects), fault=point)
        assert status in (-signal.SIGKILL, 0), output
    status, output = move.child("--rejects", str(rejects))
    assert (status, "the same" in output) == (0, True), output
    assert sum(move.counts().values()) == 60
    assert len(rejects.read_text(encoding="utf-8").splitlines()) == 1
    runs = json.loads(CliRunner().invoke(monolith, ["runs", str(move.config), "--json"]).stdout)
    assert sum(run["counts"].get("done", 0) for run in runs) < 20  # what was done before a kill was not done again


def test_days_that_a_run_has_done_are_left_alone(move: Move) -> None:
    execute(f"sqlite:///{move.folder}/shop.sqlite", "INSERT INTO installs VALUES ('2013-05-02', 1)")
    assert CliRunner().invoke(extract, [str(move.config), "--date", "2013-05-02"]).exit_code == 0
    done = move.run(status=1)
    assert done.stdout.splitlines()[:3] == [
        "target  source       days        original  archive",
        "sql     marketplace  2013-05-02         3        1",
        "sql     solitude     2013-05-02         3        0",
    ]
    assert done.stdout.splitlines()[-1].startswith("days that a run had done already are left alone; --force")
    assert "the same" in move.run("--force").stdout


def test_a_difference_is_found(move: Move) -> None:
    move.run()
    execute(move.archive, "DELETE FROM record WHERE date = '2013-05-05' AND source = 'solitude'")
    assert [each["date"] for each in move.json(status=1)["differences"]] == ["2013-05-05"]


def test_a_plan_writes_nothing(move: Move) -> None:
    done = move.run("--plan")
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["source", "records", "days", "first", "last"],
        ["marketplace", "30", "10", "2013-05-01", "2013-05-10"],
        ["solitude", "30", "10", "2013-05-01", "2013-05-10"],
    ]
    assert not Path(move.archive.removeprefix("sqlite:///")).exists()


def test_nothing_to_import(tmp_path: Path, original_url: str) -> None:
    Original(original_url)
    move = Move(tmp_path, original_url)
    assert move.json() == {"sources": [], "differences": [], "undated": [], "left_out": 0}


# --- what is refused


@pytest.mark.parametrize(
    ("options", "status", "text"),
    [
        (["--from", "no-url-at-all"], 2, "--from: *** is no database URL; expected something like sqlite:///"),
        (["--from", "sqlite:///${NO_SUCH_VARIABLE}"], 2, "the environment variable NO_SUCH_VARIABLE is not set"),
        (["--from", "sqlite:///nowhere.sqlite"], 1, "nowhere.sqlite: there is no such file"),
        (["--from", "mysql://user:hidden@127.0.0.1:1/x"], 1, "cannot be reached, or the connection was lost"),
        (["--table", "records"], 1, "there is no table records; name the original's with the option table"),
        (["--encoding", "klingon"], 2, "--encoding: 'klingon' is no encoding; write one such as utf-8 or latin-1"),
        (["--rename", "a"], 2, "--rename: got 'a', expected OLD=NEW"),
        (["--rename", f"a={'x' * 65}"], 2, "expected a source's id of 1 to 64 characters"),
        (["--source", "solitued"], 2, "(marketplace or solitude); did you mean solitude?"),
        (["--target", "sqk"], 2, "--target: got 'sqk', expected a target of"),
        (["--category-column", "kind"], 1, "the table record has no column kind; category-column is category or type"),
    ],
)
def test_what_is_refused(move: Move, options: list[str], status: int, text: str) -> None:
    told = move.run(*options, status=status).output
    assert text in told
    assert "hidden" not in told
    assert not Path(move.archive.removeprefix("sqlite:///")).exists()


def test_the_password_may_come_from_the_environment(move: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORIGINAL", "original.sqlite")
    assert "the same" in move.run("--from", f"sqlite:///{move.folder}/${{ORIGINAL}}").stdout


def test_a_name_that_is_too_long(tmp_path: Path, original_url: str) -> None:
    columns = {"id": sa.Integer(), "date": sa.Date(), "category": sa.Text(), "source": sa.Text(), "data": sa.Text()}
    original = Original(original_url, **columns)
    original.add(date=FIRST, source="x" * 65, data="{}")
    told = Move(tmp_path, original_url).run(status=2).output
    assert f"has more than 64 characters; give --rename {'x' * 65}=ID" in told


def test_no_target_in_the_storage(move: Move) -> None:
    text = move.config.read_text(encoding="utf-8")
    move.config.write_text(f"{text}database = sqlite:///elsewhere.sqlite\n", encoding="utf-8")
    assert "no target of" in move.run(status=2).output
    move.run("--target", "sql")


def test_our_own_archive_is_no_original(move: Move) -> None:
    move.run()
    move.original = move.archive
    assert "the table record is an archive of this monolith, not of the original" in move.run(status=1).output


def test_the_original_is_no_archive_of_ours(database_url: str) -> None:
    """It has every column that ours has, and its rows must not be taken for ours."""
    Original(database_url).fill()
    target = bare_target(database_url)
    with pytest.raises(PermanentError, match="has another key than date, source, id, so it is not this monolith's"):
        target.setup()
    target.close()
    assert execute(database_url, "SELECT COUNT(*) FROM record") == [(60,)]


@pytest.mark.parametrize("columns", [("id", "date"), ("date", "data"), ("id", "data")])
def test_a_table_that_lacks_a_column(tmp_path: Path, original_url: str, columns: tuple[str, ...]) -> None:
    kinds: dict[str, Any] = {"id": sa.Integer(), "date": sa.Date(), "data": sa.Text()}
    sa.Table("record", sa.MetaData(), *(sa.Column(name, kinds[name]) for name in columns)).create(
        sa.create_engine(original_url, poolclass=sa.NullPool)
    )
    missing = ({"id", "date", "data"} - set(columns)).pop()
    told = Move(tmp_path, original_url).run(status=1).output
    assert f"the table record has no column {missing}" in told


# --- as a source of a configuration


@pytest.fixture
def source(original_url: str) -> Iterator[AggregatorSource]:
    Original(original_url).fill(sources=("marketplace",))
    options = AggregatorSource.Options.model_validate({"database": original_url})
    made = AggregatorSource(options, context("marketplace"))
    yield made
    made.close()


def test_it_is_a_source_like_any_other(source: AggregatorSource) -> None:
    assert source.check().endswith("the table record is there")
    assert len(list(source.extract(window(FIRST, FIRST, "marketplace")))) == 3
    assert list(source.extract(window(FIRST, FIRST, "solitude"))) == []


# --- a large table

MEASURED = """
import atexit, pathlib
atexit.register(lambda: print(pathlib.Path("/proc/self/status").read_text()))
from monolith_core.cli.main import main
main(prog_name="monolith")
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "records", [pytest.param(60_000, id="short"), pytest.param(1_000_000, id="a-million", marks=pytest.mark.campaign)]
)
def test_a_large_table_needs_little_memory(tmp_path: Path, original_url: str, records: int) -> None:
    Original(original_url)
    execute(
        original_url,
        f"""WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {records})
        INSERT INTO record SELECT n, date('2013-05-01', '+' || (n % 1000) || ' days'), 'install', 'source' || (n % 4),
        NULL, '{{"n": ' || n || ', "text": "some text of a usual length, the same in every row"}}' FROM number""",
    )
    move = Move(tmp_path, original_url)
    command = [sys.executable, "-c", MEASURED, "import", str(move.config), "--from", original_url]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=unmeasured()).stdout
    assert f"{records:,} records on 1,000 days of a source; the same" in output
    assert int(re.findall(r"VmHWM:\s*(\d+) kB", output)[0]) / 1024 < LIMIT_MB
