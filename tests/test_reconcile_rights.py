"""A reconcile that does not repair needs no right to write, and writes nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.scripted import Job, make_job
from support.servers import MariaDB, PostgreSQL, Server
from support.sql import execute
from support.workload import DAYS, SOURCES, Workload

READER = "reconciler"
PASSWORD = "only looks"


@pytest.fixture
def shared_folder() -> Iterator[Path]:
    """A folder that every user may work in: pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="reconcile-"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


def unprivileged(*command: object) -> subprocess.CompletedProcess[str]:
    """Run a command without root's right to write everywhere."""
    drop = ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override"] if os.geteuid() == 0 else []
    return subprocess.run([*drop, *map(str, command)], capture_output=True, text=True, check=False)


def test_sqlite_files_that_may_only_be_read(shared_folder: Path) -> None:
    files = [shared_folder / name for name in ("archive.sqlite", "copy.sqlite")]
    work = Workload(shared_folder, *(f"sqlite:///{file}" for file in files))
    assert work.run()[0] == 0
    execute(work.copy, "DELETE FROM record WHERE date = '2024-01-05' AND source = 'alpha'")
    before = [file.read_bytes() for file in files]
    for file in files:
        file.chmod(0o444)
    monolith = Path(sys.executable).parent / "monolith"
    done = unprivileged(monolith, "reconcile", work.config, "--deep")
    assert (done.returncode, done.stderr) == (1, "")
    assert "copy    alpha   2024-01-05      40     0  nothing is held" in done.stdout.splitlines()
    assert f"archive: {len(SOURCES) * DAYS} partitions" in done.stdout
    assert [file.read_bytes() for file in files] == before


def let_read(server: Server, database: str) -> None:
    """Create a user who may only read the database."""
    if isinstance(server, MariaDB):
        server.admin(f"CREATE OR REPLACE USER {READER}@'%%' IDENTIFIED BY %s", PASSWORD)
        server.admin(f"GRANT SELECT ON `{database}`.* TO {READER}@'%'")
    else:
        server.admin(f"CREATE USER {READER} PASSWORD '{PASSWORD}'")
        server.admin(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {READER}", database=database)


def check(job: Job, server: Server) -> None:
    url = server.url()
    database = url.rpartition("/")[2]
    job.change("sqlite:///%(here)s/archive.sqlite", url)
    assert job.extract().exit_code == 0
    execute(url, "DELETE FROM record WHERE date = '2024-01-05'")
    let_read(server, database)
    job.change(url, server.url_of(database, user=READER, password=PASSWORD))
    assert job.extract().exit_code == 1, "the user may write"
    assert job.monolith("reconcile", "--repair").exit_code == 1
    (difference,) = job.json("reconcile", "--deep")["differences"]
    assert (difference["date"], difference["kind"]) == ("2024-01-05", "missing")


@pytest.mark.server
def test_a_user_of_mariadb_who_may_only_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mariadb: MariaDB) -> None:
    check(make_job(monkeypatch, tmp_path), mariadb)


@pytest.mark.server
def test_a_user_of_postgresql_who_may_only_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, postgresql: PostgreSQL
) -> None:
    check(make_job(monkeypatch, tmp_path), postgresql)
