"""A target that is right, in steps that can be got wrong, and targets that get one of them wrong."""

from __future__ import annotations

import pickle
import re
import socket
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from monolith_core import (
    Digest,
    Partition,
    PermanentError,
    StagedRecord,
    Target,
    TargetOptions,
    TemporaryError,
    Written,
)

Held = dict[Partition, dict[bytes, StagedRecord]]

BROKEN: dict[str, type[Target]] = {}
"""The broken targets, by their names; the attribute `caught_by` names the case."""


class ShelfOptions(TargetOptions):
    """Options of a shelf."""

    file: Path
    """Where it is."""
    server: str = "up"
    """Whether there is a server: up or down."""
    password: SecretStr | None = None
    """The server's password."""


class Shelf(Target):
    """Keeps everything in a file: the right way."""

    Options = ShelfOptions
    caught_by = ""

    def __init__(self, options: Any, context: Any) -> None:
        super().__init__(options, context)
        self.lock = threading.Lock()

    def __init_subclass__(cls) -> None:
        BROKEN[cls.__name__] = cls

    def setup(self) -> None:
        self.connect()
        if not self.options.file.exists():
            self.write({})

    def connect(self) -> None:
        if self.options.server != "up":
            raise TemporaryError("the server is down; start it")

    def replace(self, partition: Partition, staged: Any) -> Written:
        self.connect()
        new = self.read_answer(partition, staged)
        with self.lock:
            staged.fence()
            held = self.read()
            old = held.get(partition, {})
            self.write(self.others(held, partition) | {partition: self.merge(old, new)})
        kept = len(old.keys() & new.keys())
        return Written(len(new) - kept, len(old) - kept, kept)

    def read_answer(self, partition: Partition, staged: Iterable[StagedRecord]) -> dict[bytes, StagedRecord]:
        return {record.id: record for record in staged}

    def merge(self, old: dict[bytes, StagedRecord], new: dict[bytes, StagedRecord]) -> dict[bytes, StagedRecord]:
        return new

    def others(self, held: Held, partition: Partition) -> Held:
        return held

    def read(self) -> Held:
        return pickle.loads(self.options.file.read_bytes())

    def write(self, held: Held) -> None:
        self.options.file.write_bytes(pickle.dumps(held))

    def digests(self, window: Any) -> Any:
        for partition, records in self.read().items():
            if records and (window is None or partition.date in window):
                yield partition, Digest.of(b"".join(records))

    def records(self, partition: Partition) -> Any:
        yield from self.read().get(partition, {}).values()

    def check(self) -> str:
        self.connect()
        return "a shelf"


BROKEN.clear()


class Appends(Shelf):
    caught_by = "test_replaces"

    def merge(self, old, new):
        return old | new


class IgnoresEmptyAnswers(Shelf):
    caught_by = "test_empties"

    def replace(self, partition, staged):
        if not staged.digest:
            held = len(self.read().get(partition, {}))
            return Written(0, held, 0)
        return super().replace(partition, staged)


class AppendsWhatIsRepeated(Shelf):
    """Has no key: the same answer is there twice after it was written twice."""

    caught_by = "test_may_be_repeated"

    def merge(self, old, new):
        return new | {key + b"again": record for key, record in new.items()} if old.keys() == new.keys() else new


class CountsEverythingAsAdded(Shelf):
    caught_by = "test_counts_what_it_did"

    def replace(self, partition, staged):
        written = super().replace(partition, staged)
        return Written(written.added + written.kept, written.removed, 0)


