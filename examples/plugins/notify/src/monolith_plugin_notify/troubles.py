"""What is wrong, what of it was told already, and what is to be told now."""

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

Kind = Literal["run", "source", "failed", "held", "drift"]
"""A run broke off; a source could not be worked on; a day failed, was held, or had drifted."""

MEMORY = dt.timedelta(days=3)
"""What no run has said anything of for so long is forgotten: it was accepted, or is configured no more."""


class Trouble(NamedTuple):
    """Something that is wrong, and where."""

    kind: Kind
    source: str = ""
    target: str = ""
    day: str = ""


Told = Mapping[Trouble, dt.datetime]
"""What was told, and when a run last found it so."""


@dataclass(frozen=True)
class Changes:
    """What began, and why; what ended; and all that is told after that."""

    began: Mapping[Trouble, str]
    ended: Collection[Trouble]
    told: Told


def compare(told: Told, found: Mapping[Trouble, str], well: Collection[Trouble], now: dt.datetime) -> Changes:
    """What is to be told of a run at `now` that found some troubles, and some things to be well.

    A drift is over as it is found: the run writes the day again.
    """
    began = {trouble: why for trouble, why in found.items() if trouble not in told or trouble.kind == "drift"}
    ended = [trouble for trouble in told if trouble in well and trouble not in found]
    kept = {
        trouble: now if trouble in found else seen
        for trouble, seen in told.items()
        if trouble not in ended and (trouble in found or now - seen < MEMORY)
    }
    lasting = {trouble: now for trouble in found if trouble.kind != "drift"}
    return Changes(began, ended, {**kept, **lasting})
