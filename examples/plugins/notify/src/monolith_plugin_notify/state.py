"""What is remembered from run to run: what was told, and the messages that no service took yet."""

import datetime as dt
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from monolith_plugin_notify.message import Message
from monolith_plugin_notify.troubles import Told, Trouble

MOST = 100
"""Most messages that are kept for a service that does not answer, the newest."""


@dataclass(frozen=True)
class State:
    """What was told or is waiting to be, and the messages that wait, the oldest first."""

    told: Told = field(default_factory=dict)
    untold: Sequence[Message] = ()


def read_state(file: Path) -> State:
    """What the file remembers; nothing if there is none, or if it is not ours: then everything is told again."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        told = {Trouble(*row["trouble"]): dt.datetime.fromisoformat(row["seen"]) for row in found["told"]}
        return State(told, tuple(Message(str(row["title"]), str(row["text"])) for row in found["untold"]))
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return State()


def write_state(file: Path, state: State) -> None:
    """Replace the file in one step: whenever the process is stopped, it is the old one or the new one."""
    rows = {
        "told": [{"trouble": list(trouble), "seen": seen.isoformat()} for trouble, seen in sorted(state.told.items())],
        "untold": [each._asdict() for each in state.untold[-MOST:]],
    }
    beside = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        beside.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)
