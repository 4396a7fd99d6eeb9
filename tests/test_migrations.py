"""The storage's tables are made on first use, brought up from every released version, and never brought down."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory
from support.child import Child

from monolith_core.errors import StorageError
from monolith_core.partition import Digest, Partition
from monolith_core.storage import LedgerRow, Storage, schema
from monolith_core.storage.schema import HEAD, VERSION_TABLE, VERSIONS

DUMPS = Path(__file__).parent / "data"


@pytest.fixture
def engine(database_url: str):
    """The database without the storage's code."""
    made = sa.create_engine(database_url, poolclass=sa.NullPool)
    yield made
    made.dispose()


def run(engine: sa.Engine, *statements: str) -> list[tuple]:
    """Run statements; the rows of the last one."""
    with engine.begin() as connection:
        for statement in statements:
            result = connection.exec_driver_sql(statement)
        return [tuple(row) for row in result] if result.returns_rows else []


def shape(engine: sa.Engine) -> dict[str, object]:
    """Every table with its columns, key and indices."""
    inspector = sa.inspect(engine)
    return {
        table: (
            [(column["name"], str(column["type"]), column["nullable"]) for column in inspector.get_columns(table)],
            inspector.get_pk_constraint(table)["constrained_columns"],
            sorted((index["name"], tuple(index["column_names"])) for index in inspector.get_indexes(table)),
        )
        for table in sorted(inspector.get_table_names())
    }


def opened(url: str) -> None:
    Storage.open(url).close()


# --- the versions


def scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", "monolith_core.storage:migrations")
    return ScriptDirectory.from_config(config)


def test_the_program_knows_every_migration_there_is():
    revisions = [script.revision for script in scripts().walk_revisions()]
    assert tuple(reversed(revisions)) == VERSIONS
    assert scripts().get_heads() == [HEAD]


def test_migrations_are_packaged():
    folder = files("monolith_core.storage.migrations")
    assert folder.joinpath("env.py").is_file()
    names = [entry.name for entry in folder.joinpath("versions").iterdir()]
    assert [sum(name.startswith(f"{version}_") for name in names) for version in VERSIONS] == [1] * len(VERSIONS)


# --- first use


def test_the_tables_are_made_on_first_use(engine: sa.Engine, database_url: str):
    opened(database_url)
    assert sorted(shape(engine)) == ["lease", "ledger", VERSION_TABLE, "run"]
    assert run(engine, f"SELECT version_num FROM {VERSION_TABLE}") == [(HEAD,)]


def test_other_tables_stay_as_they_are(engine: sa.Engine, database_url: str):
    run(engine, "CREATE TABLE alembic_version (version_num VARCHAR(32))", "INSERT INTO alembic_version VALUES ('f00')")
    opened(database_url)
    assert run(engine, "SELECT version_num FROM alembic_version") == [("f00",)]


