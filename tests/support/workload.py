"""A small main job for tests that kill, stop and repeat it: two sources into an archive, and the archive into a copy.

It runs `monolith-extract` in processes of its own. The sources have a `version`, so that a partition that mixes two
answers can be told: every record of one answer carries the same one.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

FIRST = date(2024, 1, 1)
DAYS = 12
SOURCES = {"alpha": 40, "beta": 25}
PATIENCE = 120

CONFIG = """\
[monolith]
database = {archive}
sequence = extract, load
timezone = UTC
since = {first}
until = {last}
lease = {lease}
span = {span}

[phase:extract]
sources = alpha, beta
targets = archive

[phase:load]
sources = stored
targets = copy

[source:alpha]
use = sql
database = {operational}
query = SELECT day AS date, version, number, note FROM alpha WHERE day >= :start_date AND day < :next_date
category = alpha

[source:beta]
use = sql
database = {operational}
query = SELECT day AS date, version, number, note FROM beta WHERE day >= :start_date AND day < :next_date
category = beta

[source:stored]
use = sql

[target:archive]
use = sql

[target:copy]
use = sql
database = {copy}
"""


def per_day(source: str, version: int) -> int:
    """How many records a day of a source has; versions differ, by less than the shrink guard minds."""
    return SOURCES[source] + 5 * version


@dataclass
class Workload:
    """The databases and the configuration of one job."""

    folder: Path
    archive: str
    copy: str
    lease: str = "30s"
    span: int = 4
    operational: str = field(init=False)
    config: Path = field(init=False)

    def __post_init__(self) -> None:
        self.operational = f"sqlite:///{self.folder}/operational.sqlite"
        self.config = self.folder / "job.ini"
        text_of = CONFIG.format(
            archive=self.archive,
            copy=self.copy,
            operational=self.operational,
            first=FIRST,
            last=FIRST + timedelta(days=DAYS - 1),
            lease=self.lease,
            span=self.span,
        )
        self.config.write_text(text_of, encoding="utf-8")
        self.write_version(0)

    def write_version(self, version: int) -> None:
        """Make the operational database hold this version of every day."""
        engine = create_engine(self.operational)
        with engine.begin() as connection:
            for source in SOURCES:
                connection.execute(
                    text(f"CREATE TABLE IF NOT EXISTS {source} (day TEXT, version INT, number INT, note TEXT)")
                )
                connection.execute(text(f"DELETE FROM {source}"))
                rows = [
                    {"d": str(FIRST + timedelta(days=day)), "v": version, "n": number, "t": "é" * (number % 7)}
                    for day in range(DAYS)
                    for number in range(per_day(source, version))
                ]
                connection.execute(text(f"INSERT INTO {source} VALUES (:d, :v, :n, :t)"), rows)
        engine.dispose()

    def start(self, *arguments: str, fault: str = "") -> subprocess.Popen[str]:
        """Begin a run in a process of its own."""
        environment = os.environ | {"MONOLITH_FAULT": fault}
        return subprocess.Popen(
            [sys.executable, "-m", "monolith_core", str(self.config), "--no-progress", *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str, fault: str = "") -> tuple[int, str]:
        """Run to the end: exit status (negative: the signal that ended it) and everything it printed."""
        process = self.start(*arguments, fault=fault)
        try:
            output, _ = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
        return process.returncode, output

    def records(self, url: str) -> list[tuple[Any, ...]]:
        """Everything a record table holds, in order; nothing if it does not exist yet."""
        engine = create_engine(url)
        try:
            with engine.connect() as connection:
                if not engine.dialect.has_table(connection, "record"):
                    return []
                found = connection.execute(text("SELECT date, source, id, category, data FROM record"))
                return sorted((str(row[0]), row[1], bytes(row[2]), row[3], row[4]) for row in found)
        finally:
            engine.dispose()

    def ledger(self) -> list[tuple[Any, ...]]:
        """What the ledger says, without instants, runs, and fingerprints (which know the databases' places)."""
        engine = create_engine(self.archive)
        columns = "target, source, date, via, state, count, a, b, error"
        if engine.dialect.name == "mysql":
            columns = columns.replace("count", "`count`")
        try:
            with engine.connect() as connection:
                return sorted(
                    (row[0], row[1], str(row[2]), *row[3:])
                    for row in connection.execute(text(f"SELECT {columns} FROM ledger"))
                )
        finally:
            engine.dispose()

    def ledger_is_empty(self) -> bool:
        """Whether there was no run yet."""
        engine = create_engine(self.archive)
        try:
            with engine.connect() as connection:
                return not engine.dialect.has_table(connection, "ledger")
        finally:
            engine.dispose()

    def snapshot(self) -> dict[str, list[tuple[Any, ...]]]:
        """Archive, copy and ledger."""
        return {"archive": self.records(self.archive), "copy": self.records(self.copy), "ledger": self.ledger()}


class Reader(threading.Thread):
    """Looks at the record table of a database all the time; `torn` are the partitions it saw in part."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._engine = create_engine(url)
        self._over = threading.Event()
        self.looks = 0
        self.torn: set[tuple[Any, ...]] = set()

    def run(self) -> None:
        number = {"mysql": "JSON_VALUE(data, '$.version')", "sqlite": "json_extract(data, '$.version')"}.get(
            self._engine.dialect.name, "(data::json->>'version')"
        )
        query = text(f"SELECT source, date, COUNT(*), MIN({number}), MAX({number}) FROM record GROUP BY source, date")
        while not self._over.is_set():
            with self._engine.connect() as connection:
                if not self._engine.dialect.has_table(connection, "record"):
                    continue
                for source, day, count, least, most in connection.execute(query):
                    if least != most or count != per_day(source, int(least)):
                        self.torn.add((source, str(day), count, least, most))
            self.looks += 1
        self._engine.dispose()

    def end(self) -> None:
        """Stop looking."""
        self._over.set()
        self.join()


@contextmanager
def watched(*urls: str) -> Iterator[list[Reader]]:
    """Readers on databases; afterwards none of them may have seen a part of a partition."""
    readers = [Reader(url) for url in urls]
    for reader in readers:
        reader.start()
    try:
        yield readers
    finally:
        for reader in readers:
            reader.end()
    assert [reader.torn for reader in readers] == [set()] * len(readers)


def kill(process: subprocess.Popen[str]) -> None:
    """kill -9."""
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=PATIENCE)
