"""`monolith reconcile`: each damage done to a target by hand is found, told, repaired, and then no more."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support import damage
from support.damage import DAY, Damage
from support.scripted import Job, make_job
from support.sql import archived, execute

from monolith_core.config import load_config
from monolith_core.reconcile import Scope, look, mark
from monolith_core.storage import Storage
from monolith_core.storage.holder import identity

LOAD = """\
database = {archive}
[phase:load]
sources = stored
targets = copy
[source:stored]
use = sql
database = {archive}
[target:copy]
use = sql
database = {copy}
"""


class Two:
    """A job that archives, and loads a copy; `archive` and `copy` are the URLs of two databases."""

    def __init__(self, job: Job, archive: str, copy: str) -> None:
        self.job = job
        self.archive = archive
        self.copy = copy
        job.change("database = sqlite:///%(here)s/archive.sqlite", f"database = {archive}")
        job.add(LOAD.format(archive=archive, copy=copy))
        assert job.extract().exit_code == 0
        self.right = archived(archive)
        assert archived(copy) == self.right != set()

    def url(self, target: str) -> str:
        return self.archive if target == "sql" else self.copy

    def found(self, *options: str) -> list[tuple[str, str, str, int, int]]:
        """The differences, and the exit status that goes with them."""
        done = self.job.monolith("reconcile", *options)
        assert done.exit_code == (1 if self.listed(*options) else 0), done.output
        return [
            (each["target"], each["date"], each["kind"], each["ledger"], each["held"]) for each in self.listed(*options)
        ]

    def listed(self, *options: str) -> list[dict[str, Any]]:
        return list(self.job.json("reconcile", *options)["differences"])

    def storage(self) -> Storage:
        return Storage.open(self.archive)


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Job:
    return make_job(monkeypatch, tmp_path)


@pytest.fixture
def two(job: Job) -> Two:
    return Two(job, f"sqlite:///{job.folder}/archive.sqlite", f"sqlite:///{job.folder}/copy.sqlite")


@pytest.fixture(params=["sql", "copy"])
def target(request: pytest.FixtureRequest) -> str:
    """Which of the two targets is damaged: the one that the source is asked for, or the one loaded from the archive."""
    return str(request.param)


@pytest.fixture
def anywhere(job: Job, database_url: str, target: str) -> Two:
    """The damaged target is in each kind of database."""
    other = f"sqlite:///{job.folder}/other.sqlite"
    return Two(job, *((database_url, other) if target == "sql" else (other, database_url)))


Expected = tuple[str, str, int, int]

FOUND: list[tuple[Damage, list[Expected]]] = [
    (damage.deleted, [("2024-01-05", "different", 4, 3)]),
    (damage.added, [("2024-01-05", "different", 4, 5)]),
    (damage.added_with_any_id, [("2024-01-05", "different", 4, 5)]),
    (damage.replaced, [("2024-01-05", "different", 4, 4)]),
    (damage.swapped, [("2024-01-06", "different", 4, 4), ("2024-01-05", "different", 4, 4)]),
    (damage.emptied, [("2024-01-05", "missing", 4, 0)]),
    (damage.dropped, [(f"2024-01-{day:02}", "missing", 4, 0) for day in range(10, 0, -1)]),
]


@pytest.mark.parametrize(("harm", "expected"), FOUND, ids=lambda value: getattr(value, "__name__", ""))
def test_what_was_done_to_a_target_is_found_and_repaired(
    two: Two, target: str, harm: Damage, expected: list[Expected]
) -> None:
    assert two.found() == two.found("--deep") == []
    check(two, target, harm, expected)


@pytest.mark.parametrize("harm", [damage.added_with_any_id, damage.swapped, damage.dropped])
def test_in_every_kind_of_database(anywhere: Two, target: str, harm: Damage) -> None:
    check(anywhere, target, harm, dict(FOUND)[harm])


def check(two: Two, target: str, harm: Damage, expected: list[Expected]) -> None:
    harm(two.url(target))
    assert two.found() == [(target, *each) for each in expected]
    done = two.job.monolith("reconcile", "--repair")
    assert done.exit_code == 0, done.output
    assert f"{len(expected)} partition{'s' if len(expected) > 1 else ''} loaded again and found right" in done.stdout
    assert archived(two.url(target)) == two.right
    assert two.found("--deep") == []


def test_a_category_is_a_part_of_the_body(two: Two) -> None:
    damage.recategorized(two.copy)
    assert two.found("--deep") == [("copy", DAY, "body", 4, 4)]
    assert two.job.monolith("reconcile", "--deep", "--repair").exit_code == 0
    assert archived(two.copy) == two.right


def test_a_body_changed_under_its_id_is_found_by_looking_deep(anywhere: Two, target: str) -> None:
    damage.changed(anywhere.url(target))
    assert anywhere.found() == []
    assert anywhere.found("--deep") == [(target, DAY, "body", 4, 4)]
    assert anywhere.job.monolith("reconcile", "--deep", "--repair").exit_code == 0
    assert archived(anywhere.url(target)) == anywhere.right
    assert anywhere.found("--deep") == []


def test_a_partition_that_the_ledger_does_not_know(anywhere: Two, target: str) -> None:
    """What is held is a shrink to nothing: it is emptied when that is accepted."""
    damage.stray(anywhere.url(target))
    expected = (target, "2023-05-05", "unknown", 0, 1)
    assert anywhere.found() == [expected]
    done = anywhere.job.monolith("reconcile", "--repair")
    assert done.exit_code == 1
    assert "0 partitions loaded again" in done.stdout
    assert f"left: visits 2023-05-05 in {target}: came back with 0 records where 1 are held" in done.stdout
    assert len(archived(anywhere.url(target))) == len(anywhere.right) + 1
    phase = "extract" if target == "sql" else "load"
    accepted = anywhere.job.extract("--sequence", phase, "--source", "visits", "--date", "2023-05-05", "--force")
    assert accepted.exit_code == 0
    assert archived(anywhere.url(target)) == anywhere.right
    assert anywhere.found("--deep") == []


def test_an_unknown_partition_that_the_archive_has(two: Two) -> None:
    """The ledger's rows of one day are lost, and what is in the copy is not right either."""
    execute(two.archive, f"DELETE FROM ledger WHERE target = 'copy' AND date = '{DAY}'")
    damage.deleted(two.copy)
    assert two.found() == [("copy", DAY, "unknown", 0, 3)]
    assert two.job.monolith("reconcile", "--repair").exit_code == 0
    assert archived(two.copy) == two.right


