"""What a benchmark prints: tables in Markdown, and bounds."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


def show(line: str) -> None:
    """Print at once."""
    print(line, flush=True)


def seconds(values: Sequence[float]) -> str:
    """The least and, in parentheses, the median."""
    return f"{min(values):.2f} s ({statistics.median(values):.2f})" if values else "-"


def ratio(value: float | None, base: float | None) -> str:
    """How many times the base."""
    return f"{value / base:.2f}" if value is not None and base else "-"


@dataclass(frozen=True)
class Table:
    """A head and lines."""

    head: list[str]
    lines: list[list[str]]

    def __str__(self) -> str:
        lines = [self.head, ["---"] * len(self.head), *self.lines]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)


@dataclass(frozen=True)
class Bound:
    """Something measured and what it may be at most; one of `whole` data says nothing about a part of them."""

    what: str
    value: float
    most: float
    whole: bool = False

    @property
    def kept(self) -> bool:
        return self.value <= self.most

    def line(self, *, quick: bool) -> list[str]:
        """A line of the table of bounds."""
        verdict = "only for a whole year" if quick and self.whole else "kept" if self.kept else "BROKEN"
        return [self.what, f"{self.value:.2f}", f"{self.most:.3g}", verdict]
