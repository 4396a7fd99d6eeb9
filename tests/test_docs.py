"""The documentation says what the code does: its commands and configurations are run, its reference is complete."""

from __future__ import annotations

import configparser
import inspect
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields
from pathlib import Path

import click
import pytest

import monolith_core
from monolith_core import events, testing
from monolith_core.cli.extract import main as extract
from monolith_core.cli.main import main as monolith
from monolith_core.config import load_config
from monolith_core.describe import described
from monolith_core.hookspecs import Hooks
from monolith_core.options import PluginOptions, SourceOptions, TargetOptions
from monolith_core.registry import installed, load

ROOT = Path(__file__).parent.parent
TUTORIAL = ROOT / "examples/tutorial/tides"
DOCS = ROOT / "docs"
EXAMPLES = ROOT / "examples"
BIN = Path(sys.executable).parent


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The text of each page, built with every warning an error."""
    built = tmp_path_factory.mktemp("docs")
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-q",
        "-W",
        "--keep-going",
        "-b",
        "text",
        "-d",
        built / "trees",
        DOCS,
        built,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return {path.stem: path.read_text(encoding="utf-8") for path in built.glob("*.txt")}


def mentions(page: str, term: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(term)}(?![\w-])", page) is not None


def commands(command: click.Command) -> Iterator[click.Command]:
    yield command
    if isinstance(command, click.Group):
        for child in command.commands.values():
            yield from commands(child)


@pytest.mark.parametrize("command", [extract, monolith], ids=["monolith-extract", "monolith"])
def test_every_option_of_a_command_is_documented(pages: dict[str, str], command: click.Command) -> None:
    for each in commands(command):
        assert mentions(pages["commands"], each.name or "")
        for parameter in each.params:
            for name in parameter.opts if isinstance(parameter, click.Option) else []:
                assert mentions(pages["commands"], name), f"{each.name} {name}"


def test_every_option_of_a_plugin_is_documented(pages: dict[str, str]) -> None:
    models: list[type[PluginOptions]] = [SourceOptions, TargetOptions]
    for entry in installed(None):
        if entry.kind in ("source", "target", "transform", "executor"):
            models.append(load(entry.kind, entry.name).Options)
    for model in models:
        for name, info in described(model).model_fields.items():
            assert any(mentions(page, info.alias or name) for page in pages.values()), f"{model.__name__}.{name}"
            assert info.description, f"{model.__name__}.{name} has no description"


def test_the_table_of_plugins_is_complete() -> None:
    """It has what is installed here, each with its distribution, and nothing else."""
    page = (DOCS / "plugins.rst").read_text(encoding="utf-8")
    rows = re.findall(r"^(\w+) +``([\w-]+)`` +``([\w-]+)`` +\S", page, flags=re.MULTILINE)
    assert sorted(rows) == sorted((entry.kind, entry.name, entry.distribution) for entry in installed())


def test_every_hook_and_event_is_documented(pages: dict[str, str]) -> None:
    for name, function in vars(Hooks).items():
        if inspect.isfunction(function):
            assert mentions(pages["hooks"], name)
    for event in (each for each in vars(events).values() if getattr(each, "__module__", "") == events.__name__):
        for field in fields(event):
            assert re.search(rf"\n\"{event.__name__}\"\n.*?\n\"{field.name}\" :", pages["hooks"], flags=re.DOTALL), (
                field
            )


def test_every_public_name_is_in_the_contract(pages: dict[str, str]) -> None:
    """With what it promises: an entry of its own, which is more than its name."""
    for name in set(monolith_core.__all__) - {"__version__"}:
        entry = re.search(rf'^"{name}(?:\([^"]*\))?"\n   \w', pages["contract"], re.MULTILINE)
        assert entry, name
    for name in vars(Hooks):
        assert name.startswith("_") or mentions(pages["contract"], name)


def test_every_public_name_of_the_test_kit_is_documented(pages: dict[str, str]) -> None:
    for name in testing.__all__:
        assert mentions(pages["testing-plugins"], name), name


def test_every_page_is_in_the_table_of_contents(pages: dict[str, str]) -> None:
    index = (DOCS / "index.rst").read_text(encoding="utf-8")
    assert set(pages) - {"index"} == set(index.partition(":maxdepth:")[2].split()[1:])


def test_the_tests_that_the_pages_name_exist() -> None:
    """`tests/FILE.py`, here or in the tutorial's distribution, and `tests/FILE.py::TEST` in it.

    Each claim of the page on high availability names one.
    """
    named = set()
    for page in DOCS.glob("*.rst"):
        named |= set(re.findall(r"``(tests/[\w/]+\.py)(?:::(\w+))?``", page.read_text(encoding="utf-8")))
    for file, test in named:
        path = next(path for base in (ROOT, TUTORIAL) if (path := base / file).exists())
        text = path.read_text(encoding="utf-8")
        assert not test or re.search(rf"^(async )?def {test}\(", text, flags=re.MULTILINE), f"{file}::{test}"
    assert len(named) > 20
    page = (DOCS / "high-availability.rst").read_text(encoding="utf-8")
    claims = page.partition("What holds\n")[2].partition("How to set it up\n")[0].split("\n- ")[1:]
    assert [claim for claim in claims if "``tests/" not in claim] == []


def run(command: str, folder: Path, expect: int = 0) -> str:
    """The output of one command line of the documentation, which stands for what is installed here."""
    program, *arguments = shlex.split(command)
    path = sys.executable if program in ("python", "python3") else str(BIN / program)
    done = subprocess.run([path, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == expect, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    """A copy of the examples to run in."""
    return Path(shutil.copytree(EXAMPLES, tmp_path / "examples", ignore=shutil.ignore_patterns("data", "*.sqlite*")))


@pytest.mark.slow
def test_the_first_steps(examples: Path) -> None:
    """From making the database to asking the archive; how it is installed is test_packaging's."""
    lines = (examples / "first-steps.sh").read_text(encoding="utf-8").partition("# data\n")[2].splitlines()
    outputs = [run(line, examples) for line in lines if not line.startswith("#")]
    assert "What was sold on each day?" in outputs[-1]
    assert re.search(r"2024-01-31\s+5\s", outputs[-1])
    assert sorted(path.name for path in examples.glob("*.sqlite")) == ["archive.sqlite", "shop.sqlite"]


