"""The test kit beside its suites: fakes, clock, service, whole runs, and what switches a case off."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from monolith_core import Partition, PermanentError, Record, Source, TemporaryError, Window
from monolith_core.testing import (
    Bench,
    Clock,
    Memory,
    Reply,
    Service,
    ask,
    memory_source,
    memory_target,
    staged,
)
from monolith_core.testing.options import options_of

pytest_plugins = ["pytester"]

DAY = dt.date(2024, 3, 9)


def get(url: str, timeout: float = 10) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_a_bench_runs_a_source_into_memory(monolith_bench, monolith_memory):
    days = {DAY: [{"n": 1}, {"n": 2}], DAY + dt.timedelta(days=1): [{"n": 3}]}
    monolith_bench.source("facts", memory_source(days), since="2024-03-08")
    monolith_bench.target("memory", memory_target(monolith_memory))
    outcome = monolith_bench.run()
    assert outcome.outcomes() == {f"facts 2024-03-{day:02}": "done" for day in (8, 9, 10)}
    assert monolith_memory.counts() == {"facts 2024-03-09": 2, "facts 2024-03-10": 1}
    assert outcome.report["status"] == "ok"
    again = monolith_bench.run()
    assert again.outcomes() == {"facts 2024-03-09": "unchanged", "facts 2024-03-10": "unchanged"}


def test_time_goes_on_only_when_it_is_told_to(monolith_bench, monolith_clock, monolith_memory):
    monolith_bench.source("facts", memory_source({}), since="2024-03-10")
    monolith_bench.target("memory", memory_target(monolith_memory))
    monolith_bench.run()
    monolith_clock.advance(days=3)
    assert sorted(monolith_bench.run().outcomes()) == [f"facts 2024-03-{day}" for day in (10, 11, 12, 13)]
    with pytest.raises(ValueError, match="has no time zone"):
        Clock(dt.datetime(2024, 1, 1))


def test_a_bench_tells_errors(monolith_bench, monolith_memory):
    def refuse(window: Window) -> None:
        raise PermanentError("no such table")

    monolith_bench.source("facts", memory_source({}, before=refuse), since="2024-03-10")
    monolith_bench.target("memory", memory_target(monolith_memory))
    assert monolith_bench.run().errors() == {"facts 2024-03-10": "no such table"}


def test_a_changed_option_is_a_changed_configuration(tmp_path, monolith_memory):
    from monolith_plugins_sql.source import SqlSource

    bench = Bench(f"sqlite:///{tmp_path}/storage.sqlite")
    shop = f"sqlite:///{tmp_path}/shop.sqlite"
    bench.target("memory", memory_target(monolith_memory))
    for day in ("2024-03-10", "2024-03-09"):
        query = f"SELECT '2024-03-10' AS date, '{day}' AS day WHERE :start_date"
        bench.source("shop", SqlSource, database=shop, query=query, since="2024-03-10")
        (tmp_path / "shop.sqlite").touch()
        outcome = bench.run()
    assert [event.reason for event in outcome.finished] == ["config changed"]


def test_asking_stages_the_answer():
    source = memory_source({DAY: [{"n": 1}, {"n": 1}]})
    plugin = source(source.Options(), _context())
    answer = ask(plugin, Window("facts", DAY, DAY))
    expected = staged([{"n": 1}] * 2, source="facts", day=DAY, category="fact")
    assert answer.records == {Partition("facts", DAY): sorted(expected.records)}
    assert len(answer) == 2


def test_asking_raises_what_a_run_would_tell():
    class Odd(Source):
        def extract(self, window):
            yield Record(DAY + dt.timedelta(days=1), "fact", {})

    with pytest.raises(PermanentError, match="outside of the days asked for"):
        ask(Odd(Odd.Options(), _context()), Window("facts", DAY, DAY))


def _context():
    from zoneinfo import ZoneInfo

    from monolith_core import Context

    return Context(id="facts", timezone=ZoneInfo("UTC"))


def test_a_service_says_what_it_was_told(monolith_service: Service):
    monolith_service.says("/days", lambda asked: [asked.query["day"]])
    monolith_service.says_first("/days", Reply("later", 503, {"Retry-After": "7"}))
    url = f"{monolith_service.url}/days?day=2024-03-09"
    assert get(url) == (503, b"later")
    assert get(url) == (200, b'["2024-03-09"]')
    assert get(f"{monolith_service.url}/other")[0] == 404
    assert [(asked.method, asked.path) for asked in monolith_service.asked] == [
        ("GET", "/days"),
        ("GET", "/days"),
        ("GET", "/other"),
    ]
    with urllib.request.urlopen(urllib.request.Request(url, data=b"body", method="POST")) as answer:
        assert json.load(answer) == ["2024-03-09"]
    assert monolith_service.asked[-1].body == b"body"


def test_a_service_that_hangs_is_closed_all_the_same():
    with Service() as service:
        service.hangs("/never")
        answers: list[object] = []

        def wait() -> None:
            answers.append(get(f"{service.url}/never"))

        thread = threading.Thread(target=wait)
        thread.start()
        while not service.asked:
            pass
    thread.join(10)
    assert answers == [(503, b"closed")]


def test_options_are_read_as_in_a_configuration(tmp_path):
    from monolith_plugins_sql.source import SqlSource

    given = {"database": "sqlite:///x", "query": "SELECT :colour, :start_date", "param.colour": "red", "timeout": "2m"}
    options = options_of(SqlSource.Options, {**given, "max_shrink": 1}, name="shop", folder=tmp_path)
    assert (options.timeout, options.params, options.max_shrink) == (120.0, {"colour": "red"}, 1.0)


def test_memory_targets_share_what_is_kept():
    memory = Memory()
    target = memory_target(memory)
    answer = staged([{"n": 1}])
    assert target(target.Options(), _context()).replace(answer.partition, answer) == (1, 0, 0)
    assert dict(target(target.Options(), _context()).digests(None)) == {answer.partition: answer.digest}


SUITE = """
    import pytest
    from monolith_core.testing import Memory, TargetSuite, memory_target

    class TestMemory(TargetSuite):
        plugin = memory_target(Memory())
        counts = False

        @pytest.fixture(autouse=True)
        def _empty(self):
            self.plugin.memory.held.clear()
"""


def test_what_is_not_claimed_is_shown_as_skipped(pytester):
    pytester.makepyfile(SUITE)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-rs")
    outcomes = result.parseoutcomes()
    assert outcomes["passed"] > 20
    assert "failed" not in outcomes
    reasons = "\n".join(result.outlines)
    assert "TestMemory.counts is off" in reasons
    assert "TestMemory has no fixture unreachable" in reasons
    assert "TestMemory has no damage(target, partition)" in reasons
    assert "MemoryTarget has no method check" in reasons


def test_pytest_loads_nothing_of_the_kit_before_it_is_used():
    code = "import sys, monolith_core.testing.pytest_plugin; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = {name.partition(".")[0] for name in done.stdout.split()}
    assert not modules & {"pydantic", "sqlalchemy", "trio", "hypothesis", "msgspec"}


def test_a_staged_partition_raises_where_it_is_told_to():
    def lost(number: int) -> None:
        if number == 1:
            raise TemporaryError("lost")

    answer = staged([{"n": n} for n in range(3)], before=lost)
    records = iter(answer)
    assert next(records) == answer.records[0]
    with pytest.raises(TemporaryError, match="lost"):
        next(records)


def test_the_example_plugin_passes_its_suite(monkeypatch):
    example = Path(__file__).parent.parent / "examples/monolith_example"
    monkeypatch.setenv("PYTHONPATH", str(example / "src"))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", example / "tests"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
