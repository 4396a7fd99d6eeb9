"""The files target: what its files look like, that they are there in whole or not at all, and what is told of them."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import json
import os
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from support.files import DAY, NEXT, records, source, window
from support.files import given as as_given
from support.files import staged as staged_answer

from monolith_core import Partition, PermanentError, Record, TemporaryError
from monolith_core.partition import Digest, Window
from monolith_core.plugin import Context, TellsDigests, TellsRecords
from monolith_core.stage import Stage
from monolith_core.testing import json_objects, staged
from monolith_plugins_files.target import FilesTarget

SHOP = Partition("shop", DAY)


def target(path: str | Path, *, here: Path | None = None, **options: Any) -> FilesTarget:
    model = FilesTarget.Options.model_validate({"path": str(path), **as_given(options)}, context={"here": here})
    made = FilesTarget(model, Context(id="out", timezone=ZoneInfo("UTC")))
    made.setup()
    return made


def put(of: FilesTarget, data: list[Mapping[str, Any]], **given: Any) -> Any:
    answer = staged(data, **given)
    return of.replace(answer.partition, answer)


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


# --- what is in a file


def test_json_lines(tmp_path: Path) -> None:
    put(target(tmp_path / "{source}/%Y-%m-%d.jsonl"), [{"n": Decimal("1.50"), "ä": [None]}])
    assert (tmp_path / "shop/2024-02-29.jsonl").read_text(encoding="utf-8") == (
        '{"date":"2024-02-29","source":"shop","category":"sale","data":{"n":1.50,"ä":[null]}}\n'
    )


def test_csv(tmp_path: Path) -> None:
    data: list[Mapping[str, Any]] = [{"b": 'x, "y"\n', "a": 1.5, "c": None}, {"a": [1, {"z": True}], "d": True}]
    put(target(tmp_path / "{source}/%Y-%m-%d.csv"), data)
    with (tmp_path / "shop/2024-02-29.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["date", "category", "a", "b", "c", "d", "monolith_id"]
    assert sorted(row[:-1] for row in rows) == [
        ["2024-02-29", "sale", "1.5", 'x, "y"\n', "", ""],
        ["2024-02-29", "sale", '[1,{"z":true}]', "", "", "true"],
    ]
    assert {bytes.fromhex(row[-1]) for row in rows} == {each.id for each in staged(data).records}


def test_csv_with_long_fields_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    csv.field_size_limit(131_072)  # as it is in a process that has read nothing yet
    of = target(tmp_path / "{source}/%Y-%m-%d.csv")
    put(of, [{"text": "x" * 200_000}, {"text": "a\rb\0"}])
    assert [digest.count for _, digest in of.digests(window())] == [2]
    assert dict(of.digests(window())) == {SHOP: staged([{"text": "x" * 200_000}, {"text": "a\rb\0"}]).digest}
    monkeypatch.setattr("monolith_plugins_files.writers.LONGEST_LINE", 1000)
    with pytest.raises(PermanentError, match=r"shop 2024-02-29: text: a text of 1,001 characters, expected at most"):
        put(of, [{"n": "x" * 600, "text": "x" * 1001}])
    assert dict(of.digests(window()))[SHOP].count == 2
    put(of, [{"n": "x" * 600, "text": "x" * 600}])


def test_parquet(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow.parquet")
    rows = [
        {"n": 1, "price": 1.5, "text": "a", "flag": True, "mixed": 5, "list": [1], "none": None},
        {"n": 2, "price": 2, "text": None, "flag": False, "mixed": "x", "date": "2024-02-29"},
    ]
    put(target(tmp_path / "{source}/%Y-%m-%d.parquet", types=["n: integer"]), rows)
    table = pyarrow.read_table(tmp_path / "shop/2024-02-29.parquet")
    assert {field.name: str(field.type) for field in table.schema} == {
        "date": "date32[day]",
        "category": "string",
        "flag": "bool",
        "list": "string",
        "mixed": "string",
        "n": "int64",
        "none": "string",
        "price": "double",
        "text": "string",
        "monolith_id": "fixed_size_binary[16]",
    }
    found = sorted(table.drop(["monolith_id"]).to_pylist(), key=lambda row: row["n"])
    assert found[0] == {
        "date": DAY,
        "category": "sale",
        "flag": True,
        "list": "[1]",
        "mixed": "5",
        "n": 1,
        "none": None,
        "price": 1.5,
        "text": "a",
    }
    assert found[1] | {"price": 2.0, "mixed": "x", "text": None} == found[1]


@pytest.mark.parametrize(
    ("value", "types", "said"),
    [
        (1.5, ["v: integer"], "shop 2024-02-29: v: got '1.5', which cannot be kept as integer; set types = v: text"),
        (2**63, ["v: integer"], "cannot be kept as integer"),
        (2**53 + 1, [], "v: got '9007199254740993', which cannot be kept as float"),
        (Decimal("1e400"), [], "cannot be kept as float"),
        ("x", ["*: float"], "cannot be kept as float"),
        (1, ["v: boolean"], "cannot be kept as boolean"),
    ],
)
def test_values_that_a_column_cannot_keep(tmp_path: Path, value: Any, types: list[str], said: str) -> None:
    pytest.importorskip("pyarrow")
    of = target(tmp_path / "{source}/%Y-%m-%d.parquet", types=types)
    with pytest.raises(PermanentError) as caught:
        put(of, [{"v": value}])
    assert said in str(caught.value)
    assert files(tmp_path) == set()


@pytest.mark.parametrize("name", ["category", "monolith_id", "date"])
def test_a_field_that_is_called_as_a_column(tmp_path: Path, name: str) -> None:
    option = {"monolith_id": "id"}.get(name, name)
    of = target(tmp_path / "{source}/%Y-%m-%d.csv")
    said = f"has a field {name}, which is the column of the {option}; set {option}-column"
    with pytest.raises(PermanentError, match=said):
        put(of, [{name: "x"}])
    put(target(tmp_path / "{source}/%Y-%m-%d.csv", **{f"{option}_column": "other"}), [{name: "x"}])
    assert files(tmp_path) == {"shop/2024-02-29.csv"}


@pytest.mark.parametrize("source_id", ["../up", "a/b", ".hidden", "ü ber", "100%", "a.b"])
def test_an_id_is_only_a_name_in_the_path(tmp_path: Path, source_id: str) -> None:
    of = target(tmp_path / "in/{source}-%Y%m%d.jsonl")
    answer = staged([{"n": 1}], source=source_id)
    of.replace(answer.partition, answer)
    assert len(list((tmp_path / "in").iterdir())) == 1
    assert list(of.digests(None)) == [(answer.partition, answer.digest)]
    assert [each.id for each in of.records(answer.partition)] == [each.id for each in answer.records]


# --- a file is there in whole or not at all


def test_a_day_that_becomes_empty_has_no_file(tmp_path: Path) -> None:
    of = target(tmp_path / "{source}/%Y-%m-%d.jsonl")
    assert tuple(put(of, [])) == (0, 0, 0)
    assert files(tmp_path) == set()
    put(of, [{"n": 1}])
    assert tuple(put(of, [])) == (0, 1, 0)
    assert files(tmp_path) == set()


def test_nothing_is_written_where_nothing_changed(tmp_path: Path) -> None:
    of = target(tmp_path / "{source}/%Y-%m-%d.jsonl")
    put(of, [{"n": 1}, {"n": 1}])
    before = (tmp_path / "shop/2024-02-29.jsonl").stat()
    assert tuple(put(of, [{"n": 1}, {"n": 1}])) == (0, 0, 2)
    assert (tmp_path / "shop/2024-02-29.jsonl").stat() == before


def test_a_table_is_written_again_where_its_columns_are_called_otherwise(tmp_path: Path) -> None:
    put(target(tmp_path / "{source}/%Y-%m-%d.csv"), [{"n": 1}])
    assert tuple(put(target(tmp_path / "{source}/%Y-%m-%d.csv", category_column="kind"), [{"n": 1}])) == (0, 0, 1)
    assert (tmp_path / "shop/2024-02-29.csv").read_text().startswith("date,kind,n,monolith_id\n")


def test_the_same_records_give_the_same_file(tmp_path: Path) -> None:
    contents = set()
    for name in ("a", "b"):
        put(target(tmp_path / name / "{source}/%Y-%m-%d.jsonl.gz"), [{"n": 1}, {"n": 2}])
        contents.add((tmp_path / name / "shop/2024-02-29.jsonl.gz").read_bytes())
    assert len(contents) == 1


def test_what_a_killed_run_left_is_taken_away(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/.2024-02-29.jsonl.0123.part").write_text("half")
    (tmp_path / "shop/.2024-03-01.jsonl.0123.part").write_text("another's")
    of = target(tmp_path / "{source}/%Y-%m-%d.jsonl")
    assert list(of.digests(None)) == []
    put(of, [{"n": 1}])
    assert files(tmp_path) == {"shop/2024-02-29.jsonl", "shop/.2024-03-01.jsonl.0123.part"}


def test_no_part_of_a_file_is_ever_seen(tmp_path: Path) -> None:
    of = target(tmp_path / "{source}/%Y-%m-%d.jsonl")
    put(of, [{"n": n} for n in range(5)])
    whole = (tmp_path / "shop/2024-02-29.jsonl").read_bytes()
    seen: list[bool] = []

    def look(number: int) -> None:
        seen.append((tmp_path / "shop/2024-02-29.jsonl").read_bytes() == whole)
        if number == 4:
            raise TemporaryError("lost")

    answer = staged([{"n": n} for n in range(3, 9)], before=look)
    with pytest.raises(TemporaryError, match="lost"):
        of.replace(answer.partition, answer)
    assert seen
    assert all(seen)
    assert files(tmp_path) == {"shop/2024-02-29.jsonl"}
    assert (tmp_path / "shop/2024-02-29.jsonl").read_bytes() == whole


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    of = target(tmp_path / "{source}/%Y-%m-%d.jsonl")
    put(of, [{"n": 1}])

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TemporaryError, match=r"2024-02-29.jsonl: OSError: \[Errno 28\] No space left"):
        put(of, [{"n": 2}])
    assert [each.data for each in of.records(SHOP)] == [b'{"n":1}']
    assert files(tmp_path) == {"shop/2024-02-29.jsonl"}


def test_a_file_has_the_rights_that_others_have(tmp_path: Path) -> None:
    put(target(tmp_path / "{source}/%Y-%m-%d.jsonl"), [{"n": 1}])
    (tmp_path / "other").touch()
    assert (tmp_path / "shop/2024-02-29.jsonl").stat().st_mode == (tmp_path / "other").stat().st_mode


# --- what is told of files


@pytest.mark.parametrize("ending", ["jsonl", "csv", "jsonl.gz", "csv.bz2", "parquet"])
@pytest.mark.parametrize("damage", ["cut", "junk", "emptied"])
def test_a_damaged_file_is_different(tmp_path: Path, ending: str, damage: str) -> None:
    if ending == "parquet":
        pytest.importorskip("pyarrow")
    of = target(tmp_path / f"{{source}}/%Y-%m-%d.{ending}")
    answer = staged([{"n": n} for n in range(50)])
    of.replace(answer.partition, answer)
    path = tmp_path / f"shop/2024-02-29.{ending}"
    whole = path.read_bytes()
    path.write_bytes({"cut": whole[: len(whole) // 2], "junk": b"\xff\xfe\n" * 9, "emptied": b""}[damage])
    assert dict(of.digests(None)).get(SHOP, Digest()) != answer.digest
    again = staged([{"n": n} for n in range(50)], drifted=True)
    of.replace(again.partition, again)
    assert dict(of.digests(None)) == {SHOP: answer.digest}


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace('"n":1}', '"n":2}'),
        lambda text: text.replace('"n":1}', '"n": 1}'),
        lambda text: text.replace("2024-02-29", "2024-02-28"),
        lambda text: text.replace('"shop"', '"other"'),
        lambda text: text.replace('"sale"', '"Sale"'),
        lambda text: text + text.splitlines(keepends=True)[0],
        lambda text: text.replace('{"date"', '{"more":1,"date"'),
        lambda text: text.partition("\n")[2],
    ],
)
def test_a_line_that_was_changed_is_seen(tmp_path: Path, change: Any) -> None:
    of = target(tmp_path / "{source}/%Y-%m-%d.jsonl")
    answer = staged([{"n": 1}, {"n": 5}, {"n": 5}])
    of.replace(answer.partition, answer)
    assert dict(of.digests(None)) == {SHOP: answer.digest}
    path = tmp_path / "shop/2024-02-29.jsonl"
    path.write_text(change(path.read_text()))
    assert dict(of.digests(None))[SHOP] != answer.digest


def test_strange_files_are_no_partitions(tmp_path: Path) -> None:
    of = target(tmp_path / "{source}/%Y-%m-%d.jsonl")
    put(of, [{"n": 1}])
    for name in ("shop/2024-02-30.jsonl", "shop/x.jsonl", "a%2fb/2024-02-29.jsonl", "shop/more/2024-02-29.jsonl"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    assert [partition for partition, _ in of.digests(None)] == [SHOP]
    assert [partition for partition, _ in of.digests(Window("", NEXT, NEXT))] == []


def test_only_json_lines_tell_their_records(tmp_path: Path) -> None:
    assert isinstance(target(tmp_path / "{source}/%Y-%m-%d.jsonl"), TellsRecords)
    assert not isinstance(target(tmp_path / "{source}/%Y-%m-%d.csv"), TellsRecords)


def test_check(tmp_path: Path) -> None:
    of = target(tmp_path / "out/{source}/%Y-%m-%d.jsonl")
    assert of.check() == f"{tmp_path}/out is not there yet, the first run makes it"
    put(of, [{"n": 1}])
    assert of.check() == f"{tmp_path}/out is there"
    (tmp_path / "file").touch()
    with pytest.raises(PermanentError, match=r"file is not a folder that may be written to"):
        target(tmp_path / "file/{source}/%Y-%m-%d.jsonl").check()
    with pytest.raises(PermanentError, match=r"file/shop"):
        put(target(tmp_path / "file/{source}/%Y-%m-%d.jsonl"), [{"n": 1}])


# --- standard output


def test_standard_output(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    of = target("-")
    assert tuple(put(of, [{"n": 1}, {"n": 2}])) == (2, 0, 0)
    lines = capsysbinary.readouterr().out.splitlines()
    assert [json.loads(line)["data"] for line in lines] == [{"n": 1}, {"n": 2}]
    assert of.check() == "standard output"
    assert not isinstance(of, TellsDigests)
    assert isinstance(target(tmp_path / "{source}/%Y-%m-%d.csv"), TellsDigests)


# --- options


@pytest.mark.parametrize(
    ("path", "options", "said"),
    [
        ("%Y-%m-%d.jsonl", {}, "is not a file for each day and source; write {source} and a day into it"),
        ("{source}/%Y-%m.jsonl", {}, "is not a file for each day and source"),
        ("{source}/%Y-%m-%d-*.jsonl", {}, "has wildcards, or fields of a time; expected one file"),
        ("{source}/%Y-%m-%d-%H.jsonl", {}, "has wildcards, or fields of a time; expected one file"),
        ("{source}/%Y-%m-%d", {}, "path ends with no known format; add format = jsonl, csv or parquet"),
        ("{source}/%Y-%m-%d.parquet.gz", {}, "path ends with a compression, and Parquet has its own"),
        (
            "{source}/%Y-%m-%d.csv",
            {"types": ["a: float"]},
            "types are about Parquet, and the format is csv",
        ),
        ("{source}/%Y-%m-%d.parquet", {"types": ["a: decimal"]}, "a cannot be decimal; expected text, integer, float"),
        ("{source}/%Y-%m-%d.csv", {"id_column": "date"}, "are to be three names; change one of them"),
        ("-", {"format": "csv"}, "standard output gets JSON lines; remove format"),
    ],
)
def test_options_that_cannot_be(path: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        FilesTarget.Options.model_validate({"path": path, **as_given(options)}, context={"here": Path("/etc")})
    (error,) = caught.value.errors()
    assert said in error["msg"]


def test_where_files_are(tmp_path: Path) -> None:
    def location(path: str) -> str | None:
        return FilesTarget.Options.model_validate({"path": path}, context={"here": tmp_path}).location()

    assert location("{source}/%Y%m%d.csv") == f"files:{tmp_path}/{{source}}/%Y%m%d.csv"
    assert location("sftp://me:secret@host/{source}/%Y%m%d.csv") == "files:sftp://host/{source}/%Y%m%d.csv"
    assert location("-") == "files:-"


# --- laws


@settings(max_examples=50)
@given(answer=st.lists(json_objects(), max_size=6), category=st.text(st.characters(codec="utf-8"), min_size=1))
def test_json_lines_that_were_written_are_read_as_the_same_records(
    tmp_path_factory: pytest.TempPathFactory, answer: list[dict[str, Any]], category: str
) -> None:
    folder = tmp_path_factory.mktemp("lines")
    written = staged(answer, category=category)
    of = target(folder / "{source}/%Y-%m-%d.jsonl")
    of.replace(written.partition, written)
    assert dict(of.digests(None)) == ({SHOP: written.digest} if answer else {})
    assert sorted(of.records(SHOP)) == sorted(written.records)
    with Stage("visits", window()) as stage:
        found = staged_answer(source(folder / "shop/%Y-%m-%d.jsonl", missing="empty"), stage)
        assert {name: sorted(each) for name, each in found.items()} == (
            {"shop 2024-02-29": sorted(written.records)} if answer else {}
        )


_VALUES = {
    "t": st.text(st.characters(codec="utf-8"), min_size=1),
    "i": st.integers(-(10**4000), 10**4000),
    "f": st.floats(allow_nan=False, allow_infinity=False),
    "b": st.booleans(),
    "j": st.lists(json_objects(), max_size=2),
}


@settings(max_examples=50)
@given(answer=st.lists(st.fixed_dictionaries({name: st.none() | each for name, each in _VALUES.items()}), max_size=6))
def test_csv_that_was_written_is_read_as_the_same_records_by_its_types(
    tmp_path_factory: pytest.TempPathFactory, answer: list[dict[str, Any]]
) -> None:
    folder = tmp_path_factory.mktemp("csv")
    written = staged(answer, source="visits")
    of = target(folder / "{source}/%Y-%m-%d.csv")
    of.replace(written.partition, written)
    types = ["t: text", "i: integer", "f: float", "b: boolean", "j: json", "monolith_id: text"]
    reading = source(
        folder / "visits/%Y-%m-%d.csv", missing="empty", date_column="date", category_column="category", types=types
    )
    without_id: Iterator[Record] = (
        Record(each.date, each.category, {name: value for name, value in each.data.items() if name != "monolith_id"})
        for each in records(reading)
    )
    with Stage("visits", window()) as stage:
        stage.fill(without_id)
        found = {str(partition): sorted(each) for partition, each in stage.finish().items()}
        assert found == ({"visits 2024-02-29": sorted(written.records)} if answer else {})


def test_gzip_that_was_written_is_gzip(tmp_path: Path) -> None:
    put(target(tmp_path / "{source}/%Y-%m-%d.csv.gz"), [{"n": 1}])
    with gzip.open(tmp_path / "shop/2024-02-29.csv.gz", "rt") as file:
        assert file.readline() == "date,category,n,monolith_id\n"


def test_days_of_other_years(tmp_path: Path) -> None:
    of = target(tmp_path / "%G-W%V-%u/{source}.jsonl")
    for day in (dt.date(2020, 12, 31), dt.date(2021, 1, 1), dt.date(2024, 12, 30)):
        put(of, [{"n": 1}], day=day)
    assert sorted(partition.date for partition, _ in of.digests(None)) == [
        dt.date(2020, 12, 31),
        dt.date(2021, 1, 1),
        dt.date(2024, 12, 30),
    ]
