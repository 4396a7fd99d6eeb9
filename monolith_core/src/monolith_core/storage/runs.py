"""The runs: when each began, how it ended, and what it did."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from monolith_core.events import Run
from monolith_core.storage.holder import identity, is_dead
from monolith_core.storage.rows import RunRow
from monolith_core.storage.values import instant_in, instant_out, text_out

if TYPE_CHECKING:
    from monolith_core.storage.storage import Storage

Ended = Literal["ok", "incomplete", "interrupted", "error"]


class Runs:
    """The table `run`."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def start(self, run: Run) -> None:
        """Note that this process begins a run."""
        self._write(
            "INSERT INTO run (id, config, phases, host, pid, holder, started, status, counts, error)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, 'running', '{}', '')",
            run.id,
            text_out(run.config),
            ",".join(run.phases),
            run.host,
            run.pid,
            identity(),
            instant_out(run.started),
        )

    def finish(self, run_id: str, status: Ended, counts: Mapping[str, int] | None = None, error: str = "") -> None:
        """Note how a run ended; `counts` is what it did, by any names."""
        self._write(
            "UPDATE run SET finished = ?, status = ?, counts = ?, error = ? WHERE id = ?",
            instant_out(dt.datetime.now(dt.UTC)),
            status,
            json.dumps(dict(counts or {})),
            text_out(error),
            run_id,
        )

    def recent(self, limit: int = 20) -> list[RunRow]:
        """The last runs, newest first."""
        found = self._storage.query(
            "SELECT id, config, phases, host, pid, holder, started, finished, status, counts, error"
            " FROM run ORDER BY started DESC, id DESC LIMIT ?",
            [limit],
        )
        return [_row(*values) for values in found]

    def _write(self, statement: str, *values: Any) -> None:
        with self._storage.transaction() as connection:
            connection.exec_driver_sql(self._storage.dialect.sql(statement), values)


def _row(
    id_: str,
    config: str,
    phases: str,
    host: str,
    pid: int,
    holder: str,
    started: Any,
    finished: Any,
    status: str,
    counts: str,
    error: str,
) -> RunRow:
    if status == "running" and is_dead(holder):
        status = "killed"
    began = instant_in(started)
    assert began is not None
    names = tuple(phases.split(",")) if phases else ()
    return RunRow(id_, config, names, host, pid, began, instant_in(finished), status, json.loads(counts), error)
