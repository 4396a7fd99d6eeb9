"""The `elasticsearch` target: the documents of each partition, replaced by difference."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from typing import ClassVar

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
from monolith_plugins_es import check
from monolith_plugins_es.bulk import Bulk
from monolith_plugins_es.cluster import Cluster
from monolith_plugins_es.company import COMPANY
from monolith_plugins_es.difference import Difference, split
from monolith_plugins_es.documents import Writer, handfuls, index_name
from monolith_plugins_es.explain import Explainer
from monolith_plugins_es.held import Shelf, Stranger
from monolith_plugins_es.indices import Indices
from monolith_plugins_es.lowering import Lowering
from monolith_plugins_es.options import ElasticsearchOptions


class ElasticsearchTarget(Target):
    """Keeps each record as a document of a monthly index."""

    Options: ClassVar[type[ElasticsearchOptions]] = ElasticsearchOptions
    options: ElasticsearchOptions

    def __init__(self, options: ElasticsearchOptions, context: Context) -> None:
        super().__init__(options, context)
        self._cluster = Cluster(options, context.log)
        today = dt.datetime.now(context.timezone).date()
        self._lowering = Lowering(self._cluster, options, today, context.log)
        self._indices = Indices(self._cluster, options, self._lowering, context.log)
        self._shelf = Shelf(self._cluster, options.index, options.date_field)
        self._bulk = Bulk(
            self._cluster,
            nodes=len(options.url),
            most=options.batch_size,
            most_bytes=options.bulk_bytes,
            jobs=options.jobs,
            explain=Explainer(self._indices.fields),
        )
        self._lock = threading.Lock()
        self._asked = False
        self._days: set[dt.date] = set()
        self._written: set[str] = set()
        self._seen: set[Partition] = set()
        self._fresh: set[str] = set()
        self._shown: set[str] = set()
        self._refreshing = ThreadPoolExecutor(1, thread_name_prefix="elasticsearch-refresh")

    @property
    def at_once(self) -> int:
        """Most days are far less than one request: while `jobs` are under way, others make ready for the next one.

        Whoever sets `jobs` to one wants one day after the other.
        """
        return self.options.jobs + COMPANY if self.options.jobs > 1 else 1

    def setup(self) -> None:
        """Put back what a run that was killed has left lowered."""
        self._lowering.end_leftovers()

    def close(self) -> None:
        """Make visible what was written, put back what was lowered, and close the connections."""
        self._bulk.close()
        self._refreshing.shutdown(cancel_futures=True)
        try:
            if self.options.refresh == "end" and self._written:
                self._shelf.refresh(*sorted(self._written))
        finally:
            self._lowering.end()
            self._written.clear()
            self._cluster.close()

    def replace(self, partition: Partition, staged: Staged) -> Written:
        """Make the index hold exactly the staged records of the partition: new ones in, then stale ones out."""
        self._indices.prepare()
        index = index_name(self.options.index, partition.date)
        self._lowering.touch(index)
        made = self._indices.ensure(index, make=bool(staged.digest))
        if made is None and not staged.drifted:
            return Written(0, 0, 0)
        try:
            return self._replace(partition, staged, index, made=bool(made))
        except BaseException:
            # What was done of it may not be seen by a search yet.
            with self._lock:
                self._fresh.discard(index)
            self._indices.forget(index)
            raise

    def digests(self, window: Window | None) -> Iterator[tuple[Partition, Digest]]:
        """What the indices under the alias really hold."""
        self._show_what_is_full(window)
        unseen = self._unseen(window)
        if unseen:
            with suppress(PermanentError):  # whoever may only read sees what Elasticsearch shows by itself
                self._shelf.refresh(*unseen)
        self._asked = True
        yield from self._shelf.digests(window)

    def records(self, partition: Partition) -> Iterator[StagedRecord]:
        """What the indices under the alias really hold of a partition."""
        yield from self._shelf.records(partition)

    def check(self) -> str:
        """Connect, and see versions, the template and the rights."""
        return check.report(self._cluster, self._indices, self._lowering, self.options)

    def _replace(self, partition: Partition, staged: Staged, index: str, *, made: bool) -> Written:
        difference, strangers = Difference(staged.ids), list[Stranger]()
        if staged.drifted:
            self._shelf.refresh(index, self.options.index)
        elif self._is_untouched(partition, index, made=made):
            return self._write(partition, staged, index, difference, strangers)
        elif self._shelf.digest(partition, index) == staged.digest:
            return Written(0, 0, staged.digest.count)
        for each in self._shelf.held(partition, index, everywhere=staged.drifted):
            if isinstance(each, Stranger):
                strangers.append(each)
            else:
                difference.note(each)
        return self._write(partition, staged, index, difference, strangers)

    def _write(
        self, partition: Partition, staged: Staged, index: str, difference: Difference, strangers: list[Stranger]
    ) -> Written:
        """New documents in, then stale ones out.

        In between the new ones are made visible: a search of several shards, or of a copy, could otherwise miss both.
        """
        added, removed, kept = difference.counts
        if not added and not removed and not strangers and not staged.drifted:
            return Written(0, 0, kept)
        with self._lock:
            self._written.add(index)
            self._days.add(partition.date)
        writer = Writer(partition, self.options.date_field)
        idle = self._add(writer, staged, index, difference) if added or staged.drifted else 0
        if added and (removed or strangers):
            self._shelf.refresh(index)
        self._bulk.send(index, map(writer.delete, split(difference.removed)), staged.fence)
        self._bulk.send(index, map(Stranger.delete, strangers), staged.fence)
        if self.options.refresh == "partition":
            self._shelf.refresh(index)
        return Written(added - idle, removed + len(strangers), kept + idle)

    def _show_what_is_full(self, window: Window | None) -> None:
        """Begin to make visible what was written, but for the months of this window, so that the end has less to do.

        A load asks about one window after another, and goes from month to month. Each index is refreshed so only once,
        whatever is written to it later. Whether it succeeded does not matter: the end does it again.
        """
        if window is None or self.options.refresh != "end":
            return
        begun = {index_name(self.options.index, day) for day in window.days()}
        with self._lock:
            full = sorted(self._written - self._shown - begun)
            self._shown.update(full)
        if full:
            self._refreshing.submit(self._shelf.refresh, *full)

    def _unseen(self, window: Window | None) -> list[str]:
        """The indices, or the alias for all, that may have something of these days that a search does not see yet.

        A load asks about one window after another before it writes it: after the first time that needs no refresh,
        which would make every index that is being filled write a segment.
        """
        if window is None or not self._asked:
            return [self.options.index]
        with self._lock:
            return sorted({index_name(self.options.index, day) for day in window.days() if day in self._days})

    def _is_untouched(self, partition: Partition, index: str, *, made: bool) -> bool:
        """Whether nothing of the partition can be in its index; if something can, a search will see it after this."""
        with self._lock:
            first = partition not in self._seen
            self._seen.add(partition)
            if made and first:
                return True  # the index was made by this object, which never wrote this partition
            if first and index in self._fresh:
                return False
        self._shelf.refresh(index)
        with self._lock:
            self._fresh.add(index)
        return False

    def _add(self, writer: Writer, staged: Staged, index: str, difference: Difference) -> int:
        """Create the documents that are missing; takes them back if one of them is refused for good.

        Of a partition that drifted every document is written anew: one that is there may have another body, and one
        that was not found may be there with another day.
        """
        _, _, kept = difference.counts
        begun = 0
        write = writer.rewrite if staged.drifted else writer.create

        def lacks(record: StagedRecord) -> bool:
            return not kept or difference.lacks(record.id)

        def lines() -> Iterator[bytes]:
            nonlocal begun
            for some in handfuls(staged if staged.drifted else filter(lacks, staged)):
                begun += sum(map(lacks, some))
                yield from write(some)

        try:
            return self._bulk.send(index, lines(), staged.fence)
        except PermanentError as error:
            self._take_back(writer, index, islice(filter(lacks, staged), begun), staged.fence, error)
            raise

    def _take_back(
        self,
        writer: Writer,
        index: str,
        begun: Iterable[StagedRecord],
        fence: Callable[[], None],
        error: PermanentError,
    ) -> None:
        """Delete what was created of a partition that cannot be written whole, so that it is as it was before."""
        try:
            self._bulk.send(index, (writer.delete(record.id) for record in begun), fence)
        except MonolithError as another:
            self.context.log.warning("%s keeps a part of a day that failed (%s): %s", index, error, another)
