"""The contract of transforms, which change records between the source and the stage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from monolith_core.options import TransformOptions
from monolith_core.partition import Partition
from monolith_core.plugin import CONTRACT, Context
from monolith_core.record import Record


class Transform:
    """Changes what a source yields, before anything of it is kept; subclass it and define `record` or `partition`.

    The entry point group is `monolith.transforms`. A source's section names its transforms in order. One object is made
    for each source of a phase, in a worker thread; there is no `setup` and no `close`, because a transform is a pure
    function: the same records and options give the same result, whatever was asked before. Every option counts as
    configuration of the source: a new value makes all its days due again.

    Calls may overlap, from different threads: keep nothing in `self`. `record` is called in the thread that takes the
    records, behind an async generator in the trio loop: do not block. A call is never cancelled in its middle; when the
    answer is given up, there is just no next one. Raise `RecordError`, naming the field, for a record that cannot be
    changed: its day fails, and the others go on. Any other exception is a permanent error of the transform, and fails
    the window's days.
    """

    Options: ClassVar[type[TransformOptions]] = TransformOptions
    contract: ClassVar[int] = CONTRACT

    def __init__(self, options: Any, context: Context) -> None:
        self.options = options
        self.context = context

    def record(self, record: Record) -> Record | None:
        """The changed record, or None to leave it out; called once for each record, as it is yielded.

        Do not change `record.data`: make another record of it. Its day and its source must stay.
        """
        raise NotImplementedError(f"{type(self).__name__} must define record(record) or partition(partition, records)")

    def partition(self, partition: Partition, records: Iterator[Record]) -> Iterable[Record]:
        """What is to take the place of all records of one source on one day; called once for each that has any.

        Called in a worker thread. They come when the answer is complete, in the order of their content ids, from a
        temporary file if they are many: look at one after the other. Yield records of the same day and source.
        """
        raise NotImplementedError(f"{type(self).__name__} must define record(record) or partition(partition, records)")


def takes_partitions(transform: type[Transform]) -> bool:
    """Whether it defines `partition`, and not `record`."""
    return transform.partition is not Transform.partition


__all__ = ["Transform", "takes_partitions"]
