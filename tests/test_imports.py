"""What a command imports: the plugins that its configuration names, and no others, nor the libraries of others.

Each command runs as installed, in a process that writes down at its end which modules it has. (A finder on
`sys.meta_path` would also hear of modules whose files are only looked for, as --verbose does.)
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.distributions import make_distribution

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
OURS = {path.name for path in ROOT.glob("monolith_plugins_*")}
HEAVY = {"authlib", "elastic_transport", "elasticsearch", "fsspec", "google", "grpc", "httpx", "jmespath"}
HEAVY |= {"psycopg", "pyarrow", "pymysql", "requests", "s3fs"}

RECORDER = """
import atexit, sys

def record():
    with open({file!r}, "w", encoding="utf-8") as file:
        print(*sys.modules, sep="\\n", file=file)

atexit.register(record)
"""

CONFIGURATION = """
[monolith]
database = sqlite:///archive.sqlite
since = 2024-01-01
until = 2024-01-02
[phase:extract]
sources = visits
targets = archive
[source:visits]
use = sql
database = sqlite:///archive.sqlite
query = SELECT :start_date AS date, 1 AS n
[target:archive]
use = sql
"""


class Recorded:
    """Runs commands, and says which top-level packages the last one imported."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.site = folder / "site"
        self.site.mkdir()
        self._file = folder / "imported"
        (self.site / "sitecustomize.py").write_text(RECORDER.format(file=str(self._file)), encoding="utf-8")

    def __call__(self, program: str, *arguments: str, expect: int = 0) -> str:
        self._file.unlink(missing_ok=True)
        done = subprocess.run(
            [BIN / program, *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(self.site)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == expect, done.stdout + done.stderr
        return done.stdout

    @property
    def packages(self) -> set[str]:
        return {name.partition(".")[0] for name in self._file.read_text(encoding="utf-8").split()}


@pytest.fixture
def recorded(tmp_path: Path) -> Iterator[Recorded]:
    return Recorded(tmp_path)


def crowd(site: Path) -> list[str]:
    """Thirty distributions with a plugin each, of every kind; the names of their modules."""
    groups = ("monolith.sources", "monolith.targets", "monolith.transforms", "monolith.executors", "monolith")
    for number in range(30):
        name, module = f"crowd{number}", f"crowd_{number}"
        entries = {groups[number % len(groups)]: {name: f"{module}:Plugin"}}
        text = "import os\nos._exit(9)"
        make_distribution(site, f"monolith-plugin-{name}", groups=entries, modules={module: text})
    return [f"crowd_{number}" for number in range(30)]


@pytest.mark.parametrize("program", ["monolith-extract", "monolith"])
@pytest.mark.parametrize("option", ["--version", "--help"])
def test_what_only_says_something_imports_no_plugin(recorded: Recorded, program: str, option: str) -> None:
    modules = crowd(recorded.site)
    recorded(program, option)
    assert "monolith_core" in recorded.packages, "the recorder hears"
    assert (
        recorded.packages & {*OURS, *HEAVY, *modules, "alembic", "pydantic", "sqlalchemy", "stevedore", "trio"} == set()
    )


@pytest.mark.parametrize(
    "command",
    [
        ["monolith-extract", "--list-plugins"],
        ["monolith-extract", "--list-plugins", "--json"],
        ["monolith-extract", "--list-plugins", "--verbose"],
        ["monolith", "plugins"],
    ],
)
def test_thirty_distributions_are_listed_and_none_is_imported(recorded: Recorded, command: list[str]) -> None:
    modules = crowd(recorded.site)
    told = recorded(*command)
    assert all(f"monolith-plugin-crowd{number}" in told for number in range(30))
    assert "monolith-plugin-sql" in told
    assert recorded.packages & {*OURS, *HEAVY, *modules} == set()


@pytest.mark.parametrize(
    "command",
    [
        "monolith-extract --plan",
        "monolith-extract",
        "monolith check",
        "monolith plan",
        "monolith status",
        "monolith runs",
        "monolith reconcile",
    ],
)
def test_a_configuration_imports_the_plugins_that_it_names(recorded: Recorded, command: str) -> None:
    modules = crowd(recorded.site)
    (recorded.folder / "visits.ini").write_text(CONFIGURATION, encoding="utf-8")
    recorded("monolith-extract", "visits.ini")
    program, *arguments = command.split()
    recorded(program, *arguments, "visits.ini")
    assert recorded.packages & OURS == {"monolith_plugins_sql"}
    assert recorded.packages & {*HEAVY, *modules} == set()


def test_a_name_that_is_not_installed_imports_no_other(recorded: Recorded) -> None:
    modules = crowd(recorded.site)
    text = CONFIGURATION.replace("[target:archive]\nuse = sql", "[target:archive]\nuse = elasticsaerch")
    (recorded.folder / "visits.ini").write_text(text, encoding="utf-8")
    recorded("monolith", "check", "visits.ini", expect=2)
    assert recorded.packages & {*OURS, *modules} == {"monolith_plugins_sql"}
