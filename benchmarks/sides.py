"""The sides of the archive's benchmark: the commands by which each tool brings one database's flights to another."""

from __future__ import annotations

import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from databases import ROOT, Databases, Where

TOOLS = ROOT / ".cache/benchmarks"
HERE = Path(__file__).parent

CONFIGURATION = """\
[monolith]
database = {target}
sequence = extract
since = {first}
until = {last}

[phase:extract]
sources = flights
targets = archive

[source:flights]
use = sql
database = {source}
query = SELECT * FROM flights WHERE date >= :start_date AND date < :next_date
category = flight

[target:archive]
use = sql
"""


@dataclass(frozen=True)
class Command:
    """What to run, and what it needs in its environment."""

    words: list[str | Path]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Task:
    """What every side has to do: the flights of these days, from `source` to a database of its own in `targets`."""

    source: Where
    targets: Databases
    folder: Path
    first: str
    last: str


class Side(ABC):
    """One tool. `name` is also its database's; a step that the tool has not is None."""

    name: str
    title: str
    peer = False

    def __init__(self, task: Task) -> None:
        self.task = task
        self.target = task.targets.where(self.name)

    @classmethod
    def there(cls) -> bool:
        """Whether the tool could be had."""
        return (TOOLS / cls.name / "recipe").is_file()

    def clear(self) -> None:
        """Begin anew."""
        self.task.targets.make(self.name)

    def cold(self) -> Command | None:
        """Everything, into an empty database."""
        return self.again()

    @abstractmethod
    def again(self) -> Command | None:
        """The same once more, whatever is there."""

    def day(self, day: str) -> Command | None:
        """One day only, which has changed."""
        return None

    def nothing(self) -> Command | None:
        """The run of an hour in which nothing is due."""
        return None


class Monolith(Side):
    name, title = "monolith", "monolith"

    def clear(self) -> None:
        super().clear()
        task = self.task
        self.configuration.write_text(
            CONFIGURATION.format(target=self.target.url, source=task.source.url, first=task.first, last=task.last)
        )

    @property
    def configuration(self) -> Path:
        return self.task.folder / "monolith.ini"

    def _run(self, *options: str) -> Command:
        program = TOOLS / "monolith/bin/monolith-extract"
        return Command([program, self.configuration, "--log-level", "warning", *options])

    def cold(self) -> Command:
        return self._run()

    def again(self) -> Command:
        return self._run("--force")

    def day(self, day: str) -> Command:
        return self._run("--force", "--date", day)

    def nothing(self) -> Command:
        return self._run()


class Loop(Side):
    name, title = "loop", "loop by hand"

    def _run(self, *words: str) -> Command:
        return Command([TOOLS / "loop/bin/python", HERE / "loop.py", *words])

    def again(self) -> Command:
        return self._run("archive", self.task.source.plain, self.target.plain, self.task.first, self.task.last)

    def day(self, day: str) -> Command:
        return self._run("archive", self.task.source.plain, self.target.plain, day, day)


class Identify(Loop):
    """The part of the loop that no replay can do without: whether a day has changed is seen by its ids."""

    title = "its reading, JSON and ids alone"
    part = "identify"

    def clear(self) -> None:
        pass

    def cold(self) -> None:
        return None

    def again(self) -> Command:
        return self._run(self.part, self.task.source.plain, self.task.first, self.task.last)

    def day(self, day: str) -> Command:
        return self._run(self.part, self.task.source.plain, day, day)


class Encode(Identify):
    """The same without ids."""

    title = "its reading and JSON alone"
    part = "encode"


class Dlt(Side):
    name, title, peer = "dlt", "dlt", True

    def clear(self) -> None:
        super().clear()
        shutil.rmtree(self._data, ignore_errors=True)

    @property
    def _data(self) -> Path:
        return self.task.folder / "dlt"

    def _run(self, *words: str) -> Command:
        source, target = self.task.source.url, self.target
        dataset = "flights" if target.schema == "main" else target.schema
        return Command(
            [TOOLS / "dlt/bin/python", HERE / "dlt_copy.py", source, target.url, dataset, *words],
            {"DLT_DATA_DIR": str(self._data), "RUNTIME__DLTHUB_TELEMETRY": "false"},
        )

    def again(self) -> Command:
        return self._run()

    def day(self, day: str) -> Command:
        return self._run(day)


class Sling(Side):
    name, title, peer = "sling", "sling", True

    def again(self) -> Command:
        task = self.task
        (program,) = (TOOLS / "sling").glob("lib/python*/site-packages/sling_*/bin/sling-*")
        source, target = f"{task.source.schema}.flights", f"{self.target.schema}.flights"
        return Command(
            [
                *(program, "run", "--mode", "full-refresh"),
                *("--src-conn", task.source.sling, "--src-stream", source),
                *("--tgt-conn", self.target.sling, "--tgt-object", target),
            ],
            {
                "SLING_HOME_DIR": str(TOOLS / "sling/home"),
                "SLING_DISABLE_TELEMETRY": "true",
                # It writes to SQLite by way of this program, and by single rows where it is not there.
                "SQLITE_PATH": shutil.which("sqlite3") or os.devnull,
            },
        )


SIDES: tuple[type[Side], ...] = (Monolith, Loop, Identify, Encode, Dlt, Sling)
