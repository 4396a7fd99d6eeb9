"""What docs/contract.rst says the engine does: threads, order, errors, giving up, held against runs."""

from __future__ import annotations

import datetime as dt
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import trio

from monolith_core import (
    Deferred,
    Digest,
    Divide,
    MonolithError,
    Partition,
    PermanentError,
    Record,
    RecordError,
    Source,
    SourceOptions,
    Target,
    TemporaryError,
    Written,
    hookimpl,
)
from monolith_core.errors import StrayRecord
from monolith_core.runner import asking, watch
from monolith_core.testing import Bench, Memory, memory_source, memory_target

FIRST = dt.date(2024, 3, 1)
DAYS = [FIRST + dt.timedelta(days=number) for number in range(4)]
SINCE = {"since": "2024-03-01", "until": "2024-03-04", "span": "2", "retries": "1"}


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait between attempts."""
    monkeypatch.setattr("monolith_core.retry._backoff", lambda state: 0.0)


def raising(error: BaseException, asked: list[Any], *, least: int = 1) -> type[Source]:
    """A source that raises an error for each window that has the third day and so many days or more."""

    def before(window: Any) -> None:
        asked.append((window.start.day, window.end.day))
        if DAYS[2] in window and len(window) >= least:
            raise error

    return memory_source({day: [{"n": 1}] for day in DAYS}, before=before)


def days(outcome: Any) -> str:
    """The first letter of what became of each day."""
    found = outcome.outcomes()
    return " ".join(found[f"it {day}"] for day in DAYS)


ERRORS_OF_A_SOURCE: list[tuple[BaseException, str, list[tuple[int, int]]]] = [
    (TemporaryError("busy"), "done done failed failed", [(3, 4), (3, 4), (1, 2)]),
    (PermanentError("no"), "done done failed failed", [(3, 4), (1, 2)]),
    (MonolithError("no"), "done done failed failed", [(3, 4), (1, 2)]),
    (RecordError("odd"), "done done failed done", [(3, 4), (4, 4), (3, 3), (1, 2)]),
    (StrayRecord("odd"), "done done failed failed", [(3, 4), (1, 2)]),
    (Deferred("quota"), "deferred deferred deferred deferred", [(3, 4)]),
    (Divide("one by one"), "done done failed done", [(3, 4), (4, 4), (3, 3), (1, 2)]),
    (KeyError("oops"), "done done failed failed", [(3, 4), (1, 2)]),
    (SystemExit("oops"), "done done failed failed", [(3, 4), (1, 2)]),
]


@pytest.mark.parametrize(
    ("error", "expected", "windows"), ERRORS_OF_A_SOURCE, ids=[type(error).__name__ for error, *_ in ERRORS_OF_A_SOURCE]
)
def test_what_an_error_of_a_source_does(monolith_bench: Bench, error: Any, expected: str, windows: Any) -> None:
    asked: list[Any] = []
    monolith_bench.source("it", raising(error, asked), **SINCE)
    monolith_bench.target("shelf", memory_target(Memory()))
    outcome = monolith_bench.run()
    assert (days(outcome), asked) == (expected, windows)
    assert outcome.report["status"] == ("ok" if isinstance(error, Deferred) else "incomplete")


def test_after_three_windows_the_rest_is_not_asked(monolith_bench: Bench) -> None:
    asked: list[Any] = []

    def before(window: Any) -> None:
        asked.append(window.start.day)
        raise TemporaryError("busy")

    source = memory_source({day: [{"n": 1}] for day in DAYS}, before=before)
    monolith_bench.source("it", source, **{**SINCE, "span": "1"})
    monolith_bench.target("shelf", memory_target(Memory()))
    outcome = monolith_bench.run()
    assert asked == [4, 4, 3, 2], "the first one with a retry, the next ones without"
    assert asking.GIVE_UP == 3
    assert set(outcome.outcomes().values()) == {"failed"}


def test_a_service_that_wants_to_be_left_alone_for_long_is_not_waited_for(monolith_bench: Bench) -> None:
    asked: list[Any] = []
    source = raising(TemporaryError("later", retry_after=3600), asked)
    monolith_bench.source("it", source, **SINCE, timeout="60s")
    monolith_bench.target("shelf", memory_target(Memory()))
    assert days(monolith_bench.run()) == "done done failed failed"
    assert asked == [(3, 4), (1, 2)]


def refusing(error: BaseException, called: Counter[int]) -> type[Target]:
    """A target that raises an error for the third day."""

    class Refusing(Target):
        def replace(self, partition, staged):
            called[partition.date.day] += 1
            if partition.date == DAYS[2]:
                raise error
            return Written(len(list(staged)), 0, 0)

    return Refusing


@pytest.mark.parametrize(
    ("error", "attempts"),
    [
        (TemporaryError("busy"), 2),
        (PermanentError("no"), 1),
        (Deferred("quota"), 1),
        (Divide("no"), 1),
        (KeyError("oops"), 1),
    ],
    ids=lambda each: type(each).__name__,
)
def test_what_an_error_of_a_target_does(monolith_bench: Bench, error: Any, attempts: int) -> None:
    called: Counter[int] = Counter()
    other, asked = Memory(), []
    monolith_bench.source("it", memory_source({day: [{"n": 1}] for day in DAYS}, before=asked.append), **SINCE)
    monolith_bench.target("refusing", refusing(error, called), retries="1")
    monolith_bench.target("shelf", memory_target(other))
    outcome = monolith_bench.run()
    found = {(event.target, event.partition.date.day): event.outcome for event in outcome.finished}
    assert [found["refusing", day] for day in (1, 2, 3, 4)] == ["done", "done", "failed", "done"]
    assert {found["shelf", day] for day in (1, 2, 3, 4)} == {"done"}
    assert called == {1: 1, 2: 1, 3: attempts, 4: 1}
    assert len(asked) == 2, "a target that fails does not make the source be asked again"


class Witness(Source):
    """Notes who calls what, and where."""

    calls: list[tuple[str, str]]
    fails = ""

    def __init__(self, options, context):
        super().__init__(options, context)
        self._note("__init__")

    def _note(self, call: str) -> None:
        main = threading.current_thread() is threading.main_thread()
        try:
            trio.lowlevel.current_task()
            where = "loop"
        except RuntimeError:
            where = "main" if main else "thread"
        self.calls.append((call, where))
        if call == self.fails:
            raise TemporaryError("busy")

    def setup(self):
        self._note("setup")

    def versions(self, window):
        self._note("versions")
        return {}

    def extract(self, window):
        self._note("extract")
        for day in window.days():
            yield Record(day, "fact", {"n": 1})

    def close(self):
        self._note("close")


class AsyncWitness(Witness):
    async def extract(self, window):
        self._note("extract")
        for day in window.days():
            yield Record(day, "fact", {"n": 1})


class WitnessTarget(Target):
    calls: list[tuple[str, str]]

    def setup(self):
        Witness._note(self, "target.setup")

    fails = ""

    def replace(self, partition, staged):
        Witness._note(self, "replace")
        return Written(staged.digest.count, 0, 0)

    def close(self):
        Witness._note(self, "target.close")


class WitnessHooks:
    def __init__(self, calls: list[tuple[str, str]]) -> None:
        self.calls, self.fails = calls, ""

    @hookimpl
    def run_started(self):
        Witness._note(self, "run_started")

    @hookimpl
    def phase_started(self):
        Witness._note(self, "phase_started")

    @hookimpl
    def partition_finished(self):
        Witness._note(self, "partition_finished")

    @hookimpl
    def phase_finished(self):
        Witness._note(self, "phase_finished")

    @hookimpl
    def run_finished(self):
        Witness._note(self, "run_finished")


def witnessed(bench: Bench, source: type[Witness], fails: str = "") -> tuple[list[tuple[str, str]], Any]:
    """Who was called where in a run of one day, in order."""
    calls: list[tuple[str, str]] = []
    bench.source("it", type("It", (source,), {"calls": calls, "fails": fails}), since="2024-03-04", until="2024-03-04")
    bench.target("shelf", type("Shelf", (WitnessTarget,), {"calls": calls}))
    outcome = bench.run(WitnessHooks(calls))
    return calls, outcome


@pytest.mark.parametrize(("source", "where"), [(Witness, "thread"), (AsyncWitness, "loop")])
def test_the_life_of_a_plugin(monolith_bench: Bench, source: type[Witness], where: str) -> None:
    calls, _ = witnessed(monolith_bench, source)
    order = [call for call, _ in calls]
    assert order[:2] == ["run_started", "phase_started"]
    assert set(order[2:5]) == {"__init__", "setup", "target.setup"}
    assert order[5:9] == ["versions", "extract", "replace", "partition_finished"]
    assert set(order[9:11]) == {"close", "target.close"}
    assert order[11:] == ["phase_finished", "run_finished"]
    hooks = {"run_started", "phase_started", "partition_finished", "phase_finished", "run_finished"}
    assert {found for call, found in calls if call in hooks} == {"loop"}
    assert {found for call, found in calls if call == "extract"} == {where}
    assert {found for call, found in calls if call not in {*hooks, "extract"}} == {"thread"}


@pytest.mark.parametrize(
    ("fails", "calls", "outcomes"),
    [
        ("__init__", {"__init__": 1}, set()),
        ("setup", {"__init__": 1, "setup": 1, "versions": 1, "close": 1}, {"failed"}),
        ("versions", {"__init__": 1, "setup": 1, "versions": 4, "close": 1}, set()),
        ("close", {"__init__": 1, "setup": 1, "versions": 1, "extract": 1, "close": 1}, {"done"}),
    ],
)
def test_what_an_error_elsewhere_does(monolith_bench: Bench, fails: str, calls: Any, outcomes: set[str]) -> None:
    """A temporary one: only what a plan asks is asked again."""
    found, outcome = witnessed(monolith_bench, Witness, fails)
    mine = Counter(call for call, _ in found)
    assert {call: mine[call] for call in ("__init__", "setup", "versions", "extract", "close") if mine[call]} == calls
    assert set(outcome.outcomes().values()) == outcomes
    assert outcome.report["status"] == ("ok" if fails == "close" else "incomplete")


def test_a_thread_that_is_left_is_closed_at_its_next_yield(monolith_bench: Bench) -> None:
    go, closed = threading.Event(), threading.Event()
    asked: list[int] = []

    class Slow(Source):
        def extract(self, window) -> Iterator[Record]:
            asked.append(len(asked))
            if len(asked) > 1:
                yield Record(window.start, "fact", {"n": 1})
                return
            try:
                yield Record(window.start, "fact", {"n": 1})
                go.wait(60)
                yield Record(window.start, "fact", {"n": 2})
            finally:
                closed.set()

    monolith_bench.source("it", Slow, since="2024-03-04", until="2024-03-04", timeout="0.4s", retries="9")
    memory = Memory()
    monolith_bench.target("shelf", memory_target(memory))
    outcome = monolith_bench.run()
    assert asked[:2] == [0, 1], "it is asked again while the first call still runs"
    assert not closed.is_set()
    go.set()
    assert closed.wait(60)
    assert outcome.outcomes() == {"it 2024-03-04": "done"}
    assert memory.counts() == {"it 2024-03-04": 1}


def test_a_write_that_is_left_is_fenced(monolith_bench: Bench) -> None:
    go, fenced = threading.Event(), threading.Event()
    called: list[Partition] = []

    class Slow(Target):
        def replace(self, partition, staged):
            called.append(partition)
            if len(called) == 1:
                go.wait(60)
                try:
                    staged.fence()
                except TemporaryError:
                    fenced.set()
                    raise
            return Written(staged.digest.count, 0, 0)

    monolith_bench.source("it", memory_source({DAYS[3]: [{"n": 1}]}), since="2024-03-04", until="2024-03-04")
    monolith_bench.target("slow", Slow, timeout="0.4s", retries="9")
    outcome = monolith_bench.run()
    assert len(called) >= 2, "it is written again while the first call still runs"
    go.set()
    assert fenced.wait(60)
    assert outcome.outcomes() == {"it 2024-03-04": "done"}


def test_an_asynchronous_answer_is_cancelled_where_it_awaits(monolith_bench: Bench) -> None:
    ended: list[str] = []

    class Slow(Source):
        async def extract(self, window):
            try:
                yield Record(window.start, "fact", {"n": 1})
                await trio.sleep_forever()
            except trio.Cancelled:
                ended.append("cancelled")
                raise
            finally:
                ended.append("finally")

    monolith_bench.source("it", Slow, since="2024-03-04", until="2024-03-04", timeout="0.4s", retries="0")
    monolith_bench.target("shelf", memory_target(Memory()))
    assert monolith_bench.run().outcomes() == {"it 2024-03-04": "failed"}
    assert ended == ["cancelled", "finally"]
    assert watch.TICK <= 0.5


class AtOnce:
    """How many calls were seen at once, of as many as are to meet."""

    def __init__(self, parties: int) -> None:
        self._barrier = threading.Barrier(parties)

    def meet(self, *_: object) -> None:
        self._barrier.wait(60)


def test_windows_of_one_source_are_asked_at_once(monolith_bench: Bench) -> None:
    source = memory_source({day: [{"n": 1}] for day in DAYS}, before=AtOnce(2).meet)
    monolith_bench.source("it", source, **{**SINCE, "span": "2"}, jobs="2")
    monolith_bench.target("shelf", memory_target(Memory()))
    assert days(monolith_bench.run()) == "done done done done"


def test_partitions_are_written_at_once(monolith_bench: Bench) -> None:
    """Two of each of two sources: four calls of one object."""
    met = AtOnce(4)

    class Meeting(Target):
        at_once = 2

        def replace(self, partition, staged):
            met.meet()
            return Written(staged.digest.count, 0, 0)

    for name in ("it", "other"):
        monolith_bench.source(name, memory_source({day: [{"n": 1}] for day in DAYS}), **SINCE)
    monolith_bench.target("meeting", Meeting)
    assert set(monolith_bench.run().outcomes().values()) == {"done"}


def test_a_purge_may_overlap_with_a_question(monolith_bench: Bench) -> None:
    """The next window is asked for while the one before is purged."""
    met = AtOnce(2)

    class Purging(Source):
        Options = SourceOptions
        purges = True

        def extract(self, window):
            if window.start == DAYS[0]:
                met.meet()
            for day in window.days():
                yield Record(day, "fact", {"n": 1})

        def purge(self, window):
            if window.start == DAYS[2]:
                met.meet()

    monolith_bench.source("it", Purging, **SINCE, settle="0s")
    monolith_bench.target("shelf", memory_target(Memory()))
    assert days(monolith_bench.run()) == "done done done done"


def test_what_is_offered_is_asked_by_itself(monolith_bench: Bench) -> None:
    """The source of the window is the partition's."""
    asked: list[Any] = []
    source: Callable[..., type[Source]] = memory_source
    kind = source({DAYS[3]: [{"n": 1}]}, before=asked.append)

    class Offering(kind):  # type: ignore[misc, valid-type]
        def partitions(self, window):
            return {Partition("elsewhere", DAYS[3]): Digest(1, 2, 3)}

    monolith_bench.source("it", Offering)
    monolith_bench.target("shelf", memory_target(Memory()))
    outcome = monolith_bench.run()
    assert [window.source for window in asked] == ["elsewhere"]
    assert "was to hold 1 records" in outcome.errors()["elsewhere 2024-03-04"]
