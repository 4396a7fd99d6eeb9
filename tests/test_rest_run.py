"""The source as its user has it: a configuration, the commands, what they say, and what is in the archive."""

from __future__ import annotations

import datetime as dt
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from support.hostile import Asked, Hostile, Reply, answer, json_answer

from monolith_core import secrets
from monolith_core.cli.extract import main as extract_command
from monolith_core.cli.main import main as monolith_command

SECRET = "sesame/of=the%street"
CONFIGURATION = """
[monolith]
database = sqlite:///{folder}/archive.sqlite
since = 2024-01-01
until = 2024-01-05
timezone = Europe/Madrid

[phase:extract]
sources = payments
targets = sql

[target:sql]

[source:payments]
use = rest
url = {url}/payments?day={{date}}
auth = bearer
token = {secret}
{more}
"""


class Payments:
    """A service with two payments on each day, of which a test changes what it says."""

    def __init__(self) -> None:
        self.days: dict[str, list[dict[str, Any]]] = {}
        self.instead: dict[str, Reply] = {}

    def __call__(self, asked: Asked) -> Reply:
        day = asked.params.get("day") or asked.path.rpartition("/")[2]
        if asked.headers.get("authorization") != f"Bearer {SECRET}":
            return answer(f"not with {asked.headers.get('authorization')}".encode(), 401)
        if day in self.instead:
            return self.instead[day]
        if asked.method == "DELETE":
            return answer(b"", 204)
        rows = self.days.get(day, [{"n": 1, "day": day}, {"n": 2, "day": day}])
        tag = f'"{abs(hash(str(rows)))}"'
        if asked.headers.get("if-none-match") == tag:
            return answer(b"", 304, etag=tag)
        return json_answer(rows, etag=tag)


class Job:
    """A configuration of the service in a folder of its own."""

    def __init__(self, folder: Path, server: Hostile, payments: Payments) -> None:
        self.folder, self.server, self.payments = folder, server, payments
        self.configure()

    def configure(self, more: str = "retries = 0", secret: str = SECRET) -> None:
        text = CONFIGURATION.format(folder=self.folder, url=self.server.url, secret=secret, more=more)
        (self.folder / "monolith.ini").write_text(text)

    def run(self, command: str, *options: str) -> Result:
        program = extract_command if command == "extract" else monolith_command
        words = [] if command == "extract" else [command]
        return CliRunner().invoke(program, [*words, str(self.folder / "monolith.ini"), *options])

    def held(self) -> list[tuple[str, str]]:
        with closing(sqlite3.connect(self.folder / "archive.sqlite")) as connection:
            return connection.execute("SELECT date, data FROM record ORDER BY date, data").fetchall()

    def asked(self) -> list[str]:
        found = [f"{asked.method} {asked.target}" for asked in self.server.asked]
        self.server.asked.clear()
        return found


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    secrets.forget()
    payments = Payments()
    with Hostile(payments) as server:
        yield Job(tmp_path, server, payments)
    secrets.forget()


def test_check_tells_what_came_by_one_request(job: Job) -> None:
    done = job.run("check")
    assert done.exit_code == 0, done.output
    (line,) = [line for line in done.output.splitlines() if "payments" in line and "source" in line]
    assert re.search(r"payments\?day=[\d-]+: 2 records of [\d-]+ with n, day; tells whether it has changed$", line)
    assert len(job.asked()) == 1
    assert not (job.folder / "archive.sqlite").exists()


def test_check_asks_for_the_last_day_that_is_wanted(job: Job) -> None:
    job.configure("until = 2024-01-03")
    assert job.run("check").exit_code == 0
    assert [line.rpartition("=")[2] for line in job.asked()] == ["2024-01-03"]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("paging = page\npage-size = 2", "2 records of DAY with n, day; more pages follow; tells"),
        ("paging = cursor\nnext = [0].next", "no more pages; tells"),
        ("records = [?n > `5`]", "no records of DAY"),
        ("records = [:1]", "1 record of DAY with n, day"),
        (
            "records = [*].{a:n,b:n,c:n,d:n,e:n,f:n,g:n,h:n,i:n,j:n,k:n,l:n,m:n}",
            "with a, b, c, d, e, f, g, h, i, j, k, l, ...",
        ),
    ],
)
def test_check_tells_the_shape(job: Job, more: str, told: str) -> None:
    job.configure(more)
    line = re.sub(r"\d{4}-\d\d-\d\d", "DAY", job.run("check").output)
    assert told in line


def test_check_tells_what_is_wrong(job: Job) -> None:
    job.configure(secret="open-sesame")
    done = job.run("check")
    assert done.exit_code == 1
    assert (
        "answered 401 with application/json: 'not with Bearer ***'; the service does not know who asks" in done.output
    )
    assert "sesame" not in done.output
    job.configure("total = count")
    assert "the answer has nothing where the option total says that the number" in job.run("check").output
    job.configure("records = rows")
    assert "the answer has at records = rows nothing, expected a list of records" in job.run("check").output


def test_check_warns_of_a_service_that_is_told_no_day(job: Job) -> None:
    file = job.folder / "monolith.ini"
    file.write_text(file.read_text().replace("?day={date}", "?day=2024-01-01\ndate = day"))
    output = job.run("check").output
    assert "record 1 is of 2024-01-01" in output
    file.write_text(file.read_text() + "records = [?n > `5`]\n")
    assert (
        "warning: neither url nor param nor body names a day: every window reads everything" in job.run("check").output
    )


