"""The public interface is what was agreed, and a name that goes is missed in time."""

from __future__ import annotations

import datetime as dt
import difflib
import inspect
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pluggy
import pytest
from support.interface import AGREED, text
from support.scripted import make_job
from typing_extensions import deprecated

import monolith_core
from monolith_core import testing
from monolith_core.hookspecs import Hooks

CONSTANTS = {"__version__", "DATA", "Duration", "Yielded", "hookimpl"}
"""Names whose text stands below them; the page on the contract has it."""

COMMAND = ".venv/bin/python tests/support/interface.py"


def test_the_public_interface_is_what_was_agreed() -> None:
    agreed = AGREED.read_text(encoding="utf-8")
    changes = list(difflib.unified_diff(agreed.splitlines(), text().splitlines(), "agreed", "now", lineterm="", n=1))
    assert not changes, "\n".join(["the public interface changed; if that is meant:", f"    {COMMAND}", *changes])


@pytest.mark.parametrize("page", ["docs/stability.rst", "tests/support/interface.py"])
def test_the_command_that_writes_it_is_documented(page: str) -> None:
    assert COMMAND in (Path(__file__).parent.parent / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("module", [monolith_core, testing])
def test_every_public_name_is_there(module) -> None:
    assert dir(module) == sorted(module.__all__)
    for name in module.__all__:
        assert getattr(module, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'Recrod'"):
        _ = module.Recrod


def described(value: object) -> bool:
    """Whether a class or a function has a docstring of its own, not one that a dataclass or a base class gives it."""
    text = vars(value).get("__doc__") if isinstance(value, type) else getattr(value, "__doc__", None)
    return bool(text) and not text.startswith(f"{getattr(value, '__name__', '')}(")


def members(subject: type) -> Iterator[tuple[str, object]]:
    """The methods and properties that a class itself has."""
    for name, value in vars(subject).items():
        function = getattr(value, "fget", None) or getattr(value, "__func__", value)
        if not name.startswith("_") and inspect.isfunction(function) and function.__name__ == name:
            yield name, function


@pytest.mark.parametrize("module", [monolith_core, testing])
def test_every_public_name_says_what_it_promises(module) -> None:
    lacking = []
    for name in set(module.__all__) - CONSTANTS:
        value = getattr(module, name)
        lacking += [] if described(value) else [name]
        if isinstance(value, type) and value.__module__.startswith("monolith_core"):
            lacking += [f"{name}.{member}" for member, function in members(value) if not described(function)]
    assert lacking == []


def test_every_hook_says_what_it_promises() -> None:
    assert [name for name, function in members(Hooks) if not described(function)] == []


def test_an_old_name_works_and_warns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(monolith_core._RENAMED, "Fact", ("Record", "2.0"))
    text = "monolith_core.Fact is called Record now, and the old name goes in 2.0; import Record"
    with pytest.warns(DeprecationWarning, match=f"^{re.escape(text)}$") as caught:
        from monolith_core import Fact  # type: ignore[attr-defined]
    assert Fact is monolith_core.Record
    assert {Path(warning.filename) for warning in caught} == {Path(__file__)}, "it is the plugin's line that is named"
    assert "Fact" not in vars(monolith_core), "every import warns"


def test_an_old_name_is_told_to_who_tests_a_plugin(tmp_path: Path) -> None:
    """pytest shows the warning with the line of the plugin; nobody else is bothered."""
    (tmp_path / "conftest.py").write_text("import monolith_core\nmonolith_core._RENAMED['Fact'] = ('Record', '2.0')\n")
    (tmp_path / "plugin.py").write_text("from monolith_core import Fact\n")
    (tmp_path / "test_plugin.py").write_text("def test_it():\n    import plugin\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "plugin.py:1: DeprecationWarning: monolith_core.Fact is called Record now" in done.stdout


def test_what_is_marked_deprecated_works_and_warns(monkeypatch: pytest.MonkeyPatch) -> None:
    """A function, a class and a method as docs/stability.rst says; the pinned text has the mark."""
    agreed = text()
    before = monolith_core.content_id
    monkeypatch.setattr(monolith_core, "content_id", deprecated("content_id goes in 2.0; use Record.id")(before))
    record = ("shop", dt.date(2024, 2, 29), "sale", b"{}")
    with pytest.warns(DeprecationWarning, match=r"^content_id goes in 2\.0; use Record\.id$") as caught:
        assert monolith_core.content_id(*record) == before(*record)
    assert {Path(warning.filename) for warning in caught} == {Path(__file__)}, "it is the plugin's line that is named"
    marked = text()
    (line,) = set(marked.splitlines()) - set(agreed.splitlines())
    assert line == "@deprecated('content_id goes in 2.0; use Record.id')"
    assert f"\n{line}\ndef content_id(" in marked

    @deprecated("Ledge is Shelf now, and goes in 2.0")
    class Ledge:
        """A shelf."""

    class Shelf:
        """A shelf."""

        @deprecated("put goes in 2.0; use place")
        def put(self) -> str:
            """Puts."""
            return "there"

    Ledge.__module__ = Shelf.__module__ = "monolith_core.shelf"
    with pytest.warns(DeprecationWarning, match="Ledge is Shelf now"):
        Ledge()
    with pytest.warns(DeprecationWarning, match="Ledge is Shelf now"):

        class Mine(Ledge):
            """A plugin's own."""

    with pytest.warns(DeprecationWarning, match="put goes"):
        assert Shelf().put() == "there"
    monkeypatch.setattr(monolith_core, "Ledge", Ledge, raising=False)
    monkeypatch.setattr(monolith_core, "Shelf", Shelf, raising=False)
    monkeypatch.setattr(monolith_core, "__all__", [*monolith_core.__all__, "Ledge", "Shelf"])
    assert "\n@deprecated('Ledge is Shelf now, and goes in 2.0')\nclass Ledge\n" in text()
    assert "\nclass Shelf\n    @deprecated('put goes in 2.0; use place')\n    put() -> str\n" in text()


def test_an_old_argument_of_a_hook_warns() -> None:
    """What docs/stability.rst says of hooks: pluggy warns of an implementation that takes it."""
    hookspec, hookimpl = pluggy.HookspecMarker("some"), pluggy.HookimplMarker("some")

    class Hooks:
        @hookspec(warn_on_impl_args={"phase": DeprecationWarning("phase goes in 2.0; take event.phase")})
        def phase_started(self, phase, event): ...

    class Old:
        @hookimpl
        def phase_started(self, phase): ...

    class New:
        @hookimpl
        def phase_started(self, event): ...

    manager = pluggy.PluginManager("some")
    manager.add_hookspecs(Hooks)
    with pytest.warns(DeprecationWarning, match=r"phase goes in 2\.0"):
        manager.register(Old())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        manager.register(New())


def test_a_deprecated_option_works_and_warns(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    job = make_job(monkeypatch, tmp_path)
    quiet = job.extract()
    model = sys.modules["scripted_plugin"].Options
    monkeypatch.setattr(model, "deprecated", {"file": "write script = FILE; it goes in 2.0"})
    for done in (job.extract("--force"), job.monolith("check")):
        assert done.exit_code == 0
        (line,) = [line for line in done.stderr.splitlines() if "deprecated" in line]
        assert "job.ini:" in line
        assert line.endswith("] is deprecated: write script = FILE; it goes in 2.0")
    assert "deprecated" not in quiet.stderr