def test_equal_records_are_not_changed_ones(job: Job) -> None:
    job.script({DAY: [{"n": 1}] * 5 + [{"n": 2}] * 3})
    two = Two(job, f"sqlite:///{job.folder}/archive.sqlite", f"sqlite:///{job.folder}/copy.sqlite")
    assert two.found("--deep") == []
    execute(two.copy, "UPDATE record SET data = '{\"n\":3}' WHERE id = (SELECT MAX(id) FROM record)")
    assert two.found("--deep") == [("copy", DAY, "body", 8, 8)]
    assert two.job.monolith("reconcile", "--deep", "--repair").exit_code == 0
    assert archived(two.copy) == two.right


def test_it_writes_nothing_unless_it_is_to_repair(two: Two) -> None:
    damage.deleted(two.copy)
    damage.stray(two.archive)

    def everything() -> list[str]:
        dumps = []
        for url in (two.archive, two.copy):
            with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
                dumps += list(connection.iterdump())
        return dumps

    before = everything()
    assert two.job.monolith("reconcile", "--deep").exit_code == 1
    assert everything() == before


def test_nothing_is_made_where_nothing_is(job: Job) -> None:
    before = job.files()
    done = job.monolith("reconcile")
    assert done.exit_code == 1
    assert "there is no such file; check the option database" in done.stdout
    assert job.files() == before


def test_the_table_for_people(two: Two) -> None:
    damage.dropped(two.copy)
    damage.added(two.archive)
    damage.stray(two.archive)
    done = two.job.monolith("reconcile")
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "target  source  days                    ledger  held  difference",
        "sql     visits  2023-05-05                   0     1  unknown to the ledger",
        "sql     visits  2024-01-05                   4     5  more records",
        "copy    visits  2024-01-01..2024-01-10      40     0  nothing is held",
        "",
        "sql: 10 partitions with 40 records in the ledger, 2 differ",
        "copy: 10 partitions with 40 records in the ledger, 10 differ",
    ]
    execute(two.archive, f"DELETE FROM record WHERE date > '{DAY}' OR date < '2024'")
    damage.deleted(two.archive)
    lines = two.job.monolith("reconcile", "--target", "sql").stdout.splitlines()
    assert lines[1:3] == [
        "sql     visits  2024-01-05                   4     4  other records",
        "sql     visits  2024-01-06..2024-01-10      20     0  nothing is held",
    ]


