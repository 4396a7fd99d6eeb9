"""Transforms in a run: between the source and the stage, in order, part of the fingerprint, their errors named."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.scripted import Job, make_job
from support.transform_example import Top

from monolith_core import ArchivedRecord, Columns, Note, Partition, Record, RecordError, Rows, Transform, Window
from monolith_core.cli.extract import main as extract
from monolith_core.config import load_config
from monolith_core.errors import ConfigurationError, MonolithError, PermanentError
from monolith_core.runner.transforming import Named, pipeline
from monolith_core.stage import Stage

DAY = dt.date(2024, 3, 9)


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Job:
    return make_job(monkeypatch, tmp_path)


def with_transforms(job: Job, names: str, sections: str) -> None:
    job.change("[source:visits]\n", f"[source:visits]\ntransforms = {names}\n")
    job.add(sections)


def archived(job: Job) -> list[dict]:
    with closing(sqlite3.connect(job.folder / "archive.sqlite")) as connection:
        rows = connection.execute("SELECT data FROM record WHERE date = '2024-01-05'")
        return sorted((json.loads(data) for (data,) in rows), key=str)


PSEUDONYMS = "[transform:pseudonyms]\nuse = hash\nfields = user\nkey = a key of many letters\n"
TOTALS = "[transform:totals]\nuse = sum\nby = user\nfields = n\n"


def test_what_is_archived_went_through_all_of_them_in_order(job):
    job.script({"2024-01-05": [{"user": "Ann", "n": 1}, {"user": "Ann", "n": 2}, {"user": "Bob", "n": 4}]})
    with_transforms(job, "pseudonyms, totals", PSEUDONYMS + TOTALS)
    assert job.extract().exit_code == 0
    found = archived(job)
    assert sorted(each["n"] for each in found) == [3, 4]
    assert all(len(each["user"]) == 32 for each in found)
    assert b"Ann" not in b"".join(path.read_bytes() for path in job.folder.glob("archive.sqlite*"))


def test_a_changed_transform_makes_the_days_due(job):
    assert job.extract().exit_code == 0
    with_transforms(job, "less", "[transform:less]\nuse = drop\nfields = n\n")
    reasons = {each["reason"] for each in job.json("plan")}
    assert reasons == {"config changed"}
    job.extract()
    assert job.json("plan") == []
    job.change("fields = n", "fields = m")
    assert {each["reason"] for each in job.json("plan")} == {"config changed"}


def fingerprint(job):
    return load_config(job.config).sources["visits"].fingerprint


def test_every_option_and_the_order_are_part_of_the_fingerprint(job):
    before = fingerprint(job)
    with_transforms(job, "pseudonyms, totals", PSEUDONYMS + TOTALS)
    found = {before, fingerprint(job)}
    for old, new in [
        ("key = a key", "key = another key"),
        ("by = user", "by = user, page"),
        ("transforms = pseudonyms, totals", "transforms = totals, pseudonyms"),
        ("transforms = totals, pseudonyms", "transforms = pseudonyms, totals"),
    ]:
        job.change(old, new)
        found.add(fingerprint(job))
    assert len(found) == 5
    job.change("[transform:totals]", "[transform:renamed]\nlength = 32"[: len("[transform:renamed]")])
    job.change("transforms = pseudonyms, totals", "transforms = pseudonyms, renamed")
    assert fingerprint(job) in found  # an id is only a name


def test_a_record_that_cannot_be_changed_fails_its_day_only(job):
    job.script({f"2024-01-{day:02}": [{"n": day if day != 5 else "five"}] for day in range(1, 11)})
    with_transforms(job, "totals", TOTALS)
    result = job.extract("--report", "-")
    assert result.exit_code == 1
    assert job.held() == 9
    assert "totals (transform 'sum' of monolith-plugin-transforms 1.0.0): data.n: expected a number, got str" in (
        result.stderr
    )


def test_the_archive_itself_cannot_be_transformed(job):
    job.extract()
    job.add("[phase:load]\nsources = archive\ntargets = copy\n[source:archive]\nuse = sql\ntransforms = less\n")
    job.add(
        "[target:copy]\nuse = sql\ndatabase = sqlite:///%(here)s/copy.sqlite\n"
        "[transform:less]\nuse = drop\nfields = n\n"
    )
    result = job.extract()
    assert result.exit_code == 1
    assert "archive has partitions of its own, which cannot be transformed; remove transforms" in result.stderr


def faults(job):
    with pytest.raises(ConfigurationError) as error:
        load_config(job.config)
    return [str(fault).rpartition("job.ini:")[2] for fault in error.value.faults]


def test_a_transform_needs_a_section_and_a_section_a_source(job):
    with_transforms(
        job, "pseudonym, pseudonyms, pseudonyms", PSEUDONYMS + "[transform:other]\nuse = keep\nfields = a\n"
    )
    assert faults(job) == [
        "11: option transforms of [source:visits]: got 'pseudonym', expected ids of [transform:ID] sections "
        "(pseudonyms or other); did you mean pseudonyms?",
        "11: option transforms of [source:visits]: got 'pseudonyms' twice; remove one of them",
        "19: no source uses [transform:other]; name it in transforms of a [source:ID], or remove the section",
    ]


def test_an_unknown_transform_says_what_is_there(job):
    with_transforms(job, "hush", "[transform:hush]\nkey = a key of many letters\n")
    (fault,) = faults(job)
    assert fault.startswith(
        "15: [transform:hush] has no option use, and no transform is named 'hush'; did you mean hash?"
    )


def test_options_of_a_transform_are_checked(job):
    with_transforms(job, "pseudonyms", "[transform:pseudonyms]\nuse = hash\nkey = short\n")
    assert faults(job) == [
        "15: [transform:pseudonyms] lacks the option fields; add fields = user, email "
        "(the fields whose values are hashed)",
        "17: option key of [transform:pseudonyms]: got ***, expected text of at least 16 characters; "
        "write e.g. key = ${HASH_KEY}",
    ]


def test_transforms_are_no_shared_option(job):
    job.change("[monolith]\n", "[monolith]\ntransforms = less\n")
    job.add("[transform:less]\nuse = drop\nfields = n\n")
    assert "no source uses [transform:less]" in "".join(faults(job))


def test_the_example_runs(tmp_path, monkeypatch):
    example = Path(__file__).parent.parent / "examples" / "transforms.ini"
    (tmp_path / "job.ini").write_text(example.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setenv("HASH_KEY", "a key of many letters")
    with closing(sqlite3.connect(tmp_path / "web.sqlite")) as connection, connection:
        connection.execute("CREATE TABLE visit (at TEXT, visitor TEXT, page TEXT, seconds INTEGER)")
        rows = [(f"2024-01-05 {hour:02}:00:00", f"Ann {hour % 2}", f"/{hour % 3}", hour) for hour in range(12)]
        connection.executemany("INSERT INTO visit VALUES (?, ?, ?, ?)", rows)
    result = CliRunner().invoke(extract, [str(tmp_path / "job.ini"), "--date", "2024-01-05"])
    assert result.exit_code == 0, result.output
    with closing(sqlite3.connect(tmp_path / "archive.sqlite")) as connection:
        pages = connection.execute("SELECT data FROM record WHERE source = 'pages' ORDER BY data").fetchall()
        visits = connection.execute("SELECT data FROM record WHERE source = 'visits'").fetchall()
    assert [json.loads(data) for (data,) in pages] == [
        {"page": f"/{n}", "seconds": seconds, "visits": 4} for n, seconds in enumerate((18, 22, 26))
    ]
    assert len({json.loads(data)["visitor"] for (data,) in visits}) == 2
    assert "Ann" not in str(visits)


def test_the_transform_of_the_documentation():
    top = Top(Top.Options(field="n", most=2), None)
    records = [Record(DAY, "fact", {"n": n}) for n in (3, 1, 2)]
    assert [each.data["n"] for each in top.partition(Partition("shop", DAY), iter(records))] == [3, 2]


# The pipeline itself


def named(transform: type[Transform], name: str = "change") -> Named:
    return Named(name, transform(transform.Options(), None))


def piped(*transforms: type[Transform], answer, window=None):
    """The data of each partition after some transforms."""
    window = window or Window("shop", DAY, DAY + dt.timedelta(days=1))
    with Stage("shop", window, memory_limit=200) as stage:
        sink = pipeline([named(each) for each in transforms], stage)
        try:
            sink.fill(answer)
            sink.end()
        finally:
            sink.close()
        found = {
            str(partition): sorted(record.data.decode() for record in staged)
            for partition, staged in stage.finish().items()
        }
        return found, sink.beats, stage


class Doubled(Transform):
    def record(self, record):
        return Record(record.date, record.category, {"n": record.data["n"] * 2}, record.source)


class Even(Transform):
    def record(self, record):
        return record if record.data["n"] % 2 == 0 else None


class Counted(Transform):
    def partition(self, partition, records):
        yield Record(partition.date, "count", {"n": sum(1 for _ in records)}, partition.source)


def numbers(many: int, source=None):
    return [Record(DAY, "fact", {"n": n}, source) for n in range(many)]


def test_records_are_changed_and_left_out():
    assert piped(Even, Doubled, answer=numbers(4))[0] == {"shop 2024-03-09": ['{"n":0}', '{"n":4}']}


def test_partitions_are_changed_each_by_itself():
    answer = [*numbers(100), *numbers(3, "other"), Record(DAY + dt.timedelta(days=1), "fact", {"n": 1})]
    found, beats, _ = piped(Even, Counted, Doubled, answer=answer)
    assert found == {"shop 2024-03-09": ['{"n":100}'], "other 2024-03-09": ['{"n":4}']}
    assert beats > 104


def test_notes_go_past_transforms():
    answer = [*numbers(2), Note(DAY, remark="sampled")]
    _, _, stage = piped(Even, Counted, answer=answer)
    assert stage.notes.of(DAY).remark == "sampled"


def test_archived_records_are_opened():
    data = b'{"a":1.50,"b":1e16,"n":123456789012345678901234567890}'
    answer = [ArchivedRecord(DAY, "old", b"x" * 16, "fact", data)]

    class Same(Transform):
        def record(self, record):
            assert record.source == "old"
            return record

    assert piped(Same, answer=answer)[0] == {"old 2024-03-09": [data.decode()]}


def test_rows_are_changed_one_by_one():
    for transform in (Even, Counted):
        answer = [Rows(DAY, "fact", Columns(["n"]), [[n] for n in range(5)])]
        assert piped(transform, answer=answer)[0] == piped(transform, answer=numbers(5))[0]


def test_what_is_no_record_is_still_refused():
    with pytest.raises(RecordError, match="yielded int 5, expected Record"):
        piped(Even, answer=[5])
    with pytest.raises(RecordError, match="yielded int 5, expected Record"):
        piped(Counted, answer=[5])


class Raises(Transform):
    def record(self, record):
        raise KeyError("price")


class RaisesOfPartitions(Transform):
    def partition(self, partition, records):
        for record in records:
            raise KeyError("price")
            yield record


class Moves(Transform):
    def record(self, record):
        return Record(record.date + dt.timedelta(days=1), record.category, record.data)


class Steals(Transform):
    def partition(self, partition, records):
        for record in records:
            yield Record(record.date, record.category, record.data, "thief")


class GivesDicts(Transform):
    def record(self, record):
        return record.data


class Refuses(Transform):
    def record(self, record):
        raise RecordError("expected a price", field="data.price")


@pytest.mark.parametrize(
    ("transform", "kind", "text"),
    [
        (Raises, PermanentError, "change raised KeyError: 'price'"),
        (RaisesOfPartitions, PermanentError, "change raised KeyError: 'price'"),
        (
            Moves,
            RecordError,
            "change: made shop 2024-03-10 of a record of shop 2024-03-09; a transform may change neither",
        ),
        (Steals, RecordError, "change: made thief 2024-03-09 of a record of shop 2024-03-09"),
        (GivesDicts, RecordError, "change: gave dict, expected Record"),
        (Refuses, RecordError, "change: data.price: expected a price"),
    ],
)
def test_errors_name_the_transform(transform, kind, text):
    with pytest.raises(MonolithError) as error:
        piped(transform, answer=numbers(2))
    assert type(error.value) is kind
    assert text in str(error.value)


def test_errors_of_the_source_stay_the_sources():
    def answer():
        yield from numbers(2)
        raise KeyError("of the source")

    with pytest.raises(KeyError, match="of the source"):
        piped(Doubled, answer=answer())


def test_no_partition_is_asked_for_that_has_no_records():
    assert piped(Counted, answer=[])[0] == {}
    assert Partition("shop", DAY)  # which is emptied by what is not there
