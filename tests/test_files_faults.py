"""What is wrong with a file is said with its name, its line and what was expected; options are checked before."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from support.files import DAY, NEXT, data, given, source, window

from monolith_core import PermanentError, RecordError
from monolith_plugins_files import content, documents
from monolith_plugins_files.faults import FileFault
from monolith_plugins_files.source import FilesSource

LONG = "x" * 300_000


def fault(tmp_path: Path, name: str, content: str | bytes, **options: Any) -> str:
    """What is said about a file, without its folder."""
    (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(PermanentError) as caught:
        data(source(tmp_path / name.replace("2024-02-29", "%Y-%m-%d"), **options))
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith(f"{tmp_path}/")
    return text.removeprefix(f"{tmp_path}/")


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("a,b\n1,2\n3\n", {}, "3: 1 fields, expected 2 (a, b); is a delimiter not quoted?"),
        ('a,b\n"1\n1",2\n3,4,5\n', {}, "4: 3 fields, expected 2 (a, b); is a delimiter not quoted?"),
        ('a,b\n1,2\n\n3,"4\n5,6\n', {}, "4: a quote that is opened in this row is never closed"),
        (f'a,b\n1,"2\n{LONG}', {}, "2: a quote that is opened in this row is never closed"),
        ('a,b\n1,2\n"3"x,4\n', {}, "3: text follows a closing quote"),
        ("a,b\r1,2\r", {}, "1: lines end with a carriage return alone; expected line feeds"),
        ("a,b,a\n", {}, "1: the header has 'a' more than once; name each column once"),
        ("a,b\n1,2\na,b\n", {}, "3: the header once more; expected a row"),
        (
            "a,c\n1,2\n",
            {"columns": ["a", "b"]},
            "1: the header lacks b, has c besides; expected a, b, as columns says",
        ),
        ("a,b\n1,2\n", {"types": ["c: float"]}, "1: the header has no column c, only a, b; types names it"),
        ("a,b\n1,2\n", {"date_column": "d"}, "1: the header has no column d, only a, b; date-column names it"),
        ("a,b\n1,2\n3,x\n", {"types": ["b: integer"]}, "3: b: got 'x', expected a whole number"),
        ("a\nNaN\n", {"types": ["a: float"]}, "2: a: got 'NaN', expected a number that JSON has; set nan = null"),
        ("a,b\n1,\n", {"category_column": "b"}, "2: b: got '', expected the record's category"),
        ("a,b\n1,\n", {"date_column": "b"}, "2: b: got '', expected a day"),
        (
            "a,b\n1,2024-02-30\n",
            {"date_column": "b"},
            "2: b: got '2024-02-30', expected a day such as 2024-02-29",
        ),
        ("a,b\n1,2\n", {"header": "false", "columns": ["x"]}, "1: 2 fields, expected 1 (x)"),
    ],
)
def test_csv(tmp_path: Path, text: str, options: dict[str, Any], said: str) -> None:
    assert fault(tmp_path, "2024-02-29.csv", text, **options).startswith(f"2024-02-29.csv:{said}")


def test_a_fault_in_any_batch_has_its_line(tmp_path: Path) -> None:
    rows = ["1,2\n"] * 1234
    text = "a,b\n" + "".join(rows) + '"x\n\ny",2\n1,oops\n'
    said = fault(tmp_path, "2024-02-29.csv", text, types=["b: integer"])
    assert said.startswith("2024-02-29.csv:1239: b: got 'oops'")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": 1}\n{"a": ', "2: is no JSON (Input data was truncated); expected an object in each line"),
        ('{"a": 1}\n\n[1]\n', "3: got [1], expected an object"),
        (
            '{"a": NaN}',
            "1: is no JSON (JSON is malformed: invalid character (byte 6)); expected an object in each line",
        ),
        ("<html>\n", "1: is no JSON (JSON is malformed: invalid character (byte 0)); expected an object in each line"),
    ],
)
def test_json_lines(tmp_path: Path, text: str, said: str) -> None:
    assert fault(tmp_path, "2024-02-29.jsonl", text) == f"2024-02-29.jsonl:{said}"


@pytest.mark.parametrize(
    ("text", "records", "said"),
    [
        ('[{"a": 1},\n {"a": 2', None, "2: is no JSON: expecting ',' delimiter (the file ends here)"),
        ('[{"a": 1},\n {"a": "2', None, "2: is no JSON: unterminated string starting at"),
        (
            '[{"a": 1}\n',
            None,
            "2: is no JSON of records: got the end of the file, expected a comma or a closing bracket",
        ),
        (
            '[{"a": 1}\n{"a": 2}]',
            None,
            "2: is no JSON of records: got '{\"a\": 2}]', expected a comma or a closing bracket",
        ),
        ('[{"a": 1}]\n[]', None, "2: is no JSON of records: got '[]' after the end of the document"),
        ('[{"a": 1},\n\n 5]', None, "3: got 5, expected an object"),
        ('[{"a": 1},\n {"a": tru}, {"b": "' + LONG + '"}]', None, "2: is no JSON: expecting value"),
        ("", None, "1: is no JSON: expecting value (the file ends here)"),
        ('{"x": []}', "y", "1: is no JSON of records: an object without y, which records names"),
        ('{"x": {"z": 1}}', "x.z", "1: is no JSON of records: got '1}}', expected a list of records"),
        ('{"x": 1', "y", "1: is no JSON of records: got the end of the file, expected a comma or a closing brace"),
        ("[" * 100_000, None, "1: is no JSON of records: cannot be read: maximum recursion depth exceeded"),
    ],
)
def test_json(tmp_path: Path, text: str, records: str | None, said: str) -> None:
    found = fault(tmp_path, "2024-02-29.json", text, **({"records": records} if records else {}))
    assert found.startswith(f"2024-02-29.json:{said}")


def test_lines(tmp_path: Path) -> None:
    said = fault(tmp_path, "2024-02-29.log", "1\n\n2\nthree\n", pattern=r"(?P<n>\d)")
    assert said == "2024-02-29.log:4: 'three' does not match the pattern; correct the line or the pattern"


def test_parquet(tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    assert fault(tmp_path, "2024-02-29.parquet", b"PAR1 nonsense PAR1").startswith(
        "2024-02-29.parquet: is no whole Parquet file ("
    )
    pq.write_table(pa.table({"n": ["x"] * 1000, "day": ["2024-02-29"] * 999 + ["no"]}), tmp_path / "2024-02-29.parquet")
    whole = (tmp_path / "2024-02-29.parquet").read_bytes()
    assert "is no whole Parquet file" in fault(tmp_path, "2024-02-29.parquet", whole[:-100])
    assert fault(tmp_path, "2024-02-29.parquet", whole, types=["n: integer"]).startswith(
        "2024-02-29.parquet, row 1: n: got 'x', expected a whole number"
    )
    assert fault(tmp_path, "2024-02-29.parquet", whole, date_column="day").startswith(
        "2024-02-29.parquet, row 1000: day: got 'no', expected a day such as"
    )
    assert "bytes when decompressed, more than max-bytes (100)" in fault(
        tmp_path, "2024-02-29.parquet", whole, max_bytes=100
    )


# --- what a file is made of


def test_bytes_that_are_not_of_the_encoding(tmp_path: Path) -> None:
    text = b"a\n" + b"x\n" * 200_000 + "é\n".encode("latin-1") + b"x\n"
    assert fault(tmp_path, "2024-02-29.csv", text) == (
        "2024-02-29.csv:200002: the byte 0xe9 is not utf-8; set encoding to what it is (it is utf-8)"
    )
    assert fault(tmp_path, "2024-02-29.csv", "a\n1\n".encode("utf-16")).endswith(
        ":1: the byte 0xff is not utf-8; set encoding = utf-16"
    )
    assert fault(tmp_path, "2024-02-29.csv", "a\nxé".encode()[:-1]).startswith("2024-02-29.csv:2: the byte 0xc3 is not")


@pytest.mark.parametrize(
    ("ending", "name", "compress"),
    [("gz", "gzip", gzip.compress), ("bz2", "bz2", bz2.compress), ("xz", "xz", lzma.compress)],
)
def test_compressed_files_that_are_broken(
    tmp_path: Path, ending: str, name: str, compress: Callable[[bytes], bytes]
) -> None:
    whole = compress(b"n\n" + b"".join(b"%d\n" % (n * 7919 % 1000) for n in range(1000)))
    broken = (whole[:-20], whole[:60] + b"\0\0\0\0" + whole[64:], b"n\n1\n2\n3\n4\n5\n6\n7\n8\n9\n0\n", whole + b"junk")
    for each in broken[: 4 if ending == "gz" else 3]:  # the others pass over what follows
        said = fault(tmp_path, f"2024-02-29.csv.{ending}", each)
        assert said.startswith(f"2024-02-29.csv.{ending}: is no whole {name} file: ")
        assert said.endswith("; copy it again")


def test_zstd_files_that_are_broken(tmp_path: Path) -> None:
    zstd = pytest.importorskip("backports.zstd")
    whole = zstd.compress(b"n\n" + b"1\n" * 1000)
    for each in (whole[:-3], whole + b"junk", b"n\n1\n"):
        assert "is no whole zstd file: " in fault(tmp_path, "2024-02-29.csv.zst", each)


def test_a_bomb_is_bounded_by_max_bytes(tmp_path: Path) -> None:
    bomb = gzip.compress(b"n\n" + b"1\n" * 2_000_000)
    assert len(bomb) < 20_000
    assert fault(tmp_path, "2024-02-29.csv.gz", bomb, max_bytes=1_000_000) == (
        "2024-02-29.csv.gz: has more than 1,000,000 bytes when decompressed; if that is right, raise max-bytes"
    )


def test_a_line_without_end_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "LONGEST_LINE", 1000)
    bomb = gzip.compress(b"n\n" + b"0" * 5_000_000)
    assert fault(tmp_path, "2024-02-29.csv.gz", bomb) == (
        "2024-02-29.csv.gz:2: a line of more than 1,000 characters; expected lines of text"
    )
    monkeypatch.setattr(documents, "LONGEST_LINE", 1000)
    bomb = gzip.compress(json.dumps([{"n": "0" * 5_000_000}]).encode())
    assert "a value of more than 1,000 characters; expected records" in fault(tmp_path, "2024-02-29.json.gz", bomb)


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "2024-02-29.csv").mkdir()
    with pytest.raises(RecordError, match="there is no file"):  # a folder is none
        data(source(tmp_path / "%Y-%m-%d.csv"))

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    of = source(tmp_path / "x-%Y-%m-%d.csv")
    (tmp_path / "x-2024-02-29.csv").write_text("n\n")
    monkeypatch.setattr(of._storage.system, "open", refuse)
    with pytest.raises(PermanentError, match=r"may not be read or written \(Permission denied\); give the right to it"):
        data(of)


# --- whose days are failed


def test_a_broken_file_of_some_days_lets_the_window_be_divided(tmp_path: Path) -> None:
    (tmp_path / "2024-02-29.csv").write_text("a\n1,2\n")
    (tmp_path / "2024-03-01.csv").write_text("a\n1\n")
    path = tmp_path / "%Y-%m-%d.csv"
    with pytest.raises(RecordError, match=r"2024-02-29.csv:2: 2 fields"):
        data(source(path), DAY, NEXT)
    with pytest.raises(FileFault, match=r"2024-02-29.csv:2: 2 fields"):
        data(source(path), DAY)
    assert data(source(path), NEXT) == [{"a": 1}]


def test_a_broken_file_of_all_days_fails_them_all_at_once(tmp_path: Path) -> None:
    (tmp_path / "all.csv").write_text("a,day\n1\n")
    with pytest.raises(FileFault, match=r"all.csv:2: 1 fields"):
        data(source(tmp_path / "all.csv", date_column="day"), DAY, NEXT)


def test_a_wrong_value_fails_its_day_only(tmp_path: Path) -> None:
    (tmp_path / "all.csv").write_text("a,day\nx,2024-02-29\n1,2024-03-01\n")
    of = source(tmp_path / "all.csv", date_column="day", types=["a: integer"])
    with pytest.raises(RecordError, match=r"all.csv:2: a: got 'x', expected a whole number"):
        data(of, DAY, NEXT)
    assert data(of, NEXT) == [{"a": 1}]


# --- options


@pytest.mark.parametrize(
    ("path", "options", "said"),
    [
        ("-", {}, "is no path of a source; - and {source} are for targets"),
        ("{source}-%Y-%m-%d.csv", {}, "is no path of a source"),
        ("%Y-%m-%d.csv%", {}, "% is no field of a path; expected %Y"),
        ("v.csv", {}, "path has no day such as %Y-%m-%d, and there is no date-column"),
        ("%Y-%m.csv", {}, "path has no day such as %Y-%m-%d, and there is no date-column"),
        ("%Y-%m-%d.dat", {}, "path ends with no known format; add format = "),
        ("%Y-%m-%d.log.gz", {"format": "lines"}, "format is lines without a pattern"),
        ("%Y-%m-%d.csv", {"pattern": "x"}, "has no named groups"),
        ("%Y-%m-%d.log", {"pattern": "(?P<x>"}, "is no regular expression: "),
        ("x.log", {"pattern": "(?P<x>.)", "date_column": "y"}, "date-column y is no group of the pattern"),
        ("%Y-%m-%d.jsonl", {"delimiter": ";"}, "delimiter is about csv, tsv, and the format is jsonl; remove it"),
        ("%Y-%m-%d.csv", {"records": "a"}, "records is about json, and the format is csv; remove it"),
        ("%Y-%m-%d.csv", {"delimiter": ";;"}, "';;' is no character; expected one, or tab, space"),
        ("%Y-%m-%d.csv", {"delimiter": '"'}, "quote and delimiter are the same character"),
        ("%Y-%m-%d.csv", {"header": "false"}, "header is false without columns; add columns = "),
        ("%Y-%m-%d.csv", {"category": "a", "category_column": "b"}, "category and category-column exclude each other"),
        ("%Y-%m-%d.csv", {"date_format": "iso"}, "date-format and overlap are about a date-column"),
        ("%Y-%m-%d.csv", {"overlap": 1}, "date-format and overlap are about a date-column"),
        ("v.csv", {"overlap": 1, "date_column": "d"}, "overlap is about files of certain days, and the path has none"),
        ("%Y-%m-%d.csv", {"date_column": "d", "date_format": "%H"}, "'%H' does not tell a day"),
        ("%Y-%m-%d.csv", {"encoding": "utf-99"}, "'utf-99' is no encoding; expected one such as utf-8"),
        ("%Y-%m-%d.csv", {"encoding": "rot13"}, "'rot13' is no encoding"),
        ("%Y-%m-%d.csv", {"types": ["price"]}, "'price' is no type of a column; write it as price: float"),
    ],
)
def test_options_that_cannot_be(path: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        FilesSource.Options.model_validate({"path": path, **given(options)}, context={"here": Path("/etc")})
    (error,) = caught.value.errors()
    assert said in error["msg"]


def test_a_protocol_whose_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for path, said in [
        ("nothing://host/%Y-%m-%d.csv", "Protocol not known: nothing"),
        ("hdfs://host/%Y-%m-%d.csv", "pyarrow"),
    ]:
        monkeypatch.setitem(__import__("sys").modules, "pyarrow.fs", None)
        with pytest.raises(PermanentError, match=said):
            source(path).versions(window())


def test_options_of_the_file_system_are_json_or_text() -> None:
    options = {"anon": "true", "port": "22", "key": "0x", "quoted": '"22"', "client_kwargs": '{"a": 1}'}
    of = source("memory://x/%Y-%m-%d.csv", option=options)
    assert of.options.storage_options == {
        "anon": True,
        "port": 22,
        "key": "0x",
        "quoted": "22",
        "client_kwargs": {"a": 1},
    }
    assert "0x" not in repr(of.options)


@pytest.mark.parametrize("at_once", [1, 2, 3, 1000])
@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("7,y\n", "11: b: got 'y', expected a whole number"),
        ("7\n", "11: 1 fields, expected 2 (a, b)"),
        ('7,"8\n\n', "11: a quote that is opened in this row is never closed"),
        ("a,b\n", "11: the header once more"),
    ],
)
def test_blank_lines_and_line_feeds_in_fields_count(
    tmp_path: Path, row: str, said: str, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monolith_plugins_files.tables.FIELDS", 2 * at_once)
    text = f'a,b\n\n"1\n\n1",2\n\n\n3,4\n5,"6\n"\n{row}'
    assert fault(tmp_path, "2024-02-29.csv", text, types=["a: text", "b: integer"]).startswith(f"2024-02-29.csv:{said}")
