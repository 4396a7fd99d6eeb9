"""The stage: a source's answer is collected whole, encoded once, before any target sees a part of it."""

from __future__ import annotations

import datetime as dt
import os
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from heapq import merge
from types import TracebackType
from typing import IO, Any, Literal, Self

from monolith_core.collected import OVERHEAD, Collected, Group
from monolith_core.encoding import canonical
from monolith_core.errors import RecordError, StrayRecord
from monolith_core.imprint import NOTHING_CAME, Came, pack
from monolith_core.note import Note
from monolith_core.notes import Notes
from monolith_core.numbering import Numbering, number
from monolith_core.partition import MAX_ID, Digest, Partition, Window
from monolith_core.plugin import StagedRecord, Yielded
from monolith_core.record import ArchivedRecord, Record
from monolith_core.rows import Rows, Transposed, kinds_of
from monolith_core.segments import Segment, decode, encode, slices

MEMORY_LIMIT = 12 * 2**20
"""Bytes of canonical JSON that one stage keeps in memory; what comes after goes to a temporary file."""

_PACKED_LIMIT = 2**21
"""Bytes of packed rows, a fifth of their JSON, that are kept in the hope that they are recognised."""


class StagedPartition:
    """One partition of a complete answer; see `monolith_core.plugin.Staged`.

    Records come in the order of their ids (but for equal ones), which is that of the archive's primary key: a database
    fills page after page then, instead of touching all of them again and again.

    One whose answer was recognised has a `digest` from the start, and is encoded only if a target needs more than that.
    By its `imprint` it is recognised the next time; that is empty if it cannot be.
    """

    def __init__(self, stage: Stage, partition: Partition, collected: Collected, digest: Digest | None = None) -> None:
        self.partition = partition
        self._stage = stage
        self._collected = collected
        self._numbering: Numbering | None = None
        self._numbers = threading.Lock()  # several targets may need them at once
        self._recognised = digest
        self.digest = digest if digest is not None else self._numbered().digest
        hashed = self.digest.count > 0 and collected.hashed == self.digest.count
        self.imprint = collected.imprint(stage.nan, self.digest) if hashed else ""

    @property
    def ids(self) -> bytes:
        """All content ids, sorted, 16 bytes each."""
        return self._numbered().ids

    def __iter__(self) -> Iterator[StagedRecord]:
        return self._numbered().apply(self._plain())

    def _numbered(self) -> Numbering:
        with self._numbers:
            if self._numbering is None:
                self._collected.unpack(self._stage.nan)
                self._numbering = number(self.partition, self._collected.take_ids(), self._plain)
                if self._recognised not in (None, self._numbering.digest):
                    raise RuntimeError(f"{self.partition} was taken for another answer; this is a bug in monolith")
            return self._numbering

    def _plain(self) -> Iterator[StagedRecord]:
        """Every record by its id as it was before repeated ones were numbered."""
        rest = self._collected.in_memory()
        if not self._collected.runs:
            return iter(rest)
        return merge(*map(self._run, self._collected.runs), rest)

    def _run(self, segments: list[Segment]) -> Iterator[StagedRecord]:
        for segment in segments:
            yield from decode(self._stage.read(segment))