def test_it_can_be_limited(two: Two) -> None:
    damage.dropped(two.copy)
    damage.deleted(two.archive)
    damage.insert(two.archive, "ghost", DAY, "{}")
    assert [each[:2] for each in two.found("--target", "sql")] == [("sql", DAY)] * 2
    assert len(two.found("--target", "copy", "--target", "sql")) == 12
    assert {each[1] for each in two.found("--start-date", "2024-01-04", "--end-date", DAY)} == {"2024-01-04", DAY}
    assert [each[0] for each in two.found("--date", DAY, "--source", "visits")] == ["sql", "copy"]
    assert two.job.monolith("reconcile", "--target", "copy", "--date", "2024-01-04", "--repair").exit_code == 0
    assert [each[1] for each in two.found("--target", "copy", "--start-date", "2024-01-03", "--end-date", DAY)] == [
        DAY,
        "2024-01-03",
    ]


def test_the_copy_is_not_loaded_from_a_damaged_archive(two: Two) -> None:
    damage.deleted(two.archive)
    damage.emptied(two.copy)
    done = two.job.monolith("reconcile", "--target", "copy", "--repair")
    assert done.exit_code == 1
    assert "stored was to hold 4 records of visits 2024-01-05 and yielded 3" in done.stdout
    assert two.job.monolith("reconcile", "--repair").exit_code == 0
    assert archived(two.copy) == archived(two.archive) == two.right


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--target", "kopy"], "did you mean copy?"),
        (["--source", "vists"], "did you mean visits?"),
        (["--end-date", DAY], "needs --start-date"),
        (["--date", "someday"], "is no day"),
    ],
)
def test_it_refuses(two: Two, options: list[str], expected: str) -> None:
    done = two.job.monolith("reconcile", *options)
    assert done.exit_code == 2
    assert expected in " ".join(done.stderr.split())


def test_one_target_that_cannot_be_asked(two: Two) -> None:
    damage.deleted(two.archive)
    Path(two.copy.removeprefix("sqlite:///")).unlink()
    done = two.job.monolith("reconcile", "--repair")
    assert done.exit_code == 1
    assert "copy: failed: " in done.stdout
    assert "1 partition loaded again and found right" in done.stdout
    listed = two.job.json("reconcile")["targets"]
    assert [(each["target"], each["status"]) for each in listed] == [("sql", "same"), ("copy", "failed")]


def test_what_a_reconcile_marked_is_shown_and_repaired_by_the_next_run(two: Two) -> None:
    damage.changed(two.copy)
    config = load_config(two.job.config)
    storage = two.storage()
    (found,) = look(config, storage, ["copy"], Scope(deep=True))
    mark(config, storage, found.differences)
    storage.close()
    status = two.job.monolith("status").stdout
    assert f"drift  visits {DAY} into copy: records were found to be changed under their ids" in status
    assert [each["reason"] for each in two.job.json("plan")] == ["drift"]
    assert two.found() == [("copy", DAY, "marked", 4, 4)]
    assert two.job.extract().exit_code == 0
    assert archived(two.copy) == two.right
    assert two.found("--deep") == []


def test_what_is_marked_and_right_again_is_loaded_again(two: Two) -> None:
    """Someone has put it right by hand: that is seen when it is written, and nothing is."""
    missing = archived(two.copy)
    damage.deleted(two.copy)
    ((day, source, identity, _, data),) = missing - archived(two.copy)
    config = load_config(two.job.config)
    storage = two.storage()
    (found,) = look(config, storage, ["copy"], Scope())
    mark(config, storage, found.differences)
    storage.close()
    damage.insert(two.copy, source, day, data, identity)
    assert two.found() == [("copy", DAY, "marked", 4, 4)]
    assert two.job.monolith("reconcile", "--repair").exit_code == 0
    assert archived(two.copy) == two.right
    assert two.found() == []


def test_a_source_that_fails_leaves_it_to_the_next_run(two: Two) -> None:
    damage.deleted(two.archive)
    two.job.script({DAY: "permanent: gone for today"})
    done = two.job.monolith("reconcile", "--repair")
    assert done.exit_code == 1
    assert f"left: visits {DAY} in sql: gone for today" in done.stdout
    (difference,) = two.job.json("reconcile")["differences"]
    assert (difference["kind"], difference["repaired"]) == ("different", None)
    two.job.script({DAY: [{"n": n} for n in range(4)]})
    assert two.job.extract().exit_code == 0
    assert archived(two.archive) == two.right
    assert two.found() == []


