"""Differences: what a reconcile found, and what a repair did about it, as tables and as JSON."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from monolith_core.cli.paint import painted, say, say_json, table
from monolith_core.logs import amount, days_text, plain, ranges
from monolith_core.partition import Partition
from monolith_core.reconcile import Difference, Found, Left, Marked

_WORDS = {
    "missing": "nothing is held",
    "unknown": "unknown to the ledger",
    "body": "changed records",
    "marked": "marked before, not loaded again yet",
}


@dataclass(frozen=True)
class Repaired:
    """What a repair did: the differences that were marked, and all that are left; `status` is that of its run."""

    marked: Sequence[Marked] = ()
    left: Sequence[Left] = ()
    status: int = 0

    @cached_property
    def reasons(self) -> dict[tuple[str, Partition], str]:
        """Why each difference that is left is left."""
        return {_key(each.difference): each.why or "it was not loaded again" for each in self.left}

    @property
    def done(self) -> int:
        """How many differences are no more."""
        return sum(_key(each.difference) not in self.reasons for each in self.marked)


def show(found: Sequence[Found], repaired: Repaired | None, *, deep: bool) -> None:
    """Print tables for people."""
    rows = [row for each in found for row in _rows(each.differences)]
    if rows:
        header = ["target", "source", "days", "ledger", "held", "difference"]
        for line in table(header, rows, right=["ledger", "held"]):
            say(line)
        say("")
    for each in found:
        say(_summary(each, deep=deep))
    for line in _notes(found):
        say(line)
    if repaired is not None and rows:
        for line in _repair(repaired):
            say(line)


def show_json(found: Sequence[Found], repaired: Repaired | None) -> None:
    """Print JSON for programs."""
    differences = [_difference(each, repaired) for one in found for each in one.differences]
    say_json({"targets": [_target(each) for each in found], "differences": differences})


def _rows(differences: Iterable[Difference]) -> list[list[str]]:
    """A row for consecutive days of a source that differ in the same way."""
    grouped: dict[tuple[str, str, str], dict[dt.date, Difference]] = {}
    for each in differences:
        key = each.target, each.partition.source, _word(each)
        grouped.setdefault(key, {})[each.partition.date] = each
    rows = []
    for (target, source, word), days in grouped.items():
        for start, end in ranges(days):
            here = [each for day, each in days.items() if start <= day <= end]
            ledger, held = sum(each.ledger.count for each in here), sum(each.held.count for each in here)
            day = f"{start}" if start == end else f"{start}..{end}"
            rows.append([target, source, day, f"{ledger:,}", f"{held:,}", word])
    return sorted(rows, key=lambda row: row[:3])


def _word(difference: Difference) -> str:
    if difference.kind != "different":
        return _WORDS[difference.kind]
    more = difference.held.count - difference.ledger.count
    return "more records" if more > 0 else "fewer records" if more < 0 else "other records"


def _summary(found: Found, *, deep: bool) -> str:
    """One line about a target."""
    if found.silent:
        return f"{found.target}: not compared, it cannot tell what it holds"
    if found.error:
        return f"{found.target}: {painted('failed', 'red')}: {plain(found.error)}"
    count = len(found.differences)
    word = painted(f"{count:,} {'differs' if count == 1 else 'differ'}", "red") if count else "none differs"
    shallow = "; records were not read, its plugin cannot give them back" if deep and not found.deep else ""
    known = f"{amount(found.partitions, 'partition')} with {amount(found.records, 'record')} in the ledger"
    return f"{found.target}: {known}, {word}{shallow}"


def _notes(found: Iterable[Found]) -> Iterator[str]:
    """What is to be known of runs that work just now."""
    busy = {(each.target, each.worker) for one in found for each in one.differences if each.worker}
    for target, worker in sorted(busy):
        yield plain(
            f"{target}: a run is writing to it now ({worker}), and what it is in the middle of looks like a "
            "difference; look again when it is over"
        )


def _repair(repaired: Repaired) -> Iterator[str]:
    left: dict[tuple[str, str, str], list[dt.date]] = {}
    for (target, partition), why in repaired.reasons.items():
        left.setdefault((target, partition.source, why), []).append(partition.date)
    yield f"{amount(repaired.done, 'partition')} loaded again and found right"
    for (target, source, why), days in sorted(left.items()):
        yield plain(f"left: {source} {days_text(days)} in {target}: {why}")


def _target(found: Found) -> dict[str, Any]:
    status = "differs" if found.differences else "same"
    return {
        "target": found.target,
        "status": "silent" if found.silent else "failed" if found.error else status,
        "partitions": found.partitions,
        "records": found.records,
        "differences": len(found.differences),
        "deep": found.deep,
        "error": found.error,
    }


def _difference(difference: Difference, repaired: Repaired | None) -> dict[str, Any]:
    """One difference; `repaired` is null unless that was tried."""
    facts = {
        "target": difference.target,
        "source": difference.partition.source,
        "date": difference.partition.date.isoformat(),
        "kind": difference.kind,
        "ledger": difference.ledger.count,
        "held": difference.held.count,
        "text": difference.text,
        "worker": difference.worker,
    }
    if repaired is None:
        return {**facts, "repaired": None, "left": ""}
    why = repaired.reasons.get(_key(difference), "")
    return {**facts, "repaired": not why, "left": why}


def _key(difference: Difference) -> tuple[str, Partition]:
    return difference.target, difference.partition
