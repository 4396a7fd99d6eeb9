"""The whole: the example's three sources into the archive and on into Elasticsearch, over months and a week of hours.

Every hour is a run by a clock that is an argument. Each part fails for some hours, data arrives late, a quota runs out,
and runs are killed. What each run did is held against what the sources said, the archive and the index, before and
after it; its report must have told just that.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import trio
from click.testing import CliRunner
from support.elasticsearch_node import Node
from support.engine import Recorder, hooks_with
from support.servers import MariaDB
from support.whole import (
    GOOGLE,
    HOUR,
    MARKETPLACE,
    ONE_DAY,
    SOLITUDE,
    SOURCES,
    TRUTH,
    ZONE,
    World,
    midnight,
    sorted_data,
)

from monolith_core import retry
from monolith_core.cli.main import main as monolith
from monolith_core.config import Config, load_config
from monolith_core.errors import MonolithError
from monolith_core.hookspecs import hookimpl
from monolith_core.report import ReportBuilder
from monolith_core.runner import Request, plan, run
from monolith_plugins_ga import quota

pytestmark = [pytest.mark.server, pytest.mark.timeout(3600)]

SCHEMA = json.loads((Path(__file__).parent.parent / "docs/report-schema.json").read_text(encoding="utf-8"))
TESTS = Path(__file__).parent
MONDAY = dt.date(2024, 3, 25)
"""The first day of the week; on its Sunday the clocks are put forward."""

Archive = dict[str, tuple[str, dt.date, str]]


@dataclass(frozen=True)
class Trouble:
    """What goes wrong from an hour on, for some hours: services that are away, a quota that is used up, a kill."""

    hour: int
    hours: int = 1
    away: tuple[str, ...] = ()
    quota: bool = False
    killed: str = ""

    def at(self, hour: int) -> bool:
        return self.hour <= hour < self.hour + self.hours


@dataclass(frozen=True)
class Story:
    """How many days come before the week, how many hours it has, when it begins, and what goes wrong."""

    days: int
    hours: int
    begins: dt.datetime
    troubles: tuple[Trouble, ...]

    def trouble(self, hour: int) -> Trouble:
        return next((each for each in self.troubles if each.at(hour)), Trouble(hour))


WEEK = Story(
    days=60,
    hours=168,
    begins=midnight(MONDAY),
    troubles=(
        Trouble(9, 5, (GOOGLE,)),
        Trouble(22, 6, (SOLITUDE,)),
        Trouble(40, 1, killed="staged"),
        Trouble(44, 8, (MARKETPLACE,)),
        Trouble(60, 10, ("elasticsearch",)),
        Trouble(75, 3, quota=True),
        Trouble(85, 1, killed="replaced:2"),
        Trouble(90, 2, ("storage",)),
        Trouble(95, 3, (GOOGLE, MARKETPLACE)),
        Trouble(110, 1, killed="committed:4"),
        Trouble(118, 4, (SOLITUDE, "elasticsearch")),
        Trouble(130, 2, (*SOURCES, "elasticsearch")),
        Trouble(140, 1, killed="delivering:9"),
        Trouble(145, 2, quota=True),
    ),
)
EVENING = Story(
    days=10,
    hours=22,
    begins=midnight(MONDAY) + 19 * HOUR,
    troubles=(
        Trouble(2, 2, (GOOGLE,)),
        Trouble(5, 2, (SOLITUDE,)),
        Trouble(8, 2, (MARKETPLACE,)),
        Trouble(11, 2, ("elasticsearch",)),
        Trouble(14, 1, ("storage",)),
        Trouble(16, 1, quota=True),
        Trouble(18, 1, killed="replaced:2"),
    ),
)


class Witness(Recorder):
    """Hooks that also keep which windows were asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.windows: dict[str, Counter[dt.date]] = {}

    @hookimpl
    def window_started(self, event: Any) -> None:
        self.windows.setdefault(event.source, Counter()).update(event.window.days())


