"""What one start of monolith-extract is asked to do, beside its configuration."""

from __future__ import annotations

from dataclasses import dataclass

from monolith_core.days import DayRange
from monolith_core.partition import Partition


@dataclass(frozen=True)
class Request:
    """`days` named on the command line (None: what the configuration wants), `sources` to limit every phase to.

    `only` limits it to the partitions of a target that are planned for a source: (source, target, partition). `sparse`
    says that the sources have nothing on other days than those, so that a window may span them.

    `force` asks for every wanted day again and accepts what would be held; `purge_only` purges what every target holds
    and does nothing else; `wait` waits for leases that other runs hold.
    """

    days: DayRange | None = None
    sources: frozenset[str] | None = None
    only: frozenset[tuple[str, str, Partition]] | None = None
    sparse: bool = False
    force: bool = False
    purge_only: bool = False
    wait: bool = False
