"""What one start of monolith-extract is asked to do, beside its configuration."""

from __future__ import annotations

from dataclasses import dataclass

from monolith_core.days import DayRange


@dataclass(frozen=True)
class Request:
    """`days` named on the command line (None: what the configuration wants), `sources` to limit every phase to.

    `force` asks for every wanted day again and accepts what would be held; `purge_only` purges what every target holds
    and does nothing else; `wait` waits for leases that other runs hold.
    """

    days: DayRange | None = None
    sources: frozenset[str] | None = None
    force: bool = False
    purge_only: bool = False
    wait: bool = False