class Stage:
    """Collects the answer to one window, and gives its partitions when it is complete.

    `own` is the id of the source that is asked, `label` how errors name it; a record that names no source is its own.
    `known` gives the version that is known of a day, `came` are answers that came before. `stamp` counts what was
    added: it is what the idle timeout looks at. Once a stage is closed, `add` raises, which ends a worker thread that
    was given up. Use it as a context manager: the temporary file goes with it.
    """

    def __init__(
        self,
        own: str,
        window: Window,
        *,
        nan: Literal["error", "null"] = "error",
        memory_limit: int = MEMORY_LIMIT,
        known: Callable[[dt.date], str] = lambda day: "",
        came: Came = NOTHING_CAME,
        label: str = "",
    ) -> None:
        self.own = own
        self.window = window
        self.notes = Notes(label or own, known)
        self.stamp = 0
        self.closed = False
        self.nan: Literal["error", "null"] = nan
        self._limit = memory_limit
        self._size = 0
        self._came = came
        self._packed = 0
        self._recognised: dict[Partition, Digest] = {}
        self._file: IO[bytes] | None = None
        self._partitions: dict[Partition, Collected] = {}
        self._groups: dict[tuple[str | None, dt.date, str], Group] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Forget everything, and refuse what still comes."""
        self.closed = True
        for collected in self._partitions.values():
            collected.groups.clear()  # whoever still knows the partition must not keep its records in memory
        self._partitions.clear()
        self._groups.clear()
        if self._file is not None:
            self._file.close()

    @property
    def records(self) -> int:
        """How many records were added."""
        return self.stamp - self.notes.count

    def fill(self, answer: Iterable[Yielded]) -> None:
        """Add every record and note of `answer`; raises RecordError for one that cannot be kept."""
        for each in answer:
            self.add(each)

    def add(self, item: Yielded) -> None:
        """Encode one record and put it to its partition; rows and notes, which are rare among them, are kept too."""
        kind = item.__class__
        if kind is not Record and kind is not ArchivedRecord:
            self._other(item)
            return
        record: Any = item
        try:
            group = self._groups[record.source, record.date, record.category]
        except (KeyError, TypeError):
            group = self._group(record)
        if kind is Record:
            data = canonical(record.data, self.nan)
            group.ids += group.identify(data)
        else:
            data = record.data
            group.ids += record.id
        group.data.append(data)
        self.stamp += 1
        self._size += len(data) + OVERHEAD
        if self._size > self._limit:
            self._spill()

    def check(self) -> None:
        """Raise PermanentError if the answer, now that it is complete, contradicts itself."""
        self.notes.agree({partition.date for partition in self._partitions})

    def recognise(self) -> None:
        """Find, of a complete answer, what came before, and encode what did not; raises RecordError as `add` does."""
        for partition, collected in self._partitions.items():
            digest = self._digest_of(partition, collected)
            if digest is not None:
                self._recognised[partition] = digest
            else:
                self._grow(collected.unpack(self.nan))

    def finish(self) -> dict[Partition, StagedPartition]:
        """Every partition that has records, with ids and digest; the stage must stay open while they are used."""
        self._groups.clear()
        return {
            partition: StagedPartition(self, partition, found, self._recognised.get(partition))
            for partition, found in self._partitions.items()
        }

    def empty(self, partition: Partition) -> StagedPartition:
        """A partition without records."""
        return StagedPartition(self, partition, Collected())

    def read(self, segment: Segment) -> bytes:
        """The bytes of a segment; any thread may read at any time."""
        if self._file is None or self.closed:
            raise RuntimeError("a staged partition was read after its window was over")
        return os.pread(self._file.fileno(), segment.length, segment.offset)

    def _other(self, yielded: object) -> None:
        if isinstance(yielded, Rows):
            self._add_rows(yielded)
        elif isinstance(yielded, Note):
            self._open()
            self._check_date(yielded.date)
            self.notes.add(yielded)
            self.stamp += 1
        else:
            raise RecordError(f"yielded {_shown(yielded)}, expected Record(date, category, data)")

    def _add_rows(self, rows: Rows) -> None:
        if not rows.values:
            return
        group, columns, count = self._group(rows), rows.columns, len(rows.values)
        # To make rows of columns would cost as much as it saves.
        kinds = None if isinstance(rows.values, Transposed) else kinds_of(rows.values)
        packed = None if kinds is None else pack(rows.values, kinds)
        self.stamp += count
        if packed is not None:
            group.hashed.add(columns.names, packed, count)
            if group.came and self._packed < _PACKED_LIMIT:
                group.packed.append((columns, packed))
                self._packed += len(packed)
                return
        self._grow(group.encode(columns, rows.values, self.nan, kinds))

    def _grow(self, size: int) -> None:
        self._size += size
        if self._size > self._limit:
            self._spill()

    def _digest_of(self, partition: Partition, collected: Collected) -> Digest | None:
        """The digest of a partition that came before as it is now; None if nothing is known, or a part is encoded."""
        if collected.encoded:
            return None
        came = self._came.get(partition, ())
        return next((digest for made, digest in came if made == collected.imprint(self.nan, digest)), None)

    def _group(self, record: Record | ArchivedRecord | Rows) -> Group:
        """Where a record belongs."""
        self._open()
        self._check(record)
        partition = Partition(record.source or self.own, record.date)
        collected = self._partitions.setdefault(partition, Collected())
        group = collected.groups.get(record.category)
        if group is None:
            group = Group(partition.source, partition.date, record.category, came=partition in self._came)
            collected.groups[record.category] = group
        self._groups[record.source, record.date, record.category] = group
        return group

    def _open(self) -> None:
        if self.closed:
            raise RuntimeError("the stage is closed: this answer was given up")

    def _check_date(self, date: dt.date) -> None:
        if type(date) is not dt.date:
            raise RecordError(f"expected a datetime.date, got {_shown(date)}", field="date")
        if date not in self.window:
            raise StrayRecord(
                f"{date} is outside of the days asked for, {self.window.start} to {self.window.end}; "
                f"mend what {self.own} selects",
                field="date",
            )

    def _check(self, record: Record | ArchivedRecord | Rows) -> None:
        self._check_date(record.date)
        if not isinstance(record.category, str) or not record.category:
            raise RecordError(f"expected a text, got {_shown(record.category)}", field="category")
        if record.source is not None and not (isinstance(record.source, str) and 0 < len(record.source) <= MAX_ID):
            raise RecordError(f"expected a source's id, got {_shown(record.source)}", field="source")

    def _spill(self) -> None:
        """Move what is in memory to the temporary file."""
        self._open()
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="monolith-")  # noqa: SIM115 - closed by close()
        for collected in self._partitions.values():
            records = collected.in_memory()
            if records:
                collected.runs.append([self._write(self._file, part) for part in slices(records)])
                collected.clear()
        self._file.flush()
        self._size = 0

    @staticmethod
    def _write(file: IO[bytes], records: list[StagedRecord]) -> Segment:
        content = encode(records)
        segment = Segment(file.tell(), len(content))
        file.write(content)
        return segment


def _shown(value: object) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"
