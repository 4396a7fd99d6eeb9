"""Differences between what a target holds and what the ledger says. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from monolith_core.partition import EMPTY, Digest, Partition
from monolith_core.storage import LedgerRow

Kind = Literal["missing", "unknown", "different", "body", "marked"]
"""What is wrong with a partition:

missing     the ledger says that it has records, and the target holds none
unknown     the target holds records of it, and the ledger knows of none
different   both have records, and not the same ones
body        records were changed under their ids
marked      an earlier reconcile found a difference, and it was not loaded again since
"""


@dataclass(frozen=True)
class Difference:
    """One partition that a target does not hold as the ledger says; `row` is the ledger's row.

    `worker` is the run that works on its source just now, if there is one: what it is in the middle of writing looks
    like a difference until it is over.
    """

    target: str
    partition: Partition
    kind: Kind
    ledger: Digest
    held: Digest
    row: LedgerRow | None = None
    worker: str = ""

    @property
    def text(self) -> str:
        """What was found, for the ledger."""
        if self.kind == "marked":
            return self.row.error if self.row is not None else ""
        if self.kind == "body":
            return "records were found to be changed under their ids"
        found = f"{self.held.count} {'record was' if self.held.count == 1 else 'records were'} found"
        if self.kind == "different" and self.held.count == self.ledger.count:
            return f"{found}, which {'is' if self.held.count == 1 else 'are'} not what was written"
        return f"{found} where the ledger says {self.ledger.count}"


def kind_of(ledger: Digest, held: Digest) -> Kind:
    """How two digests differ."""
    if not held:
        return "missing"
    return "different" if ledger else "unknown"


def compare(
    expected: dict[Partition, Digest], told: Iterable[tuple[Partition, Digest]]
) -> Iterator[tuple[Partition, Digest]]:
    """What is held of each partition that is not as expected.

    What was told is taken out of `expected` on the way, so that nothing is in memory twice.
    """
    for partition, held in told:
        if expected.pop(partition, EMPTY) != held:
            yield partition, held
    for partition, ledger in expected.items():
        if ledger:
            yield partition, EMPTY
