"""Whatever a plugin does wrong, the run goes on, and a message names the plugin's distribution and version."""

from __future__ import annotations

import importlib
import json
import logging
import socket
import sys
import threading
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner
from support.distributions import make_distribution
from support.faulty import FAULTY, IMPORT

from monolith_core import secrets
from monolith_core.cli.extract import main as extract
from monolith_core.cli.main import main as monolith
from monolith_core.runner import blocking, watch

SOURCES = [
    "Fine",
    "Construction",
    "Setup",
    "Extract",
    "Returns",
    "Close",
    "NoRecord",
    "WrongDate",
    "WrongData",
    "Outside",
    "Blocks",
    "IgnoresCancellation",
    "Hangs",
    "LeaksThread",
    "LeaksSocket",
    "Prints",
    "AsyncPrints",
    "OtherContract",
    "OffersList",
    "OffersCounts",
    "TellsNothing",
    "CannotPurge",
    "PurgesBadly",
    "AsyncFine",
    "Stops",
]
TARGETS = [
    "BadTarget",
    "WrongWritten",
    "Construction2",
    "Setup2",
    "Close2",
    "NoneAtOnce",
    "LostAtOnce",
    "TellsCounts",
    "Nowhere",
]

CONFIG = """\
[monolith]
database = sqlite:///%(here)s/archive.sqlite
since = 2024-01-01
until = 2024-01-02
retries = 0
[phase:extract]
sources = it, fine
targets = sql
[source:it]
use = {name}
[source:fine]
use = fine
[target:sql]
"""


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The module of the faulty plugins, installed."""
    secrets.forget()
    site = tmp_path / "site"
    groups = {
        "monolith.sources": {
            **{name.lower(): f"faulty_plugins:{name}" for name in SOURCES},
            "import": "faulty_import:Import",
        },
        "monolith.targets": {name.lower(): f"faulty_plugins:{name}" for name in TARGETS},
        "monolith.transforms": {
            name.lower(): f"faulty_plugins:{name}" for name in ("BadTransform", "Construction4", "GivesNone")
        },
        "monolith.executors": {"setup3": "faulty_plugins:Setup3", "lost": "faulty_plugins:LostExecutor"},
        "monolith": {
            "badhooks": "faulty_plugins:BadHooks",
            "exitinghooks": "faulty_plugins:ExitingHooks",
            "blockinghooks": "faulty_plugins:BlockingHooks",
            "strayhooks": "faulty_plugins:StrayHooks",
        },
    }
    modules = {"faulty_plugins": FAULTY, "faulty_import": IMPORT}
    make_distribution(site, "faulty", "2.1", groups=groups, modules=modules)
    monkeypatch.syspath_prepend(str(site))
    for name in modules:
        monkeypatch.delitem(sys.modules, name, raising=False)
    importlib.invalidate_caches()
    return importlib.import_module("faulty_plugins")


class Said:
    """What a run wrote, and its exit status."""

    def __init__(self, folder: Path, name: str, config: str = CONFIG, *options: str) -> None:
        file = folder / "job.ini"
        file.write_text(config.replace("{name}", name.lower()), encoding="utf-8")
        result = CliRunner().invoke(extract, [str(file), "--report", str(folder / "report.json"), *options])
        self.status = result.exit_code
        self.out = result.stdout
        self.lines = result.stderr.splitlines()
        report = folder / "report.json"
        self.report = json.loads(report.read_text(encoding="utf-8")) if report.exists() else {}

    def line(self, text: str) -> str:
        """The one line that has a text in it."""
        found = [line for line in self.lines if text in line]
        assert found, "\n".join(self.lines)
        return found[0]

    @property
    def fine(self) -> int:
        """How many days of the source that does everything right were done."""
        (phase,) = self.report["phases"]
        return next(each["done"] for each in phase["sources"] if each["id"] == "fine")


def origin(kind: str, name: str, section: str = "it") -> str:
    return f"{section} ({kind} {name!r} of faulty 2.1)"


FAILURES = {
    "Construction": "raised OSError: no such device",
    "Setup": "raised OSError: no such device",
    "Extract": "raised LookupError: no such column",
    "NoRecord": ": yielded dict {'day': datetime.date(2024, 1, 2)}, expected Record(date, category, data)",
    "WrongDate": ": date: expected a datetime.date, got str '2024-01-02'",
    "WrongData": ": data.now: ",
    "Outside": ": date: 2024-01-03 is outside of the days asked for",
}


@pytest.mark.parametrize("name", FAILURES)
def test_what_fails_its_days_and_no_others(faulty, tmp_path, name):
    said = Said(tmp_path, name)
    expected = FAILURES[name]
    separator = "" if expected.startswith(":") else " "
    said.line(f"{origin('source', name.lower())}{separator}{expected}")
    assert (said.status, said.fine) == (1, 2)


def test_an_answer_that_is_none(faulty, tmp_path):
    said = Said(tmp_path, "Returns")
    said.line(f"extract of {origin('source', 'returns')} returned int, expected records")
    assert (said.status, said.fine) == (1, 2)


def test_raises_in_close(faulty, tmp_path):
    said = Said(tmp_path, "Close")
    said.line(f"closing it failed: {origin('source', 'close')} raised OSError: no such device")
    assert (said.status, said.fine) == (0, 2)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("import", "source 'import' of faulty 2.1 cannot be imported: ImportError: libfoo.so is missing"),
        ("othercontract", "source 'othercontract' of faulty 2.1 is made for version 7 of the plugin contract"),
    ],
)
def test_what_is_refused_before_anything_runs(faulty, tmp_path, name, text):
    said = Said(tmp_path, name)
    said.line(text)
    assert said.status == 2
    assert not (tmp_path / "archive.sqlite").exists()


NOT_ASKED = {
    "OffersList": " offers list, expected a mapping of Partition to Digest",
    "OffersCounts": " offers int among its partitions, expected a mapping of Partition to Digest",
    "TellsNothing": " raised TypeError: 'NoneType' object is not iterable",
    "CannotPurge": " raised OSError: no such device",
}


@pytest.mark.parametrize("name", NOT_ASKED)
def test_what_leaves_a_source_out(faulty, tmp_path, name):
    said = Said(tmp_path, name, CONFIG.replace("[source:it]", "[source:it]\nsince = 2024-01-01"))
    said.line(origin("source", name.lower()) + NOT_ASKED[name])
    assert (said.status, said.fine) == (1, 2)


def test_raises_in_purge(faulty, tmp_path):
    said = Said(tmp_path, "PurgesBadly")
    said.line(f"{origin('source', 'purgesbadly')} raised OSError: no such device")
    assert (said.status, said.fine) == (1, 2)


TARGET_FAILURES = {
    "Construction2": " raised OSError: no such device",
    "Setup2": " raised OSError: no such device",
    "NoneAtOnce": " takes 0 partitions at once, expected a whole number from 1",
    "LostAtOnce": " raised OSError: no such device",
    "TellsCounts": " told 5 of Partition(source='fine', date=datetime.date(2024, 1, 1)), expected a Digest",
}


@pytest.mark.parametrize("name", TARGET_FAILURES)
def test_what_fails_in_one_target(faulty, tmp_path, name):
    """Both sources are written to the other one."""
    config = CONFIG.replace("[target:sql]", f"[target:sql]\n[target:it]\nuse = {name.lower()}")
    said = Said(tmp_path, "asyncfine", config.replace("targets = sql", "targets = sql, it"))
    said.line(origin("target", name.lower()) + TARGET_FAILURES[name])
    assert (said.status, said.fine) == (1, 2)


def test_raises_in_the_close_of_a_target(faulty, tmp_path):
    config = CONFIG.replace("[target:sql]", "[target:it]\nuse = close2").replace("targets = sql", "targets = it")
    said = Said(tmp_path, "fine", config)
    said.line(f"closing it failed: {origin('target', 'close2')} raised OSError: no such device")
    assert (said.status, said.fine) == (0, 2)


def test_a_target_that_cannot_say_where_it_is(faulty, tmp_path):
    config = CONFIG.replace("[target:sql]", "[target:it]\nuse = nowhere").replace("targets = sql", "targets = it")
    said = Said(tmp_path, "fine", config)
    said.line("[target:it]: nowhere of faulty 2.1 cannot say where its data is: OSError: no such device")
    assert said.status == 2


def test_raises_in_the_setup_of_an_executor(faulty, tmp_path):
    config = CONFIG.replace("[source:it]", "[executor:it]\nuse = setup3\n[source:it]\nexecutor = it")
    said = Said(tmp_path, "asyncfine", config)
    said.line(f"{origin('executor', 'setup3')} raised OSError: no such device")
    assert (said.status, said.fine) == (1, 2)


def test_raises_in_an_executor(faulty, tmp_path):
    config = CONFIG.replace("[source:it]", "[executor:far]\nuse = lost\n[source:it]\nexecutor = far")
    said = Said(tmp_path, "asyncfine", config)
    by = origin("executor", "lost", "far")
    said.line(f"{origin('source', 'asyncfine')}, asked by {by}, raised OSError: no such device")
    assert (said.status, said.fine) == (1, 2)


def test_raises_in_the_construction_of_a_transform(faulty, tmp_path):
    config = CONFIG.replace("[source:it]", "[transform:it]\nuse = construction4\n[source:it]\ntransforms = it")
    said = Said(tmp_path, "asyncfine", config)
    said.line(f"{origin('transform', 'construction4')} raised OSError: no such device")
    assert (said.status, said.fine) == (1, 2)


@pytest.mark.parametrize("source", ["fine", "asyncfine"])
def test_a_transform_that_gives_nothing(faulty, tmp_path, source):
    config = CONFIG.replace("[source:it]", "[transform:it]\nuse = givesnone\n[source:it]\ntransforms = it")
    said = Said(tmp_path, source, config)
    said.line(f"{origin('transform', 'givesnone')} raised TypeError: 'NoneType' object is not iterable")
    assert (said.status, said.fine) == (1, 2)


def test_what_is_set_up_is_closed_when_the_run_stops(faulty, tmp_path):
    said = Said(tmp_path, "stops", CONFIG.replace("use = fine", "use = stops"))
    assert sorted(faulty.Stops.closed) == ["fine", "it"]
    assert said.status == 143
    faulty.Stops.over.set()


def test_raises_in_a_target(faulty, tmp_path):
    config = CONFIG.replace("[target:sql]", "[target:sql]\n[target:it]\nuse = badtarget")
    config = config.replace("targets = sql", "targets = sql, it")
    said = Said(tmp_path, "fine", config)
    said.line(f"{origin('target', 'badtarget')} raised LookupError: no such shelf")
    assert (said.status, said.fine) == (1, 2)


def test_a_target_that_does_not_say_what_it_wrote(faulty, tmp_path):
    config = CONFIG.replace("[target:sql]", "[target:it]\nuse = wrongwritten").replace("targets = sql", "targets = it")
    said = Said(tmp_path, "fine", config)
    said.line(f"{origin('target', 'wrongwritten')} returned NoneType from replace, expected Written(added, removed")
    assert said.status == 1


def test_raises_in_a_transform(faulty, tmp_path):
    config = CONFIG.replace("[source:it]", "[transform:it]\nuse = badtransform\n[source:it]\ntransforms = it")
    said = Said(tmp_path, "prints", config)
    said.line(f"{origin('transform', 'badtransform')} raised LookupError: no such field")
    assert (said.status, said.fine) == (1, 2)


def with_hooks(name: str) -> str:
    return f"{CONFIG}[hooks:it]\nuse = {name}\n"


def test_raises_in_a_hook(faulty, tmp_path):
    said = Said(tmp_path, "fine", with_hooks("badhooks"))
    said.line("hook partition_finished of plugin it (badhooks of faulty 2.1) raised LookupError: no such channel")
    assert (said.status, said.fine) == (0, 2)


def test_exits_in_a_hook(faulty, tmp_path):
    said = Said(tmp_path, "fine", with_hooks("exitinghooks"))
    said.line("hook phase_started of plugin it (exitinghooks of faulty 2.1) raised SystemExit: enough")
    assert (said.status, said.fine) == (0, 2)


def test_a_hook_that_prints(faulty, tmp_path):
    said = Said(tmp_path, "fine", with_hooks("badhooks"))
    assert said.out == ""
    said.line("it (badhooks of faulty 2.1) wrote to standard output, which is the command's")


def test_a_hook_that_does_not_fit_its_specification(faulty, tmp_path):
    said = Said(tmp_path, "fine", with_hooks("strayhooks"))
    line = said.line("hooks 'strayhooks' of faulty 2.1 does not fit the hooks")
    assert "phase_started(phase, colour)" in line
    assert "{'colour'}" in line
    assert said.status == 2
    result = CliRunner().invoke(monolith, ["--commands"])
    assert "{'colour'}" in result.stderr
    assert result.exit_code == 0


class Waker(logging.Handler):
    """Lets a plugin go on as soon as a line of the log has a text in it."""

    def __init__(self, text: str, told: threading.Event) -> None:
        super().__init__()
        self._text = text
        self._told = told

    def emit(self, record: logging.LogRecord) -> None:
        if self._text in record.getMessage():
            self._told.set()


@pytest.fixture
def wake(request: pytest.FixtureRequest):
    handlers = []

    def wake(text: str, told: threading.Event) -> None:
        handler = Waker(text, told)
        logging.getLogger("monolith.run").addHandler(handler)
        handlers.append(handler)

    yield wake
    for handler in handlers:
        logging.getLogger("monolith.run").removeHandler(handler)


def test_blocks_the_event_loop(faulty, tmp_path, wake, monkeypatch):
    monkeypatch.setattr(blocking, "PATIENCE", 0.2)
    wake("has blocked everything", faulty.Blocks.told)
    said = Said(tmp_path, "Blocks")
    line = said.line(f"{origin('source', 'blocks')} has blocked everything for 0.2s, at ")
    assert "faulty_plugins.py:" in line
    assert faulty.Blocks.told.is_set()
    assert (said.status, said.fine) == (0, 2)


def test_a_hook_that_blocks_the_event_loop(faulty, tmp_path, wake, monkeypatch):
    monkeypatch.setattr(blocking, "PATIENCE", 0.2)
    wake("has blocked everything", faulty.BlockingHooks.told)
    said = Said(tmp_path, "fine", with_hooks("blockinghooks"))
    said.line("a hook of plugin it (blockinghooks of faulty 2.1) has blocked everything for 0.2s, at ")
    assert said.status == 0


def test_ignores_cancellation(faulty, tmp_path, wake, monkeypatch):
    monkeypatch.setattr(watch, "GRACE", 0.1)
    wake("ignores that it was cancelled", faulty.IgnoresCancellation.told)
    said = Said(tmp_path, "IgnoresCancellation", CONFIG.replace("[source:it]", "[source:it]\ntimeout = 1s"))
    said.line(f"{origin('source', 'ignorescancellation')} ignores that it was cancelled, and the run waits for it")
    said.line(f"{origin('source', 'ignorescancellation')} made no progress for 1s")
    assert (said.status, said.fine) == (1, 2)


def test_hangs_in_blocking_code(faulty, tmp_path):
    said = Said(tmp_path, "Hangs", CONFIG.replace("[source:it]", "[source:it]\ntimeout = 1s"))
    said.line(f"{origin('source', 'hangs')} made no progress for 1s")
    assert (said.status, said.fine) == (1, 2)
    faulty.Hangs.over.set()


def test_leaks_a_thread(faulty, tmp_path):
    said = Said(tmp_path, "LeaksThread")
    line = said.line("was closed, and has left the thread 'poller' running; its close is")
    assert origin("source", "leaksthread") in line
    assert (said.status, said.fine) == (0, 2)
    faulty.LeaksThread.over.set()


def test_leaks_a_socket(faulty, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        faulty.LeaksSocket.address = server.getsockname()
        said = Said(tmp_path, "LeaksSocket")
        faulty.LeaksSocket.kept[0].close()
    said.line(f"{origin('source', 'leakssocket')} was closed, and has left a connection to ('127.0.0.1', ")
    assert len([line for line in said.lines if "has left" in line]) == 1
    assert (said.status, said.fine) == (0, 2)


@pytest.mark.parametrize(("name", "text"), [("Prints", "password is xyzzy"), ("AsyncPrints", "hello")])
def test_writes_to_standard_output(faulty, tmp_path, name, text):
    said = Said(tmp_path, name)
    assert said.out == ""
    said.line(
        f"{origin('source', name.lower())} wrote to standard output, which is the command's; let it use context.log"
    )
    said.line(text)
    assert not [line for line in said.lines if "and more" in line]
    assert (said.status, said.fine) == (0, 2)


def test_a_report_on_standard_output_stays_whole(faulty, tmp_path):
    (tmp_path / "job.ini").write_text(CONFIG.replace("{name}", "prints"), encoding="utf-8")
    result = CliRunner().invoke(extract, [str(tmp_path / "job.ini"), "--report", "-"])
    assert json.loads(result.stdout)["status"] == "ok"


def test_a_log_on_standard_output_is_no_plugins_output(faulty, tmp_path):
    (tmp_path / "job.ini").write_text(CONFIG.replace("{name}", "prints"), encoding="utf-8")
    result = CliRunner().invoke(extract, [str(tmp_path / "job.ini"), "--log-output", "-"])
    assert len([line for line in result.stdout.splitlines() if "wrote to standard output" in line]) == 1


def test_what_is_right_is_not_warned_of(faulty, tmp_path):
    said = Said(tmp_path, "fine")
    assert said.status == 0
    assert not [line for line in said.lines if "warning" in line]
