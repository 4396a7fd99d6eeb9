"""`monolith new-plugin`: what it writes, and that it works as it is; test_packaging.py builds and installs it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support.distributions import make_distribution

from monolith_core.cli.main import main
from monolith_core.cli.new_plugin import _KINDS, _LICENSES
from monolith_core.scaffold import KINDS, LICENSES, NewPlugin

BIN = Path(sys.executable).parent


def make(folder: Path, name: str = "acme-crm", kind: str = "source", *more: str) -> Result:
    return CliRunner().invoke(main, ["new-plugin", name, "--kind", kind, "--directory", str(folder), *more])


def test_the_command_offers_what_there_is() -> None:
    assert tuple(KINDS) == _KINDS
    assert _LICENSES == LICENSES


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_is_filled_in(tmp_path: Path, kind: str) -> None:
    done = make(tmp_path, "acme-crm", kind, "--author", "Ada", "--license", "BSD-3-Clause")
    assert done.exit_code == 0, done.output
    folder = tmp_path / "monolith-plugin-acme-crm"
    files = [path for path in folder.rglob("*") if path.is_file()]
    *listed, following = done.output.splitlines()
    assert sorted(listed) == sorted(map(str, files))
    assert following == f'next: cd {folder} && pip install --editable ".[test]" && pytest'
    for file in files:
        text = file.read_text()
        assert not re.search(r"\$(?!\{\{)", text), f"{file} has something that is not filled in"
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    assert project["license"] == "BSD-3-Clause"
    assert project["authors"] == [{"name": "Ada"}]
    assert "Ada" in (folder / "LICENSE").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_code_is_small_typed_and_clean(tmp_path: Path, kind: str) -> None:
    make(tmp_path, "acme-crm", kind)
    folder = tmp_path / "monolith-plugin-acme-crm"
    code = folder / "src/monolith_plugin_acme_crm/__init__.py"
    assert len(code.read_text().splitlines()) < 40
    for command in (["mypy"], ["ruff", "check", "."], ["ruff", "format", "--check", "."]):
        done = subprocess.run([BIN / command[0], *command[1:]], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


@pytest.mark.parametrize("name", ["Acme", "acme crm", "-acme", "acme--crm", "1st", "class", ""])
def test_a_name_that_cannot_be_one(tmp_path: Path, name: str) -> None:
    done = CliRunner().invoke(main, ["new-plugin", "--kind", "source", "--directory", str(tmp_path), "--", name])
    assert done.exit_code == 1
    assert done.stderr == (
        f"got the name {name!r}, expected lower-case letters, digits and single hyphens, such as acme-crm\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("sql", "target", "which the target of monolith-plugin-sql 1.0.0 has; choose another one"),
        ("monolith-plugin-local", "executor", "which the executor of monolith-core 1.0.0 has; choose another one"),
        ("elsewhere", "hooks", "which the hooks of monolith-plugin-other 3.2 has; choose another one"),
        ("sql", "hooks", "but monolith-plugin-sql 1.0.0 is installed; pip would replace it: choose another name"),
        (
            "other",
            "source",
            "but monolith-plugin-other 3.2 is installed; pip would replace it: choose another name",
        ),
    ],
)
def test_a_name_that_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, kind: str, said: str) -> None:
    groups = {"monolith": {"elsewhere": "nowhere:Nothing"}}
    make_distribution(tmp_path / "site", "monolith-plugin-other", "3.2", groups=groups)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    (tmp_path / "new").mkdir()
    done = make(tmp_path / "new", name, kind)
    assert done.exit_code == 1
    (line,) = done.stderr.splitlines()
    assert said in line
    assert list((tmp_path / "new").iterdir()) == []


def test_a_name_that_a_plugin_not_installed_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monolith_core.scaffold.taken.installed", lambda kind: [])
    done = make(tmp_path, "elasticsearch", "target")
    assert done.stderr.startswith("got the name 'elasticsearch', which the target of monolith-plugin-es has; choose")
    assert make(tmp_path, "elasticsearch", "hooks").exit_code == 0


def test_the_prefix_may_be_given_or_not(tmp_path: Path) -> None:
    plugin = NewPlugin("monolith-plugin-acme", "source", "MIT", "Ada", 2024)
    assert (plugin.name, plugin.distribution, plugin.package) == (
        "acme",
        "monolith-plugin-acme",
        "monolith_plugin_acme",
    )


@pytest.mark.parametrize("name", ["none", "test-lab", "record", "plugin", "source", "any", "target-suite"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_name_that_means_something_else_in_code(tmp_path: Path, kind: str, name: str) -> None:
    """No class hides what is imported, is a keyword, or is taken for a test by pytest."""
    assert make(tmp_path, name, kind).exit_code == 0
    package = name.replace("-", "_")
    folder = tmp_path / f"monolith-plugin-{name}"
    for file in (folder / f"src/monolith_plugin_{package}/__init__.py", folder / f"tests/test_{package}.py"):
        body = ast.parse(file.read_text()).body
        imported = [alias.name for node in body if isinstance(node, ast.ImportFrom) for alias in node.names]
        made = [node.name for node in body if isinstance(node, ast.ClassDef)]
        assert len({*imported, *made}) == len([*imported, *made])
        assert not any(each.startswith("Test") and not each.endswith("Suite") for each in imported)


def test_an_author_of_any_name(tmp_path: Path) -> None:
    author = 'Ada "the \\ Countess" Löve'
    make(tmp_path, "acme-crm", "source", "--author", author)
    project = (tmp_path / "monolith-plugin-acme-crm/pyproject.toml").read_text(encoding="utf-8")
    assert tomllib.loads(project)["project"]["authors"] == [{"name": author}]


def test_what_is_there_is_not_touched(tmp_path: Path) -> None:
    make(tmp_path)
    readme = tmp_path / "monolith-plugin-acme-crm/README.md"
    readme.write_text("mine")
    done = make(tmp_path, "acme-crm", "target")
    assert done.exit_code == 1
    assert done.stderr.endswith("is there already; remove it, or choose another name or --directory\n")
    assert readme.read_text() == "mine"
