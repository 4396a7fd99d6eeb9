"""Tenure: holding the lease of one source in one phase, with a heartbeat."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import trio

from monolith_core import faults
from monolith_core.errors import LeaseHeld, LeaseLost, MonolithError
from monolith_core.runner.control import Control
from monolith_core.storage import Lease, Storage

log = logging.getLogger("monolith.run")


class Tenure:
    """A lease that is held; `error` is what ended the work under it, such as its loss."""

    def __init__(self, storage: Storage, lease: Lease, ttl: float, scope: trio.CancelScope) -> None:
        self.lease = lease
        self.error: MonolithError | None = None
        self._storage = storage
        self._ttl = ttl
        self._scope = scope

    def fence(self, connection: Any) -> None:
        """The last statement of every transaction that commits something: raises LeaseLost if that may not be."""
        self._storage.leases.fence(connection, self.lease, self._ttl)

    def confirm(self) -> None:
        """Raise LeaseLost unless the lease is held now; for targets that commit outside of the storage."""
        self._storage.leases.confirm(self.lease, self._ttl)

    def end(self, error: MonolithError) -> None:
        """Give up everything under this lease."""
        if self.error is None:
            self.error = error
            self._scope.cancel()

    async def beat(self) -> None:
        """Renew the lease for as long as it is held."""
        while True:
            await trio.sleep(self._ttl / 3)
            try:
                # Not under the storage's limiter: it must not wait behind a long write.
                await trio.to_thread.run_sync(self._storage.leases.renew, self.lease, self._ttl)
            except LeaseLost as error:
                self.end(error)
            except MonolithError as error:
                log.warning("the lease of %s could not be renewed, trying again: %s", self.lease.source, error)


@asynccontextmanager
async def tenure(
    storage: Storage, phase: str, source: str, *, holder: str, ttl: float, wait: bool, control: Control
) -> AsyncIterator[Tenure]:
    """Hold the lease of a source; raises LeaseHeld if another run does, unless it is to be waited for.

    What happens inside is cancelled when the lease is lost, or when `Tenure.end` is called; the error is raised then.
    """
    lease = await _acquire(storage, phase, source, holder, ttl, wait=wait, control=control)
    faults.point("leased")
    async with trio.open_nursery() as nursery:
        held = Tenure(storage, lease, ttl, nursery.cancel_scope)
        nursery.start_soon(held.beat)
        try:
            yield held
        except MonolithError as error:
            held.end(error)  # raised below, outside of the nursery, which would wrap it
        finally:
            nursery.cancel_scope.cancel()
            with trio.CancelScope(shield=True):
                await _release(storage, lease)
    if held.error is not None:
        raise held.error


async def _acquire(
    storage: Storage, phase: str, source: str, holder: str, ttl: float, *, wait: bool, control: Control
) -> Lease:
    said = False
    while True:
        try:
            return await trio.to_thread.run_sync(
                storage.leases.acquire, phase, source, holder, ttl, limiter=storage.limiter
            )
        except LeaseHeld as held:
            if not wait or control.stopping:
                raise
            if not said:
                log.info("waiting for %s: %s", source, held)
                said = True
        with control.interruptible():
            await trio.sleep(min(ttl / 4, 5))


async def _release(storage: Storage, lease: Lease) -> None:
    try:
        await trio.to_thread.run_sync(storage.leases.release, lease, limiter=storage.limiter)
        faults.point("released")
    except MonolithError as error:
        log.debug("the lease of %s was not given back: %s", lease.source, error)
