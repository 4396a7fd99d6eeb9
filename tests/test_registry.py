"""Listing plugins without importing them, loading those that are named, and saying what is wrong with a plugin."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest
from support import small
from support.distributions import make_distribution

from monolith_core import registry
from monolith_core.errors import MonolithError
from monolith_core.registry import check_entry, hook_plugins, installed, load


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where everything that is installed is."""
    small.only(tmp_path, monkeypatch)
    return tmp_path


def test_lists_without_importing(folder: Path) -> None:
    small.install(folder)
    listed = [(entry.kind, entry.name, entry.distribution, entry.version) for entry in installed()]
    assert listed == [
        ("source", "absent", "small", "1.2"),
        ("source", "broken", "broken", "3.0"),
        ("source", "new", "small", "1.2"),
        ("source", "nothing", "small", "1.2"),
        ("source", "old", "small", "1.2"),
        ("source", "open", "small", "1.2"),
        ("source", "optionless", "small", "1.2"),
        ("source", "table", "small", "1.2"),
        ("source", "twice", "other", "0.9"),
        ("source", "twice", "small", "1.2"),
        ("target", "shelf", "small", "1.2"),
    ]
    assert not {"small_plugins", "broken_plugin"} & set(sys.modules)
    assert [entry.name for entry in installed("target")] == ["shelf"]
    assert [entry.value for entry in installed("target")] == ["small_plugins:Shelf"]


def test_two_of_a_name_are_listed_with_their_error(folder: Path) -> None:
    small.install(folder)
    errors = {(entry.name, entry.error) for entry in installed() if entry.error}
    assert errors == {("twice", "source 'twice' is in other 0.9 and small 1.2; uninstall all but one of them")}
    with pytest.raises(MonolithError, match=r"'twice' is in other 0\.9 and small 1\.2"):
        load("source", "twice")


def test_loads_what_is_named_and_nothing_else(folder: Path) -> None:
    small.install(folder)
    assert load("source", "table").__name__ == "Table"
    assert load("target", "shelf").__name__ == "Shelf"
    assert "broken_plugin" not in sys.modules
    with pytest.raises(MonolithError, match=r"^no source 'shelf' is installed$"):
        load("source", "shelf")


def test_checks_by_importing(folder: Path) -> None:
    small.install(folder)
    faults = {entry.name: check_entry(entry) for entry in installed() if entry.name != "twice"}
    assert faults.pop("table") is faults.pop("open") is faults.pop("shelf") is None
    assert faults == {
        "absent": "source 'absent' of small 1.2 cannot be imported: AttributeError: module 'small_plugins' has no "
        "attribute 'Absent'; install it again with what it needs: pip install --force-reinstall small",
        "broken": "source 'broken' of broken 3.0 cannot be imported: ModuleNotFoundError: No module named "
        "'a_module_that_is_not_there'; install it again with what it needs: pip install --force-reinstall broken",
        "new": "source 'new' of small 1.2 is made for version 2 of the plugin contract, and monolith-core 1.0.0 has "
        'version 1; pip install "monolith-core>=2,<3", or another release of the plugin',
        "nothing": "source 'nothing' of small 1.2 is no source: expected a class with a method extract, such as a "
        "subclass of monolith_core.Source",
        "old": "source 'old' of small 1.2 is made for version 0 of the plugin contract, and monolith-core 1.0.0 has "
        'version 1; pip install "monolith-core>=0,<1", or another release of the plugin',
        "optionless": "source 'optionless' of small 1.2 does not say its options: expected its Options to be a "
        "subclass of monolith_core.SourceOptions",
    }


@pytest.mark.parametrize(
    "text", ["raise SystemExit(3)", "raise ValueError('two\\nlines')", "assert False", "def", "1/0"]
)
def test_whatever_an_import_raises_is_an_error_of_that_plugin(
    folder: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "odd_plugin", raising=False)
    groups = {"monolith.sources": {"odd": "odd_plugin:Odd"}}
    make_distribution(folder, "odd", "1", groups=groups, modules={"odd_plugin": text})
    with pytest.raises(MonolithError, match=r"^source 'odd' of odd 1 cannot be imported: .*force-reinstall odd$"):
        load("source", "odd")


def test_a_contract_that_is_no_number(folder: Path) -> None:
    text = "from monolith_core import Source\nclass Odd(Source):\n    contract = 'x'\n"
    groups = {"monolith.sources": {"odd": "worded_plugin:Odd"}}
    make_distribution(folder, "odd", "1", groups=groups, modules={"worded_plugin": text})
    with pytest.raises(
        MonolithError, match=r"version x of the plugin contract, .*; pip install a monolith-core that fits"
    ):
        load("source", "odd")