@dataclass
class Teller:
    """Tells a story: runs hour by hour, and judges each run."""

    world: World
    story: Story
    config: Config
    due: Counter[tuple[str, dt.date]] = field(default_factory=Counter)
    asked: Counter[tuple[str, dt.date]] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)

    async def tell(self) -> None:
        self.world.at(self.story.begins - HOUR)
        await self.hour(Trouble(-1))
        for hour in range(self.story.hours):
            self.world.at(self.story.begins + hour * HOUR)
            trouble = self.story.trouble(hour)
            with self.world.without(*trouble.away):
                await self.hour(trouble)

    async def hour(self, trouble: Trouble) -> None:
        quota.forget()  # as in a process of its own
        self.world.google.quota.per_hour = 0 if trouble.quota else 40_000
        self.world.asked()
        if "storage" in trouble.away:
            await self.fails()
        elif trouble.killed:
            self.is_killed(trouble.killed)
        else:
            await self.runs(trouble)

    async def fails(self) -> None:
        """A run that cannot even begin."""
        with pytest.RaisesGroup(MonolithError, flatten_subgroups=True, allow_unwrapped=True) as raised:
            await run(self.config, Request(), hooks_with(), now=lambda: self.world.now)
        assert "Connection refused" in str(raised.value)
        assert not any(self.world.asked().values()), "no source is asked for what cannot be kept"

    def is_killed(self, fault: str) -> None:
        """A run that is killed: every day of every source is as it was, or as the source says."""
        before = self.by_day(self.world.archive())
        command = [sys.executable, "-m", "support.whole_run", str(self.world.config), self.world.now.isoformat()]
        environ = {**os.environ, "MONOLITH_FAULT": fault}
        done = subprocess.run(command, cwd=TESTS, env=environ, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == -signal.SIGKILL, done.stderr
        for (source, day), data in self.by_day(self.world.archive()).items():
            assert data in (before.get((source, day), []), self.truth(source, day))
        self.world.asked()

    async def runs(self, trouble: Trouble) -> None:
        world = self.world
        planned = self.planned()
        archive, index = world.archive(), world.index()
        witness = Witness()
        report = await run(self.config, Request(), hooks_with(witness), now=lambda: world.now)
        after, filled = world.archive(), world.index()
        down = frozenset(trouble.away) | ({GOOGLE} if trouble.quota else frozenset())
        self.judge_sources(planned, down, witness, archive, after)
        self.judge_asking(planned, down, witness)
        if "elasticsearch" in down:
            assert filled == index
        else:
            assert filled.keys() == after.keys()
        self.judge_report(report, trouble, witness, planned)
        self.judge_counts(report, "extract", archive, after)
        self.judge_counts(report, "load", index, filled)

    def planned(self) -> dict[str, set[dt.date]]:
        """What `monolith plan` says of each source."""
        return {
            each.source: {due.partition.date for due in each.due}
            for each in plan(self.config, Request(), self.world.now)
            if each.phase == "extract"
        }

    def judge_sources(
        self,
        planned: dict[str, set[dt.date]],
        down: frozenset[str],
        witness: Witness,
        before: Archive,
        after: Archive,
    ) -> None:
        """The archive has of each day that was due what its source says now; of all else, what it had."""
        old, new = self.by_day(before), self.by_day(after)
        for source in SOURCES:
            for day in self.world.days:
                asked = day in planned[source] and source not in down
                expected = self.truth(source, day) if asked else old.get((source, day), [])
                assert new.get((source, day), []) == expected, f"{source} {day} at {self.world.now}"
        for event in witness.finished:
            key = event.partition.source, event.partition.date
            if event.outcome == "unchanged" and event.phase == "extract":
                assert old.get(key, []) == new.get(key, [])

    def judge_asking(self, planned: dict[str, set[dt.date]], down: frozenset[str], witness: Witness) -> None:
        """Each source was asked once for each day that the plan had, and for no other."""
        heard = self.world.asked()
        for source in SOURCES:
            if source in down:
                assert not heard.get(source, Counter()), "who is away answers nothing"
                continue
            once = Counter(planned[source])
            assert witness.windows.get(source, Counter()) == once
            assert heard.get(source, once) == once, f"{source} at {self.world.now}"
            self.asked.update((source, day) for day in once)
            self.due.update((source, day) for day in planned[source])

    def judge_report(
        self, report: ReportBuilder, trouble: Trouble, witness: Witness, planned: dict[str, set[dt.date]]
    ) -> None:
        """The exit status, what is wrong, and nothing else."""
        told = report.as_dict()
        jsonschema.Draft202012Validator(SCHEMA).validate(told)
        # A target that is away is no fault of a run in which nothing is to be loaded.
        loads = any(event.phase == "load" for event in witness.finished)
        away = {name for name in trouble.away if planned.get(name) or (name == "elasticsearch" and loads)}
        assert report.exit_status == (1 if away else 0), f"{told['counts']} at {self.world.now}"
        wrong = Counter((each["via"], each["outcome"]) for each in told["partitions"] if each["outcome"] != "unchanged")
        expected = Counter(
            {(name, "failed"): len(planned[name]) for name in away if name in planned}
            | ({(GOOGLE, "deferred"): len(planned[GOOGLE])} if trouble.quota else {})
        )
        assert Counter({key: count for key, count in wrong.items() if key[0] in SOURCES}) == expected
        assert bool(wrong[("sql", "failed")]) == ("elasticsearch" in away)
        self.statuses[report.exit_status] += 1

    def judge_counts(self, report: ReportBuilder, phase: str, before: Archive, after: Archive) -> None:
        """What was added and removed is what is there now and was not, or the other way round."""
        (told,) = (each for each in report.as_dict()["phases"] if each["id"] == phase)
        assert sum(each["added"] for each in told["sources"]) == len(after.keys() - before.keys())
        assert sum(each["removed"] for each in told["sources"]) == len(before.keys() - after.keys())
        for each in told["sources"]:
            outcomes = ("done", "unchanged", "failed", "held", "deferred", "skipped")
            assert each["due"] == sum(each[name] for name in outcomes)

    def truth(self, source: str, day: dt.date) -> list[str]:
        return sorted_data(TRUTH[source](day, self.world.now))

    @staticmethod
    def by_day(archive: Archive) -> dict[tuple[str, dt.date], list[str]]:
        found: dict[tuple[str, dt.date], list[str]] = {}
        for source, day, data in archive.values():
            found.setdefault((source, day), []).append(json.dumps(json.loads(data), sort_keys=True))
        return {key: sorted(data) for key, data in found.items()}


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "_backoff", lambda state: 0.0)


