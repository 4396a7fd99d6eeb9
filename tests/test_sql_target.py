"""The sql target: after `replace` the table holds exactly what was staged, whatever was there."""

from __future__ import annotations

import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.sql import archived, bare_target, execute, source, target, window
from support.staging import DAY, MemoryStaged, staged

from monolith_core.errors import ConfigurationError, MonolithError, PermanentError
from monolith_core.partition import ONE_DAY, Digest, Partition
from monolith_core.plugin import StagedRecord, Written
from monolith_core.record import ArchivedRecord
from monolith_plugins_sql.difference import compare, split
from monolith_plugins_sql.target import SqlTarget

AWKWARD = [
    {"text": "é 😀 \u0000 \\ ' \" % %s %% :start_date ? \n\r\t\x1a"},
    {"text": "x" * 5000},
    {"n": 2**70, "f": 1e-7, "null": None, "deep": [[{"a": []}]]},
    {},
]


@pytest.fixture
def made(database_url: str) -> Iterator[SqlTarget]:
    made = target(database_url)
    yield made
    made.close()


def numbers(*values: int) -> MemoryStaged:
    return staged({"n": value} for value in values)


def test_the_first_time_all_is_added(made: SqlTarget, database_url: str):
    answer = staged(AWKWARD)
    assert made.replace(answer.partition, answer) == Written(4, 0, 0)
    assert archived(database_url) == answer.rows()


def test_the_same_again_writes_nothing(made: SqlTarget, database_url: str):
    answer = staged(AWKWARD)
    made.replace(answer.partition, answer)
    assert made.replace(answer.partition, answer) == Written(0, 0, 4)
    assert archived(database_url) == answer.rows()


def test_only_the_difference_is_written(made: SqlTarget, database_url: str):
    before, after = numbers(*range(2000)), numbers(*range(500, 2600))
    made.replace(before.partition, before)
    assert made.replace(after.partition, after) == Written(600, 500, 1500)
    assert archived(database_url) == after.rows()


def test_an_empty_answer_empties_the_partition_alone(made: SqlTarget, database_url: str):
    others = [staged([{"n": 1}], source="other"), staged([{"n": 1}], day=DAY + ONE_DAY)]
    for answer in [numbers(1, 2), *others]:
        made.replace(answer.partition, answer)
    answer = numbers()
    assert made.replace(answer.partition, answer) == Written(0, 2, 0)
    assert archived(database_url) == others[0].rows() | others[1].rows()


def test_a_wholly_different_answer(made: SqlTarget, database_url: str):
    for answer in numbers(*range(1200)), numbers(*range(2000, 2010)):
        made.replace(answer.partition, answer)
    assert archived(database_url) == answer.rows()


def test_small_batches(database_url: str):
    made = target(database_url, batch_size=3, batch_bytes=1024)
    answer = staged([*AWKWARD, *({"n": n} for n in range(20))])
    assert made.replace(answer.partition, answer) == Written(24, 0, 0)
    made.close()
    assert archived(database_url) == answer.rows()


def test_equal_records_are_all_kept(made: SqlTarget, database_url: str):
    answer = numbers(1, 1, 1)
    made.replace(answer.partition, answer)
    assert len(archived(database_url)) == 3


def test_digests_tell_what_is_there(made: SqlTarget, database_url: str):
    answers = [numbers(1, 2), staged([{"n": 1}], source="other"), staged([{"n": 1}], day=DAY + ONE_DAY)]
    for answer in answers:
        made.replace(answer.partition, answer)
    assert dict(made.digests(None)) == {answer.partition: answer.digest for answer in answers}
    assert {partition.date for partition, _ in made.digests(window(DAY))} == {DAY}
    execute(database_url, "DELETE FROM record WHERE source = 'other'")
    assert Partition("other", DAY) not in dict(made.digests(None))


def test_digests_of_a_database_without_the_table(database_url: str):
    execute(database_url, "CREATE TABLE something (n INT)")
    made = bare_target(database_url)
    assert dict(made.digests(None)) == {}
    made.close()


def test_what_is_written_is_read(made: SqlTarget, database_url: str):
    answer = staged(AWKWARD)
    made.replace(answer.partition, answer)
    reader = source(database_url)
    expected = {ArchivedRecord(DAY, "shop", each.id, "sale", each.data) for each in answer}
    assert set(reader.extract(window(DAY))) == expected
    assert list(reader.extract(window(DAY + ONE_DAY))) == list(reader.extract(window(DAY, name="other"))) == []
    assert reader.partitions(window(DAY)) == reader.partitions(None) == {answer.partition: answer.digest}
    reader.close()


def test_the_databases_json_functions_understand_the_data(made: SqlTarget, database_url: str):
    answer = staged([{"text": "é😀", "n": 5}])
    made.replace(answer.partition, answer)
    extract = "data::jsonb ->> 'text'" if "postgresql" in database_url else "JSON_EXTRACT(data, '$.text')"
    assert execute(database_url, f"SELECT {extract} FROM record")[0][0].strip('"') == "é😀"


