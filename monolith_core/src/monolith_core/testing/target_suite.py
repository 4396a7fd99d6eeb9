"""The suite for targets: one case for each thing that the engine relies on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monolith_core.errors import MonolithError, TemporaryError
from monolith_core.partition import ONE_DAY, Digest, Partition, Window
from monolith_core.plugin import Staged, StagedRecord, Target, TellsDigests, TellsRecords, Written
from monolith_core.registry import Kind
from monolith_core.testing.records import json_objects
from monolith_core.testing.staging import DAY, MemoryStaged, staged
from monolith_core.testing.suite import PluginSuite, after, claims
from monolith_core.testing.together import Meeting, together
from monolith_core.testing.workshop import Workshop

_DATA: list[dict[str, Any]] = [{"n": n, "text": f"record {n}"} for n in range(6)]
_OTHER: list[dict[str, Any]] = [{"n": n, "text": f"record {n}"} for n in range(4, 9)]
_LOST = "the connection was lost, says the test"


class TargetSuite(PluginSuite):
    """Say which class it is and how its section looks, and every test below runs on it:

        class TestShelf(TargetSuite):
            plugin = Shelf

            @pytest.fixture
            def options(self, tmp_path):
                return {"file": str(tmp_path / "shelf")}

    Each test gets new options, and with them an empty place to write to. A target without `records` also defines
    `held`. What a target does not claim is switched off by a flag, and shown as skipped.
    """

    kind: ClassVar[Kind] = "target"
    plugin: ClassVar[type[Target]]
    atomic: ClassVar[bool] = True
    """After an error a partition is exactly as it was; off: it is healed by the next write only."""
    counts: ClassVar[bool] = True
    """`Written` tells records that were added and removed from those that were there already."""
    overlaps: ClassVar[bool] = True
    """Several partitions may be replaced at once, by several threads."""
    examples: ClassVar[int] = 25
    """How many invented records are tried."""

    def held(self, target: Any, partition: Partition) -> Iterable[StagedRecord]:
        """What the target holds of a partition; override it for a target that has no method `records`."""
        if not isinstance(target, TellsRecords):
            pytest.fail(f"{type(target).__name__} has no method records; define held(target, partition) in the suite")
        return target.records(partition)

    def damage(self, target: Any, partition: Partition) -> None:
        """Change the body of one record behind the target's back, and leave its id; override it."""
        pytest.skip(f"{type(self).__name__} has no damage(target, partition)")

    def data(self) -> st.SearchStrategy[Mapping[str, Any]]:
        """Records that the target must keep as they are; override it for a target that cannot keep any JSON."""
        return json_objects()

    def put(self, target: Any, partition: Staged) -> Written:
        """Replace a partition as the engine does: in its own transaction if the target's place is the storage."""
        storage = target.context.storage
        if storage is None or target.options.location() != storage.location:
            return _checked(target.replace(partition.partition, partition))
        with storage.transaction():
            return _checked(target.replace(partition.partition, partition))

    def exercise(self, plugin: Any) -> None:
        """Write a partition, change it, and empty it."""
        for data in (_DATA, _OTHER, []):
            self.put(plugin, _staged(data))

    def assert_holds(self, target: Any, *expected: MemoryStaged) -> None:
        """The target holds exactly what these partitions have."""
        for each in expected:
            found = sorted(self.held(target, each.partition))
            wanted = sorted(each.records)
            if found != wanted:
                pytest.fail(f"{each.partition}: {_difference(found, wanted)}")

    # What is written

    def test_writes(self, workshop: Workshop) -> None:
        """A partition that is new is held as it was staged."""
        with workshop.open() as target:
            answer = _staged(_DATA)
            self.put(target, answer)
            self.assert_holds(target, answer)

    def test_replaces(self, workshop: Workshop) -> None:
        """After another answer the target holds that one, and nothing of the one before."""
        with workshop.open() as target:
            self.put(target, _staged(_DATA))
            answer = _staged(_OTHER)
            self.put(target, answer)
            self.assert_holds(target, answer)

    @after("test_replaces")
    def test_empties(self, workshop: Workshop) -> None:
        """After an answer without records the target holds none of that day."""
        with workshop.open() as target:
            self.put(target, _staged(_DATA))
            answer = _staged([])
            self.put(target, answer)
            self.assert_holds(target, answer)

    def test_may_be_repeated(self, workshop: Workshop) -> None:
        """The same answer once more changes nothing."""
        with workshop.open() as target:
            answer = _staged(_DATA)
            for _ in range(2):
                self.put(target, answer)
            self.assert_holds(target, answer)

    @claims("counts")
    @after("test_replaces", "test_may_be_repeated")
    def test_counts_what_it_did(self, workshop: Workshop) -> None:
        """`Written` says how many records were added, removed, and there already."""
        with workshop.open() as target:
            told = [tuple(self.put(target, _staged(data))) for data in (_DATA, _OTHER, _OTHER, [])]
        expected = [(6, 0, 0), (3, 4, 2), (0, 0, 5), (0, 5, 0)]
        assert told == expected, f"(added, removed, kept) are {told}, expected {expected}"

    def test_keeps_many_records(self, workshop: Workshop) -> None:
        """All records arrive, also those of the last batch, which is not full."""
        options = {**workshop.options, "batch-size": 7}
        with workshop.open(options) as target:
            answer = _staged([{"n": n} for n in range(50)])
            self.put(target, answer)
            self.assert_holds(target, answer)

    def test_keeps_equal_records(self, workshop: Workshop) -> None:
        """Records that are equal are several records all the same."""
        with workshop.open() as target:
            answer = _staged([{"n": 1}] * 3)
            self.put(target, answer)
            self.assert_holds(target, answer)

    def test_keeps_categories(self, workshop: Workshop) -> None:
        """Categories are kept letter by letter."""
        with workshop.open() as target:
            for number, category in enumerate(("sale", "Sale", "größe", "two words ")):
                answer = _staged(_DATA[:1], category=category, day=DAY - number * ONE_DAY)
                self.put(target, answer)
                self.assert_holds(target, answer)

    def test_keeps_records_as_they_are(self, workshop: Workshop) -> None:
        """Whatever a record has in it is held byte for byte; `data` says what is tried."""
        with workshop.open() as target:

            @settings(max_examples=self.examples, deadline=None, database=None)
            @given(self.data())
            def holds(data: Mapping[str, Any]) -> None:
                answer = _staged([data], source=f"shop-{next(numbers)}")
                self.put(target, answer)
                self.assert_holds(target, answer)

            numbers = iter(range(1_000_000))
            holds()

    # What is left alone

    def test_keeps_days_apart(self, workshop: Workshop) -> None:
        """Each day is held under its own date, also at the end of a month or of a year."""
        texts = ("2023-12-31", "2024-01-01", "2024-02-29", "2024-12-30")
        with workshop.open() as target:
            answers = [_staged([{"day": text}], day=dt.date.fromisoformat(text)) for text in texts]
            for answer in answers:
                self.put(target, answer)
            self.assert_holds(target, *answers)

    def test_leaves_other_days_alone(self, workshop: Workshop) -> None:
        """Replacing a day changes no day before or after it."""
        with workshop.open() as target:
            before, after = (_staged(_DATA, day=day) for day in (DAY - ONE_DAY, DAY + ONE_DAY))
            early = _staged(_DATA, day=DAY.replace(day=1))
            for answer in (before, after, early, _staged(_DATA), _staged(_OTHER)):
                self.put(target, answer)
            self.assert_holds(target, before, after, early)

    def test_leaves_other_sources_alone(self, workshop: Workshop) -> None:
        """Replacing a day of one source changes no other source, however similar its id is."""
        with workshop.open() as target:
            others = [_staged(_DATA, source=source) for source in ("s_op", "shop-2", "SHOP", "sh.p")]
            for answer in (*others, _staged(_DATA), _staged(_OTHER)):
                self.put(target, answer)
            self.assert_holds(target, *others)

    # In whatever order, by whatever thread, after whatever happened

    @after("test_replaces")
    def test_order_does_not_matter(self, workshop: Workshop) -> None:
        """Records may come in any order."""
        with workshop.open() as target:
            for day, data in ((DAY, _DATA), (DAY + ONE_DAY, _DATA), (DAY, _OTHER)):
                answer = _staged(data, day=day)
                answer.records.reverse()
                self.put(target, answer)
                self.assert_holds(target, answer)

    @claims("overlaps")
    @after("test_leaves_other_sources_alone")
    def test_replaces_several_at_once(self, workshop: Workshop) -> None:
        """Partitions of several sources are replaced at once, each by a thread of its own."""
        with workshop.open() as target:
            meeting = Meeting(3)
            answers = [
                _staged(data, source=source, before=lambda number: meeting.wait() if number == 1 else None)
                for source, data in (("one", _DATA), ("two", _OTHER), ("three", _DATA[:3]))
            ]
            together(*[lambda answer=answer: self.put(target, answer) for answer in answers])
            self.assert_holds(target, *answers)

    @claims("atomic")
    def test_an_error_changes_nothing(self, workshop: Workshop) -> None:
        """When the answer cannot be read to its end, the target holds what it held before."""
        with workshop.open() as target:
            answer = _staged(_DATA)
            self.put(target, answer)
            with suppress(Exception):
                self.put(target, _staged(_OTHER, before=_lost_at(3)))
            self.assert_holds(target, answer)

    def test_an_error_is_passed_on(self, workshop: Workshop) -> None:
        """When the answer cannot be read to its end, the error reaches the engine as it is."""
        with workshop.open() as target, pytest.raises(TemporaryError, match=_LOST):
            self.put(target, _staged(_DATA, before=_lost_at(3)))

    @after("test_replaces")
    def test_works_again_after_an_error(self, workshop: Workshop) -> None:
        """After an error the same write works: the engine tries again."""
        with workshop.open() as target:
            self.put(target, _staged(_DATA))
            with suppress(MonolithError):
                self.put(target, _staged(_OTHER, before=_lost_at(3)))
            answer = _staged(_OTHER)
            self.put(target, answer)
            self.assert_holds(target, answer)

    def test_asks_before_it_commits(self, workshop: Workshop) -> None:
        """`staged.fence()` is called before anything is committed, and nothing is when it raises."""

        def lost() -> None:
            raise TemporaryError(_LOST)

        with workshop.open() as target:
            storage = target.context.storage
            if storage is not None and target.options.location() == storage.location:
                pytest.skip("the engine commits for a target whose place is the storage")
            answer = _staged(_DATA)
            self.put(target, answer)
            fenced = _staged(_OTHER, on_fence=lost)
            with suppress(MonolithError):
                self.put(target, fenced)
            assert fenced.fences, "staged.fence() was not called"
            self.assert_holds(target, answer)

    @claims("durable")
    @after("test_sets_up_again")
    def test_keeps_after_close(self, workshop: Workshop) -> None:
        """What was written is there after `close`, for the next run."""
        answer = _staged(_DATA)
        with workshop.open() as target:
            self.put(target, answer)
        with workshop.open() as target:
            self.assert_holds(target, answer)

    @claims("durable")
    @after("test_replaces", "test_sets_up_again", "test_keeps_after_close")
    def test_another_object_goes_on(self, workshop: Workshop) -> None:
        """The next run's object replaces what this one wrote: nothing is known from memory only."""
        with workshop.open() as target:
            self.put(target, _staged(_DATA))
        with workshop.open() as target:
            answer = _staged(_OTHER)
            self.put(target, answer)
            self.assert_holds(target, answer)

    # What it tells

    @after("test_leaves_other_days_alone", "test_leaves_other_sources_alone")
    def test_tells_its_digests(self, workshop: Workshop) -> None:
        """`digests` gives the digest of every partition once, in the days it was asked for."""
        with workshop.open() as target:
            self._needs(target, TellsDigests, "digests")
            days = [_staged(_DATA, day=DAY), _staged(_OTHER, day=DAY + ONE_DAY), _staged(_DATA, source="other")]
            for answer in days:
                self.put(target, answer)
            everything = {answer.partition: answer.digest for answer in days}
            assert _told(target, None) == everything
            window = Window("shop", DAY + ONE_DAY, DAY + 2 * ONE_DAY)
            assert _told(target, window) == {days[1].partition: days[1].digest}

    @claims("durable")
    @after("test_tells_its_digests", "test_closes_without_setup", "test_keeps_after_close")
    def test_tells_its_digests_without_setup(self, workshop: Workshop) -> None:
        """Reconcile asks an object that is not set up: it only reads."""
        answer = _staged(_DATA)
        with workshop.open() as target:
            self.put(target, answer)
        target = workshop.make()
        try:
            self._needs(target, TellsDigests, "digests")
            assert _told(target, None) == {answer.partition: answer.digest}
        finally:
            target.close()

    @after("test_leaves_other_days_alone", "test_leaves_other_sources_alone")
    def test_tells_its_records(self, workshop: Workshop) -> None:
        """`records` gives every record of a partition, and of no other."""
        with workshop.open() as target:
            self._needs(target, TellsRecords, "records")
            answer = _staged(_DATA)
            for each in (answer, _staged(_OTHER, day=DAY + ONE_DAY), _staged(_OTHER, source="other")):
                self.put(target, each)
            assert sorted(target.records(answer.partition)) == sorted(answer.records)
            assert list(target.records(Partition("nobody", DAY))) == []

    @after("test_may_be_repeated")
    def test_repairs_what_drifted(self, workshop: Workshop) -> None:
        """A partition that was found to be different is written anew, also where an id is there already."""
        with workshop.open() as target:
            answer = _staged(_DATA)
            self.put(target, answer)
            self.damage(target, answer.partition)
            drifted = _staged(_DATA, drifted=True)
            self.put(target, drifted)
            self.assert_holds(target, drifted)

    def _needs(self, target: Any, protocol: type, method: str) -> None:
        if not isinstance(target, protocol):
            pytest.skip(f"{self.plugin.__name__} has no method {method}")


