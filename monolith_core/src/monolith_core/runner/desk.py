"""The desk: what everyone who works in a phase shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from monolith_core.config import Config
from monolith_core.errors import TemporaryError
from monolith_core.executor import Executor
from monolith_core.runner.asking import GIVE_UP
from monolith_core.runner.control import Control
from monolith_core.runner.notify import Notify
from monolith_core.runner.opened import Opened
from monolith_core.runner.request import Request
from monolith_core.storage import Storage


@dataclass(frozen=True)
class Desk:
    """One phase of one run; `executors` are those that its sources name."""

    config: Config
    phase: str
    run: str
    storage: Storage
    request: Request
    control: Control
    notify: Notify
    executors: Mapping[str, Opened[Executor]] = field(default_factory=dict)


@dataclass
class Health:
    """How a target fares in a phase: after some partitions in a row that failed it is given up for the phase."""

    misses: int = 0
    given_up: str = ""

    def miss(self, error: TemporaryError) -> None:
        """A partition failed for a reason that might have passed."""
        self.misses += 1
        if self.misses >= GIVE_UP:
            self.given_up = f"not tried after {GIVE_UP} partitions failed in a row: {error}"
