"""The files source and target, held against the contract by the test kit."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from monolith_core import Record, StagedRecord, canonical
from monolith_core.testing import SourceSuite, TargetSuite
from monolith_plugins_files.source import FilesSource
from monolith_plugins_files.target import FilesTarget

DAYS = [dt.date(2024, 2, 28), dt.date(2024, 2, 29), dt.date(2024, 3, 1)]
_TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)


class TestFilesOfADay(SourceSuite):
    plugin = FilesSource
    days = "2024-02-28", "2024-03-01"

    @pytest.fixture
    def options(self, tmp_path):
        for day in DAYS:
            (tmp_path / f"{day}.csv").write_text(f"n,text\n{day.day},a\n{day.day},a\n3,é\n", encoding="utf-8")
        return {"path": str(tmp_path / "%Y-%m-%d.csv"), "category": "fact"}

    @pytest.fixture
    def expected(self):
        return [
            Record(day, "fact", {"n": n, "text": text})
            for day in DAYS
            for n, text in ((day.day, "a"),) * 2 + ((3, "é"),)
        ]


class TestOneFileOfAllDays(SourceSuite):
    plugin = FilesSource
    days = "2024-02-28", "2024-03-01"

    @pytest.fixture
    def options(self, tmp_path):
        lines = "".join(f'{{"at": "{day}T10:00:00Z", "n": {n}}}\n' for n in range(5) for day in DAYS)
        (tmp_path / "all.jsonl").write_text(lines)
        return {"path": str(tmp_path / "all.jsonl"), "date-column": "at", "date-format": "iso"}

    @pytest.fixture
    def expected(self):
        return [Record(day, "shop", {"at": f"{day}T10:00:00Z", "n": n}) for day in DAYS for n in range(5)]


class TestLines(TargetSuite):
    plugin = FilesTarget

    @pytest.fixture
    def options(self, tmp_path):
        return {"path": str(tmp_path / "out/{source}/%Y-%m-%d.jsonl")}

    def damage(self, target, partition):
        path = Path(target._storage.template.written(partition.date, partition.source))
        path.write_bytes(path.read_bytes().replace(b'"n":1', b'"n":7', 1))


class TestCompressedLines(TargetSuite):
    plugin = FilesTarget
    examples = 5

    @pytest.fixture
    def options(self, tmp_path):
        return {"path": str(tmp_path / "%Y/%j/{source}.jsonl.gz")}


class TestCsv(TargetSuite):
    """A record is what its row says where null and an empty text are left out, and `n` is a number."""

    plugin = FilesTarget

    @pytest.fixture
    def options(self, tmp_path):
        return {"path": str(tmp_path / "out/{source}/%Y-%m-%d.csv")}

    def data(self):
        return st.fixed_dictionaries({"n": st.integers()}, optional={"text": _TEXT, "größe": _TEXT})

    def rows(self, path: Path) -> Iterable[dict[str, Any]]:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                yield row | {"n": int(row["n"])} if "n" in row else row

    def held(self, target, partition):
        path = Path(target._storage.template.written(partition.date, partition.source))
        for row in self.rows(path) if path.exists() else ():
            assert str(row.pop("date")) == str(partition.date)
            category, content_id = row.pop("category"), row.pop("monolith_id")
            data = canonical({name: value for name, value in row.items() if value not in ("", None)})
            yield StagedRecord(bytes.fromhex(content_id), category, data)


class TestParquet(TestCsv):
    @pytest.fixture
    def options(self, tmp_path):
        pytest.importorskip("pyarrow")
        return {"path": str(tmp_path / "out/{source}/%Y-%m-%d.parquet"), "types": ["n: integer"]}

    def data(self):
        numbers = st.integers(-(2**63), 2**63 - 1)
        return st.fixed_dictionaries({"n": numbers}, optional={"text": _TEXT, "größe": _TEXT})

    def rows(self, path):
        import pyarrow.parquet

        for row in pyarrow.parquet.read_table(path).to_pylist():
            yield row | {"monolith_id": row["monolith_id"].hex()}