@pytest.mark.slow
def test_the_first_steps_leave_nothing_due(examples: Path) -> None:
    run("python shop.py", examples)
    run("monolith-extract shop.ini", examples)
    assert json.loads(run("monolith plan shop.ini --json", examples)) == []


@pytest.mark.slow
def test_the_status_that_is_shown(examples: Path) -> None:
    """The page on operating shows what the command prints."""
    run("python shop.py", examples)
    run("monolith-extract shop.ini", examples)
    status = run("monolith status shop.ini", examples)
    assert textwrap.indent(status, "   ") in (DOCS / "operating.rst").read_text(encoding="utf-8")


def test_the_hourly_example_is_a_valid_configuration(examples: Path, tmp_path: Path) -> None:
    (tmp_path / "url").write_text("mysql://reader:secret@mkt/marketplace\n", encoding="utf-8")
    file = examples / "hourly.ini"
    text = file.read_text(encoding="utf-8")
    assert "/etc/monolith/marketplace-url" in text
    file.write_text(text.replace("/etc/monolith/marketplace-url", f"{tmp_path}/url"), encoding="utf-8")
    config = load_config(file, environ={"DB_PASSWORD": "p%40ss", "COPY_PASSWORD": "word"})
    assert config.sequence == ("extract", "load")
    assert config.sources["installs"].options.settle == 3 * 86400


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("plugins/*/example.ini")), ids=lambda file: file.parent.name)
def test_the_configurations_of_the_example_plugins_are_valid(file: Path) -> None:
    assert load_config(file, environ={}).sequence


def test_the_readme_configuration_is_valid(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (configuration,) = re.findall(r"```ini\n(.*?)```", text, flags=re.DOTALL)
    file = tmp_path / "monolith.ini"
    file.write_text(configuration, encoding="utf-8")
    load_config(file, environ={"DB_PASSWORD": "a", "READER_PASSWORD": "b"})
    assert len(text.splitlines()) < 75, "no more than a screen and a half"
    for link in re.findall(r"\]\(([^)]+)\)", text):
        assert (ROOT / link).exists(), link


def test_the_scheduled_command_lines_are_right() -> None:
    (line,) = [line for line in (EXAMPLES / "crontab").read_text().splitlines() if not line.startswith("#")]
    service = configparser.ConfigParser(strict=False, interpolation=None)
    service.read(EXAMPLES / "monolith-extract.service")
    for command in (line.split(None, 6)[6], service["Service"]["ExecStart"]):
        _, configuration, *options = shlex.split(command)
        assert configuration == "/etc/monolith/monolith.ini"
        parsed = click.Context(extract)
        extract.parse_args(parsed, [str(EXAMPLES / "shop.ini"), *options])


def test_the_command_lines_of_the_pages_are_right() -> None:
    """Every line of a `sh` block that begins with one of the two commands parses."""
    found = 0
    for page in DOCS.glob("*.rst"):
        for line in re.findall(
            r"^ {3}(monolith(?:-extract)? .*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE
        ):
            program, *arguments = shlex.split(line.replace("monolith.ini", str(EXAMPLES / "shop.ini")))
            command: click.Command = extract if program == "monolith-extract" else monolith
            with suppress(click.exceptions.Exit):  # of --version
                command.make_context(program, arguments).close()
            found += 1
    assert found >= 5


def test_the_example_plugin_runs(examples: Path, tmp_path: Path) -> None:
    """Found as an installed distribution is found: by its entry point."""
    about = examples / "monolith_example/src/monolith_example-1.0.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: monolith-example\nVersion: 1.0.0\n")
    (about / "entry_points.txt").write_text("[monolith.sources]\ncountdown = monolith_example:Countdown\n")
    (tmp_path / "countdown.ini").write_text(
        "[monolith]\ndatabase = sqlite:///archive.sqlite\nsince = 2024-02-28\nuntil = 2024-03-01\n"
        "[phase:extract]\nsources = countdown\ntargets = sql\n"
        "[source:countdown]\nto = 2024-03-01\n[target:sql]\n"
    )
    path = {"PYTHONPATH": str(about.parent)}
    done = subprocess.run(
        [BIN / "monolith-extract", "countdown.ini"],
        cwd=tmp_path,
        env={**os.environ, **path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    answer = run(
        'python -c \'import sqlite3; print(*sqlite3.connect("archive.sqlite").execute("select data from record"))\'',
        tmp_path,
    )
    assert sorted(re.findall(r"\d+", answer)) == ["0", "1", "2"]
