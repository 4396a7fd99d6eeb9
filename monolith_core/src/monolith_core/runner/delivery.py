"""A delivery: one staged partition on its way into one target."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from monolith_core import faults
from monolith_core.errors import TemporaryError
from monolith_core.partition import Digest, Partition
from monolith_core.plugin import StagedRecord
from monolith_core.stage import StagedPartition


class Delivery:
    """A staged partition as a target sees it; see `monolith_core.plugin.Staged`.

    `stamp` is what the idle timeout watches: -1 until the target has begun, then it grows with every record read.
    `abandon` ends a delivery that was given up: whatever its thread still does is not committed.
    """

    def __init__(self, staged: StagedPartition, may_write: Callable[[], None], *, drifted: bool = False) -> None:
        self.stamp = -1
        self.drifted = drifted
        self._staged = staged
        self._may_write = may_write
        self._abandoned = False

    @property
    def partition(self) -> Partition:
        """Whose records they are."""
        return self._staged.partition

    @property
    def digest(self) -> Digest:
        """The digest of all ids."""
        return self._staged.digest

    @property
    def ids(self) -> bytes:
        """All content ids, sorted."""
        return self._staged.ids

    def __iter__(self) -> Iterator[StagedRecord]:
        for record in self._staged:
            self.stamp += 1
            faults.point("delivering")
            yield record

    def begin(self) -> None:
        """The target is about to be called."""
        self.stamp = 0

    def abandon(self) -> None:
        """Let nothing of this delivery be committed any more."""
        self._abandoned = True

    def check(self) -> None:
        """Raise if this delivery was given up."""
        if self._abandoned:
            raise TemporaryError("this write was given up")

    def fence(self) -> None:
        """Raise if nothing may be committed any more: the delivery was given up or the lease lost."""
        self.check()
        self._may_write()
