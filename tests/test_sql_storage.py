"""When the sql target writes to the storage's own database, rows and ledger are one transaction."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.sql import archived, bare_target, execute, target
from support.staging import MemoryStaged, staged

from monolith_core.errors import LeaseLost, MonolithError, PermanentError
from monolith_core.plugin import Written
from monolith_core.storage import Storage
from monolith_plugins_sql.target import SqlTarget


@pytest.fixture
def storage(database_url: str) -> Iterator[Storage]:
    opened = Storage.open(database_url)
    yield opened
    opened.close()


@pytest.fixture
def joined(database_url: str, storage: Storage) -> Iterator[SqlTarget]:
    made = bare_target(database_url, storage=storage)
    made.setup()
    yield made
    made.close()


def numbers(*values: int) -> MemoryStaged:
    return staged({"n": value} for value in values)


def test_both_are_committed_together(joined: SqlTarget, storage: Storage, database_url: str):
    before, after = numbers(1, 2), numbers(*range(2000))
    with storage.transaction():
        assert joined.replace(before.partition, before) == Written(2, 0, 0)
    with pytest.raises(RuntimeError, match="after the rows"):
        replace_and_fail(joined, storage, after)
    assert archived(database_url) == before.rows()
    with storage.transaction():
        assert joined.replace(after.partition, after) == Written(1998, 0, 2)
    assert archived(database_url) == after.rows()
    assert after.fences == 0


def test_it_also_works_outside_of_a_transaction(joined: SqlTarget, database_url: str):
    answer = numbers(1)
    joined.replace(answer.partition, answer)
    assert archived(database_url) == answer.rows()
    assert dict(joined.digests(None)) == {answer.partition: answer.digest}
    assert joined.check().endswith("the table record is there")


def test_an_error_of_the_database_has_the_plugins_words(joined: SqlTarget, storage: Storage, database_url: str):
    execute(database_url, "DROP TABLE record")
    answer = numbers(1)
    with pytest.raises(PermanentError, match="there is no such table"), storage.transaction():
        joined.replace(answer.partition, answer)


def test_a_read_that_breaks_off_leaves_the_connection_usable(joined: SqlTarget, storage: Storage, database_url: str):
    before = numbers(*range(5000))
    joined.replace(before.partition, before)

    class Broken(MemoryStaged):
        def __iter__(self):
            raise MonolithError("the stage is gone")

    after = numbers(*range(10, 5010))
    with pytest.raises(MonolithError, match="the stage is gone"):
        joined.replace(after.partition, Broken(after.partition, after.records))
    assert joined.replace(after.partition, after) == Written(10, 10, 4990)
    assert archived(database_url) == after.rows()


def test_another_database_is_written_by_itself(database_url: str, storage: Storage, tmp_path):
    other = f"sqlite:///{tmp_path}/other.sqlite"
    made = bare_target(other, storage=storage)
    made.setup()
    answer = numbers(1)
    with pytest.raises(RuntimeError, match="after the rows"):
        replace_and_fail(made, storage, answer)
    made.close()
    assert archived(other) == answer.rows()
    assert answer.fences == 1


class Lost(MemoryStaged):
    def fence(self) -> None:
        raise LeaseLost("the lease was lost")


def test_a_writer_that_lost_its_lease_commits_nothing(database_url: str):
    made = target(database_url)
    before, after = numbers(1), numbers(2)
    made.replace(before.partition, before)
    with pytest.raises(LeaseLost):
        made.replace(after.partition, Lost(after.partition, after.records))
    made.close()
    assert archived(database_url) == before.rows()


def replace_and_fail(made: SqlTarget, storage: Storage, answer: MemoryStaged) -> None:
    with storage.transaction():
        made.replace(answer.partition, answer)
        raise RuntimeError("after the rows")
