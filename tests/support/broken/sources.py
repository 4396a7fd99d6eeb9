"""A source that is right, in steps that can be got wrong, and sources that get one of them wrong."""

from __future__ import annotations

import datetime as dt
import itertools
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any

import trio
from pydantic import SecretStr

from monolith_core import Digest, Note, Partition, PermanentError, Record, Source, SourceOptions, TemporaryError, Window
from monolith_core.testing import ask

BROKEN: dict[str, type[Source]] = {}
"""The broken sources, by their names; the attribute `caught_by` names the case."""

HOUR = dt.timedelta(hours=1)


class VisitsOptions(SourceOptions):
    """Options of the visits."""

    server: str = "up"
    """Whether there is a server: up or down."""
    password: SecretStr | None = None
    """The server's password."""


class Visits(Source):
    """One visit an hour, at the full hour of UTC; the right way."""

    Options = VisitsOptions
    caught_by = ""
    purges = False

    def __init_subclass__(cls) -> None:
        BROKEN[cls.__name__] = cls

    def connect(self) -> None:
        if self.options.server != "up":
            raise TemporaryError("the server is down; start it")

    def extract(self, window: Window) -> Any:
        self.connect()
        for instant in self.instants(window):
            day = self.day_of(instant)
            if self.wanted(window, day):
                yield self.record(day, instant)

    def instants(self, window: Window) -> Iterator[dt.datetime]:
        start = dt.datetime.combine(window.start, dt.time(), dt.UTC) - 24 * HOUR
        for number in range(24 * (len(window) + 2)):
            yield start + number * HOUR

    def wanted(self, window: Window, day: dt.date) -> bool:
        return day in window

    def day_of(self, instant: dt.datetime) -> dt.date:
        return instant.astimezone(self.context.timezone).date()

    def record(self, day: dt.date, instant: dt.datetime) -> Any:
        return Record(day, "visit", {"at": instant, "visitors": instant.hour * 3 % 7})

    def check(self) -> str:
        self.connect()
        return "visits"


BROKEN.clear()


class YieldsNothing(Visits):
    """The query is wrong, and nobody notices."""

    caught_by = "test_yields_records"

    def wanted(self, window, day):
        return False


class YieldsDicts(Visits):
    caught_by = "test_yields_records"

    def record(self, day, instant):
        return {"date": day, "at": instant}


class YieldsInstants(Visits):
    """The date is a datetime."""

    caught_by = "test_yields_records"

    def record(self, day, instant):
        return Record(instant, "visit", {"at": instant})


class YieldsObjects(Visits):
    caught_by = "test_data_is_json"

    def record(self, day, instant):
        return Record(day, "visit", {"at": object()})


class YieldsNan(Visits):
    caught_by = "test_data_is_json"

    def record(self, day, instant):
        return Record(day, "visit", {"at": instant, "rate": float("nan")})


class YieldsTheDayBefore(Visits):
    """Asks for a day more, to be on the safe side."""

    caught_by = "test_stays_within_the_window"

    def wanted(self, window, day):
        return window.start - 24 * HOUR <= day <= window.end


class WrongDayAtMidnight(Visits):
    """Counts days in UTC, wherever it is."""

    caught_by = "test_yields_what_is_expected"

    def day_of(self, instant):
        return instant.date()


