"""The stage: a source's answer is collected whole, encoded once, before any target sees a part of it."""

from __future__ import annotations

import datetime as dt
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from heapq import merge
from types import TracebackType
from typing import IO, Literal, Self

from monolith_core.encoding import canonical
from monolith_core.errors import RecordError, StrayRecord
from monolith_core.note import Note
from monolith_core.notes import Notes
from monolith_core.numbering import Numbering, number
from monolith_core.partition import ID_BYTES, MAX_ID, Digest, Partition, Window
from monolith_core.plugin import StagedRecord, Yielded
from monolith_core.record import ArchivedRecord, Record, hasher
from monolith_core.segments import Segment, decode, encode, slices

MEMORY_LIMIT = 8 * 2**20
"""Bytes of canonical JSON that one stage keeps in memory; what comes after goes to a temporary file."""

_OVERHEAD = 40
"""Bytes that Python needs for a record beside its JSON (a bytes object and a pointer), counted against the limit."""


class _Group:
    """The records of one partition and category that are still in memory."""

    __slots__ = ("category", "data", "ids")

    def __init__(self, category: str) -> None:
        self.category = category
        self.ids = bytearray()
        self.data: list[bytes] = []

    def records(self) -> Iterator[StagedRecord]:
        """Each record with its id."""
        ids = bytes(self.ids)
        for position, data in enumerate(self.data):
            at = position * ID_BYTES
            yield StagedRecord(ids[at : at + ID_BYTES], self.category, data)


class _Collected:
    """One partition while the answer comes in."""

    __slots__ = ("groups", "ids", "runs")

    def __init__(self) -> None:
        self.ids = bytearray()
        self.groups: dict[str, _Group] = {}
        self.runs: list[list[Segment]] = []

    def in_memory(self) -> list[StagedRecord]:
        """The records that are not in the file, by id."""
        return sorted(record for group in self.groups.values() for record in group.records())

    def clear(self) -> None:
        """Forget what is in memory."""
        for group in self.groups.values():
            group.ids.clear()
            group.data.clear()