def _checked(written: Any) -> Written:
    assert isinstance(written, Written), f"replace returned {written!r}, expected Written(added, removed, kept)"
    return written


def _staged(data: Iterable[Mapping[str, Any]], **given: Any) -> MemoryStaged:
    """A staged partition whose records come in the order of their ids, as in a run."""
    answer = staged(data, **given)
    answer.records.sort()
    return answer


def _lost_at(number: int) -> Any:
    """What loses the answer when the record `number` is to be read."""

    def before(this: int) -> None:
        if this == number:
            raise TemporaryError(_LOST)

    return before


def _told(target: Any, window: Window | None) -> dict[Partition, Digest]:
    found: dict[Partition, Digest] = {}
    for partition, digest in target.digests(window):
        assert partition not in found, f"{partition} is told twice"
        if digest:
            found[partition] = digest
    return found


def _difference(found: list[StagedRecord], wanted: list[StagedRecord]) -> str:
    """What is wrong with what is held, with one example of each kind."""
    return f"{len(found)} records are held where {len(wanted)} were staged; " + "; ".join(
        f"{what} {sample[0].category} {sample[0].data.decode(errors='replace')}"
        for what, sample in (
            ("too many is", [each for each in found if each not in wanted]),
            ("lacking is", [each for each in wanted if each not in found]),
        )
        if sample
    )
