"""The rooms of the project and who may know whom, held against the imports that are really there.

Every import counts, also one inside of a function or under `TYPE_CHECKING`: it is knowledge all the same.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from graphlib import TopologicalSorter
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import NamedTuple

import pytest

import monolith_core

ROOT = Path(__file__).parent.parent
CORE = ROOT / "monolith_core/src/monolith_core"
PLUGINS = sorted(
    file.parent
    for pattern in ("monolith_plugins_*/src/*/py.typed", "examples/plugins/*/src/*/py.typed")
    for file in ROOT.glob(pattern)
)
DISTRIBUTIONS = [CORE, *PLUGINS]

LAYERS = {
    "leaves": {
        "errors",
        "blame",
        "partition",
        "record",
        "rows",
        "note",
        "encoding",
        "exact",
        "days",
        "durations",
        "urls",
        "events",
        "faults",
    },
    "contract": {"options", "describe", "plugin", "transform", "executor", "hookspecs"},
    "configuration": {"registry", "secrets", "config"},
    "bookkeeping": {"storage"},
    "engine": {
        "states",
        "plan",
        "segments",
        "imprint",
        "numbering",
        "notes",
        "collected",
        "stage",
        "retry",
        "runner",
        "reconcile",
        "keep",
        "moving",
        "report",
    },
    "outside": {"progress", "logs", "scaffold", "cli", "testing", "__main__"},
}
"""Bottom to top: a room imports from its own layer and from those above it in this table, never from one below."""

ONLY_IN = {
    "stevedore": {"registry"},
    "importlib.metadata": {"registry"},
    "sqlalchemy": {"storage"},
    "alembic": {"storage"},
    "pytest": {"testing"},
    "hypothesis": {"testing"},
}
"""Libraries that one room of the core keeps to itself."""

STORAGE_KNOWS = LAYERS["leaves"] | {"plugin", "secrets"}
"""What the storage needs of the rooms below it: it must not know how a run was configured."""


class Import(NamedTuple):
    """One imported module, the name taken from it (None for `import module`), and where."""

    module: str
    name: str | None
    place: str

    def is_of(self, library: str) -> bool:
        return f"{self.module}.{self.name}.".startswith(f"{library}.") or f"{self.module}.".startswith(f"{library}.")


def imports_of(file: Path) -> Iterator[Import]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        place = f"{file.relative_to(ROOT)}:{node.lineno}"
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, None, place) for alias in node.names)
        else:
            assert not node.level, f"{place}: imports are absolute here"
            yield from (Import(node.module or "", alias.name, place) for alias in node.names)


def imports_in(folder: Path) -> Iterator[Import]:
    for file in sorted(folder.rglob("*.py")):
        yield from imports_of(file)


def rooms() -> dict[str, list[Import]]:
    """The imports of each room of the core; `__init__` is its door, not a room."""
    found = {
        path.stem: path for path in sorted(CORE.iterdir()) if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    found.pop("__init__")
    return {name: list(imports_of(path) if path.suffix else imports_in(path)) for name, path in found.items()}


def room_named(imported: Import) -> str | None:
    """Which room of the core an import is of, if of one."""
    package, _, rest = f"{imported.module}.{imported.name or ''}".partition(".")
    return rest.partition(".")[0] or None if package == "monolith_core" else None


def neighbours() -> dict[str, dict[str, str]]:
    """For each room the other rooms it imports, each with a place where it does."""
    known = rooms()
    return {
        name: {to: i.place for i in imports if (to := room_named(i)) in known and to != name}
        for name, imports in known.items()
    }


def layer(room: str) -> int:
    for height, members in enumerate(LAYERS.values()):
        if room in members:
            return height
    raise AssertionError(f"monolith_core/{room} has no layer yet; give it one in LAYERS")


def test_rooms_import_downward_only() -> None:
    upward = [
        f"{place}: {room} must not know {other}"
        for room, others in neighbours().items()
        for other, place in others.items()
        if layer(other) > layer(room)
    ]
    assert upward == []


def test_no_two_rooms_need_each_other() -> None:
    TopologicalSorter(neighbours()).prepare()  # raises CycleError, which names the circle


def test_the_storage_does_not_know_the_configuration() -> None:
    assert set(neighbours()["storage"]) <= STORAGE_KNOWS


@pytest.mark.parametrize("library", ONLY_IN)
def test_libraries_stay_in_their_room(library: str) -> None:
    strangers = [
        imported.place
        for room, imports in rooms().items()
        if room not in ONLY_IN[library]
        for imported in imports
        if imported.is_of(library)
    ]
    assert strangers == []


def test_the_core_knows_no_plugin() -> None:
    assert [i.place for i in imports_in(CORE) if i.module.startswith("monolith_plugin")] == []


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda path: path.name)
def test_plugins_use_public_names_only(plugin: Path) -> None:
    for imported in imports_in(plugin):
        if imported.is_of("monolith_core"):
            assert imported.module == "monolith_core", f"{imported.place}: {imported.module} is the core's own"
            assert imported.name in monolith_core.__all__, f"{imported.place}: {imported.name} is not public"


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda path: path.name)
def test_plugins_do_not_know_each_other(plugin: Path) -> None:
    others = {path.name for path in PLUGINS} - {plugin.name}
    assert [i.place for i in imports_in(plugin) if i.module.partition(".")[0] in others] == []


@pytest.mark.parametrize("folder", DISTRIBUTIONS, ids=lambda path: path.name)
def test_what_is_imported_is_declared(folder: Path) -> None:
    project = tomllib.loads((folder.parent.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project.get("optional-dependencies", {}).values()
    requirements = [project["name"], *project["dependencies"], *(text for extra in extras for text in extra)]
    declared = {plain(re.split(r"[\s\[<>=!~;]", text)[0]) for text in requirements}
    owners = packages_distributions()
    for imported in imports_in(folder):
        package = imported.module.partition(".")[0]
        if package not in sys.stdlib_module_names and package != "__future__":
            assert declared & {plain(owner) for owner in owners.get(package, ())}, f"{imported.place}: {package}"


def plain(distribution: str) -> str:
    """A distribution's name as the package index compares it."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def test_public_names_are_there() -> None:
    assert len(monolith_core.__all__) == len(set(monolith_core.__all__))
    for name in monolith_core.__all__:
        assert getattr(monolith_core, name) is not None


def test_no_module_hides_a_public_name() -> None:
    """A module of the same name, imported first by someone else, would be found in the name's place."""
    modules = {path.stem for path in CORE.iterdir()}
    assert modules & set(monolith_core.__all__) == set()
