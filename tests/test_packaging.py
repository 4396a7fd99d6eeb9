"""The distributions as a user gets them: built, installed into a clean environment, run from another folder."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from support.unmeasured import unmeasured

import monolith_core
from monolith_core.scaffold import KINDS, NewPlugin
from monolith_core.testing import Service

pytestmark = [pytest.mark.server, pytest.mark.timeout(600)]

ROOT = Path(__file__).parent.parent
FOLDERS = {
    file.parent.relative_to(ROOT).as_posix(): str(tomllib.loads(file.read_text(encoding="utf-8"))["project"]["name"])
    for file in sorted([*ROOT.glob("monolith_*/pyproject.toml"), *ROOT.glob("examples/plugins/*/pyproject.toml")])
}
"""The folder of each distribution, and its name."""
DRIVERS = {"pymysql", "psycopg", "psycopg-binary", "mysqlclient", "psycopg2"}

CONFIG = """
[monolith]
database = sqlite:///archive.sqlite
since = 2024-01-01
until = 2024-01-02
[phase:extract]
sources = visits
targets = sql
[source:visits]
use = sql
database = sqlite:///visits.sqlite
query = SELECT * FROM visits WHERE date >= :start_date AND date < :next_date
category = visit
[target:sql]
"""


def run(*command: str | Path, cwd: Path, expect: int = 0, **variables: str) -> str:
    """The output of a command, in an environment that knows nothing of the checkout."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COVERAGE", "COV_"))
    }
    done = subprocess.run(command, cwd=cwd, env=environment | variables, capture_output=True, text=True, check=False)
    assert done.returncode == expect, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist of each distribution, and the wheel that was built from that sdist."""
    return build(tmp_path_factory.mktemp("dist"))


def build(dist: Path, **environment: str) -> Path:
    command = [sys.executable, ROOT / "scripts/build.py", dist, *FOLDERS]
    environment = unmeasured(SOURCE_DATE_EPOCH="1700000000", **environment)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(done.stdout.splitlines()) == 2 * len(FOLDERS)
    return dist


def wheel(built: Path, folder: str) -> Path:
    (found,) = built.glob(f"{FOLDERS[folder].replace('-', '_')}-{monolith_core.__version__}-py3-none-any.whl")
    return found


def package(folder: str) -> str:
    """The import package of a distribution."""
    (marker,) = (ROOT / folder).glob("src/*/py.typed")
    return marker.parent.name


def sources(folder: str) -> set[str]:
    """What belongs into the package of a distribution: everything under `src`."""
    top = ROOT / folder / "src"
    return {
        path.relative_to(top).as_posix()
        for path in (top / package(folder)).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_wheel_has_the_package_and_nothing_else(built: Path, folder: str) -> None:
    with zipfile.ZipFile(wheel(built, folder)) as archive:
        names = set(archive.namelist())
        about = {name for name in names if ".dist-info/" in name}
        assert names - about == sources(folder)
        assert f"{package(folder)}/py.typed" in names
        assert any(name.endswith("/licenses/LICENSE") for name in about)
        (metadata,) = (archive.read(name).decode() for name in about if name.endswith("/METADATA"))
    assert "\nLicense-Expression: MPL-2.0\n" in metadata
    assert "\nRequires-Python: >=3.11\n" in metadata
    assert metadata.partition("\n\n")[2].startswith(f"# {FOLDERS[folder]}\n")


def test_the_core_brings_its_migrations() -> None:
    assert any("/migrations/versions/" in name for name in sources("monolith_core"))


@pytest.mark.parametrize("folder", FOLDERS)
def test_an_sdist_has_what_the_wheel_is_built_from(built: Path, folder: str) -> None:
    (path,) = built.glob(f"{FOLDERS[folder].replace('-', '_')}-{monolith_core.__version__}.tar.gz")
    with tarfile.open(path) as archive:
        names = {member.name.partition("/")[2] for member in archive if member.isfile()}
    names = {name for name in names if ".egg-info/" not in name}
    tests = {f"tests/{path.name}" for path in (ROOT / folder / "tests").glob("test_*.py")}
    assert tests
    expected = {f"src/{name}" for name in sources(folder)} | tests | {"pyproject.toml", "README.md", "LICENSE"}
    assert names == expected | more(folder) | {"PKG-INFO", "setup.cfg"}


def more(folder: str) -> set[str]:
    """What the manifest of a distribution names beside its tests, and what its tests share."""
    manifest = ROOT / folder / "MANIFEST.in"
    if not manifest.exists():
        return set()
    lines = [line.split() for line in manifest.read_text(encoding="utf-8").splitlines()]
    shared = {f"tests/{path.name}" for path in (ROOT / folder / "tests").glob("conftest.py")}
    return shared | {"MANIFEST.in"} | {name for word, *names in lines if word == "include" for name in names}


def test_the_same_bytes_twice(built: Path, tmp_path: Path) -> None:
    """In other folders, of another user's habits, a moment later."""
    (tmp_path / "elsewhere").mkdir()
    again = build(tmp_path / "dist", TMPDIR=str(tmp_path / "elsewhere"), TZ="Pacific/Kiritimati", PYTHONHASHSEED="7")
    digests = [{file.name: sha256(file.read_bytes()).hexdigest() for file in dist.iterdir()} for dist in (built, again)]
    assert len(digests[0]) == 2 * len(FOLDERS)
    assert digests[0] == digests[1]


