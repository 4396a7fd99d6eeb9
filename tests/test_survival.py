"""kill -9, SIGSTOP, signals and two runs at once: what is committed stays, and the next run completes the rest."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from support.workload import DAYS, PATIENCE, SOURCES, Workload, kill, per_day, watched

from monolith_core.faults import POINTS

KILLED = -signal.SIGKILL
DATABASES = ["sqlite", pytest.param("mariadb", marks=pytest.mark.server)]


@pytest.fixture(params=DATABASES)
def make(request, tmp_path):
    """Makes fresh workloads on SQLite or MariaDB."""

    def fresh(name, **options):
        folder = tmp_path / name
        folder.mkdir()
        if request.param == "sqlite":
            urls = f"sqlite:///{folder}/archive.sqlite", f"sqlite:///{folder}/copy.sqlite"
        else:
            server = request.getfixturevalue("mariadb")
            urls = server.url(), server.url()
        return Workload(folder, *urls, **options)

    return fresh


@pytest.fixture
def expected(make):
    """What an uninterrupted run of version 0, then 1, leaves behind."""
    job = make("expected")
    snapshots = []
    for version in (0, 1):
        job.write_version(version)
        status, output = job.run("--force")
        assert status == 0, output
        snapshots.append(job.snapshot())
    assert len(snapshots[1]["archive"]) == DAYS * sum(per_day(source, 1) for source in SOURCES)
    assert len(snapshots[1]["ledger"]) == 2 * DAYS * len(SOURCES)
    return snapshots


# Every point at its first passing, and the busy ones somewhere in the middle of the run.
FAULTS = [*POINTS, "replacing:7", "delivering:100", "replaced:20", "recorded:20", "committed:30", "staged:5", "leased:3"]


@pytest.mark.parametrize("fault", FAULTS)
def test_killed_at(make, expected, fault):
    job = make("killed")
    with watched(job.archive, job.copy):
        status, output = job.run(fault=fault)
        assert status == KILLED, output
        status, output = job.run()
        assert status == 0, output
    assert job.snapshot() == expected[0]

    job.write_version(1)
    with watched(job.archive, job.copy):
        status, output = job.run("--force", fault=fault)
        assert status == KILLED, output
        status, output = job.run("--force")
        assert status == 0, output
    assert job.snapshot() == expected[1]


def _killed_at_random(make, expected, times, seed):
    chance = random.Random(seed)
    job = make("random")
    begin = time.monotonic()
    job.run()
    whole = time.monotonic() - begin
    kills = 0
    for number in range(times):
        version = (number + 1) % 2
        job.write_version(version)
        with watched(job.archive, job.copy):
            process = job.start("--force")
            time.sleep(chance.uniform(0, whole))  # where it is hit is meant to be left to chance
            kill(process)
            kills += process.returncode == KILLED
            status, output = job.run("--force")
            assert status == 0, output
        assert job.snapshot() == expected[version]
    assert kills > times / 3


def test_killed_at_random_instants(make, expected):
    _killed_at_random(make, expected, times=4, seed=7)


@pytest.mark.campaign
def test_killed_at_fifty_random_instants(make, expected):
    _killed_at_random(make, expected, times=50, seed=int.from_bytes(os.urandom(4)))


def test_two_runs_at_once_do_every_partition_once(make, expected, tmp_path):
    job = make("two")
    job.run("--plan")  # nothing is touched
    reports = [tmp_path / "a.json", tmp_path / "b.json"]
    with watched(job.archive, job.copy):
        processes = [job.start("--report", str(report)) for report in reports]
        outputs = [process.communicate(timeout=PATIENCE)[0] for process in processes]
        status, output = job.run()
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert status == 0, output
    assert job.snapshot() == expected[0]


def test_the_loser_says_who_holds_the_lease(make):
    job = make("loser")
    job.run()
    engine = create_engine(job.archive)
    with engine.begin() as connection:
        connection.execute(text("UPDATE lease SET holder = 'host=web7 pid=4711', expires = expires + 1000000000"))
    engine.dispose()
    status, output = job.run("--force")
    assert status == 0
    assert output.count("host web7, pid 4711") >= 3


def _expire(job: Workload) -> None:
    """Let every lease run out, as it does when its holder stands still for longer than it lasts."""
    engine = create_engine(job.archive)
    with engine.begin() as connection:
        connection.execute(text("UPDATE lease SET expires = 0"))
    engine.dispose()


def _stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


@pytest.mark.parametrize("point", ["extracting:2", "replacing:3", "replaced:9", "recorded:9", "replacing:30"])
def test_a_run_that_stood_still_beyond_its_lease_commits_nothing(make, expected, point):
    job = make("stopped")
    status, output = job.run()
    assert status == 0, output
    job.write_version(1)
    process = job.start("--force", fault=f"{point}:stop")
    while not _stopped(process.pid):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    _expire(job)
    before = job.snapshot()
    process.send_signal(signal.SIGCONT)
    output, _ = process.communicate(timeout=PATIENCE)
    assert job.snapshot() == before
    assert "lost" in output, output
    assert process.returncode == 1
    status, output = job.run("--force")
    assert status == 0, output
    assert job.snapshot() == expected[1]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_stops_at_a_safe_point_and_gives_the_leases_back(make, expected, number, status):
    job = make("signal")
    process = job.start(fault="replacing:5:stop")
    while not _stopped(process.pid):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(number)
    process.send_signal(signal.SIGCONT)
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == status, output
    engine = create_engine(job.archive)
    with engine.connect() as connection:
        held = connection.execute(text("SELECT COUNT(*) FROM lease WHERE expires > 1000000")).scalar()
        runs = connection.execute(text("SELECT status FROM run")).scalars().all()
    engine.dispose()
    assert held == 0
    assert list(runs) == ["interrupted"]
    status, output = job.run()
    assert status == 0, output
    assert job.snapshot() == expected[0]
