"""The states of a partition in a target, and every change between them.

Rule 1: whatever decides which state may follow which stands in this file.
Rule 2: a change that the table does not have is a bug, and raises.

A partition the ledger has no row for is in no state (None). `provisional` is no state: a partition that is done is
provisional as long as its source's `settle` time has not passed.
"""

from __future__ import annotations

from monolith_core.errors import IllegalTransition
from monolith_core.events import State

NEXT: dict[State | None, frozenset[State]] = {
    # Nothing is known to be held, so nothing can come back smaller (held). What a target was found to hold that nobody
    # knew of is drift first.
    None: frozenset({"done", "failed", "deferred", "drift"}),
    # Asked again: while it is provisional, by force, or because its configuration or the archive changed.
    "done": frozenset({"done", "failed", "held", "deferred", "drift"}),
    # Due in every run until it is done. What a target held before it failed may still make a new answer suspicious.
    "failed": frozenset({"done", "failed", "held", "deferred", "drift"}),
    "held": frozenset({"done", "failed", "held", "deferred", "drift"}),
    "deferred": frozenset({"done", "failed", "held", "deferred", "drift"}),
    # A reconcile found the target different: only writing it again ends that.
    "drift": frozenset({"done", "failed", "held", "deferred", "drift"}),
}


def move(old: State | None, new: State) -> State:
    """`new`, if a partition in state `old` may change to it; raises IllegalTransition otherwise."""
    if new not in NEXT[old]:
        raise IllegalTransition(f"a partition that is {old or 'new'} cannot become {new}; this is a bug in monolith")
    return new