@pytest.fixture
def make(tmp_path: Path, mariadb: MariaDB, node: Node) -> Iterator[Callable[[Story], World]]:
    """Makes the world of a story; the archive has a server of its own, which may be stopped."""
    storage = MariaDB()
    try:
        yield lambda story: World(
            tmp_path, story.begins.astimezone(ZONE).date() - story.days * ONE_DAY, storage, mariadb, node
        )
    finally:
        storage.close()


STORIES = [pytest.param(EVENING, id="an-evening"), pytest.param(WEEK, id="a-week", marks=pytest.mark.campaign)]


@pytest.mark.parametrize("story", STORIES)
def test_the_whole(make: Callable[[Story], World], story: Story) -> None:
    with make(story) as world:
        teller = Teller(world, story, load_config(world.config))
        trio.run(teller.tell)
        archive = teller.by_day(world.archive())
        expected = {(source, day): teller.truth(source, day) for source in SOURCES for day in world.days}
        assert archive == {key: data for key, data in expected.items() if data}
        assert world.index().keys() == world.archive().keys()
        assert teller.asked == teller.due, "no day was asked for more often than it was due"
        for command in (["check"], ["reconcile", "--deep"]):
            done = CliRunner().invoke(monolith, [command[0], str(world.config), *command[1:]])
            assert done.exit_code == 0, done.output
    assert teller.statuses[0] > teller.statuses[1] > 0