def test_setup_from_several_hosts_at_once(database_url: str):
    errors: list[BaseException] = []

    def setup() -> None:
        made = bare_target(database_url)
        try:
            made.setup()
        except BaseException as error:
            errors.append(error)
        made.close()

    threads = [threading.Thread(target=setup) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert archived(database_url) == set()


def test_partitions_are_replaced_from_many_threads(made: SqlTarget, database_url: str):
    answers = [staged(({"n": n} for n in range(50)), source=f"s{i}") for i in range(12)]
    threads = [threading.Thread(target=made.replace, args=(each.partition, each)) for each in answers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert archived(database_url) == set().union(*(answer.rows() for answer in answers))


def test_another_table_of_that_name(database_url: str):
    execute(database_url, "CREATE TABLE record (date DATE, n INT)")
    with pytest.raises(
        PermanentError, match="has no column source, id, category, data, so it is not monolith's; rename"
    ):
        target(database_url)


def test_a_table_with_more_columns_is_fine(database_url: str):
    target(database_url).close()
    execute(database_url, "ALTER TABLE record ADD COLUMN note VARCHAR(10)")
    made, answer = target(database_url), numbers(1)
    made.replace(answer.partition, answer)
    made.close()
    assert archived(database_url) == answer.rows()


def test_an_error_leaves_everything_as_it_was(made: SqlTarget, database_url: str):
    before = numbers(*range(100))
    made.replace(before.partition, before)

    class Broken(MemoryStaged):
        def __iter__(self):
            yield from self.records[:40]
            raise MonolithError("the disk with the stage is gone")

    after = numbers(*range(50, 300))
    with pytest.raises(MonolithError, match="the stage is gone"):
        made.replace(after.partition, Broken(after.partition, after.records))
    assert archived(database_url) == before.rows()
    assert made.replace(after.partition, after) == Written(200, 50, 50)


def test_check_says_what_is_there(database_url: str):
    made = bare_target(database_url)
    assert "will be created" in made.check()
    made.setup()
    kind = {"sqlite": "SQLite", "mysql": "MariaDB", "postgresql": "PostgreSQL"}[
        database_url.partition("://")[0].split("+")[0]
    ]
    assert made.check().startswith(f"{kind} ")
    assert made.check().endswith("the table record is there")
    made.close()


def test_check_creates_no_file(tmp_path: Path):
    assert bare_target(f"sqlite:///{tmp_path}/new.sqlite").check() == "the file will be created"
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(PermanentError, match="its folder is not there or not writable; create it"):
        bare_target(f"sqlite:///{tmp_path}/no/new.sqlite").check()


def test_a_sources_id_that_is_too_long(made: SqlTarget):
    answer = staged([], source="s" * 65)
    with pytest.raises(PermanentError, match="has 65 characters; the archive takes 64; shorten it"):
        made.replace(answer.partition, answer)


def test_databases_that_cannot_be_written():
    with pytest.raises(ConfigurationError, match=r"does not write to mssql\+pyodbc|driver pyodbc is not installed"):
        bare_target("mssql+pyodbc://host/x").setup()
    with pytest.raises(ConfigurationError, match="is no URL that SQLAlchemy knows"):
        bare_target("nosuch://host/x").setup()
    with pytest.raises(ConfigurationError, match="driver aiomysql is not installed; install it with pip"):
        bare_target("mysql+aiomysql://host/x").setup()


# Laws, on SQLite.

values = st.lists(st.integers(0, 30), max_size=40)


@given(before=values, after=values)
def test_law_from_any_partition_to_any_other(law_target: tuple[SqlTarget, str], before: list[int], after: list[int]):
    made, url = law_target
    first, second = numbers(*before), numbers(*after)
    made.replace(first.partition, first)
    kept = len(set(split(first.ids)) & set(split(second.ids)))
    assert made.replace(second.partition, second) == Written(len(after) - kept, len(before) - kept, kept)
    assert archived(url) == second.rows()
    assert made.replace(second.partition, second) == Written(0, 0, len(after))


@given(data=values, seed=st.randoms())
def test_law_the_order_does_not_matter(law_target: tuple[SqlTarget, str], data: list[int], seed):
    made, _ = law_target
    answer = numbers(*data)
    made.replace(answer.partition, answer)
    shuffled = list(answer)
    seed.shuffle(shuffled)
    again = MemoryStaged(answer.partition, shuffled)
    assert made.replace(answer.partition, again) == Written(0, 0, len(data))


@pytest.fixture(scope="module")
def law_target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SqlTarget, str]]:
    url = f"sqlite:///{tmp_path_factory.mktemp('laws')}/a.sqlite"
    made = target(url, batch_size=7)
    yield made, url
    made.close()


identities = st.frozensets(
    st.binary(min_size=16, max_size=16) | st.integers(0, 20).map(lambda n: n.to_bytes(16, "big"))
)


@given(wanted=identities, held=identities)
def test_law_difference(wanted: frozenset[bytes], held: frozenset[bytes]):
    difference = compare(b"".join(sorted(wanted)), sorted(held))
    assert list(split(difference.added)) == sorted(wanted - held)
    assert list(split(difference.removed)) == sorted(held - wanted)
    assert list(split(difference.kept)) == sorted(wanted & held)
    assert bool(difference) is (wanted != held)
    missing = difference.missing()
    assert {each for each in wanted if each in missing} == wanted - held


COUNT = 200_000


class Large:
    """A partition of every `step`-th number, made as it is read."""

    def __init__(self, step: int) -> None:
        self.partition = Partition("shop", DAY)
        self.drifted = False
        self.step = step
        self.ids = b"".join(n.to_bytes(16, "big") for n in range(0, COUNT, step))
        self.digest = Digest.of(self.ids)

    def __iter__(self):
        return (StagedRecord(n.to_bytes(16, "big"), "sale", b"%d" % n) for n in range(0, COUNT, self.step))

    def fence(self) -> None:
        pass


def test_a_large_partition_needs_little_memory(sqlite_url: str):
    made = target(sqlite_url)
    half, whole = Large(2), Large(1)
    made.replace(half.partition, half)
    tracemalloc.start()
    assert made.replace(whole.partition, whole) == Written(COUNT // 2, 0, COUNT // 2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    made.close()
    assert peak < 80 * COUNT  # bytes, the worst case: half is there
