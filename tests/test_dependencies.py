"""What the distributions depend on: the page says all of it and nothing else, and each is really imported."""

from __future__ import annotations

import ast
import re
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

import monolith_core

ROOT = Path(__file__).parent.parent
PLUGINS = sorted(path.parent for path in ROOT.glob("examples/plugins/*/pyproject.toml"))
FOLDERS = [*sorted(path.parent for path in ROOT.glob("monolith_*/pyproject.toml")), *PLUGINS]
NOT_IMPORTED = {"tzdata", "s3fs", "backports-zstd"}
"""Data, and what is found by fsspec or by name."""


def project(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return found


def requirements(folder: Path) -> list[str]:
    """Every direct requirement of a distribution, of its extras too, other than on its own extras and the tests'."""
    about = project(folder)
    extras = {name: extra for name, extra in about.get("optional-dependencies", {}).items() if name != "test"}
    return [*about["dependencies"], *(text for extra in extras.values() for text in extra)]


def name(requirement: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[\s\[<>=!~;]", requirement)[0]).lower()


def sections() -> dict[str, str]:
    """The page's text about each distribution, by name."""
    page = (ROOT / "docs/dependencies.rst").read_text(encoding="utf-8")
    parts = re.split(r"^``(monolith-[\w-]+)``\n-+$", page, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_page_is_about_every_distribution() -> None:
    assert set(sections()) == {project(folder)["name"] for folder in FOLDERS}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_the_page_names_every_dependency_and_no_other(folder: Path) -> None:
    literals = re.findall(r"^(?:``\[\w+\]``: )?``(\S+[<>=][^`]+)``$", sections()[project(folder)["name"]], re.MULTILINE)
    assert sorted(literals) == sorted(requirements(folder))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_every_dependency_is_imported(folder: Path) -> None:
    owners = packages_distributions()
    imported = set()
    for file in folder.glob("src/**/*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            else:
                modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            imported |= {name(owner) for module in modules for owner in owners.get(module.partition(".")[0], ())}
    needed = {name(requirement) for requirement in requirements(folder)}
    assert needed - imported - NOT_IMPORTED == set()


def test_one_bound_for_each_library() -> None:
    """Two distributions that need the same say the same version."""
    bounds: dict[str, set[str]] = {}
    for requirement in (each for folder in FOLDERS for each in requirements(folder)):
        bounds.setdefault(name(requirement), set()).add(requirement)
    assert {library: said for library, said in bounds.items() if len(said) > 1} == {}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_every_dependency_has_a_lower_bound(folder: Path) -> None:
    assert [each for each in requirements(folder) if ">=" not in each] == []


def test_the_distributions_have_one_version() -> None:
    """Those of monolith itself are released together."""
    assert {project(folder)["version"] for folder in FOLDERS} == {monolith_core.__version__}
