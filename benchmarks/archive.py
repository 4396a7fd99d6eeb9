"""The archive's benchmark: a year of flights from one kind of database to the other, by each tool in turn."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from databases import OPERATIONS, Databases
from process import Cost, Failed, run
from report import Bound, Table, ratio, seconds, show
from sides import SIDES, Command, Identify, Loop, Monolith, Side, Task

STEPS: dict[str, Callable[[Side, str], Command | None]] = {
    "cold": lambda side, day: side.cold(),
    "forced": lambda side, day: side.again(),
    "one day": lambda side, day: side.day(day),
    "nothing due": lambda side, day: side.nothing(),
}
SAME = """
SELECT COUNT(*) FROM {one}.record AS one JOIN {other}.record AS other USING (date, source, id)
WHERE one.data = other.data AND one.category = other.category"""


@dataclass
class Archive:
    """One direction. `source` are the databases that have the flights in one named operations."""

    source: Databases
    task: Task
    rounds: int
    peer_rounds: int
    flights: int
    costs: dict[tuple[str, str], list[Cost]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        self.sides = [side(self.task) for side in SIDES if side.there()]

    @property
    def title(self) -> str:
        return f"{self.source.kind} -> {self.task.targets.kind} archive"

    def measure(self) -> None:
        """Every round: each step by each side in turn, beginning with another side each time."""
        for number in range(self.rounds):
            sides = [side for side in self.sides if not side.peer or number < self.peer_rounds]
            turn = number % len(sides)
            day = self._changed_day(number)
            for side in sides:
                side.clear()
            for step, command in STEPS.items():
                if step == "one day":
                    self._change(day)
                for side in sides[turn:] + sides[:turn]:
                    self._step(side, step, command(side, day))
            self._compare()

    def _step(self, side: Side, step: str, command: Command | None) -> None:
        if command is None:
            return
        try:
            cost = run(command.words, self.task.folder / "log", command.environment)
        except Failed as error:
            if not side.peer:
                raise
            show(f"  {side.title}, {step}: {error}")
            return
        show(f"  {self.title}: {side.title}, {step}: {cost.seconds:.2f} s")
        self.costs[side.title, step].append(cost)

    def _changed_day(self, number: int) -> str:
        first = dt.date.fromisoformat(self.task.first)
        return str(first + dt.timedelta(days=7 + number))

    def _change(self, day: str) -> None:
        """Let the airline correct one flight."""
        change = f"(SELECT * FROM (SELECT MIN(time_hour) FROM flights WHERE date = '{day}') AS first)"
        self.source.execute(
            OPERATIONS, f"UPDATE flights SET distance = distance + 1 WHERE date = '{day}' AND time_hour = {change}"
        )

    def _compare(self) -> None:
        """See that monolith and the loop did the same: both archives are equal, and complete."""
        same = self.task.targets.execute("monolith", SAME.format(one="monolith", other="loop"))
        counts = [
            self.task.targets.execute("monolith", f"SELECT COUNT(*) FROM {of}.record") for of in ("monolith", "loop")
        ]
        if not same == counts[0] == counts[1] == self.flights:
            raise Failed(f"of {self.flights} flights monolith archived {counts[0]}, the loop {counts[1]}, {same} equal")

    def best(self, title: str, step: str) -> float | None:
        """The least seconds of a side's step."""
        return min((cost.seconds for cost in self.costs.get((title, step), [])), default=None)

    def memory(self, title: str) -> int:
        """The most bytes that a side ever had."""
        return max(
            (cost.memory for (side, _), costs in self.costs.items() for cost in costs if side == title), default=0
        )

    def table(self) -> Table:
        head = [self.title, "cold", "x loop", "forced", "x loop", "x its reading, JSON, ids", "one day", "x loop"]
        lines = [self._line(side.title) for side in self.sides]
        return Table([*head, "nothing due", "CPU of cold", "peak memory"], lines)

    def _line(self, title: str) -> list[str]:
        def step(name: str) -> list[str]:
            times = seconds([cost.seconds for cost in self.costs.get((title, name), [])])
            return [times, ratio(self.best(title, name), self.best(Loop.title, name))]

        alone = ratio(self.best(title, "forced"), self.best(Identify.title, "forced"))
        cpu = seconds([cost.cpu for cost in self.costs.get((title, "cold"), [])])
        nothing = step("nothing due")[0]
        memory = f"{self.memory(title) / 2**20:.0f} MB"
        return [title, *step("cold"), *step("forced"), alone, *step("one day"), nothing, cpu, memory]

    def bounds(self) -> list[Bound]:
        """What has to hold."""

        def least(title: str, step: str) -> float:
            return self.best(title, step) or 0.0

        own, loop, alone = Monolith.title, Loop.title, Identify.title
        day = least(own, "one day") - least(own, "nothing due")
        return [
            Bound(f"{self.title}: cold, by the loop's", least(own, "cold") / least(loop, "cold"), 1.0, whole=True),
            Bound(
                f"{self.title}: forced, by reading, JSON and ids alone",
                least(own, "forced") / least(alone, "forced"),
                1.1,
                whole=True,
            ),
            Bound(
                f"{self.title}: one changed day beyond a run with nothing due, by a year's",
                day / least(own, "cold"),
                0.05,
                whole=True,
            ),
            Bound(f"{self.title}: peak memory, MB", self.memory(own) / 2**20, 200),
        ]
