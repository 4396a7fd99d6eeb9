"""An answer: what a source said about one window, or why it did not."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

from monolith_core.partition import Partition, Window
from monolith_core.stage import Stage, StagedPartition


@dataclass(frozen=True)
class Answer:
    """The complete answer to a window (`stage`), or what kept it from being one (`outcome`, `error`).

    `asked` is the instant at which the source was asked.
    """

    window: Window
    asked: dt.datetime
    stage: Stage
    partitions: dict[Partition, StagedPartition]


@dataclass(frozen=True)
class NoAnswer:
    """Why a window has no answer: it `failed`, or was `deferred`."""

    window: Window
    asked: dt.datetime
    outcome: Literal["failed", "deferred"]
    error: str