class RoundsNumbers(Visits):
    caught_by = "test_yields_what_is_expected"

    def record(self, day, instant):
        return Record(day, "visit", {"at": instant, "visitors": instant.hour * 3 % 7 // 2 * 2})


class UsesOneDictForAll(Visits):
    caught_by = "test_records_stay_as_they_are"

    def extract(self, window):
        self.connect()
        data: dict[str, Any] = {}
        for record in list(super().extract(window)):
            data.update(record.data)
            yield Record(record.date, "visit", data)


class SaysWhenItWasAsked(Visits):
    caught_by = "test_is_repeatable"
    numbers = itertools.count()

    def record(self, day, instant):
        return Record(day, "visit", {"at": instant, "asked": next(self.numbers)})


class MidnightTwice(Visits):
    """`BETWEEN start AND next_date`: midnight is in both days, if both are asked for alone."""

    caught_by = "test_days_add_up"

    def extract(self, window):
        yield from super().extract(window)
        yield Record(window.end, "visit", {"at": window.next_date})


class OnlyTheFirstPage(Visits):
    """A service gives 30 records at a time, and it never asks for more."""

    caught_by = "test_days_add_up"

    def extract(self, window):
        yield from itertools.islice(super().extract(window), 30)


class KeepsWhatItSaw(Visits):
    """Yields every record once in its life."""

    caught_by = "test_keeps_no_state"

    def __init__(self, options, context):
        super().__init__(options, context)
        self.seen: set[dt.datetime] = set()

    def extract(self, window):
        for record in super().extract(window):
            if record.data["at"] not in self.seen:
                self.seen.add(record.data["at"])
                yield record


class GoesForwardOnly(Visits):
    """Has a cursor that cannot be moved back."""

    caught_by = "test_keeps_no_state"
    cursor = dt.date.min

    def wanted(self, window, day):
        self.cursor = max(self.cursor, window.start)
        return super().wanted(window, day) and day >= self.cursor


class SharesItsWindow(Visits):
    caught_by = "test_may_be_asked_at_once"

    def extract(self, window):
        self.now = window
        return super().extract(window)

    def wanted(self, window, day):
        return day in self.now


class LeaksWhenGivenUp(Visits):
    caught_by = "test_leaks_nothing_when_given_up"
    open: list[Any] = []  # noqa: RUF012

    def extract(self, window):
        connection = socket.socket()
        self.open.append(connection)
        yield from super().extract(window)
        connection.close()


class LeaksAConnection(Visits):
    caught_by = "test_leaks_no_file"
    open: list[Any] = []  # noqa: RUF012

    def connect(self):
        super().connect()
        self.open.append(socket.socket())


class LeaksAThread(Visits):
    caught_by = "test_leaks_no_thread"
    over = threading.Event()

    def connect(self):
        super().connect()
        threading.Thread(target=self.over.wait, daemon=True).start()


class Prints(Visits):
    caught_by = "test_is_silent"

    def record(self, day, instant):
        print(".", end="")
        return super().record(day, instant)


class SwallowsAnError(Visits):
    caught_by = "test_swallows_no_error"

    def extract(self, window):
        try:
            yield from super().extract(window)
        except TemporaryError as error:
            self.context.log.debug("never mind: %s", error)


class RaisesWhatTheDriverRaises(Visits):
    caught_by = "test_raises_errors_of_monolith"

    def extract(self, window):
        if self.options.server != "up":
            raise ConnectionRefusedError(self.options.server)
        return super().extract(window)


class ShowsThePassword(Visits):
    caught_by = "test_shows_no_secret"

    def connect(self):
        if self.options.server != "up":
            raise PermanentError(f"401 for {self.options.password.get_secret_value()}")


class LogsThePassword(Visits):
    caught_by = "test_logs_no_secret"

    def connect(self):
        if self.options.server != "up":
            self.context.log.info("GET /?key=%s", self.options.password.get_secret_value())
        super().connect()


class Connects(Visits):
    caught_by = "test_making_it_opens_nothing"

    def __init__(self, options, context):
        super().__init__(options, context)
        self.connection = socket.socket()

    def close(self):
        self.connection.close()


class ClosesWhatSetupOpened(Visits):
    caught_by = "test_closes_without_setup"

    def setup(self):
        self.connection = socket.socket()

    def close(self):
        self.connection.close()


class IsAlone(Visits):
    """Takes a lock for its lifetime, and will not share."""

    caught_by = "test_sets_up_again"
    lock = threading.Lock()
    locked = False

    def setup(self):
        self.locked = self.lock.acquire(blocking=False)
        if not self.locked:
            raise PermanentError("another one is at work")

    def close(self):
        if self.locked:
            self.lock.release()


class ChecksNothing(Visits):
    caught_by = "test_check_tells_what_is_wrong"

    def check(self):
        return "fine"


class ChecksInLines(Visits):
    caught_by = "test_checks_in_one_line"

    def check(self):
        return super().check() + "\nand another line"


class OffersOtherDigests(Visits):
    caught_by = "test_offers_what_it_yields"

    def partitions(self, window):
        return {Partition(self.context.id, day): Digest(24, 1, 1) for day in window.days()}


class OffersEverything(Visits):
    """Looks at no window."""

    caught_by = "test_offers_what_it_yields"

    def partitions(self, window):
        window = Window(window.source, window.start - 24 * HOUR, window.end)
        answer = ask(Visits(self.options, self.context), window)
        return {each: Digest.of(b"".join(r.id for r in records)) for each, records in answer.records.items()}


class Purging(Visits):
    """What is purged is remembered for all."""

    purged: set[dt.date]
    purges = True

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.purged = set()

    def wanted(self, window, day):
        return super().wanted(window, day) and day not in self.purged

    def purge(self, window):
        self.purged.update(window.days())


BROKEN.pop("Purging")


class PurgesNothing(Purging):
    caught_by = "test_purges_what_it_is_asked_to"

    def purge(self, window):
        return


class PurgesTheNextDayToo(Purging):
    caught_by = "test_purges_what_it_is_asked_to"

    def purge(self, window):
        super().purge(Window(window.source, window.start, window.next_date))


class Versioned(Visits):
    """Knows the version of each day; the right way."""

    def versions(self, window):
        return {day: f"version {day}" for day in window.days()}

    def extract(self, window):
        for day in window.days():
            version = self.version(day)
            yield Note(day, version=version, unchanged=self.is_known(day))
            if not self.is_known(day):
                yield from super().extract(Window(window.source, day, day))

    def version(self, day):
        return f"version {day}"

    def is_known(self, day):
        return self.context.known(day) == self.version(day)


BROKEN.pop("Versioned")


class TellsOtherVersionsThanItNotes(Versioned):
    caught_by = "test_tells_the_versions_of_its_notes"

    def versions(self, window):
        return {day: f"another {day}" for day in window.days()}


class TellsVersionsOfOtherDays(Versioned):
    caught_by = "test_tells_the_versions_of_its_notes"

    def versions(self, window):
        return super().versions(Window(window.source, window.start, window.next_date))


class SaysUnchangedOfWhatNobodyKnows(Versioned):
    caught_by = "test_yields_records"

    def extract(self, window):
        yield from super().extract(window)
        yield Note(window.start, unchanged=True)


class SaysUnchangedWhateverIsKnown(Versioned):
    caught_by = "test_says_what_is_unchanged"

    def is_known(self, day):
        return self.context.known(day) != ""


class Undocumented(Visits):
    caught_by = "test_options_are_documented"

    class Options(VisitsOptions):
        colour: str = "red"


class ShowsItsKey(Visits):
    caught_by = "test_secrets_are_marked"

    class Options(VisitsOptions):
        access_token: str = ""
        """The key."""


class OfAnotherContract(Visits):
    caught_by = "test_fits_the_contract"
    contract = 99


class AsyncVisits(Visits):
    """The right way, asynchronously."""

    async def extract(self, window: Window) -> AsyncIterator[Any]:  # type: ignore[override]
        self.connect()
        for instant in self.instants(window):
            await trio.lowlevel.checkpoint()
            day = self.day_of(instant)
            if self.wanted(window, day):
                yield self.record(day, instant)


BROKEN.pop("AsyncVisits")


class AsyncSharesItsWindow(AsyncVisits):
    caught_by = "test_may_be_asked_at_once"

    async def extract(self, window):
        self.now = window
        async with aclosing(super().extract(window)) as records:
            async for record in records:
                yield record

    def wanted(self, window, day):
        return day in self.now


class AsyncLeaksWhenGivenUp(AsyncVisits):
    caught_by = "test_leaks_nothing_when_given_up"
    open: list[Any] = []  # noqa: RUF012

    async def extract(self, window):
        connection = socket.socket()
        self.open.append(connection)
        async with aclosing(super().extract(window)) as records:
            async for record in records:
                yield record
        connection.close()
