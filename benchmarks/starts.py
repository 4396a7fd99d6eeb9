"""How long the commands take that only say something, also with thirty distributions of plugins more."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from process import Cost, run
from report import Bound, Table, seconds
from sides import TOOLS

PROGRAM = TOOLS / "monolith/bin/monolith-extract"
LIMITS = {"--version": 0.2, "--list-plugins": 0.5}
DISTRIBUTIONS = 30
PLUGIN = """\
import time

time.sleep(60)  # whoever imports this is noticed
"""


def make_distributions(folder: Path) -> None:
    """Thirty distributions with a source and a target each, as an installation would leave them."""
    for number in range(DISTRIBUTIONS):
        name, module = f"monolith-plugin-crowd{number}", f"crowd{number}"
        about = folder / f"{name.replace('-', '_')}-1.0.dist-info"
        about.mkdir(parents=True, exist_ok=True)
        (about / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\nSummary: One of many\n")
        points = (f"[monolith.{kind}s]\n{module} = {module}:{kind.title()}\n" for kind in ("source", "target"))
        (about / "entry_points.txt").write_text("\n".join(points))
        (folder / f"{module}.py").write_text(PLUGIN)


@dataclass
class Starts:
    """Each command in turn, so that what else the machine does meets all of them."""

    folder: Path
    rounds: int
    costs: dict[tuple[str, int], list[Cost]] = field(default_factory=dict)

    def measure(self) -> None:
        crowd = self.folder / "crowd"
        make_distributions(crowd)
        for _ in range(self.rounds):
            for option in LIMITS:
                self._run(option, 0, {})
                self._run(option, DISTRIBUTIONS, {"PYTHONPATH": str(crowd)})

    def _run(self, option: str, more: int, environment: dict[str, str]) -> None:
        cost = run([PROGRAM, option], self.folder / "log", environment)
        self.costs.setdefault((option, more), []).append(cost)

    def table(self) -> Table:
        lines = [
            [f"monolith-extract {option}", str(more), seconds([cost.seconds for cost in costs])]
            for (option, more), costs in self.costs.items()
        ]
        return Table(["start", "distributions more", "seconds"], lines)

    def bounds(self) -> list[Bound]:
        """What has to hold."""
        return [
            Bound(f"{option} with {more} distributions more, seconds", min(c.seconds for c in costs), LIMITS[option])
            for (option, more), costs in self.costs.items()
        ]