def test_executors(folder: Path) -> None:
    text = (
        "from monolith_core import Executor\nclass Good(Executor):\n    def extract(self, task): ...\nclass Bad: ...\n"
    )
    groups = {"monolith.executors": {"good": "executing:Good", "bad": "executing:Bad"}}
    make_distribution(folder, "executing", "1", groups=groups, modules={"executing": text})
    assert load("executor", "good").__name__ == "Good"
    with pytest.raises(
        MonolithError, match="executor 'bad' of executing 1 is no executor: expected a class with a method"
    ):
        load("executor", "bad")


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("def record(self, record): return record", None),
        ("def partition(self, partition, records): return records", None),
        ("...", "expected a class with a method record or partition, such as"),
        ("def record(self): ...\n    def partition(self): ...", "a method record or partition and not both"),
    ],
)
def test_transforms(folder: Path, body: str, fault: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "changing", raising=False)
    text = f"from monolith_core import Transform\nclass Change(Transform):\n    {body}\n"
    groups = {"monolith.transforms": {"change": "changing:Change"}}
    make_distribution(folder, "changing", "1", groups=groups, modules={"changing": text})
    if fault is None:
        assert load("transform", "change").__name__ == "Change"
        return
    with pytest.raises(MonolithError, match=f"transform 'change' of changing 1 is no transform: .*{fault}"):
        load("transform", "change")


def test_the_local_executor_is_installed() -> None:
    assert "local" in [entry.name for entry in installed("executor")]


HOOKS = """
    from monolith_core import hookimpl

    @hookimpl
    def run_started(run): ...

    class Made:
        @hookimpl
        def run_started(self, run): ...

    class Stray:
        @hookimpl
        def run_started(self, run, colour): ...

    class Unknown:
        @hookimpl
        def run_ended(self): ...
"""


def test_hook_plugins(folder: Path) -> None:
    entries = {
        "a": "hooking",
        "b": "hooking:Made",
        "c": "hooking:Stray",
        "d": "hooking:Unknown",
        "e": "hooking:nothing",
    }
    make_distribution(folder, "hooking", "1", groups={"monolith": entries}, modules={"hooking": HOOKS})
    found = {entry.name: plugin for entry, plugin in hook_plugins()}
    assert found["a"].__name__ == "hooking"
    assert type(found["b"]).__name__ == "Made"
    assert all(isinstance(found[name], MonolithError) for name in "cde")
    assert "hooks 'c' of hooking 1 does not fit the hooks: PluginValidationError:" in str(found["c"])
    assert "Plugin 'Stray' for hook " in str(found["c"])
    assert "colour" in str(found["c"])
    assert "run_ended" in str(found["d"])
    assert "has no attribute 'nothing'" in str(found["e"])
    assert "\n" not in "".join(str(found[name]) for name in "cde")


def test_a_broken_distribution_stops_nothing(folder: Path) -> None:
    small.install(folder)
    nameless = make_distribution(folder, "nameless", groups={"monolith.targets": {"one": "a:B", "two": "not a name"}})
    (nameless / "METADATA").unlink()
    (make_distribution(folder, "bytes") / "entry_points.txt").write_bytes(b"\xff\xfe")
    (make_distribution(folder, "lines") / "entry_points.txt").write_text("[monolith.sources]\nno equals\n")
    targets = [(entry.name, entry.distribution, entry.version, entry.error) for entry in installed("target")]
    assert targets == [
        ("one", "unknown", "unknown", None),
        ("shelf", "small", "1.2", None),
        (
            "two",
            "unknown",
            "unknown",
            "target 'two' of unknown unknown names 'not a name', expected module:Class; tell the authors of unknown",
        ),
    ]
    lines = next(entry for entry in installed("source") if entry.distribution == "lines")
    assert lines.name == "?"
    assert lines.error is not None
    assert lines.error.startswith("entry_points.txt of lines 1.0 cannot be read (")
    assert check_entry(lines) == lines.error
    assert load("source", "table")


def test_a_distribution_that_is_there_twice_counts_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for each, version in (("first", "2.0"), ("second", "1.0")):
        make_distribution(folder / each, "double-trouble", version, groups={"monolith.sources": {"x": "a:B"}})
    paths = [str(folder / each) for each in ("first", "second")]
    monkeypatch.setattr(registry, "distributions", lambda: importlib.metadata.distributions(path=paths))
    assert [(entry.name, entry.version, entry.error) for entry in installed()] == [("x", "2.0", None)]


def test_a_plugin_installed_a_moment_ago_is_found(folder: Path) -> None:
    """stevedore's own cache would not see it."""
    small.install(folder)
    load("source", "table")
    text = "from monolith_core import Source\nclass Late(Source):\n    def extract(self, window): return []\n"
    make_distribution(folder, "late", groups={"monolith.sources": {"late": "late:Late"}}, modules={"late": text})
    assert load("source", "late").__name__ == "Late"


def test_listing_imports_neither_pydantic_nor_a_plugin() -> None:
    code = "import sys; from monolith_core.registry import installed; installed(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = {name.partition(".")[0] for name in done.stdout.split()}
    assert not modules & {"pydantic", "stevedore", "sqlalchemy", "trio", "monolith_plugins_sql"}