def test_days_are_archived_and_an_unchanged_one_is_not_written(job: Job) -> None:
    job.configure("settle = 3000d")  # every day may still change
    done = job.run("extract")
    assert (done.exit_code, len(job.held())) == (0, 10), done.output
    assert sorted(job.asked()) == [f"GET /payments?day=2024-01-0{day}" for day in range(1, 6)]
    job.payments.days["2024-01-03"] = [{"n": 3}]
    done = job.run("extract", "--log-level", "info")
    assert "4 unchanged, 9 records" in done.output or "1 done, 4 unchanged" in done.output
    assert dict(job.held())["2024-01-03"] == '{"n":3}'
    tags = [asked.headers.get("if-none-match") for asked in job.server.asked]
    assert len(tags) == 5
    assert all(tags)


FAULTS: dict[str, tuple[Reply, str]] = {
    "html": (answer(b"<html>maintenance</html>", content_type="text/html"), "expected JSON; it begins: '<html>main"),
    "cut": (answer(b'[{"n": 1}, {"n": 2'), "its JSON ends too early"),
    "nan": (answer(b'[{"n": NaN}]'), "a number that JSON has not"),
    "an error": (answer(f"never with {SECRET}".encode(), 500), "answered 500 with application/json: 'never with ***'"),
    "an object": (json_answer({"error": SECRET}), "expected a list of records"),
    "smaller": (json_answer([]), "came back with 0 records where 2 are held; nothing was written"),
    "connection": (b"", "the answer is cut, or is not HTTP"),
    "elsewhere": (answer(b"", 302, location="http://127.0.0.2/"), "and is not followed"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_answer_that_is_wrong_changes_nothing(job: Job, fault: str) -> None:
    """The day at fault keeps what it has, the others go on; the error is in the log and the status; no secret is."""
    job.configure("settle = 3000d\nspan = 1\nretries = 0")
    job.run("extract")
    held = job.held()
    job.payments.instead["2024-01-03"], problem = FAULTS[fault]
    job.payments.days["2024-01-02"] = [{"n": 1, "day": "2024-01-02"}, {"n": 5}]
    done = job.run("extract")
    assert done.exit_code == 1
    assert problem in done.output
    shown = done.output + job.run("status", "--json").output
    assert "sesame" not in shown
    now = job.held()
    assert [row for row in now if row[0] != "2024-01-02"] == [row for row in held if row[0] != "2024-01-02"]
    assert ("2024-01-02", '{"n":5}') in now
    del job.payments.instead["2024-01-03"]
    assert job.run("extract").exit_code == 0


def test_a_service_that_is_busy_is_asked_again_when_it_says(job: Job) -> None:
    job.configure("retries = 1\nspan = 1\nconcurrency = 1")
    busy = [answer(b"busy", 429, retry_after="0")] * 5

    def reply(asked: Asked) -> Reply:
        return busy.pop() if busy and len(job.server.asked) % 2 else job.payments(asked)

    job.server.reply = reply
    done = job.run("extract")
    assert done.exit_code == 0, done.output
    assert len(re.findall(r"answered 429 with application/json: 'busy'; trying again in 0", done.output)) == 5
    assert len(job.held()) == 10


def test_a_quota_that_is_used_up_defers_the_rest(job: Job) -> None:
    job.configure("span = 1\nretries = 0")
    job.payments.instead["2024-01-03"] = answer(b"quota", 429, retry_after="7200")
    done = job.run("extract")
    assert done.exit_code == 0
    assert "3 deferred" in done.output
    assert "the service asks to come back in 7200 s, so the rest is left to a later run" in done.output
    assert {day for day, _ in job.held()} == {"2024-01-04", "2024-01-05"}
    del job.payments.instead["2024-01-03"]
    job.run("extract")
    assert len(job.held()) == 10


def test_nothing_runs_with_a_wrong_section(job: Job) -> None:
    job.configure("pageing = page\npage-size = many")
    done = job.run("extract")
    assert done.exit_code == 2
    assert "did you mean paging?" in done.output
    assert "expected a whole number from 1 to 1000000" in done.output
    assert job.asked() == []


def test_days_that_every_target_holds_are_purged(job: Job) -> None:
    job.configure(f"purge-url = {job.server.url}/payments/{{date}}")
    done = job.run("extract")
    assert done.exit_code == 0, done.output
    deletes = [line for line in job.asked() if line.startswith("DELETE")]
    assert sorted(deletes) == [f"DELETE /payments/2024-01-0{day}" for day in range(1, 6)]
    held = job.held()
    job.payments.instead["2024-01-02"] = answer(b"", 404)
    done = job.run("extract", "--purge-only")
    assert done.exit_code == 0, done.output
    job.payments.instead["2024-01-02"] = answer(b"locked", 423)
    done = job.run("extract", "--purge-only")
    assert "answered 423 with application/json: 'locked'" in done.output
    assert job.held() == held


def test_a_span_of_days_is_purged_by_a_body(job: Job) -> None:
    job.configure(
        f"purge-url = {job.server.url}/purge/\npurge-method = POST\n"
        'purge-body = {"from": "{start_date}", "until": "{next_date}"}'
    )
    assert job.run("extract").exit_code == 0
    (told,) = [asked for asked in job.server.asked if asked.method == "POST"]
    assert (told.target, told.body) == ("/purge/", b'{"from": "2024-01-01", "until": "2024-01-06"}')
    assert told.headers["content-type"] == "application/json"
    assert told.headers["authorization"] == f"Bearer {SECRET}"


def test_the_example_of_the_documentation_is_a_configuration() -> None:
    from monolith_core.config import load_config

    file = Path(__file__).parent.parent / "examples/rest.ini"
    options: Any = load_config(file, environ={"PAYMENTS_TOKEN": "t0ken"}).sources["payments"].options
    assert not options.is_daily
    assert options.since == dt.date(2024, 1, 1)