def test_a_storage_at_the_newest_version_is_opened_without_alembic(sqlite_url: str):
    opened(sqlite_url)
    code = (
        "import sys; from monolith_core.storage import Storage\n"
        "Storage.open(sys.argv[1]).close(); sys.exit('alembic' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, sqlite_url], check=True)


OPENING = """
import sys
import alembic.command, monolith_core.storage.migrate
from monolith_core.storage import Storage, storage

print("ready", flush=True)
input()
opened = Storage.open(sys.argv[1])
print(opened.ledger.rows(), opened.query("SELECT version_num FROM monolith_version"), flush=True)
opened.close()
"""


def test_several_processes_may_open_a_new_storage_at_once(database_url: str):
    with (
        Child(OPENING, database_url) as one,
        Child(OPENING, database_url) as two,
        Child(OPENING, database_url) as three,
    ):
        children = [one, two, three]
        assert [child.hear() for child in children] == ["ready"] * 3
        for child in children:
            child.tell()
        assert [child.hear() for child in children] == [f"[] [('{HEAD}',)]"] * 3


def test_who_waits_for_the_other_to_make_the_tables_gives_up_in_the_end(engine: sa.Engine, database_url: str):
    """The lock is taken by hand; what it is on each database is a matter between versions of monolith."""
    locks = {
        "sqlite": "BEGIN IMMEDIATE",
        "mysql": "SELECT GET_LOCK(CONCAT('monolith:', MD5(DATABASE())), 0)",
        "postgresql": "SELECT pg_advisory_lock(7885642897388303464)",
    }
    with engine.connect() as connection:
        connection.exec_driver_sql(locks[engine.dialect.name])
        with pytest.raises(StorageError) as raised:
            Storage.open(database_url, lock_timeout=1.0)
        assert "lock" in str(raised.value) or "another process has been making its tables" in str(raised.value)
    opened(database_url)


def test_a_migration_that_was_cut_off_is_completed(engine: sa.Engine, database_url: str):
    """MySQL commits each statement of a migration by itself: a killed process leaves a part of them."""
    opened(database_url)
    whole = shape(engine)
    run(engine, f"DELETE FROM {VERSION_TABLE}", "DROP TABLE lease", "DROP TABLE run")
    run(engine, "DROP INDEX ledger_due" + (" ON ledger" if engine.dialect.name == "mysql" else ""))
    reading = Storage.open(database_url, migrate=False)
    assert not reading.exists
    reading.close()
    opened(database_url)
    assert shape(engine) == whole


# --- from every released version


def test_every_version_has_a_dump():
    assert sorted(path.name for path in DUMPS.glob("storage-*.sql")) == [f"storage-{name}.sql" for name in VERSIONS]


def dump(version: str, dialect: str) -> list[str]:
    """The statements of a dump that are for one kind of database: `-- only: sqlite mysql` limits what follows it."""
    found, wanted = [], True
    for statement in (DUMPS / f"storage-{version}.sql").read_text(encoding="utf-8").split(";\n"):
        lines = []
        for line in statement.splitlines():
            if line.startswith("-- only:"):
                wanted = dialect in line or "all" in line
            elif not line.startswith("--"):
                lines.append(line)
        if wanted and "".join(lines).strip():
            found.append("\n".join(lines))
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_a_storage_of_an_older_version_is_brought_up(version: str, engine: sa.Engine, database_url: str):
    run(engine, *dump(version, engine.dialect.name))
    storage = Storage.open(database_url)
    moment = dt.datetime(2024, 1, 2, 3, 4, 5, 678901, tzinfo=dt.UTC)
    has_versions = version >= "0002"
    assert storage.ledger.rows() == [
        LedgerRow(
            "sql",
            "ga",
            dt.date(2024, 1, 1),
            "ga",
            "done",
            Digest(2, 8589934592, 17179869184),
            "0123456789abcdef",
            90000,
            moment,
            moment,
            "run-1",
            version='W/"a-1"' if has_versions else "",
            imprint="fedcba9876543210" * 2 if version >= "0003" else "",
        ),
        LedgerRow(
            *("sql", "müll", dt.date(2024, 1, 2), "ga", "failed"),
            error="it broke",
            remark="a remark",
            purged=has_versions,
        ),
    ]
    assert list(storage.ledger.digests(["sql"])) == [Partition("ga", dt.date(2024, 1, 1))]
    (ended,) = storage.runs.recent()
    assert (ended.id, ended.status, ended.counts, ended.finished) == ("run-1", "ok", {"done": 1}, moment)
    assert storage.leases.created("extract", "ga") == dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    assert storage.leases.acquire("extract", "ga", "someone", 60.0).token == 8
    storage.close()
    old = shape(engine)
    run(engine, "DROP TABLE ledger", "DROP TABLE run", "DROP TABLE lease", f"DROP TABLE {VERSION_TABLE}")
    opened(database_url)
    assert shape(engine) == old


def test_days_that_were_purged_stay_so(engine: sa.Engine, database_url: str):
    """Up to version 0001 a remark said it."""
    run(engine, *dump("0001", engine.dialect.name))
    run(engine, "UPDATE ledger SET remark = 'purged at the source' WHERE source = 'ga'")
    storage = Storage.open(database_url)
    assert storage.ledger.purged("ga") == {dt.date(2024, 1, 1)}
    assert [row.remark for row in storage.ledger.rows()] == ["", "a remark"]
    storage.close()


def test_a_migration_that_was_cut_off_between_two_columns_is_completed(engine: sa.Engine, database_url: str):
    opened(database_url)
    whole = shape(engine)
    run(engine, f"UPDATE {VERSION_TABLE} SET version_num = '0001'")
    run(engine, *[f"ALTER TABLE ledger DROP COLUMN {name}" for name in ("imprint", "purged")])
    opened(database_url)
    assert shape(engine) == whole


def test_a_migration_that_was_cut_off_at_its_end_is_completed(engine: sa.Engine, database_url: str):
    opened(database_url)
    whole = shape(engine)
    run(engine, f"UPDATE {VERSION_TABLE} SET version_num = '0002'")
    opened(database_url)
    assert shape(engine) == whole
    assert run(engine, f"SELECT version_num FROM {VERSION_TABLE}") == [(HEAD,)]


# --- what cannot be used


def refused(url: str, *, migrate: bool = True) -> str:
    with pytest.raises(StorageError) as raised:
        Storage.open(url, migrate=migrate)
    return str(raised.value)


@pytest.mark.parametrize("migrate", [True, False])
def test_a_storage_of_a_newer_version_is_refused(engine: sa.Engine, database_url: str, migrate: bool):
    opened(database_url)
    run(engine, f"UPDATE {VERSION_TABLE} SET version_num = '0999'")
    before = shape(engine)
    message = refused(database_url, migrate=migrate)
    assert "has version '0999', made by a newer monolith" in message
    assert message.endswith(f"knows versions up to '{HEAD}': upgrade monolith-core, or name another database")
    assert shape(engine) == before


def test_a_storage_of_an_older_version_is_not_migrated_by_who_only_reads(
    database_url: str, monkeypatch: pytest.MonkeyPatch
):
    opened(database_url)
    monkeypatch.setattr(schema, "VERSIONS", (*VERSIONS, "0999"))
    monkeypatch.setattr(schema, "HEAD", "0999")
    assert refused(database_url, migrate=False).endswith(
        f"has version '{HEAD}' and needs '0999'; the next run migrates it"
    )


@pytest.mark.parametrize("migrate", [True, False])
@pytest.mark.parametrize("table", ["ledger", "run", "lease"])
def test_a_table_of_another_program_is_left_alone(engine: sa.Engine, database_url: str, table: str, migrate: bool):
    run(engine, f"CREATE TABLE {table} (amount INT)")
    before = shape(engine)
    message = refused(database_url, migrate=migrate)
    assert message.endswith(f"has a table '{table}' that is not monolith's; name a database of its own")
    assert shape(engine) == before
    if engine.dialect.name == "sqlite":
        assert run(engine, "PRAGMA journal_mode") == [("delete",)]
