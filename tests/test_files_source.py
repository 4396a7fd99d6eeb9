"""The files source: what each format yields, by which day, from which files."""

from __future__ import annotations

import bz2
import datetime as dt
import gzip
import json
import lzma
import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.files import DAY, NEXT, data, notes, records, source, window

from monolith_core import Note, PermanentError, RecordError, Rows, TemporaryError
from monolith_core.plugin import Checks, TellsVersions
from monolith_plugins_files.source import FilesSource
from monolith_plugins_files.storage import File, Storage

BEFORE = DAY - dt.timedelta(days=1)
COMMON = '127.0.0.1 - frank [29/Feb/2024:13:55:36 -0700] "GET /a.gif HTTP/1.0" 200 2326'


def put(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


# --- formats


def test_csv(tmp_path: Path) -> None:
    put(
        tmp_path / "2024-02-29.csv",
        '\ufeffapp,price,code\r\nmaps,1.50,007\r\n"a, ""b""\nc",,7\r\n\r\n',
    )
    (first, second) = records(source(tmp_path / "%Y-%m-%d.csv"))
    assert (first.date, first.category, first.data) == (DAY, "visits", {"app": "maps", "code": "007", "price": 1.5})
    assert second.data == {"app": 'a, "b"\nc', "code": 7, "price": None}


def test_csv_with_other_signs(tmp_path: Path) -> None:
    put(tmp_path / "2024-02-29.csv", "# made by hand\n'a;b';x\n# \n-;NA\n".encode("latin-1"))
    of = source(
        tmp_path / "%Y-%m-%d.csv",
        delimiter="semicolon",
        quote="'",
        comment="#",
        null=["NA", "-"],
        header="false",
        columns=["one", "two"],
        encoding="latin-1",
    )
    assert data(of) == [{"one": "a;b", "two": "x"}, {"one": None, "two": None}]


def test_tsv_without_quotes(tmp_path: Path) -> None:
    put(tmp_path / "2024-02-29.tsv", 'a\tb\n"x\ty"\n')
    assert data(source(tmp_path / "%Y-%m-%d.tsv", quote="none")) == [{"a": '"x', "b": 'y"'}]


def test_given_types_win_over_what_a_text_looks_like(tmp_path: Path) -> None:
    put(tmp_path / "2024-02-29.csv", "a,b,c,d\n1,1,1,1\n")
    of = source(tmp_path / "%Y-%m-%d.csv", types=["a: float", "b: text", "c: decimal", "*: boolean"])
    assert data(of) == [{"a": 1.0, "b": "1", "c": Decimal(1), "d": True}]


@pytest.mark.parametrize("content", ["", "\n", "a,b\n", "\ufeff"])
def test_a_csv_without_rows_is_a_day_without_records(tmp_path: Path, content: str) -> None:
    put(tmp_path / "2024-02-29.csv", content)
    assert data(source(tmp_path / "%Y-%m-%d.csv")) == []


def test_json_lines(tmp_path: Path) -> None:
    put(tmp_path / "2024-02-29.jsonl", '{"b": 1.50, "a": [null, {"x": "\\u00e9"}]}\n\n{"a": 1e2}')
    assert data(source(tmp_path / "%Y-%m-%d.jsonl")) == [
        {"a": [None, {"x": "é"}], "b": Decimal("1.50")},
        {"a": Decimal("1E+2")},
    ]


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ([{"n": 1}, {"n": 2}], None),
        ({"result": {"items": [{"n": 1}, {"n": 2}]}, "more": [1, {"items": []}]}, "result.items"),
        ({"before": "x" * 1000, "items": [{"n": 1}, {"n": 2}]}, "items"),
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_json(tmp_path: Path, document: Any, path: str | None, indent: int | None) -> None:
    put(tmp_path / "2024-02-29.json", json.dumps(document, indent=indent))
    assert data(source(tmp_path / "%Y-%m-%d.json", **({"records": path} if path else {}))) == [{"n": 1}, {"n": 2}]


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_it_does_not_matter_how_much_is_read_at_once(tmp_path: Path, chunk: int, monkeypatch: Any) -> None:
    monkeypatch.setattr("monolith_plugins_files.content.CHUNK", chunk)
    document = {"count": 1234567, "é": [True, None, 1.5e10], "items": [{"n": 123456, "text": 'é"\\\n'}, {"n": -0.25}]}
    found = [{"n": 123456, "text": 'é"\\\n'}, {"n": -0.25}]
    put(tmp_path / "2024-02-29.json", json.dumps(document, ensure_ascii=False))
    assert data(source(tmp_path / "%Y-%m-%d.json", records="items")) == found
    put(tmp_path / "2024-02-29.jsonl", "\n".join(json.dumps(each, ensure_ascii=False) for each in found))
    assert data(source(tmp_path / "%Y-%m-%d.jsonl")) == found
    put(tmp_path / "2024-02-29.csv", 'n,text\r\n123456,"é""\r\n\n"\r\n-0.25,\r\n')
    assert data(source(tmp_path / "%Y-%m-%d.csv")) == [{"n": 123456, "text": 'é"\r\n\n'}, {"n": -0.25, "text": None}]


def test_a_json_document_may_be_one_record(tmp_path: Path) -> None:
    put(tmp_path / "2024-02-29.json", ' {"n": 1.50} \n')
    assert data(source(tmp_path / "%Y-%m-%d.json")) == [{"n": Decimal("1.50")}]


def test_parquet(tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = pa.table(
        {
            "date": pa.array([DAY, NEXT, DAY]),
            "n": pa.array([1, 2, None], pa.int64()),
            "price": pa.array([Decimal("1.50"), None, Decimal("2.00")]),
            "tags": pa.array([["a"], [], None]),
            "at": pa.array([dt.datetime(2024, 2, 29, 1, tzinfo=dt.UTC)] * 3),
        }
    )
    pq.write_table(table, tmp_path / "all.parquet")
    at = dt.datetime(2024, 2, 29, 1, tzinfo=dt.UTC)
    assert data(source(tmp_path / "all.parquet", date_column="date")) == [
        {"n": 1, "price": Decimal("1.50"), "tags": ["a"], "at": at},
        {"n": None, "price": Decimal("2.00"), "tags": None, "at": at},
    ]


def test_lines_of_an_access_log(tmp_path: Path) -> None:
    lines = [
        f'{COMMON} "http://www.example.com/" "Mozilla/4.08 [en] \\"x\\""',
        '::1 - - [29/Feb/2024:23:59:59 +0000] "" 400 - "-" "-"',
    ]
    put(tmp_path / "access.log", "\n".join(lines))
    of = source(tmp_path / "access.log", pattern="combined", date_column="time")
    assert data(of) == [
        {
            "host": "127.0.0.1",
            "ident": None,
            "user": "frank",
            "time": "29/Feb/2024:13:55:36 -0700",
            "request": "GET /a.gif HTTP/1.0",
            "status": 200,
            "bytes": 2326,
            "referer": "http://www.example.com/",
            "agent": 'Mozilla/4.08 [en] \\"x\\"',
        },
        {
            "host": "::1",
            "ident": None,
            "user": None,
            "time": "29/Feb/2024:23:59:59 +0000",
            "request": None,
            "status": 400,
            "bytes": None,
            "referer": None,
            "agent": None,
        },
    ]
    assert (
        len(data(source(tmp_path / "access.log", pattern="combined", date_column="time", timezone="Europe/Madrid")))
        == 1
    )


def test_lines_of_ones_own_pattern(tmp_path: Path) -> None:
    put(tmp_path / "2024-02-29.log", "#Fields: a b\n1 x\r\n\n2 \n")
    of = source(tmp_path / "%Y-%m-%d.log", pattern=r"(?P<n>\d+) (?P<word>\w*)", comment="#")
    assert data(of) == [{"n": 1, "word": "x"}, {"n": 2, "word": None}]


# --- compression and encoding


def zstd(content: bytes) -> bytes:
    try:
        from compression.zstd import compress
    except ImportError:
        compress = pytest.importorskip("backports.zstd").compress
    result: bytes = compress(content)
    return result


@pytest.mark.parametrize(
    ("ending", "name", "compress"),
    [("gz", "gzip", gzip.compress), ("bz2", "bz2", bz2.compress), ("xz", "xz", lzma.compress), ("zst", "zstd", zstd)],
)
def test_compressed_files(tmp_path: Path, ending: str, name: str, compress: Callable[[bytes], bytes]) -> None:
    two = compress(b"n\n1\n") + compress(b"2\n")  # of two members, as several processes append them
    put(tmp_path / f"2024-02-29.csv.{ending}", two)
    put(tmp_path / "2024-03-01.csv", two)
    assert data(source(tmp_path / f"%Y-%m-%d.csv.{ending}")) == [{"n": 1}, {"n": 2}]
    assert data(source(tmp_path / "%Y-%m-%d.csv", compression=name), NEXT) == [{"n": 1}, {"n": 2}]


def test_a_glob_may_find_compressed_and_plain_files(tmp_path: Path) -> None:
    put(tmp_path / "2024-02-29.csv", "n\n1\n")
    put(tmp_path / "2024-02-29.csv.gz", gzip.compress(b"n\n2\n"))
    put(tmp_path / ".2024-02-29.csv", "n\n3\n")
    assert data(source(tmp_path / "*%Y-%m-%d.csv*", format="csv")) == [{"n": 1}, {"n": 2}]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "latin-1", "cp1252", "utf-8"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    put(tmp_path / "2024-02-29.csv", "näme\né\n".encode(encoding))
    assert data(source(tmp_path / "%Y-%m-%d.csv", encoding=encoding)) == [{"näme": "é"}]


# --- days


def test_a_file_of_several_days_is_sorted_by_its_date_column(tmp_path: Path) -> None:
    put(tmp_path / "all.csv", "n,date\n1,2024-02-28\n2,2024-02-29\n3,2024-03-01\n4,2024-02-29\n")
    of = source(tmp_path / "all.csv", date_column="date")
    assert data(of) == [{"n": 2}, {"n": 4}]
    assert sorted((each.date, each.data["n"]) for each in records(of, DAY, NEXT)) == [(DAY, 2), (DAY, 4), (NEXT, 3)]


def test_an_instant_stays_in_the_data(tmp_path: Path) -> None:
    put(tmp_path / "all.csv", "at,n\n2024-02-29T23:30:00Z,1\n2024-02-29 01:00,2\n")
    of = source(tmp_path / "all.csv", date_column="at", date_format="iso", timezone="Europe/Madrid")
    assert data(of) == [{"at": "2024-02-29 01:00", "n": 2}]
    assert data(of, NEXT) == [{"at": "2024-02-29T23:30:00Z", "n": 1}]
    put(tmp_path / "all.jsonl", '{"at": 1709164800, "n": 1}\n')
    of = source(tmp_path / "all.jsonl", date_column="at", date_format="epoch")
    assert data(of) == [{"at": 1709164800, "n": 1}]


def test_monthly_files(tmp_path: Path) -> None:
    put(tmp_path / "2024/02.csv", "day,n\n29.02.2024,1\n")
    put(tmp_path / "2024/03.csv", "day,n\n01.03.2024,2\n02.03.2024,3\n")
    of = source(tmp_path / "%Y/%m.csv", date_column="day", date_format="%d.%m.%Y")
    assert data(of, DAY, NEXT) == [{"n": 1}, {"n": 2}]
    assert data(of, NEXT, NEXT) == [{"n": 2}]


def test_a_row_of_a_day_that_the_path_excludes(tmp_path: Path) -> None:
    put(tmp_path / "2024-02-29.csv", "n,date\n1,2024-02-29\n2,2024-03-01\n")
    path = tmp_path / "%Y-%m-%d.csv"
    with pytest.raises(
        PermanentError, match=r"2024-02-29.csv:3: date: got '2024-03-01', 2024-03-01 is not a day of this"
    ):
        data(source(path, date_column="date"))
    put(tmp_path / "2024-03-01.csv", "n,date\n3,2024-03-01\n")
    of = source(path, date_column="date", overlap=1, missing="empty")
    assert data(of) == [{"n": 1}]
    assert data(of, NEXT) == [{"n": 2}, {"n": 3}]


def test_category_columns(tmp_path: Path) -> None:
    put(tmp_path / "2024-02-29.csv", "kind,n\nsale,1\nrefund,2\n")
    put(tmp_path / "2024-02-29.jsonl", '{"kind": "sale", "n": 1}\n{"kind": "refund", "n": 2}')
    for ending in ("csv", "jsonl"):
        of = source(tmp_path / f"%Y-%m-%d.{ending}", category_column="kind")
        assert [(each.category, each.data) for each in records(of)] == [("sale", {"n": 1}), ("refund", {"n": 2})]
    assert {each.category for each in records(source(tmp_path / "%Y-%m-%d.csv", category="x"))} == {"x"}


def test_archived_records_keep_their_source_and_category(tmp_path: Path) -> None:
    line = {"date": "2024-02-29", "source": "shop", "category": "sale", "data": {"n": 1}}
    put(tmp_path / "2024-02-29.jsonl", json.dumps(line) + '\n{"date": "2024-02-29", "category": "x", "data": {}}\n')
    path = tmp_path / "%Y-%m-%d.jsonl"
    assert [(each.date, each.source, each.category, each.data) for each in records(source(path))] == [
        (DAY, "shop", "sale", {"n": 1}),
        (DAY, None, "x", {}),
    ]
    # Whoever says what the category is means the lines as they stand.
    assert data(source(path, category="line"))[0] == line
    put(tmp_path / "2024-03-01.jsonl", json.dumps(line))
    with pytest.raises(PermanentError, match=r"2024-03-01.jsonl:1: date: got '2024-02-29', 2024-02-29 is not a day"):
        data(source(path), NEXT)


# --- files that are there, or not


def test_hourly_files_of_a_day(tmp_path: Path) -> None:
    for hour in (0, 23):
        put(tmp_path / f"2024/02/29/{hour:02}.csv", f"h\n{hour}\n")
    put(tmp_path / "2024/02/29/xx.csv", "h\n99\n")
    assert data(source(tmp_path / "%Y/%m/%d/%H.csv")) == [{"h": 0}, {"h": 23}]


def test_a_day_without_a_file(tmp_path: Path) -> None:
    put(tmp_path / "2024-02-29.csv", "n\n1\n")
    path = tmp_path / "%Y-%m-%d.csv"
    with pytest.raises(
        RecordError, match=rf"^there is no file {tmp_path}/2024-03-01.csv; bring it, or set missing = wait"
    ):
        data(source(path), DAY, NEXT)
    assert data(source(path, missing="empty"), DAY, NEXT) == [{"n": 1}]
    said = notes(source(path, missing="wait"), DAY, NEXT)
    assert said[NEXT] == Note(NEXT, deferred=f"waits for {tmp_path}/2024-03-01.csv")
    assert (said[DAY].deferred, bool(said[DAY].version)) == ("", True)


def test_a_folder_that_is_not_there_has_no_files(tmp_path: Path) -> None:
    for path in ("no/%Y-%m-%d.csv", "no/*-%Y-%m-%d.csv", "no/**/%Y-%m-%d.csv"):
        assert data(source(tmp_path / path, missing="empty")) == []
    put(tmp_path / "file", "")
    assert data(source(tmp_path / "file/%Y-%m-%d.csv", missing="empty")) == []


def test_many_folders_are_walked_and_few_are_listed(tmp_path: Path) -> None:
    days = [DAY + dt.timedelta(days=number) for number in range(100)]
    for day in days:
        put(tmp_path / f"{day:%Y/%m/%d}/v.csv", f"n\n{day.toordinal()}\n")
    of = source(tmp_path / "%Y/%m/%d/v.csv")
    assert len(of.versions(window(days[0], days[-1]))) == 100
    assert [each["n"] for each in data(of, days[0], days[-1])] == [day.toordinal() for day in days]
    assert [each["n"] for each in data(of, days[3], days[20])] == [day.toordinal() for day in days[3:21]]


@pytest.mark.parametrize("path", ["*/%Y-%m-%d.csv", "s-*/%Y-%m-%d.csv", "?-[ab]/*.csv", "%Y/%m-*/%d.csv", "*/*/*.csv"])
def test_folders_with_wildcards(tmp_path: Path, path: str) -> None:
    for name in (
        "s-a/2024-02-29.csv",
        "s-b/2024-02-29.csv",
        ".s-c/2024-02-29.csv",
        "2024/02-x/29.csv",
        "2024-02-29.csv",
    ):
        put(tmp_path / name, f"name\n{name}\n")
    options = {} if "%d" in path else {"date_column": "d", "header": "false", "columns": ["d"]}
    of = source(tmp_path / path, **options)
    found = {file.path.removeprefix(f"{tmp_path}/") for file in of._storage.files([DAY, NEXT])}
    twos = {"s-a/2024-02-29.csv", "s-b/2024-02-29.csv"}
    assert found == ({"2024/02-x/29.csv"} if path in ("%Y/%m-*/%d.csv", "*/*/*.csv") else twos)


def test_links_are_followed(tmp_path: Path) -> None:
    put(tmp_path / "real/2024-02-29.csv", "n\n1\n")
    (tmp_path / "here").mkdir()
    (tmp_path / "here/2024-02-29-a.csv").symlink_to(tmp_path / "real/2024-02-29.csv")
    (tmp_path / "here/2024-02-29-b.csv").symlink_to(tmp_path / "nowhere")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for path in ("here/%Y-%m-%d-*.csv", "**/%Y-%m-%d-*.csv", "l*/%Y-%m-%d.csv", "link/%Y-%m-%d.csv"):
        assert data(source(tmp_path / path)) == [{"n": 1}], path
    of = source(tmp_path / "here/%Y-%m-%d-*.csv")
    first = of.versions(window())
    put(tmp_path / "real/2024-02-29.csv", "n\n1\n2\n")
    assert of.versions(window()) != first


def test_many_folders_with_wildcards_are_walked(tmp_path: Path) -> None:
    for number in range(70):
        put(tmp_path / f"s{number}/2024-02-29.csv", f"n\n{number}\n")
    assert len(data(source(tmp_path / "*/%Y-%m-%d.csv"))) == 70


# --- versions


def test_versions_tell_what_has_changed(tmp_path: Path) -> None:
    one, two = put(tmp_path / "2024-02-29.csv", "n\n1\n"), put(tmp_path / "2024-03-01.csv", "n\n1\n")
    of = source(tmp_path / "%Y-%m-%d*.csv")
    assert isinstance(of, TellsVersions)
    first = of.versions(window(BEFORE, NEXT))
    assert set(first) == {DAY, NEXT}
    assert {day: note.version for day, note in notes(of, DAY, NEXT).items()} == first
    assert of.versions(window(BEFORE, NEXT)) == first
    os.utime(one, (1, 1))
    two.write_text("n\n1\n2\n")
    second = of.versions(window(BEFORE, NEXT))
    assert all(second[day] != first[day] for day in first)
    put(tmp_path / "2024-02-29-b.csv", "n\n1\n")
    third = of.versions(window(BEFORE, NEXT))
    assert (third[DAY] == second[DAY], third[NEXT] == second[NEXT]) == (False, True)


def test_a_file_of_which_nothing_tells_a_change_has_no_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of a server that says neither a time nor an ETag: a size alone proves nothing."""
    untold = File(f"{tmp_path}/{DAY}.csv", 5, "")
    monkeypatch.setattr(Storage, "files", lambda self, days: iter([untold]))
    assert source(tmp_path / "%Y-%m-%d.csv").versions(window()) == {}


def test_files_that_are_moved_keep_their_version(tmp_path: Path) -> None:
    old = put(tmp_path / "a/2024-02-29.csv", "n\n1\n")
    first = source(tmp_path / "a/%Y-%m-%d.csv").versions(window())
    (tmp_path / "b").mkdir()
    old.rename(tmp_path / "b/2024-02-29.csv")
    assert source(tmp_path / "b/%Y-%m-%d.csv").versions(window()) == first


def test_with_overlap_a_day_has_the_versions_of_its_neighbours_too(tmp_path: Path) -> None:
    put(tmp_path / "2024-02-29.csv", "n,d\n")
    of = source(tmp_path / "%Y-%m-%d.csv", date_column="d", overlap=1)
    first = of.versions(window(BEFORE, NEXT))
    put(tmp_path / "2024-03-01.csv", "n,d\n")
    second = of.versions(window(BEFORE, NEXT))
    assert set(first) == {DAY}
    assert set(second) == {DAY, NEXT}
    assert first[DAY] != second[DAY]


# --- files that change while they are read


def growing(of: FilesSource, path: Path, more: bytes) -> list[Any]:
    """What a source yields of a file that grows after its first record."""
    found = []
    for each in of.extract(window()):
        if not isinstance(each, Note):
            found += [dict(record.data) for record in (each.records() if isinstance(each, Rows) else [each])]
            with path.open("ab") as file:
                file.write(more)
            more = b""
    return found


@pytest.mark.parametrize("rows", [2, 5])
def test_a_file_that_grows_counts_as_far_as_it_was_whole_lines(tmp_path: Path, rows: int, monkeypatch: Any) -> None:
    monkeypatch.setattr("monolith_plugins_files.tables.FIELDS", 1)
    lines = "".join(f"{n}\n" for n in range(rows))
    path = put(tmp_path / "2024-02-29.csv", f"n\n{lines}7")
    assert growing(source(tmp_path / "%Y-%m-%d.csv"), path, b"8\n9\n") == [{"n": n} for n in range(rows)]
    assert data(source(tmp_path / "%Y-%m-%d.csv"))[-2:] == [{"n": 78}, {"n": 9}]


def test_any_other_change_is_a_temporary_error(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("monolith_plugins_files.tables.FIELDS", 1)
    path = put(tmp_path / "2024-02-29.csv", "n\n1\n2\n")
    answer = source(tmp_path / "%Y-%m-%d.csv").extract(window())
    next(each for each in answer if not isinstance(each, Note))
    path.write_text("n\n3\n")
    with pytest.raises(TemporaryError, match=r"2024-02-29.csv: it was changed while it was read"):
        list(answer)
    document = put(tmp_path / "2024-02-29.jsonl.gz", gzip.compress(b'{"n":1}\n'))
    with pytest.raises(TemporaryError, match=r"jsonl.gz: it was changed while it was read"):
        growing(source(tmp_path / "%Y-%m-%d.jsonl.gz"), document, gzip.compress(b'{"n":2}\n'))


# --- check


def test_check(tmp_path: Path) -> None:
    path = put(tmp_path / "2024-02-29.csv", "n,m\n1,2\n")
    of = source(tmp_path / "%Y-%m-%d.csv", since="2024-02-28", until="2024-03-01")
    assert isinstance(of, Checks)
    assert of.check() == f"1 files of 2024-02-28 to 2024-03-01; {path} begins with m, n"
    path.write_text("n,m\n1\n")
    with pytest.raises(PermanentError, match=r":2: 1 fields, expected 2"):
        of.check()
    path.unlink()
    assert of.check() == f"no file of 2024-02-28 to 2024-03-01: {tmp_path}/2024-03-01.csv would be one"


# --- laws

texts = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0\r"), min_size=1)


@given(st.lists(st.tuples(texts, st.integers(-(10**17), 10**17), st.booleans()), max_size=20))
def test_what_csv_writes_is_read(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, int, bool]]) -> None:
    import csv

    folder = tmp_path_factory.mktemp("csv")
    with (folder / "2024-02-29.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "number", "flag"])
        writer.writerows((text, number, str(flag).lower()) for text, number, flag in rows)
    found = data(source(folder / "%Y-%m-%d.csv", types=["text: text"]))
    assert [(each["text"], each["number"], each["flag"]) for each in found] == rows
