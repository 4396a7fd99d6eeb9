"""The guard: an answer that is suspiciously smaller than what a target holds is not written.

What a target holds is what the ledger says. Where the ledger does not know (it has no row: a new target's id, a lost
ledger), the target itself is asked, so that a source that breaks then empties nothing either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from monolith_core.blame import plain_errors
from monolith_core.errors import PermanentError
from monolith_core.partition import Digest, Partition, Window
from monolith_core.plugin import Target, TellsDigests


class Guard:
    """Judges the answers of one source for one target.

    `max_shrink` is the part by which a partition may shrink; `accept` says how a person accepts a smaller answer.
    """

    def __init__(self, max_shrink: float, accept: Callable[[Partition], str]) -> None:
        self._max_shrink = max_shrink
        self._accept = accept

    @property
    def watches(self) -> bool:
        """Whether any answer could be too small."""
        return self._max_shrink < 1

    def objection(self, partition: Partition, held: Digest | None, came: Digest) -> str:
        """Why an answer is to be held, empty if it is not."""
        old, new = held.count if held is not None else 0, came.count
        if not self.watches or not old or (new and new >= old * (1 - self._max_shrink)):
            return ""
        return (
            f"came back with {new} records where {old} are held; nothing was written. "
            f"If that is right, accept it: {self._accept(partition)}"
        )


def really_held(name: object, target: Target | None, window: Window) -> Mapping[Partition, Digest]:
    """What a target tells of the partitions of a window's days, nothing if it cannot; raises what the target raises."""
    if not isinstance(target, TellsDigests):
        return {}
    with plain_errors(name):
        told = dict(target.digests(window))
    for partition, digest in told.items():
        if not isinstance(digest, Digest):
            raise PermanentError(f"{name} told {digest!r} of {partition!r}, expected a Digest of a Partition")
    return told
