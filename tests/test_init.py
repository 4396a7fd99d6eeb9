"""`monolith init`: a configuration to begin with, and one that runs at once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from monolith_core.cli.main import main
from monolith_core.config import load_config
from monolith_core.scaffold import configuration

BIN = Path(sys.executable).parent


def init(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["init", *map(str, arguments)])


def run(folder: Path, *command: str) -> str:
    done = subprocess.run([BIN / command[0], *command[1:]], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def test_the_demo_runs_in_an_empty_folder(tmp_path: Path) -> None:
    """What it says to do next archives a quarter of a year; after that nothing is due."""
    file, following = run(tmp_path, "monolith", "init", "--demo").splitlines()
    assert file == "monolith.ini"
    first, second = following.removeprefix("next: ").split(" && ")
    run(tmp_path, *first.split())
    assert "orders into archive: final up to 2024-03-31, 1,820 records\n" in run(tmp_path, *second.split())
    assert json.loads(run(tmp_path, "monolith", "plan", "monolith.ini", "--json")) == []
    run(tmp_path, *first.split())
    runs = json.loads(run(tmp_path, "monolith", "runs", "monolith.ini", "--json"))
    assert len(runs) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["archive.sqlite", "monolith.ini"]


@pytest.mark.parametrize("lacking", ["random", "sql"])
def test_the_demo_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacking: str) -> None:
    there = configuration.installed
    monkeypatch.setattr(
        configuration, "installed", lambda kind: [entry for entry in there(kind) if entry.name != lacking]
    )
    done = init("--demo", tmp_path / "demo.ini")
    assert done.exit_code == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("got no ")
    assert line.endswith(f"; pip install monolith-plugin-{lacking}")
    assert list(tmp_path.iterdir()) == []


def test_the_starter_is_valid_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "mine.ini"
    done = init(file)
    assert (done.exit_code, done.output) == (0, f"{file}\nnext: edit it, then monolith check {file}\n")
    config = load_config(file, environ={"READER_PASSWORD": "a"})
    assert list(config.sources) == ["orders"]


@pytest.mark.parametrize("more", [(), ("--demo",)])
def test_what_is_there_is_not_touched(tmp_path: Path, more: tuple[str, ...]) -> None:
    file = tmp_path / "monolith.ini"
    file.write_text("mine")
    done = init(file, *more)
    assert done.exit_code == 1
    assert done.stderr == f"{file} is there already; remove it, or give another FILE\n"
    assert file.read_text() == "mine"


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    done = init(tmp_path / "nowhere/monolith.ini")
    assert done.exit_code == 1
    assert done.stderr.endswith("cannot be written: No such file or directory; give another FILE\n")
