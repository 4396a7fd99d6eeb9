"""The suite for sources: one case for each thing that the engine relies on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import pytest

from monolith_core.encoding import canonical
from monolith_core.note import Note
from monolith_core.partition import Digest, Partition, Window
from monolith_core.plugin import OffersPartitions, Purges, Source, StagedRecord, TellsVersions
from monolith_core.record import ArchivedRecord, Record
from monolith_core.registry import Kind
from monolith_core.stage import Stage
from monolith_core.testing.asking import ask
from monolith_core.testing.suite import PluginSuite, after, claims
from monolith_core.testing.watching import open_files, running_threads
from monolith_core.testing.workshop import Workshop
from monolith_core.testing.yielding import begin, yielded, yielded_at_once

_Records = dict[Partition, list[StagedRecord]]

_SOUND = ("test_yields_records", "test_data_is_json", "test_stays_within_the_window")
"""What must hold before an answer can be staged, and compared."""


class SourceSuite(PluginSuite):
    """Say which class it is, how its section looks, and which days it has records of; every test below runs on it:

        class TestCountdown(SourceSuite):
            plugin = Countdown
            days = "2024-02-27", "2024-03-01"

            @pytest.fixture
            def options(self):
                return {"to": "2024-03-01"}

    The fixture `expected` may say which records those days have. What a source does not claim is switched off by a
    flag, and shown as skipped.
    """

    kind: ClassVar[Kind] = "source"
    plugin: ClassVar[type[Source]]
    days: ClassVar[tuple[str, str]]
    """The first and the last of two days or more that the source has records of, with the suite's options."""
    repeatable: ClassVar[bool] = True
    """The same question is answered by the same records, as long as nothing has changed."""
    overlaps: ClassVar[bool] = True
    """Several windows may be asked at once, as with the option `jobs`."""

    @pytest.fixture
    def expected(self) -> Iterable[Record]:
        """Every record of `days`; override it."""
        pytest.skip(f"{type(self).__name__} has no fixture expected")

    @property
    def window(self) -> Window:
        """All of `days`."""
        start, end = map(dt.date.fromisoformat, self.days)
        return Window(self.name, start, end)

    def exercise(self, plugin: Any) -> None:
        """Ask for all days."""
        yielded(plugin, self.window)

    def singles(self) -> list[Window]:
        """Each day as a window, newest first, as a run asks."""
        return [Window(self.name, day, day) for day in reversed(list(self.window.days()))]

    # What is yielded

    def test_yields_records(self, workshop: Workshop) -> None:
        """Everything yielded is a record with a day, a category and data; and there is something."""
        with workshop.open() as source:
            found = yielded(source, self.window)
        assert any(not isinstance(each, Note) for each in found), (
            f"there is no record in {self.window}; say in `days` which days have some"
        )
        for each in found:
            fault = _misshapen_note(each) if isinstance(each, Note) else _misshapen(each)
            assert fault is None, fault

    def test_data_is_json(self, workshop: Workshop) -> None:
        """The data of each record can be written as JSON."""
        with workshop.open() as source:
            for each in yielded(source, self.window):
                if isinstance(each, Record) and isinstance(each.data, Mapping):
                    canonical(each.data, getattr(source.options, "nan", "error"))

    def test_stays_within_the_window(self, workshop: Workshop) -> None:
        """No record has a day that was not asked for, whether all days are asked for or one."""
        with workshop.open() as source:
            for window in (self.window, *self.singles()):
                for each in yielded(source, window):
                    date = getattr(each, "date", None)
                    if type(date) is dt.date:
                        assert date in window, f"asked for {window}, got a record of {date}"

    def test_records_stay_as_they_are(self, workshop: Workshop) -> None:
        """A record that was yielded is not changed any more while the next ones are made."""
        with workshop.open() as source:
            texts: list[str] = []
            found = yielded(source, self.window, each=lambda record: texts.append(repr(record)))
        assert texts == list(map(repr, found)), "a record was changed after it was yielded; yield a new one each time"

    # Asked again, in parts, in any order, at once

    @claims("repeatable")
    @after(*_SOUND)
    def test_is_repeatable(self, workshop: Workshop) -> None:
        """Another object, asked the same, gives the same: no time of asking and no random number is in the data."""
        answers = [self._fresh(workshop, self.window) for _ in range(2)]
        _same(answers[1], answers[0], "the first answer")

    @claims("repeatable")
    @after(*_SOUND, "test_is_repeatable")
    def test_days_add_up(self, workshop: Workshop) -> None:
        """Day by day a source gives what it gives for all days at once: nothing is lost or there twice at midnight."""
        single: _Records = {}
        for window in self.singles():
            single |= self._fresh(workshop, window)
        _same(single, self._fresh(workshop, self.window), "all days at once")

    @after(*_SOUND, "test_is_repeatable", "test_days_add_up")
    def test_yields_what_is_expected(self, workshop: Workshop, expected: Iterable[Record]) -> None:
        """The days have exactly the records that the fixture `expected` has, each on its day."""
        with Stage(self.name, self.window) as stage:
            stage.fill(expected)
            wanted = {partition: sorted(each) for partition, each in stage.finish().items()}
        with workshop.open() as source:
            _same(ask(source, self.window).records, wanted, "expected")

    @claims("repeatable")
    @after(*_SOUND, "test_is_repeatable", "test_days_add_up")
    def test_keeps_no_state(self, workshop: Workshop) -> None:
        """What was asked before does not matter: not whether it was the same, nor whether it was later or earlier."""
        windows = [self.window, *self.singles(), self.window]
        alone = {window: self._fresh(workshop, window) for window in windows}
        with workshop.open() as source:
            for window in windows:
                _same(ask(source, window).records, alone[window], f"{window} asked alone")

    @claims("repeatable")
    @claims("overlaps")
    @after(*_SOUND, "test_is_repeatable", "test_days_add_up", "test_keeps_no_state")
    def test_may_be_asked_at_once(self, workshop: Workshop) -> None:
        """Several windows are asked at once, as with `jobs = 2`."""
        windows = self.singles()[:2]
        with workshop.open() as source:
            found = yielded_at_once(source, windows)
        for window, records in zip(windows, found, strict=True):
            with workshop.open() as source:
                alone = yielded(source, window)
            same = sorted(map(repr, records)) == sorted(map(repr, alone))
            assert same, f"{window} has other records when another window is asked at the same time"

    # Given up

    @after("test_leaks_no_file", "test_leaks_no_thread")
    def test_leaks_nothing_when_given_up(self, workshop: Workshop) -> None:
        """After a window that was given up in its middle, and `close`, no more is open than before."""

        def give_up(workshop: Workshop) -> None:
            with workshop.open() as source:
                begin(source, self.window)

        leaked = self._leaked(workshop, open_files, give_up) + self._leaked(workshop, running_threads, give_up)
        assert not leaked, f"still there after close: {', '.join(leaked)}"

    # What it offers

    @after(*_SOUND)
    def test_offers_what_it_yields(self, workshop: Workshop) -> None:
        """`partitions` gives the digests of what `extract` yields, in the days it was asked for."""
        with workshop.open() as source:
            offered = source.partitions(self.window) if isinstance(source, OffersPartitions) else None
            if offered is None:
                pytest.skip(f"{self.plugin.__name__} has no partitions of its own")
            assert offered, f"no partition is offered in {self.window}"
            for partition, digest in offered.items():
                assert partition.date in self.window, f"{partition} was offered, asked for {self.window}"
                window = Window(partition.source, partition.date, partition.date)
                found = Digest.of(b"".join(each.id for each in ask(source, window).records.get(partition, [])))
                assert found == digest, f"{partition}: offered are {digest.count} records, and other ones came"

    @after(*_SOUND)
    def test_tells_the_versions_of_its_notes(self, workshop: Workshop) -> None:
        """`versions` gives the version of a day that `extract` says in a note; else the day would always be due."""
        with workshop.open() as source:
            told = self._versions(source)
            noted = {each.date: each.version for each in yielded(source, self.window) if isinstance(each, Note)}
        strays = [str(day) for day in told if day not in self.window]
        assert not strays, f"versions of {', '.join(strays)}, asked for {self.window}"
        for day, version in told.items():
            assert noted.get(day) == version, f"{day} has version {version!r}, and extract notes {noted.get(day)!r}"

    @claims("repeatable")
    @after(*_SOUND, "test_is_repeatable", "test_tells_the_versions_of_its_notes")
    def test_says_what_is_unchanged(self, workshop: Workshop) -> None:
        """A day whose version is known may be said to be unchanged; another one comes with all its records."""
        with workshop.open() as source:
            versions = self._versions(source)
        day = next(iter(versions))
        others = {each: f"not {version}" for each, version in versions.items() if each != day}
        with workshop.open(known={day: versions[day], **others}) as source:
            answer = ask(source, self.window)
        for partition, records in self._fresh(workshop, self.window).items():
            if partition.date != day or partition in answer.records:
                _same({partition: answer.records.get(partition, [])}, {partition: records}, "there")

    @claims("repeatable")
    @after(*_SOUND, "test_is_repeatable", "test_days_add_up")
    def test_purges_what_it_is_asked_to(self, workshop: Workshop) -> None:
        """After `purge` a day has no records, and every other day has its own."""
        with workshop.open() as source:
            if not isinstance(source, Purges) or not source.purges:
                pytest.skip(f"{self.plugin.__name__} does not purge with these options")
            others = self.singles()
            purged = others.pop(len(others) // 2)
            before = [self._fresh(workshop, window) for window in others]
            source.purge(purged)
        assert not self._fresh(workshop, purged), f"records of {purged} are still there"
        for window, records in zip(others, before, strict=True):
            _same(self._fresh(workshop, window), records, "before another day was purged")

    def _versions(self, source: Any) -> Mapping[dt.date, str]:
        versions = source.versions(self.window) if isinstance(source, TellsVersions) else {}
        if not versions:
            pytest.skip(f"{self.plugin.__name__} tells no versions")
        return versions

    def _fresh(self, workshop: Workshop, window: Window) -> _Records:
        """What an object says that was asked nothing before."""
        with workshop.open() as source:
            return ask(source, window).records


def _misshapen(record: Any) -> str | None:
    """What is wrong with the form of something that was yielded."""
    if not isinstance(record, Record | ArchivedRecord):
        return f"yielded {type(record).__name__} {record!r}, expected Record(date, category, data)"
    if type(record.date) is not dt.date:
        return f"the date of {record!r} is a {type(record.date).__name__}, expected a datetime.date"
    if not isinstance(record.category, str) or not record.category:
        return f"the category of {record!r} is none, expected a text"
    if isinstance(record, Record) and not isinstance(record.data, Mapping):
        return f"the data of {record!r} is a {type(record.data).__name__}, expected a dict"
    return None


def _misshapen_note(note: Note) -> str | None:
    """What is wrong with a note of an object that knows no version of any day."""
    if type(note.date) is not dt.date:
        return f"the date of {note!r} is a {type(note.date).__name__}, expected a datetime.date"
    if note.unchanged:
        return f"{note.date} is said to be unchanged, and context.known({note.date}) is ''"
    return None


def _same(found: _Records, wanted: _Records, what: str) -> None:
    """Fail if two answers differ; `what` the other one is."""
    for partition in sorted({*found, *wanted}):
        here, there = found.get(partition, []), wanted.get(partition, [])
        if here != there:
            sample = next((each for each in (*here, *there) if (each in here) is not (each in there)), None)
            shown = f", such as {sample.category} {sample.data.decode(errors='replace')}" if sample else ""
            pytest.fail(f"{partition} has {len(here)} records where {len(there)} are {what}{shown}")