class StagedPartition:
    """One partition of a complete answer; see `monolith_core.plugin.Staged`.

    Records come in the order of their ids (but for equal ones), which is that of the archive's primary key: a database
    fills page after page then, instead of touching all of them again and again.
    """

    def __init__(self, stage: Stage, partition: Partition, collected: _Collected) -> None:
        self.partition = partition
        self._stage = stage
        self._collected = collected
        self._numbering: Numbering = number(partition, collected.ids, self._plain)
        self.digest = Digest.of(self._numbering.ids)
        collected.ids = bytearray()

    @property
    def ids(self) -> bytes:
        """All content ids, sorted, 16 bytes each."""
        return self._numbering.ids

    def __iter__(self) -> Iterator[StagedRecord]:
        return self._numbering.apply(self._plain())

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

    `own` is the id of the source that is asked; a record that names no source is its own. `known` gives the version
    that is known of a day. `stamp` counts what was added: it is what the idle timeout watches. Once a stage is closed,
    `add` raises, which ends a worker thread that was given up. Use it as a context manager: the temporary file goes
    with it.
    """

    def __init__(
        self,
        own: str,
        window: Window,
        *,
        nan: Literal["error", "null"] = "error",
        memory_limit: int = MEMORY_LIMIT,
        known: Callable[[dt.date], str] = lambda day: "",
    ) -> None:
        self.own = own
        self.window = window
        self.notes = Notes(own, known)
        self.stamp = 0
        self.closed = False
        self.nan: Literal["error", "null"] = nan
        self._limit = memory_limit
        self._size = 0
        self._file: IO[bytes] | None = None
        self._partitions: dict[Partition, _Collected] = {}
        self._places: dict[tuple[str | None, dt.date, str], tuple[_Collected, _Group, Callable[[bytes], bytes]]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Forget everything, and refuse what still comes."""
        self.closed = True
        self._partitions.clear()
        self._places.clear()
        if self._file is not None:
            self._file.close()

    @property
    def records(self) -> int:
        """How many records were added."""
        return self.stamp - self.notes.count

    def fill(self, answer: Iterable[Yielded]) -> None:
        """Add every record and note of `answer`; raises RecordError for one that cannot be kept."""
        for each in answer:
            self.add(each)  # type: ignore[arg-type]

    def add(self, record: Record | ArchivedRecord) -> None:
        """Encode one record and put it to its partition; a note, which is rare among them, is kept too."""
        kind = record.__class__
        if kind is not Record and kind is not ArchivedRecord:
            self._note(record)
            return
        key = (record.source, record.date, record.category)
        try:
            collected, group, identify = self._places[key]
        except (KeyError, TypeError):
            collected, group, identify = self._place(record)
        if kind is Record:
            data = canonical(record.data, self.nan)  # type: ignore[arg-type]
            content_id = identify(data)
        else:
            data, content_id = record.data, record.id  # type: ignore[union-attr, assignment]
        collected.ids += content_id
        group.ids += content_id
        group.data.append(data)
        self.stamp += 1
        self._size += len(data) + _OVERHEAD
        if self._size > self._limit:
            self._spill()

    def check(self) -> None:
        """Raise PermanentError if the answer, now that it is complete, contradicts itself."""
        self.notes.agree({partition.date for partition in self._partitions})

    def finish(self) -> dict[Partition, StagedPartition]:
        """Every partition that has records, with ids and digest; the stage must stay open while they are used."""
        self._places.clear()
        return {partition: StagedPartition(self, partition, found) for partition, found in self._partitions.items()}

    def empty(self, partition: Partition) -> StagedPartition:
        """A partition without records."""
        return StagedPartition(self, partition, _Collected())

    def read(self, segment: Segment) -> bytes:
        """The bytes of a segment; any thread may read at any time."""
        if self._file is None or self.closed:
            raise RuntimeError("a staged partition was read after its window was over")
        return os.pread(self._file.fileno(), segment.length, segment.offset)

    def _place(self, record: Record | ArchivedRecord) -> tuple[_Collected, _Group, Callable[[bytes], bytes]]:
        if self.closed:
            raise RuntimeError("the stage is closed: this answer was given up")
        self._check(record)
        source = record.source or self.own
        collected = self._partitions.setdefault(Partition(source, record.date), _Collected())
        group = collected.groups.setdefault(record.category, _Group(record.category))
        place = (collected, group, hasher(source, record.date, record.category))
        self._places[record.source, record.date, record.category] = place
        return place

    def _note(self, note: object) -> None:
        if not isinstance(note, Note):
            raise RecordError(f"{self.own} yielded {_shown(note)}, expected Record(date, category, data)")
        if self.closed:
            raise RuntimeError("the stage is closed: this answer was given up")
        self._check_date(note.date)
        self.notes.add(note)
        self.stamp += 1

    def _check_date(self, date: dt.date) -> None:
        if type(date) is not dt.date:
            raise RecordError(f"expected a datetime.date, got {_shown(date)}", field="date")
        if date not in self.window:
            raise StrayRecord(
                f"{date} is outside of the days asked for, {self.window.start} to {self.window.end}; "
                f"mend what {self.own} selects",
                field="date",
            )

    def _check(self, record: Record | ArchivedRecord) -> None:
        self._check_date(record.date)
        if not isinstance(record.category, str) or not record.category:
            raise RecordError(f"expected a text, got {_shown(record.category)}", field="category")
        if record.source is not None and not (isinstance(record.source, str) and 0 < len(record.source) <= MAX_ID):
            raise RecordError(f"expected a source's id, got {_shown(record.source)}", field="source")

    def _spill(self) -> None:
        """Move what is in memory to the temporary file."""
        if self.closed:
            raise RuntimeError("the stage is closed: this answer was given up")
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
