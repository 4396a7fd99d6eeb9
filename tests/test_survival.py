"""kill -9, SIGSTOP, signals and two runs at once: what is committed stays, and the next run completes the rest."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from support.workload import DAYS, PATIENCE, SOURCES, Workload, kill, per_day, watched

from monolith_core.faults import POINTS

pytestmark = pytest.mark.server
KILLED = -signal.SIGKILL
DATABASES = ["sqlite", "mariadb"]


@pytest.fixture(scope="module", params=DATABASES)
def make(request, tmp_path_factory):
    """Makes fresh workloads on SQLite or MariaDB."""

    def fresh(name, **options):
        folder = tmp_path_factory.mktemp(name)
        if request.param == "sqlite":
            urls = f"sqlite:///{folder}/archive.sqlite", f"sqlite:///{folder}/copy.sqlite"
        else:
            server = request.getfixturevalue("mariadb")
            urls = server.url(), server.url()
        return Workload(folder, *urls, **options)

    return fresh


@pytest.fixture(scope="module")
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
FAULTS = [
    *POINTS,
    "replacing:7",
    "delivering:100",
    "replaced:20",
    "recorded:20",
    "committed:30",
    "staged:5",
    "leased:3",
]


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
    reports = [tmp_path / f"{name}.json" for name in "abc"]
    with watched(job.archive, job.copy):
        processes = [job.start("--report", str(report)) for report in reports[:2]]
        outputs = [process.communicate(timeout=PATIENCE)[0] for process in processes]
        status, output = job.run("--report", str(reports[2]))
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert status == 0, output
    assert job.snapshot() == expected[0]
    first, second, rest = map(_sources, reports)
    for source in SOURCES:
        key = "extract", source
        assert first[key]["done"] + second[key]["done"] == DAYS
        assert {first[key]["done"], second[key]["done"]} == {0, DAYS}, "whoever has the lease does all of it"
        assert rest[key]["due"] == 0
    # What the winner had not extracted yet when the loser planned its copy comes with the next run.
    assert sum(each["load", "stored"]["done"] for each in (first, second, rest)) == DAYS * len(SOURCES)
    for each in (first, second, rest):
        for counts in each.values():
            assert counts["done"] == counts["due"]
            assert counts["unchanged"] == counts["failed"] == counts["held"] == counts["skipped"] == 0
            assert not counts["left_out"] or counts["done"] == 0


def _sources(report: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """What a report says of each phase and source."""
    phases = json.loads(report.read_text(encoding="utf-8"))["phases"]
    return {(phase["id"], source["id"]): source for phase in phases for source in phase["sources"]}


def test_a_plan_leaves_nothing_behind(make):
    job = make("plan")
    files = sorted(job.folder.iterdir())
    status, output = job.run("--plan")
    assert status == 0, output
    assert output.count(" new") == DAYS * len(SOURCES)
    assert sorted(job.folder.iterdir()) == files
    assert job.ledger_is_empty()


def test_the_loser_says_who_holds_the_lease(make):
    job = make("loser")
    job.run()
    engine = create_engine(job.archive)
    with engine.begin() as connection:
        connection.execute(text("UPDATE lease SET holder = 'host=web7 pid=4711', expires = 9000000000"))
    engine.dispose()
    status, output = job.run("--force")
    assert status == 0
    assert output.count("host web7, pid 4711") >= 3


def _wait_for_expiry(job: Workload) -> None:
    """Wait until the database's clock says that every lease has run out."""
    engine = create_engine(job.archive)
    clock = "UNIX_TIMESTAMP(NOW(6))" if engine.dialect.name == "mysql" else "(julianday('now') - 2440587.5) * 86400.0"
    held = text(f"SELECT COUNT(*) FROM lease WHERE expires > {clock}")
    while True:
        with engine.connect() as connection:
            if not connection.execute(held).scalar():
                break
        time.sleep(0.05)
    engine.dispose()


def _stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def _stopped_run(job, *arguments, point):
    """A run that stands still at a fault point until it is told to go on."""
    process = job.start("--force", *arguments, fault=f"{point}:stop")
    while not _stopped(process.pid):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    return process


def _go_on(process):
    process.send_signal(signal.SIGCONT)
    output, _ = process.communicate(timeout=PATIENCE)
    assert "ran out or was taken over" in output, output
    assert process.returncode == 1


# One source in one window, so that no other thread is between its last check and its commit: that one may commit, as
# its open transaction has locked the lease and nobody could have taken it over.
STANDING = ["extracting:1", "staged:1", "replacing:3", "delivering:100", "replaced:3", "recorded:3"]


@pytest.mark.parametrize(
    ("phase", "point"),
    [("load", "replacing:3"), ("load", "delivering:100"), *(("extract", point) for point in STANDING)],
)
def test_a_run_that_stood_still_beyond_its_lease_commits_nothing(make, expected, phase, point):
    job = make("stopped", lease="2s", span=DAYS)
    for _ in range(2 if phase == "load" else 1):  # the second run makes the archive differ from the copy
        status, output = job.run("--sequence", "extract,load" if job.ledger_is_empty() else "extract", "--force")
        assert status == 0, output
        job.write_version(1)
    process = _stopped_run(job, "--sequence", phase, "--source", "alpha", point=point)
    _wait_for_expiry(job)
    before = job.snapshot()
    _go_on(process)
    assert job.snapshot() == before
    status, output = job.run("--force")
    assert status == 0, output
    assert job.snapshot() == expected[1]


def test_a_run_that_was_overtaken_while_it_stood_still_commits_nothing(make, expected):
    job = make("overtaken", lease="2s", span=DAYS)
    process = _stopped_run(job, "--source", "alpha", point="replacing:5")
    _wait_for_expiry(job)
    job.write_version(1)
    status, output = job.run("--force")
    assert status == 0, output
    assert job.snapshot() == expected[1]
    _go_on(process)
    assert job.snapshot() == expected[1]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_stops_at_a_safe_point_and_gives_the_leases_back(make, expected, number, status):
    job = make("signal")
    process = _stopped_run(job, point="replacing:5")
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
