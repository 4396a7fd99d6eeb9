"""Profile one step of the archive's benchmark with py-spy, which samples every thread. Started by benchmarks/profile.

Only samples that hold the interpreter's lock count: two threads wait for it, so what holds it is what takes the time.
"""

from __future__ import annotations

import argparse
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from databases import OPERATIONS, databases, fill_maria
from process import run
from report import Table, show
from sides import TOOLS, Monolith, Task

RATE = 250


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks/profile")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--step", choices=("cold", "forced", "nothing"), default="cold")
    parser.add_argument("--top", type=int, default=15)
    parser.add_argument("--keep", type=Path)
    return parser.parse_args()


def sample(given: argparse.Namespace) -> Path:
    """Run the step under py-spy; the file of samples."""
    folder, samples = TOOLS / "work", TOOLS / "samples.txt"
    days = ("2013-01-01", "2013-01-31" if given.quick else "2013-12-31")
    with databases(folder) as (sqlite, maria):
        fill_maria(maria, days)
        side = Monolith(Task(maria.where(OPERATIONS), sqlite, folder, *days))
        side.clear()
        if given.step != "cold":
            run(side.cold().words, folder / "log")
        words: list[str | Path] = [TOOLS / "monolith/bin/python"]
        words += {"cold": side.cold, "forced": side.again, "nothing": side.nothing}[given.step]().words
        spy: list[str | Path] = [
            TOOLS / "monolith/bin/py-spy",
            "record",
            "--rate",
            str(RATE),
            "--gil",
            "--format",
            "raw",
        ]
        run([*spy, "--output", samples, "--", *words], folder / "log")
    return samples


def stacks(samples: Path) -> Iterator[tuple[list[str], int]]:
    """Each stack, outermost first, as functions without line numbers; and how often it was seen."""
    for line in samples.read_text().splitlines():
        stack, _, count = line.rpartition(" ")
        yield [frame.rpartition(":")[0].replace(" (", " ").strip() for frame in stack.split(";")], int(count)


def tables(samples: Path, top: int) -> tuple[Table, Table]:
    """The functions by their own time, and by that of all they call."""
    own: Counter[str] = Counter()
    all_of: Counter[str] = Counter()
    for stack, count in stacks(samples):
        own[stack[-1]] += count
        for frame in set(stack):
            all_of[frame] += count
    total = own.total()

    def table(title: str, counts: Counter[str]) -> Table:
        return Table([title, "share"], [[name, f"{count / total:.1%}"] for name, count in counts.most_common(top)])

    ours = Counter({name: count for name, count in all_of.items() if "monolith" in name or "import" in name})
    return table("function, by itself", own), table("function, with what it calls", ours)


def main() -> None:
    given = arguments()
    samples = sample(given)
    for table in tables(samples, given.top):
        show(f"\n{table}")
    if given.keep:
        shutil.copy(samples, given.keep)


if __name__ == "__main__":
    main()
