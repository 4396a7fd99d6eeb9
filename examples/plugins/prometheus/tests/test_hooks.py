"""The hooks, on a real Pushgateway, and by the judgement of promtool."""

import datetime as dt
import re
import subprocess
import urllib.request
from pathlib import Path

import pytest

from monolith_core import Context, PermanentError, TemporaryError
from monolith_core.testing import HooksSuite, memory_source, memory_target
from monolith_plugin_prometheus import PrometheusHooks
from monolith_plugin_prometheus.hooks import HELP, exposition, replace_file

TODAY = dt.date(2024, 3, 10)


class TestTextfile(HooksSuite):
    plugin = PrometheusHooks

    @pytest.fixture
    def options(self, tmp_path):
        return {"textfile": str(tmp_path / "monolith.prom")}

    @pytest.fixture
    def unreachable(self):
        return {"pushgateway": "http://127.0.0.1:1", "user": "ada", "password": "hush-hush"}


def hooks(**options):
    return PrometheusHooks(PrometheusHooks.Options.model_validate(options), Context("metrics", dt.UTC))


@pytest.fixture
def run(monolith_bench, monolith_memory):
    """Runs of a source whose day before yesterday fails, with some hooks."""

    def before(window):
        if window.start == dt.date(2024, 3, 8):
            raise PermanentError("no such table")

    days = {TODAY - dt.timedelta(days=ago): [{"n": 1}] for ago in range(4)}
    monolith_bench.source("shop", memory_source(days, before=before), since="2024-03-06", span=1)
    monolith_bench.target("memory", memory_target(monolith_memory))
    return monolith_bench.run


LABELS = 'config="bench.ini",phase="extract",source="shop"'


def expected(job=""):
    """Lines about a first run: the day before yesterday failed, 7 March is the newest that has settled."""
    end = dt.datetime(2024, 3, 8, tzinfo=dt.UTC).timestamp()
    counts = {"done": 4, "failed": 1, "held": 0, "deferred": 0}
    return {
        *(f'monolith_partitions{{{LABELS},outcome="{name}"}} {count}' for name, count in counts.items()),
        f"monolith_newest_final_day_end_timestamp_seconds{{{LABELS}}} {end!r}",
        'monolith_run_ok{config="bench.ini"} 0.0',
    }


def test_the_textfile_says_how_the_run_went(run, tmp_path):
    file = tmp_path / "monolith.prom"
    run(hooks(textfile=file))
    assert expected() <= set(file.read_text().splitlines())
    run(hooks(textfile=file))
    assert f'monolith_partitions{{{LABELS},outcome="unchanged"}} 2' in file.read_text()
    assert [path.name for path in tmp_path.glob("*monolith.prom*")] == ["monolith.prom"]


@pytest.mark.server
def test_promtool_has_nothing_to_say(run, program, tmp_path):
    run(hooks(textfile=tmp_path / "monolith.prom"))
    with (tmp_path / "monolith.prom").open() as file:
        done = subprocess.run([program("promtool"), "check", "metrics"], stdin=file, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.fixture(scope="session")
def pushgateway(start):
    """The URL of a Pushgateway that has nothing yet."""
    return start("prometheus-pushgateway")


@pytest.mark.server
def test_a_pushgateway_gets_it(run, pushgateway):
    """Numbers are compared as numbers: it writes them in its own way."""
    run(hooks(pushgateway=pushgateway))
    with urllib.request.urlopen(f"{pushgateway}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    found = {series(line) for line in lines if line.startswith("monolith")}
    for line in expected():
        name, labels, value = series(line)
        assert (name, labels | {'job="monolith"', 'instance=""'}, value) in found, line


@pytest.mark.server
def test_the_alerts_are_of_what_is_published(program):
    alerts = Path(__file__).parent.parent / "alerts.yml"
    subprocess.run([program("promtool"), "check", "rules", alerts], check=True, capture_output=True)
    assert set(re.findall(r"monolith_\w+", alerts.read_text())) <= set(HELP)


def series(line):
    name, _, rest = line.partition("{")
    labels, _, value = rest.partition("} ")
    return name, frozenset(labels.split(",")), float(value)


def test_a_pushgateway_that_is_away_stops_nothing(run):
    outcome = run(hooks(pushgateway="http://127.0.0.1:1"))
    assert outcome.report["counts"]["done"] == 4


@pytest.mark.server
def test_the_check_asks_the_pushgateway_and_looks_at_the_folder(pushgateway, tmp_path):
    file = tmp_path / "monolith.prom"
    assert hooks(pushgateway=pushgateway, textfile=file).check() == f"{file} and {pushgateway}"
    assert not file.exists()
    with pytest.raises(PermanentError, match="nowhere is no folder that we may write into"):
        hooks(textfile=tmp_path / "nowhere/monolith.prom").check()
    with pytest.raises(TemporaryError, match="cannot be asked"):
        hooks(pushgateway="http://127.0.0.1:1").check()


def test_labels_are_escaped():
    text = exposition([("monolith_run_ok", {}, 1.0)], {"config": 'a "b"\\c\nd'})
    assert text.endswith('monolith_run_ok{config="a \\"b\\"\\\\c\\nd"} 1.0\n')


def test_a_file_that_cannot_be_replaced_is_left_as_it_was(tmp_path):
    file = tmp_path / "monolith.prom"
    file.mkdir()
    with pytest.raises(OSError, match="directory"):
        replace_file(file, "new")
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(("wrong", "said"), [({}, "neither"), ({"textfile": "monolith.txt"}, "ends in .prom")])
def test_options_that_make_no_sense(wrong, said):
    with pytest.raises(ValueError, match=said):
        hooks(**wrong)
