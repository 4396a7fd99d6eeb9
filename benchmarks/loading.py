"""The load's benchmark: the archive into a node of Elasticsearch, by monolith and by the official client alone."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from databases import OPERATIONS, Sqlite
from process import Cost, Failed, run
from report import Bound, Table, ratio, seconds, show
from sides import HERE, TOOLS
from support.elasticsearch_node import Node

CONFIGURATION = """\
[monolith]
database = {archive}
since = {first}
until = {last}

[phase:extract]
sources = flights
targets = sql

[phase:load]
sources = archive
targets = elasticsearch

[source:flights]
use = sql
database = {operations}
query = SELECT * FROM flights WHERE date >= :start_date AND date < :next_date
category = flight

[target:sql]

[source:archive]
use = sql

[target:elasticsearch]
url = {url}
replicas = 0
"""
PROGRAM = TOOLS / "monolith/bin/monolith-extract"
CLIENT = TOOLS / "client/bin/python"

OWN, BODIES, BODIES_AT_ONCE = "monolith", "prepared bodies", "prepared bodies, two at once"
BULK, PARALLEL = "helpers.bulk", "helpers.parallel_bulk"
PEERS = (BULK, PARALLEL)
COLD, NOTHING, FORCED, DAY = "cold", "nothing changed", "nothing changed, forced", "one changed day"

WARM_UP = 4
"""Loads of each side before any is measured."""

WHOLE = {
    "size": 0,
    "track_total_hits": True,
    "aggs": {name: {"sum": {"field": f"monolith.{name}"}} for name in ("a", "b")},
}


class OrdinaryNode(Node):
    """The tests' node with a heap of usual size and all of Java's compilers."""

    java = ("-Xms1g", "-Xmx1g")


@contextmanager
def node() -> Iterator[Node]:
    """A node of our own."""
    found = OrdinaryNode()
    try:
        found.start()
        yield found
    finally:
        found.close()


@dataclass
class Loading:
    """A load of the flights of these days, from an archive in SQLite."""

    sqlite: Sqlite
    folder: Path
    days: tuple[str, str]
    flights: int
    rounds: int
    peer_rounds: int
    costs: dict[tuple[str, str], list[Cost]] = field(default_factory=lambda: defaultdict(list))
    node_cpu: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    writes: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    looks: list[tuple[float, float]] = field(default_factory=list)
    version: str = ""
    expected: tuple[int, float, float] | None = None

    @property
    def configuration(self) -> Path:
        return self.folder / "loading.ini"

    def measure(self) -> None:
        """Every round: each side loads in turn, beginning with another one each time."""
        with node() as self.node:
            self.version = self.node.version
            self._prepare()
            for number in range(self.rounds):
                commands = self._commands()
                sides = [side for side in commands if side not in PEERS or number < self.peer_rounds]
                turn = number % len(sides)
                for side in sides[turn:] + sides[:turn]:
                    self._clear(side)
                    self._load(side, commands[side])
                    if side == OWN:
                        self._rest(number)

    def _prepare(self) -> None:
        """The archive, the bodies, and a node that has been used."""
        archive = self.sqlite.make("loading")
        self.configuration.write_text(
            CONFIGURATION.format(
                archive=archive.url,
                operations=self.sqlite.where(OPERATIONS).url,
                first=self.days[0],
                last=self.days[1],
                url=self.node.url,
            )
        )
        self._monolith("--sequence", "extract")
        self._bodies.mkdir()
        self._client("prepare", self._archive, self._bodies)
        self._monolith("--sequence", "load")  # which also writes the template
        self._warm_up()

    def _warm_up(self) -> None:
        """Let Java's compilers have done their work, which makes the first loads cost the node a third more."""
        commands = self._commands()
        for _ in range(WARM_UP):
            for side in (OWN, BODIES):
                self._clear(side)
                self._run(commands[side])

    @property
    def _archive(self) -> Path:
        return self.sqlite.file("loading")

    @property
    def _bodies(self) -> Path:
        return self.folder / "bodies"

    def _commands(self) -> dict[str, list[str | Path]]:
        url = self.node.url
        return {
            OWN: [PROGRAM, self.configuration, "--log-level", "warning", "--sequence", "load"],
            BODIES: [CLIENT, HERE / "send.py", "bodies", url, self._bodies, "1"],
            BODIES_AT_ONCE: [CLIENT, HERE / "send.py", "bodies", url, self._bodies, "2"],
            BULK: [CLIENT, HERE / "send.py", "bulk", url, self._archive],
            PARALLEL: [CLIENT, HERE / "send.py", "parallel", url, self._archive],
        }

    def _run(self, words: list[str | Path]) -> Cost:
        return run(words, self.folder / "log")

    def _monolith(self, *options: str) -> Cost:
        return self._run([PROGRAM, self.configuration, "--log-level", "warning", *options])

    def _client(self, *words: str | Path) -> Cost:
        return self._run([CLIENT, HERE / "send.py", *words])

    def _clear(self, side: str) -> None:
        """No documents; for the others the indices, as monolith makes them: not refreshed while they are filled."""
        months = list(self.node.ask("GET", "/monolith/_alias"))
        for month in months:
            self.node.ask("DELETE", f"/{month}")
        if side == OWN:
            self.sqlite.execute("loading", "DELETE FROM loading.ledger WHERE target = 'elasticsearch'")
            return
        for month in months:
            self.node.ask("PUT", f"/{month}", {"settings": {"index": {"refresh_interval": "-1"}}})

    def _load(self, side: str, command: list[str | Path]) -> None:
        before = self._node_cpu()
        cost = self._run(command)
        self.node_cpu[side].append(self._node_cpu() - before)
        self.costs[side, COLD].append(cost)
        show(
            f"  load: {side}: {cost.seconds:.2f} s, {cost.cpu:.2f} s of CPU, the node's {self.node_cpu[side][-1]:.2f} s"
        )
        self._check(side)

    def _node_cpu(self) -> float:
        """Seconds of the processors that the node has had, by the kernel's account."""
        assert self.node.process is not None
        fields = Path(f"/proc/{self.node.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100

    def _check(self, side: str) -> None:
        """See that all is there: the records' number, and the sums of the pieces of their ids."""
        found = self._whole()
        self.expected = self.expected or found
        if found != self.expected or found[0] != self.flights:
            raise Failed(f"{side} loaded {found}, expected {self.expected} of {self.flights} flights")

    def _whole(self) -> tuple[int, float, float]:
        answer: Any = self.node.ask("POST", "/monolith/_search", WHOLE)
        sums = answer["aggregations"]
        return answer["hits"]["total"]["value"], sums["a"]["value"], sums["b"]["value"]

    def _rest(self, number: int) -> None:
        """What a full index costs: loads with nothing changed and with one changed day, and a reconcile."""
        self._step(NOTHING)
        self._step(FORCED, "--force")
        words = [TOOLS / "monolith/bin/python", HERE / "look.py", self.configuration, self.node.url]
        self._run(words)
        reconcile, scan = map(float, (self.folder / "log").read_text().split())
        self.looks.append((reconcile, scan))
        show(f"  reconcile: {reconcile:.3f} s, a scan of all ids {scan:.2f} s")
        for change in (1, -1):  # and back, so that the next round is about the same flights
            self._change(number, change)
            self._step(DAY)
        self._check(OWN)

    def _step(self, step: str, *options: str) -> None:
        before = self._writes()
        cost = self._monolith("--sequence", "load", *options)
        self.costs[OWN, step].append(cost)
        self.writes[step].append(self._writes() - before)
        show(f"  load: {step}: {cost.seconds:.2f} s, {self.writes[step][-1]} writes")

    def _writes(self) -> int:
        """Documents that the node was told to write and to delete, by its own count."""
        found = self.node.ask("GET", "/monolith/_stats/indexing")["_all"]["primaries"]["indexing"]
        return int(found["index_total"]) + int(found["delete_total"])

    def _change(self, number: int, by: int) -> None:
        """Let the airline correct one flight, and the archive know of it."""
        day = str(dt.date.fromisoformat(self.days[0]) + dt.timedelta(days=7 + number))
        flight = f"(SELECT MIN(rowid) FROM {OPERATIONS}.flights WHERE date = '{day}')"
        self.sqlite.execute(
            OPERATIONS, f"UPDATE {OPERATIONS}.flights SET distance = distance + {by} WHERE rowid = {flight}"
        )
        self._monolith("--sequence", "extract", "--force", "--date", day)

    def _best(self, side: str, step: str = COLD) -> float:
        return min((cost.seconds for cost in self.costs[side, step]), default=0.0)

    def _cpu(self, side: str) -> float:
        return min((cost.cpu for cost in self.costs[side, COLD]), default=0.0)

    def _memory(self) -> float:
        """The most bytes that a load ever had."""
        return max(cost.memory for (side, _), costs in self.costs.items() if side == OWN for cost in costs)

    def tables(self) -> list[Table]:
        head = [
            f"SQLite archive -> Elasticsearch {self.version}",
            "cold",
            "x prepared bodies",
            "CPU",
            "CPU of the node",
        ]
        return [
            Table([*head, "peak memory"], [self._line(side) for side in self._commands()]),
            Table(
                ["load into a full index", "seconds", "writes"],
                [
                    [step, seconds([cost.seconds for cost in self.costs[OWN, step]]), str(max(self.writes[step]))]
                    for step in (NOTHING, FORCED, DAY)
                ],
            ),
            Table(
                ["look at a full index", "seconds"],
                [
                    ["monolith reconcile", seconds([look[0] for look in self.looks])],
                    ["a scan of all ids", seconds([look[1] for look in self.looks])],
                ],
            ),
        ]

    def _line(self, side: str) -> list[str]:
        costs = self.costs[side, COLD]
        memory = max((cost.memory for cost in costs), default=0)
        return [
            side,
            seconds([cost.seconds for cost in costs]),
            ratio(self._best(side), self._best(BODIES)),
            seconds([cost.cpu for cost in costs]),
            seconds(self.node_cpu[side]),
            f"{memory / 2**20:.0f} MB" if costs else "-",
        ]

    def bounds(self) -> list[Bound]:
        """What has to hold."""
        cold, cpu = self._best(OWN), self._cpu(OWN)
        day = self._best(OWN, DAY) - self._best(OWN, NOTHING)
        bounds = [
            Bound("load: cold, by the prepared bodies'", cold / self._best(BODIES), 1 / 0.9, whole=True),
            Bound("load: peak memory, MB", self._memory() / 2**20, 200),
            Bound("load: nothing changed, seconds", self._best(OWN, NOTHING), 1.0),
            *(
                Bound(f"load: {step}, writes", max(self.writes[step]), most)
                for step, most in ((NOTHING, 0), (FORCED, 0), (DAY, 2))
            ),
            Bound("load: one changed day beyond nothing changed, by a year's", day / cold, 0.05, whole=True),
            Bound(
                "reconcile by a scan of all ids",
                min(look[0] for look in self.looks) / min(look[1] for look in self.looks),
                0.05,
                whole=True,
            ),
        ]
        for peer, most in ((BULK, 1 / 1.5), (PARALLEL, 1.0)):
            if self.costs[peer, COLD]:
                bounds += [
                    Bound(f"load: cold, by {peer}'s", cold / self._best(peer), most, whole=True),
                    Bound(f"load: CPU, by {peer}'s", cpu / self._cpu(peer), 1.0, whole=True),
                ]
        return bounds
