"""The example of docs/hooks.rst: a journal, and a command that reads it, as an installed distribution has them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from monolith_core.cli.main import main
from monolith_core.scaffold import write_demo

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The folder of a distribution that says what the example's pyproject.toml says."""
    import tomllib

    project = tomllib.loads((ROOT / "examples/hooks/pyproject.toml").read_text())["project"]
    about = tmp_path / "site" / f"monolith_journal-{project['version']}.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    points = "".join(f"{name} = {value}\n" for name, value in project["entry-points"]["monolith"].items())
    (about / "entry_points.txt").write_text(f"[monolith]\n{points}")
    return about.parent


def run(installed: Path, folder: Path, *command: str) -> str:
    path = {"PYTHONPATH": os.pathsep.join([str(installed), str(ROOT / "examples/hooks")])}
    done = subprocess.run(
        [BIN / command[0], *command[1:]],
        cwd=folder,
        env={**os.environ, **path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "left out" not in done.stderr
    return done.stdout


def test_the_example_of_the_page_runs(installed: Path, tmp_path: Path) -> None:
    page = (ROOT / "docs/hooks.rst").read_text(encoding="utf-8")
    write_demo(tmp_path / "demo.ini")
    section = "[hooks:journal]\npath = journal.jsonl\n"
    assert section.replace("\n", "\n   ").rstrip() in page
    with (tmp_path / "demo.ini").open("a") as file:
        file.write(section)
    run(installed, tmp_path, "monolith-extract", "demo.ini")
    lines = [json.loads(line) for line in (tmp_path / "journal.jsonl").read_text().splitlines()]
    assert len(lines) == 91
    assert lines[-1].keys() == {"day", "source", "outcome", "records"}
    said = run(installed, tmp_path, "monolith", "journal", "journal.jsonl")
    assert said == "orders  done  91\n"
    assert f"   $ monolith journal journal.jsonl\n   {said}" in page
    run(installed, tmp_path, "monolith-extract", "demo.ini")
    assert len((tmp_path / "journal.jsonl").read_text().splitlines()) == 91, "nothing was due"
    assert "journal" not in main.commands
