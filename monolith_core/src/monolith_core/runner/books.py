"""The books: what one source's work in one target changes in the ledger, and tells the hooks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal, TypeVar

import trio

from monolith_core import days, faults
from monolith_core.errors import TemporaryError
from monolith_core.events import PartitionFinished, Reason, Retry, State
from monolith_core.note import Note
from monolith_core.partition import EMPTY, Digest, Partition, Window
from monolith_core.retry import retrying
from monolith_core.runner.desk import Desk
from monolith_core.runner.planning import fingerprint
from monolith_core.runner.tenure import Tenure
from monolith_core.secrets import hide
from monolith_core.states import move
from monolith_core.storage import LedgerRow

_T = TypeVar("_T")


class Books:
    """Keeps the ledger of one target for one source, under the source's lease.

    `mark` is the fingerprint of the present configuration of both.
    """

    def __init__(self, desk: Desk, source: str, target: str, held: Tenure) -> None:
        self._desk = desk
        self._source = source
        self._target = target
        self._held = held
        self.mark = fingerprint(desk.config.sources[source], desk.config.targets[target])

    async def rows(self, window: Window, *, alone: bool) -> dict[Partition, LedgerRow]:
        """What is known of the window's source in its days and, unless `alone`, of those the planned one yielded."""
        ledger, via = self._desk.storage.ledger, None if alone else self._source
        return await self._insist(lambda: ledger.of_window(self._target, window, via))

    async def record(self, rows: list[LedgerRow]) -> None:
        """Write rows, in a transaction of their own; not even a stop leaves them unwritten."""

        def put() -> None:
            with self._desk.storage.transaction() as connection:
                self.put(connection, rows)

        with trio.CancelScope(shield=True):
            await self._insist(put)

    def put(self, connection: Any, rows: list[LedgerRow]) -> None:
        """Write rows in the thread's transaction, the last thing before it is committed."""
        self._desk.storage.ledger.put(rows)
        faults.point("recorded")
        self._held.fence(connection)

    def row(
        self,
        partition: Partition,
        old: LedgerRow | None,
        asked: dt.datetime,
        state: State,
        digest: Digest | None,
        note: Note,
        *,
        imprint: str = "",
        wrote: bool = False,
        error: str = "",
    ) -> LedgerRow:
        """The ledger's new row. One that is not done keeps what it said of the answer that the target holds; `imprint`
        is that of what is staged, if it has one and is what the target holds.

        One that is held takes over the version of the answer that came: if a person decides to keep what the target
        holds, that answer is not asked for again.
        """
        found: State | None = "drift" if digest else None  # without a row it is the target that told of something
        row = LedgerRow(
            target=self._target,
            source=partition.source,
            date=partition.date,
            via=self._source,
            state=move(old.state if old is not None else found, state),
            digest=digest,
            fingerprint=self.mark,
            age=days.age(partition.date, self._desk.config.monolith.timezone, asked),
            asked=asked,
            written=asked if wrote else _written(old),
            run=self._desk.run,
            error=hide(error),
            remark=hide(note.remark) if state == "done" else _remark(old),
            version=note.version if state in ("done", "held") else _version(old),
            purged=old is not None and old.purged,
            imprint=imprint or (old.imprint if old is not None else ""),
        )
        if state == "done" or old is None:
            return row
        return replace(row, fingerprint=old.fingerprint, age=old.age, asked=old.asked)

    def tell(
        self,
        partition: Partition,
        reason: Reason,
        outcome: Literal["done", "unchanged", "failed", "held", "deferred", "skipped"],
        *,
        digest: Digest | None,
        added: int = 0,
        removed: int = 0,
        error: str = "",
        remark: str = "",
    ) -> None:
        """Tell the hooks what became of a partition."""
        event = PartitionFinished(
            self._desk.phase,
            self._source,
            self._target,
            partition,
            reason,
            outcome,
            digest or EMPTY,
            added=added,
            removed=removed,
            error=hide(error),
            remark=hide(remark),
        )
        self._desk.notify("partition_finished", event=event)

    async def _insist(self, call: Callable[[], _T]) -> _T:
        """The result of a call that reads or writes the ledger, again after temporary errors of the storage."""
        options = self._desk.config.sources[self._source].options

        async def once() -> _T:
            return await trio.to_thread.run_sync(call, limiter=self._desk.storage.limiter)

        def before(error: TemporaryError, attempt: int, delay: float) -> None:
            text = hide(str(error))
            event = Retry(self._desk.phase, self._source, "the ledger", text, attempt, options.retries, delay)
            self._desk.notify("retry", event=event)

        return await retrying(once, retries=options.retries, patience=options.timeout, before=before)


def _written(old: LedgerRow | None) -> dt.datetime | None:
    """When what the target holds was written; None if that is not known: never, or it was found to be different."""
    return None if old is None or old.state == "drift" else old.written


def _remark(old: LedgerRow | None) -> str:
    return old.remark if old is not None else ""


def _version(old: LedgerRow | None) -> str:
    return old.version if old is not None else ""