class LosesTheLastBatch(Shelf):
    caught_by = "test_keeps_many_records"

    def read_answer(self, partition, staged):
        new = super().read_answer(partition, staged)
        size = self.options.batch_size
        return dict(list(new.items())[: len(new) // size * size]) if len(new) > size else new


class FoldsEqualRecords(Shelf):
    caught_by = "test_keeps_equal_records"

    def read_answer(self, partition, staged):
        return {record.id: record for record in {(each.category, each.data): each for each in staged}.values()}


class FoldsCategories(Shelf):
    caught_by = "test_keeps_categories"

    def read_answer(self, partition, staged):
        return {each.id: each._replace(category=each.category.strip().lower()) for each in staged}


class MutatesRecords(Shelf):
    """Has nothing but texts: null becomes an empty one."""

    caught_by = "test_keeps_records_as_they_are"

    def read_answer(self, partition, staged):
        return {each.id: each._replace(data=each.data.replace(b"null", b'""')) for each in staged}


class CountsYearsByWeeks(Shelf):
    """The classic `%G` for `%Y`: the last days of a year are put into the next one."""

    caught_by = "test_keeps_days_apart"

    def replace(self, partition, staged):
        day = partition.date
        return super().replace(Partition(partition.source, day.replace(year=day.isocalendar().year)), staged)


class ReplacesTheMonth(Shelf):
    caught_by = "test_leaves_other_days_alone"

    def others(self, held, partition):
        month = (partition.source, partition.date.year, partition.date.month)
        return {key: held[key] for key in held if (key.source, key.date.year, key.date.month) != month}


class TakesIdsForPatterns(Shelf):
    """As `LIKE` does, and case does not matter."""

    caught_by = "test_leaves_other_sources_alone"

    def others(self, held, partition):
        pattern = re.compile(partition.source, re.IGNORECASE)
        return {key: held[key] for key in held if key.date != partition.date or not pattern.fullmatch(key.source)}


class ReplacesTheWholeDay(Shelf):
    """Forgets the source in its WHERE."""

    caught_by = "test_leaves_other_sources_alone"

    def others(self, held, partition):
        return {key: held[key] for key in held if key.date != partition.date}


class NeedsOrder(Shelf):
    """Merges what comes with what is held, as if both were sorted."""

    caught_by = "test_order_does_not_matter"

    def read_answer(self, partition, staged):
        new, last = {}, b""
        for record in staged:
            if record.id > last:
                new[record.id], last = record, record.id
        return new


class SharesTheCurrentPartition(Shelf):
    caught_by = "test_replaces_several_at_once"

    def read_answer(self, partition, staged):
        self.current = {}
        for record in staged:
            self.current[record.id] = record
        return self.current


class LeavesHalf(Shelf):
    caught_by = "test_an_error_changes_nothing"

    def read_answer(self, partition, staged):
        new = {}
        try:
            for record in staged:
                new[record.id] = record
        except TemporaryError:
            with self.lock:
                self.write(self.read() | {partition: new})
            raise
        return new


class SwallowsTheError(Shelf):
    caught_by = "test_an_error_is_passed_on"

    def replace(self, partition, staged):
        try:
            return super().replace(partition, staged)
        except TemporaryError as error:
            if "connection" in str(error):
                return Written(0, 0, 0)
            raise


class TurnsTheErrorIntoAPermanentOne(Shelf):
    caught_by = "test_an_error_is_passed_on"

    def read_answer(self, partition, staged):
        try:
            return super().read_answer(partition, staged)
        except TemporaryError as error:
            raise PermanentError(str(error)) from error


class StaysBroken(Shelf):
    caught_by = "test_works_again_after_an_error"
    broken = False

    def read_answer(self, partition, staged):
        if self.broken:
            raise TemporaryError("in a transaction that failed")
        try:
            return super().read_answer(partition, staged)
        except TemporaryError:
            self.broken = True
            raise


class NeverAsks(Shelf):
    caught_by = "test_asks_before_it_commits"

    def replace(self, partition, staged):
        staged.fence = lambda: None
        return super().replace(partition, staged)


class AsksTooLate(Shelf):
    caught_by = "test_asks_before_it_commits"

    def replace(self, partition, staged):
        fence, staged.fence = staged.fence, lambda: None
        written = super().replace(partition, staged)
        fence()
        return written


class WritesWhenItFeelsLikeIt(Shelf):
    """Keeps in memory what it has, and has no `close` that writes it."""

    caught_by = "test_keeps_after_close"
    memory = None

    def read(self):
        return dict(self.memory or {})

    def write(self, held):
        self.memory = held


class KnowsOnlyWhatItWrote(Shelf):
    """Removes what it remembers to have written, and nothing else."""

    caught_by = "test_another_object_goes_on"

    def __init__(self, options, context):
        super().__init__(options, context)
        self.mine = set()

    def merge(self, old, new):
        others = {key: record for key, record in old.items() if key not in self.mine}
        self.mine |= new.keys()
        return others | new


class TellsAllDays(Shelf):
    caught_by = "test_tells_its_digests"

    def digests(self, window):
        return super().digests(None)


class TellsCountsOnly(Shelf):
    caught_by = "test_tells_its_digests"

    def digests(self, window):
        for partition, digest in super().digests(window):
            yield partition, Digest(digest.count, 1, 1)


class TellsOnlyAfterSetup(Shelf):
    caught_by = "test_tells_its_digests_without_setup"
    ready = False

    def setup(self):
        super().setup()
        self.ready = True

    def digests(self, window):
        if not self.ready:
            raise PermanentError("not connected")
        return super().digests(window)


class TellsRecordsOfEverySource(Shelf):
    caught_by = "test_tells_its_records"

    def records(self, partition):
        for key, records in self.read().items():
            if key.date == partition.date:
                yield from records.values()


class BelievesIds(Shelf):
    """An id that is there proves to it that its record is, even when it is told otherwise."""

    caught_by = "test_repairs_what_drifted"

    def merge(self, old, new):
        return {key: old.get(key, record) for key, record in new.items()}


class MakesItsPlaceAnew(Shelf):
    caught_by = "test_sets_up_again"

    def setup(self):
        if self.options.file.exists():
            raise PermanentError("the table is there already")
        super().setup()


class Connects(Shelf):
    """Is connected as soon as it is made."""

    caught_by = "test_making_it_opens_nothing"

    def __init__(self, options, context):
        super().__init__(options, context)
        self.connection = socket.socket()

    def close(self):
        self.connection.close()


class ClosesWhatSetupOpened(Shelf):
    caught_by = "test_closes_without_setup"

    def setup(self):
        self.connection = socket.socket()
        super().setup()

    def close(self):
        self.connection.close()


class LeaksAConnection(Shelf):
    caught_by = "test_leaks_no_file"
    connections: list[Any] = []  # noqa: RUF012

    def setup(self):
        super().setup()
        self.connections.append(socket.socket())


class LeaksAThread(Shelf):
    caught_by = "test_leaks_no_thread"
    over = threading.Event()

    def setup(self):
        super().setup()
        threading.Thread(target=self.over.wait, daemon=True).start()


class Prints(Shelf):
    caught_by = "test_is_silent"

    def replace(self, partition, staged):
        print("writing", partition)
        return super().replace(partition, staged)


class MakesUpAnAnswer(Shelf):
    """Goes on where there is no server."""

    caught_by = "test_swallows_no_error"

    def connect(self):
        try:
            super().connect()
        except TemporaryError:
            self.context.log.debug("never mind")

    def check(self):
        super().connect()
        return "a shelf"


class RaisesWhatTheDriverRaises(Shelf):
    caught_by = "test_raises_errors_of_monolith"

    def setup(self):
        if self.options.server != "up":
            raise ConnectionRefusedError(self.options.server)
        super().setup()


class ShowsThePassword(Shelf):
    caught_by = "test_shows_no_secret"

    def connect(self):
        if self.options.server != "up":
            raise TemporaryError(f"cannot log in with {self.options.password.get_secret_value()}")


class LogsThePassword(Shelf):
    caught_by = "test_logs_no_secret"

    def connect(self):
        self.context.log.debug("password %s", self.options.password and self.options.password.get_secret_value())
        super().connect()


class ChecksNothing(Shelf):
    caught_by = "test_check_tells_what_is_wrong"

    def check(self):
        return "fine"


class ChecksInLines(Shelf):
    caught_by = "test_checks_in_one_line"

    def check(self):
        return super().check() + "\nand another line"


class Undocumented(Shelf):
    caught_by = "test_options_are_documented"

    class Options(ShelfOptions):
        colour: str = "red"


class ShowsItsKey(Shelf):
    caught_by = "test_secrets_are_marked"

    class Options(ShelfOptions):
        api_key: str = ""
        """The key."""


class OfAnotherContract(Shelf):
    caught_by = "test_fits_the_contract"
    contract = 99
