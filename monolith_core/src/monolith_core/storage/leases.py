"""The leases: one worker at a time on each source of each phase, by the database's clock.

Whoever takes a lease gets a higher token than all before. A writer proves by `fence`, last in its transaction, that the
lease is still its own: that locks the lease's row until the commit, so nobody can take it over in between.
"""

from __future__ import annotations

import datetime as dt
import time
from typing import TYPE_CHECKING, Any

from monolith_core.errors import LeaseHeld, LeaseLost
from monolith_core.storage.failures import Occupied
from monolith_core.storage.holder import describe, is_dead
from monolith_core.storage.rows import Lease
from monolith_core.storage.values import epoch_in

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from monolith_core.storage.storage import Storage


class Leases:
    """The table `lease`. A row stays after its release, for its token and for when it was first taken."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        dialect = storage.dialect
        # The UPDATE changes nothing, but makes the one row ours until the end of the transaction on every database.
        self._lock = dialect.sql(
            " ".join(
                [
                    "INSERT INTO lease (phase, source, token, holder, since, expires, created)",
                    "VALUES (?, ?, 0, '', 0, 0, {now})",
                    dialect.on_conflict(("phase", "source"), ("phase",)),
                ]
            )
        )
        self._select = dialect.sql(
            "SELECT token, holder, since, expires, {now} FROM lease WHERE phase = ? AND source = ?"
        )
        self._take = dialect.sql(
            "UPDATE lease SET token = ?, holder = ?, since = {now}, expires = {now} + ? WHERE phase = ? AND source = ?"
        )
        extend = "UPDATE lease SET expires = {now} + ? WHERE phase = ? AND source = ? AND token = ?"
        self._extend = dialect.sql(f"{extend} AND expires > {{now}}")
        self._extend_kept = dialect.sql(f"{extend} AND expires > 0")
        self._kept: dict[Lease, float] = {}

    def acquire(self, phase: str, source: str, holder: str, ttl: float) -> Lease:
        """Take the lease for `ttl` seconds; raises LeaseHeld if another holder has it and is not known to be dead."""
        with self._storage.transaction() as connection:
            connection.exec_driver_sql(self._lock, (phase, source))
            token, present, since, expires, now = _one(connection, self._select, phase, source)
            if expires > now and not is_dead(present):
                raise _held(phase, source, present, since, expires - now)
            connection.exec_driver_sql(self._take, (token + 1, holder, ttl, phase, source))
        return Lease(phase, source, holder, token + 1)

    def renew(self, lease: Lease, ttl: float) -> None:
        """Extend the lease to `ttl` seconds from now; raises LeaseLost if it ran out or is another's.

        While another thread of this process writes to SQLite nobody else can, so nobody could take the lease over
        either: the renewal is then only kept in mind, and the next one or the next `fence` writes it.
        """
        try:
            with self._storage.transaction(turn_within=ttl / 8) as connection:
                self.fence(connection, lease, ttl)
        except Occupied:
            self._keep(lease, ttl)

    def fence(self, connection: Connection, lease: Lease, ttl: float) -> None:
        """Extend the lease within a transaction that is about to commit; raises LeaseLost, which rolls it back."""
        statement = self._extend_kept if self._kept.get(lease, 0.0) > time.time() else self._extend
        values = (ttl, lease.phase, lease.source, lease.token)
        if connection.exec_driver_sql(statement, values).rowcount != 1:
            raise self._lost(lease)
        self._kept.pop(lease, None)

    def confirm(self, lease: Lease, ttl: float) -> None:
        """Raise LeaseLost unless the lease is held now; extend it if less than half of `ttl` is left.

        Mostly this only reads, because a commit waits for the disk.
        """
        now, until = self._term(lease)
        if until - now < ttl / 2:
            with self._storage.transaction() as connection:
                self.fence(connection, lease, ttl)

    def release(self, lease: Lease) -> None:
        """Give the lease back; does nothing if it is no longer held."""
        self._kept.pop(lease, None)
        statement = "UPDATE lease SET expires = 0 WHERE phase = ? AND source = ? AND token = ?"
        with self._storage.transaction() as connection:
            connection.exec_driver_sql(self._storage.dialect.sql(statement), (lease.phase, lease.source, lease.token))

    def holder(self, phase: str, source: str) -> str | None:
        """Who works on the source now, in words; None if nobody does."""
        found = self._storage.query(
            "SELECT holder, expires, {now} FROM lease WHERE phase = ? AND source = ?", [phase, source]
        )
        for holder, expires, now in found:
            if expires > now and not is_dead(holder):
                return describe(holder)
        return None

    def created(self, phase: str, source: str) -> dt.datetime | None:
        """When the lease was taken for the first time."""
        found = self._storage.query("SELECT created FROM lease WHERE phase = ? AND source = ?", [phase, source])
        return epoch_in(found[0][0]) if found else None

    def _keep(self, lease: Lease, ttl: float) -> None:
        now, _ = self._term(lease)
        self._kept[lease] = now + ttl

    def _term(self, lease: Lease) -> tuple[float, float]:
        """The present time and until when the lease is held; raises LeaseLost if it is not."""
        with self._storage.read() as connection:
            token, _, _, expires, now = _one(connection, self._select, lease.phase, lease.source)
        until: float = max(expires, self._kept.get(lease, 0.0))
        if token != lease.token or until <= now:
            raise self._lost(lease)
        return now, until

    def _lost(self, lease: Lease) -> LeaseLost:
        return LeaseLost(
            f"the lease of source {lease.source!r} in phase {lease.phase!r} ran out or was taken over by another run; "
            "what was being written is rolled back"
        )


def _one(connection: Connection, statement: str, *values: Any) -> tuple[Any, ...]:
    return tuple(connection.exec_driver_sql(statement, values).one())


def _held(phase: str, source: str, holder: str, since: float, left: float) -> LeaseHeld:
    who = f"{describe(holder)}, since {epoch_in(since):%Y-%m-%d %H:%M:%S} UTC"
    return LeaseHeld(
        f"source {source!r} of phase {phase!r} is being worked on by another run ({who}); its lease runs out in "
        f"{left:.0f} s unless it is renewed",
        holder=who,
    )
