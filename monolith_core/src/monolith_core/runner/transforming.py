"""Transforming: the transforms of a source, one behind the other, with the stage at the end.

A transform of records changes them as they come. One of partitions has a stage of its own before it, so that it sees
each partition complete and in one order, and a large one does not have to be in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import chain
from typing import Any, NamedTuple, Protocol

import msgspec

from monolith_core.blame import blamed
from monolith_core.errors import MonolithError, RecordError
from monolith_core.note import Note
from monolith_core.partition import Partition
from monolith_core.plugin import StagedRecord, Yielded
from monolith_core.record import ArchivedRecord, Record
from monolith_core.rows import one_by_one
from monolith_core.stage import Stage, StagedPartition
from monolith_core.transform import Transform, takes_partitions


class Named(NamedTuple):
    """A transform, and how errors name it."""

    label: str
    transform: Transform


class Pipeline(Protocol):
    """Takes what a source yields; `beats` grows while it works, `direct` is whether nothing stands before the stage."""

    direct: bool

    @property
    def beats(self) -> int:
        """What the idle timeout watches beside the stage."""
        ...

    def fill(self, answer: Iterable[Yielded]) -> None:
        """Take everything of an answer."""
        ...

    def add(self, item: Yielded) -> None:
        """Take one record or note."""
        ...

    def end(self) -> None:
        """The answer is complete."""
        ...

    def close(self) -> None:
        """Forget what is kept."""
        ...


def pipeline(transforms: Sequence[Named], stage: Stage) -> Pipeline:
    """What a source's answer goes through on its way into the stage."""
    if not transforms:
        return _End(stage)
    (first, *rest) = transforms
    after = pipeline(rest, stage)
    if takes_partitions(type(first.transform)):
        return _OfPartitions(first, Stage(stage.own, stage.window, nan=stage.nan), after)
    return _OfRecords(first, stage.own, after)


class _End:
    direct = True
    beats = 0

    def __init__(self, stage: Stage) -> None:
        self.fill: Callable[[Iterable[Yielded]], None] = stage.fill
        self.add: Callable[[Any], None] = stage.add

    def end(self) -> None:
        """Nothing is left to do."""

    def close(self) -> None:
        """The stage is its owner's."""


class _Link:
    """A transform before the rest of the pipeline; `_count` is what it has looked at."""

    direct = False

    def __init__(self, named: Named, after: Pipeline) -> None:
        self._label = named.label
        self._after = after
        self._count = 0

    @property
    def beats(self) -> int:
        return self._count + self._after.beats


class _OfRecords(_Link):
    def __init__(self, named: Named, own: str, after: Pipeline) -> None:
        super().__init__(named, after)
        self._change = named.transform.record
        self._own = own

    def fill(self, answer: Iterable[Yielded]) -> None:
        self._after.fill(self._changed(answer))

    def add(self, item: Yielded) -> None:
        self.fill((item,))

    def end(self) -> None:
        self._after.end()

    def close(self) -> None:
        self._after.close()

    def _changed(self, answer: Iterable[Yielded]) -> Iterator[Yielded]:
        for item in chain.from_iterable(map(one_by_one, answer)):
            self._count += 1
            record = _opened(item) if isinstance(item, ArchivedRecord) else item
            if not isinstance(record, Record):  # a note, or something that the stage refuses
                yield record
                continue
            try:
                changed = self._change(record)
            except Exception as error:
                raise _blamed(self._label, error) from error
            if changed is not None:
                yield _checked(self._label, changed, Partition(record.source or self._own, record.date), self._own)


class _OfPartitions(_Link):
    def __init__(self, named: Named, stage: Stage, after: Pipeline) -> None:
        super().__init__(named, after)
        self._change = named.transform.partition
        self._stage = stage

    def fill(self, answer: Iterable[Yielded]) -> None:
        for item in answer:
            self.add(item)

    def add(self, item: Yielded) -> None:
        self._count += 1
        if isinstance(item, Note):
            self._after.add(item)
        else:
            self._stage.add(item)

    def end(self) -> None:
        for partition, staged in sorted(self._stage.finish().items()):
            self._after.fill(self._changed(partition, staged))
        self._after.end()

    def close(self) -> None:
        self._stage.close()
        self._after.close()

    def _changed(self, partition: Partition, staged: StagedPartition) -> Iterator[Record]:
        records = self._called(partition, staged)
        while True:
            try:
                record = next(records)
            except StopIteration:
                return
            except Exception as error:
                raise _blamed(self._label, error) from error
            yield _checked(self._label, record, partition, self._stage.own)

    def _called(self, partition: Partition, staged: StagedPartition) -> Iterator[Record]:
        try:
            return iter(self._change(partition, self._records(partition, staged)))
        except Exception as error:
            raise _blamed(self._label, error) from error

    def _records(self, partition: Partition, staged: StagedPartition) -> Iterator[Record]:
        for each in staged:
            self._count += 1
            yield _read(each, partition)


def _checked(label: str, record: object, partition: Partition, own: str) -> Record:
    """What a transform made, if it is a record of the same day and source."""
    if not isinstance(record, Record):
        raise RecordError(f"gave {type(record).__name__}, expected Record(date, category, data)", plugin=label)
    if record.date != partition.date or (record.source or own) != partition.source:
        raise RecordError(
            f"made {record.source or own} {record.date} of a record of {partition}; "
            "a transform may change neither the day nor the source",
            plugin=label,
        )
    return record


def _blamed(label: str, error: Exception) -> MonolithError:
    """The error of a transform, with the transform's name in it."""
    if isinstance(error, RecordError):
        return error.of(label)
    return error if isinstance(error, MonolithError) else blamed(label, error)


def _number(text: str) -> float | Decimal:
    """A number as it is written: a float if that is written the same."""
    number = float(text)
    return number if msgspec.json.encode(number) == text.encode() else Decimal(text)


_decode = msgspec.json.Decoder(float_hook=_number).decode


def _read(record: StagedRecord, partition: Partition) -> Record:
    return Record(partition.date, record.category, _decode(record.data), partition.source)


def _opened(record: ArchivedRecord) -> Record:
    return Record(record.date, record.category, _decode(record.data), record.source)
