"""The transform that docs/transforms.rst shows."""

from collections.abc import Iterable, Iterator
from heapq import nlargest

from monolith_core import Partition, Record, Transform, TransformOptions


class TopOptions(TransformOptions):
    """The options of its section."""

    field: str
    """The field with the number to go by."""
    most: int = 10
    """How many records are kept of a day."""


class Top(Transform):
    """Keeps the records of a day with the largest numbers."""

    Options = TopOptions

    def partition(self, partition: Partition, records: Iterator[Record]) -> Iterable[Record]:
        """The records that are kept."""
        return nlargest(self.options.most, records, key=lambda record: record.data[self.options.field])