def test_an_sdist_says_nothing_of_who_built_it(built: Path) -> None:
    for path in built.glob("*.tar.gz"):
        with tarfile.open(path) as archive:
            about = {(each.mtime, each.uid, each.gid, each.uname, each.gname) for each in archive}
        ((time, *nobody),) = about
        assert time == 1_700_000_000
        assert nobody == [0, 0, "", ""]
        assert path.read_bytes()[4:8] == int(time).to_bytes(4, "little")


@pytest.mark.parametrize("folder", FOLDERS)
def test_an_sdist_brings_its_tests(built: Path, testers: Path, tmp_path: Path, folder: str) -> None:
    (path,) = built.glob(f"{FOLDERS[folder].replace('-', '_')}-{monolith_core.__version__}.tar.gz")
    with tarfile.open(path) as archive:
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    (unpacked / "src").rename(tmp_path / "src")  # what is tested is what was installed
    options = ("-q", "-p", "no:cacheprovider", "-m", "not hypothesis")  # properties take minutes, and nothing else
    told = run(testers / "bin/python", "-m", "pytest", *options, cwd=unpacked)
    assert re.search(r"^\d+ passed", told, re.MULTILINE), told


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_distribution_carries_the_license(folder: str) -> None:
    assert (ROOT / folder / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def distributions(environment: Path) -> set[str]:
    listed = run(
        environment / "bin/python", "-m", "pip", "list", "--format=json", "--disable-pip-version-check", cwd=environment
    )
    return {entry["name"].lower() for entry in json.loads(listed)}


def install(environment: Path, *what: str | Path) -> None:
    pip = (environment / "bin/python", "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet")
    run(*pip, *what, cwd=environment)


def test_wheels_run_in_a_clean_environment(built: Path, tmp_path: Path) -> None:
    environment, away = tmp_path / "environment", tmp_path / "away"
    away.mkdir()
    run(sys.executable, "-m", "venv", environment, cwd=tmp_path)

    constraints = tmp_path / "constraints.txt"
    pins = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8")
    constraints.write_text(re.sub(r"\[.*\]", "", pins), encoding="utf-8")
    before = distributions(environment)
    install(environment, wheel(built, "monolith_core"), "--constraint", constraints)
    assert {plain(name) for name in distributions(environment) - before} == {"monolith-core", *documented_packages()}
    assert distributions(environment) & DRIVERS == set()
    assert monolith_core.__version__ in run(environment / "bin/monolith-extract", "--version", cwd=away)
    assert "monolith-plugin-sql" not in run(environment / "bin/monolith-extract", "--list-plugins", cwd=away)

    install(environment, wheel(built, "monolith_plugins_sql"))
    assert distributions(environment) & DRIVERS == {"pymysql"}
    assert "monolith-plugin-sql" in run(environment / "bin/monolith-extract", "--list-plugins", cwd=away)
    extract(environment, away)


def documented_packages() -> set[str]:
    """What docs/dependencies.rst says that the core brings, directly and by that."""
    page = (ROOT / "docs/dependencies.rst").read_text(encoding="utf-8")
    section = page.partition("``monolith-core``\n---")[2].partition("``monolith-core[testing]``")[0]
    direct = re.findall(r"^``([\w.-]+)>=", section, re.MULTILINE)
    with_these = section.partition("With these come: ")[2].strip().rstrip(".").split(",")
    words = {11: "Eleven", 14: "fourteen"}
    assert f"{words[len(direct)]} direct dependencies" in section
    assert f"they bring {words[len(with_these)]} more" in section
    return {plain(name.strip()) for name in [*direct, *with_these]}


def plain(name: str) -> str:
    """A distribution's name as the package index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def extract(environment: Path, away: Path) -> None:
    """Archive three rows of two days with the installed commands, twice."""
    with closing(sqlite3.connect(away / "visits.sqlite")) as connection:
        connection.execute("CREATE TABLE visits (date DATE, page TEXT)")
        days = [("2024-01-01", "/"), ("2024-01-01", "/docs"), ("2024-01-02", "/")]
        connection.executemany("INSERT INTO visits VALUES (?, ?)", days)
        connection.commit()
    (away / "visits.ini").write_text(CONFIG, encoding="utf-8")
    run(environment / "bin/monolith-extract", "visits.ini", cwd=away)
    run(environment / "bin/python", "-m", "monolith_core", "visits.ini", cwd=away)
    with closing(sqlite3.connect(away / "archive.sqlite")) as connection:
        rows = connection.execute("SELECT date, source, category, data FROM record ORDER BY date, data").fetchall()
    assert rows == [
        ("2024-01-01", "visits", "visit", '{"page":"/"}'),
        ("2024-01-01", "visits", "visit", '{"page":"/docs"}'),
        ("2024-01-02", "visits", "visit", '{"page":"/"}'),
    ]
    assert "visits" in run(environment / "bin/monolith", "status", "visits.ini", cwd=away)


@pytest.fixture(scope="module")
def testers(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean environment with every sdist installed, each with what its tests need and nothing else."""
    environment = tmp_path_factory.mktemp("tester") / "environment"
    run(sys.executable, "-m", "venv", environment, cwd=built)
    install(environment, "setuptools>=77")
    paths = [f"{path}[test]" for path in sorted(built.glob("*.tar.gz"))]
    # What one of them needs of another is none of the index.
    install(environment, "--no-build-isolation", "--find-links", built, *paths)
    return environment


@pytest.fixture(scope="module")
def authors(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clean environment of a plugin's author: our wheels, and what tests and builds need."""
    environment = tmp_path_factory.mktemp("author") / "environment"
    run(sys.executable, "-m", "venv", environment, cwd=built)
    core, sql = wheel(built, "monolith_core"), wheel(built, "monolith_plugins_sql")
    install(environment, f"{core}[testing]", sql, "build", "setuptools>=77")
    return environment


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_plugin_can_be_published(authors: Path, tmp_path: Path, kind: Any) -> None:
    plugin = NewPlugin(f"acme-{kind}", kind, "MIT", "Ada", 2024)
    plugin.write(tmp_path)
    folder = tmp_path / plugin.distribution
    publish(authors, plugin, folder)
    run(authors / "bin/python", "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=folder)
    run(authors / "bin/monolith", "check", "example.ini", cwd=folder)
    run(authors / "bin/monolith-extract", "example.ini", cwd=folder)
    assert left_by(kind, folder) > 0


def publish(authors: Path, plugin: NewPlugin, folder: Path) -> None:
    """Build a plugin, and install it as others would: what is run from here on is what was installed."""
    run(authors / "bin/python", "-m", "build", "--no-isolation", cwd=folder)
    (published,) = (folder / "dist").glob("*.whl")
    install(authors, published)
    shutil.rmtree(folder / "src")
    listed = run(authors / "bin/monolith-extract", "--list-plugins", cwd=folder)
    assert [plugin.kind, plugin.name, plugin.distribution, "0.1.0"] in [line.split() for line in listed.splitlines()]
    assert run(authors / "bin/monolith", "plugins", "--check", cwd=folder)


def test_the_tutorials_plugin_can_be_published(authors: Path, tmp_path: Path) -> None:
    """It archives from a service on this machine; test_tutorial.py runs its own tests."""
    plugin = NewPlugin("tides", "source", "MIT", "Ada", 2024)
    plugin.write(tmp_path)
    folder = tmp_path / plugin.distribution
    shutil.copytree(ROOT / "examples/tutorial/tides", folder, dirs_exist_ok=True)
    publish(authors, plugin, folder)
    with Service() as service:
        service.says("/tides", {"tides": [{"kind": "low", "time": "04:12", "metres": 0.4}], "forecast": False})
        run(authors / "bin/monolith-extract", "example.ini", cwd=folder, TIDES_URL=service.url, TIDES_TOKEN="abc")
    assert left_by("source", folder) == 2


def left_by(kind: str, folder: Path) -> int:
    """How much the run of the example left that its plugin is for."""
    if kind == "hooks":
        return len((folder / "runs.txt").read_text().splitlines())
    if kind == "target":
        return sum(len(file.read_text().splitlines()) for file in (folder / "files").iterdir())
    with closing(sqlite3.connect(folder / "archive.sqlite")) as connection:
        found: int = connection.execute("SELECT count(*) FROM record").fetchone()[0]
    return found