def test_a_changed_body_stays_until_there_is_another(two: Two) -> None:
    """The source has lost what was archived: a record that someone corrected by hand must not be lost with it."""
    damage.changed(two.archive)
    before = archived(two.archive)
    two.job.script({})
    done = two.job.monolith("reconcile", "--deep", "--repair")
    assert done.exit_code == 1
    assert "came back with 0 records where 4 are held" in done.stdout
    assert archived(two.archive) == before


def test_a_run_that_works_on_the_source_is_not_disturbed(two: Two) -> None:
    damage.deleted(two.copy)
    damage.deleted(two.archive)
    storage = two.storage()
    lease = storage.leases.acquire("load", "stored", identity(), 60)
    looked = two.job.monolith("reconcile")
    assert "copy: a run is writing to it now (host " in looked.stdout
    assert "sql: a run" not in looked.stdout
    done = two.job.monolith("reconcile", "--repair")
    assert done.exit_code == 1
    assert "1 partition loaded again and found right" in done.stdout
    assert (
        f"left: visits {DAY} in copy: source 'stored' of phase 'load' is being worked on by another run" in done.stdout
    )
    assert storage.ledger.rows(states=["drift"]) == []
    storage.leases.release(lease)
    storage.close()
    assert [each[0] for each in two.found()] == ["copy"]
    assert "a run" not in two.job.monolith("reconcile").stdout


def test_nobody_speaks_for_it(two: Two) -> None:
    damage.insert(two.archive, "ghost", DAY, "{}")
    done = two.job.monolith("reconcile", "--repair")
    assert done.exit_code == 1
    assert f"left: ghost {DAY} in sql: no source that sql is written from speaks for it" in done.stdout
    (difference,) = two.job.json("reconcile", "--repair")["differences"]
    assert (difference["source"], difference["repaired"]) == ("ghost", False)
    assert difference["left"].startswith("no source")


def test_the_archive_speaks_for_every_source(two: Two) -> None:
    """Also for one that it has nothing of any more."""
    damage.insert(two.copy, "ghost", DAY, "{}")
    two.job.add("[source:ghost]\nuse = scripted\nfile = %(here)s/visits.json\n")
    two.job.change("sources = visits", "sources = visits, ghost")
    two.job.change("[source:stored]", "[source:stored]\nmax-shrink = 1")
    assert two.job.monolith("reconcile", "--repair").exit_code == 0
    assert archived(two.copy) == two.right


def test_the_archive_read_by_a_query(job: Job) -> None:
    """An ordinary source to the plan, which yields the records of others: the day is asked for again."""
    two = Two(job, f"sqlite:///{job.folder}/archive.sqlite", f"sqlite:///{job.folder}/copy.sqlite")
    query = "query = select * from record where date BETWEEN :start_date and :end_date"
    job.change("[source:stored]", f"[source:stored]\n{query}")
    assert job.extract().exit_code == 0
    damage.deleted(two.copy)
    damage.stray(two.copy)
    assert [each[1:3] for each in two.found()] == [(DAY, "different"), ("2023-05-05", "unknown")]
    done = job.monolith("reconcile", "--repair")
    assert done.exit_code == 1
    assert "1 partition loaded again and found right" in done.stdout
    assert "left: visits 2023-05-05 in copy: came back with 0 records where 1 are held" in done.stdout
    assert len(archived(two.copy) - two.right) == 1


def test_two_targets_in_one_table(two: Two) -> None:
    """They hold each other's partitions; each is told of its own, and one that nobody knows of once."""
    two.job.add("[source:more]\nuse = scripted\nfile = %(here)s/more.json\n")
    two.job.add(f"[target:also]\nuse = sql\ndatabase = {two.copy}\n[phase:more]\nsources = more\ntargets = also\n")
    (two.job.folder / "more.json").write_text(f'{{"{DAY}": [{{"n": 1}}]}}')
    assert two.job.extract().exit_code == 0
    assert two.found() == []
    execute(two.copy, f"DELETE FROM record WHERE date = '{DAY}'")
    damage.stray(two.copy)
    missing = [("copy", DAY, "missing", 4, 0), ("also", DAY, "missing", 1, 0)]
    unknown = ("2023-05-05", "unknown", 0, 1)
    assert two.found() == [missing[0], ("copy", *unknown), missing[1]]
    assert two.found("--target", "also") == [missing[1], ("also", *unknown)]
