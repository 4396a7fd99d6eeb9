"""The tutorial docs/writing-plugins.rst: from what `monolith new-plugin` writes to the plugin that the page shows."""

from __future__ import annotations

import difflib
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from monolith_core.cli.main import main
from monolith_core.testing import Service

TUTORIAL = Path(__file__).parent.parent / "examples/tutorial"
BIN = Path(sys.executable).parent
CACHE = Path(__file__).parent.parent / ".cache/mypy-plugin"
"""Of the types of what the plugin imports: reading them takes most of the time of the first run."""


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """The folder that the tutorial's first step makes."""
    (step,) = [line for line in lines("begin") if line.startswith("monolith new-plugin")]
    done = CliRunner().invoke(main, [*shlex.split(step)[1:], "--directory", str(tmp_path), "--author", "Ada Lovelace"])
    assert done.exit_code == 0, done.output
    return tmp_path / "monolith-plugin-tides"


@pytest.fixture
def plugin(begun: Path) -> Path:
    """That folder as the tutorial leaves it, and as if it were installed."""
    shutil.copytree(TUTORIAL / "tides", begun, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    about = begun / "src/monolith_plugin_tides-0.1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: monolith-plugin-tides\nVersion: 0.1.0\n")
    (about / "entry_points.txt").write_text("[monolith.sources]\ntides = monolith_plugin_tides:Tides\n")
    return begun


@pytest.fixture
def run(plugin: Path) -> Callable[..., str]:
    """Runs a command in the plugin's folder; its output."""

    def run(command: str, **environment: str) -> str:
        program, *arguments = shlex.split(command)
        done = subprocess.run(
            [BIN / program, *arguments],
            cwd=plugin,
            env={
                **os.environ,
                "PYTHONPATH": str(plugin / "src"),
                "PYTHONDONTWRITEBYTECODE": "1",
                "MYPY_CACHE_DIR": str(CACHE),
                **environment,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    return run


def lines(step: str) -> list[str]:
    """The command lines of a step."""
    return (TUTORIAL / "steps.sh").read_text().partition(f"# {step}\n")[2].partition("\n\n")[0].splitlines()


def test_its_project_is_the_one_that_was_begun_with_one_requirement_more(begun: Path) -> None:
    before, after = ((each / "pyproject.toml").read_text().splitlines() for each in (begun, TUTORIAL / "tides"))
    changed = [line for line in difflib.ndiff(before, after) if line[0] in "+-"]
    assert changed == [
        '- dependencies = ["monolith-core>=1,<2"]',
        '+ dependencies = ["monolith-core>=1,<2", "httpx>=0.27,<1"]',
    ]


def test_it_passes_its_own_tests_typed_and_clean(run: Callable[..., str]) -> None:
    for command in lines("test"):
        run(f"{command} -p no:cacheprovider" if command == "pytest" else command)


def test_it_archives(run: Callable[..., str]) -> None:
    """By the commands of the page, from a service on this machine."""
    with Service() as service:
        service.says("/ports", ["Santander"])
        tides = [{"kind": kind, "time": "04:12", "metres": 4.1} for kind in ("high", "low")]
        service.says("/tides", {"tides": tides, "forecast": False})
        environment = {"TIDES_URL": service.url, "TIDES_TOKEN": "abc"}
        said = [run(command, **environment) for command in lines("try")]
    assert "1 ports" in said[1]
    assert "tides into sql: final up to 2024-03-10, 4 records\n" in said[-1]
