"""The `files` target: a file for each day of each source."""

from __future__ import annotations

import csv
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote

from monolith_core import (
    Context,
    Digest,
    MonolithError,
    Partition,
    PermanentError,
    Staged,
    StagedRecord,
    Target,
    Window,
    Written,
)
from monolith_plugins_files import lines
from monolith_plugins_files.compression import by_name, damaged
from monolith_plugins_files.shelf import Shelf, writable
from monolith_plugins_files.storage import File, Storage, explained
from monolith_plugins_files.target_options import FilesTargetOptions
from monolith_plugins_files.template import quoted
from monolith_plugins_files.writers import WRITERS, LinesWriter

_ID_BYTES = 16


class FilesTarget(Target):
    """Keeps the records of each day of each source in a file, or writes them to standard output."""

    Options: ClassVar[type[FilesTargetOptions]] = FilesTargetOptions
    options: FilesTargetOptions

    digests: Callable[[Window | None], Iterator[tuple[Partition, Digest]]]
    """What the files really hold, of every source; standard output keeps nothing that could be compared."""
    records: Callable[[Partition], Iterator[StagedRecord]]
    """What is really held, for `reconcile --deep`: of JSON lines, which are the whole of a record."""

    def __init__(self, options: FilesTargetOptions, context: Context) -> None:
        super().__init__(options, context)
        self._storage = Storage(options.path, options.storage_options)
        self._shelf = Shelf(self._storage)
        self._writer = WRITERS[options.kind](options.names, options.column_types)
        self._output = threading.Lock()
        if options.is_output:
            return
        self.digests = self._digests
        if isinstance(self._writer, LinesWriter):
            self.records = self._records

    def setup(self) -> None:
        """Load what the place and the format need."""
        if not self.options.is_output:
            _ = self._storage.system

    def close(self) -> None:
        """End what the file system has open."""
        self._storage.close()

    def replace(self, partition: Partition, staged: Staged) -> Written:
        """Make the partition's file hold exactly the staged records: in whole, or not at all."""
        if self.options.is_output:
            return self._print(partition, staged)
        path = self._storage.template.written(partition.date, quoted(partition.source))
        file = self._storage.find(path)
        held = set(self._ids(partition, file)) if file is not None else set()
        kept = sum(1 for each in _pieces(staged.ids) if each in held)
        written = Written(staged.digest.count - kept, len(held) - kept, kept)
        if not staged.digest:
            if file is not None:
                self._shelf.remove(path, staged.fence)
        elif written.added or written.removed or staged.drifted or not self._writer.proves:
            with self._shelf.put(path, staged.fence) as out:
                self._writer.write(staged, out, by_name(path)[1])
        return written

    def _digests(self, window: Window | None) -> Iterator[tuple[Partition, Digest]]:
        for file in self._storage.files(window.days() if window is not None else None):
            partition = self._partition(file)
            if partition is not None:
                digest = Digest.of(b"".join(self._ids(partition, file)))
                if digest:
                    yield partition, digest

    def check(self) -> str:
        """See that files can be written."""
        if self.options.is_output:
            return "standard output"
        root = self._storage.template.root(None)
        if self._storage.place.is_local:
            return writable(Path(root))
        there = self._storage.is_there(root)
        return f"{root} is there" if there else f"{root} is not there yet, the first run makes it"

    def _records(self, partition: Partition) -> Iterator[StagedRecord]:
        path = self._storage.template.written(partition.date, quoted(partition.source))
        file = self._storage.find(path)
        if file is None or not isinstance(self._writer, LinesWriter):
            return
        with self._storage.open(file) as raw, self._broken(file, lambda error: None):
            yield from self._writer.records(partition, raw, by_name(file.path)[1])

    def _ids(self, partition: Partition, file: File) -> Iterator[bytes]:
        """The ids in a file; of one that cannot be read to its end, and one more that no record has."""
        ended: list[bytes] = []
        with self._storage.open(file) as raw, self._broken(file, ended.append):
            yield from self._writer.ids(partition, raw, by_name(file.path)[1])
        yield from ended

    def _partition(self, file: File) -> Partition | None:
        """The partition that a file is of, None if this target would not write it there."""
        template = self._storage.template
        match = template.regex.fullmatch(file.path)
        found = template.day_of(match) if match is not None else None
        if match is None or found is None:
            return None
        partition = Partition(unquote(match["source"]), found)
        return partition if template.written(found, quoted(partition.source)) == file.path else None

    @contextmanager
    def _broken(self, file: File, note: Callable[[bytes], object]) -> Iterator[None]:
        """Note that a file's content cannot be read; raise what has nothing to do with its content."""
        try:
            yield
        except MonolithError:
            raise
        except Exception as error:
            if not damaged(error) and not isinstance(error, ValueError | csv.Error):
                raise explained(error, file.path) from error
            note(lines.stranger(file.path.encode()))

    def _print(self, partition: Partition, staged: Staged) -> Written:
        """Write the lines of a partition without those of another one between them."""
        with self._output:
            staged.fence()
            try:
                for line in lines.written(partition, staged):
                    sys.stdout.buffer.write(line)
                sys.stdout.buffer.flush()
            except OSError as error:
                raise PermanentError(f"standard output cannot be written: {error.strerror}") from None
        return Written(staged.digest.count, 0, 0)


def _pieces(ids: bytes) -> Iterator[bytes]:
    return (ids[at : at + _ID_BYTES] for at in range(0, len(ids), _ID_BYTES))
